-- Stores records, each unless what is in its place was born at the same time or later.
--
-- KEYS: the removed patterns, then a key for each record.
-- ARGV: how long the list of removed patterns is that the caller knows, and its last 8 bytes; then for each
--       key its record and for how many milliseconds to keep it, 0 for no end.
-- Answers nothing; or, if the list is another one, from where on it is, and that: then nothing was stored.
-- No list at all means that nothing in it counts any more.
-- A record begins with "tC", its version, its flags, and at 8 its birth (see the envelope).

local length = redis.pcall('STRLEN', KEYS[1])
if length ~= 0 then
  if type(length) == 'table' then return {0, '?'} end
  local known = tonumber(ARGV[1])
  local same = known > 0 and redis.call('GETRANGE', KEYS[1], known - 8, known - 1) == ARGV[2]
  if not same then return {0, redis.call('GET', KEYS[1])} end
  if length ~= known then return {known, redis.call('GETRANGE', KEYS[1], known, -1)} end
end

for i = 2, #KEYS do
  local key, record, span = KEYS[i], ARGV[2 * i - 1], tonumber(ARGV[2 * i])
  local head = redis.pcall('GETRANGE', key, 0, 15)
  local refused = false
  if type(head) == 'table' then
    redis.call('UNLINK', key)
  elseif head ~= '' then
    if #head == 16 and string.sub(head, 1, 3) == 'tC\1' then
      -- A double can't hold all births: the halves are compared, the upper one with its sign.
      local low, high = struct.unpack('<I4i4', head, 9)
      local new_low, new_high = struct.unpack('<I4i4', record, 9)
      refused = high > new_high or (high == new_high and low >= new_low)
    end
    if not refused then
      -- What a tombstone here refuses must be refused for as long: something stays here until then.
      local left = redis.call('PTTL', key)
      local buried = #head > 3 and math.floor(string.byte(head, 4) / 2) % 2 == 1
      if span > 0 and left > span then span = left end
      if left == -1 and buried then span = 0 end
    end
  end
  if not refused then
    if span > 0 then
      redis.call('SET', key, record, 'PX', span)
    else
      redis.call('SET', key, record)
    end
  end
end
return false
