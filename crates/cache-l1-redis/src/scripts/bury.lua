-- Puts a tombstone in the place of what was born at the same time or earlier.
--
-- KEYS: a key for each tombstone.
-- ARGV: for how many milliseconds to keep them, 0 for no end; 'all', or 'records' to leave alone what is
--       no record, and what is not there; then for each key its tombstone.
-- Answers how many entries went.

local span, everything = tonumber(ARGV[1]), ARGV[2] == 'all'
local gone = 0
for i = 1, #KEYS do
  local key, stone = KEYS[i], ARGV[i + 2]
  local head = redis.pcall('GETRANGE', key, 0, 15)
  local ours = type(head) == 'string' and #head == 16 and string.sub(head, 1, 3) == 'tC\1'
  if ours then
    local buried = math.floor(string.byte(head, 4) / 2) % 2 == 1
    local low, high = struct.unpack('<I4i4', head, 9)
    local new_low, new_high = struct.unpack('<I4i4', stone, 9)
    local left, keep = redis.call('PTTL', key), span
    if high > new_high or (high == new_high and low > new_low) then
      -- It stays, and stays for as long as the tombstone would have refused.
      if left >= 0 and span == 0 then
        redis.call('PERSIST', key)
      elseif left >= 0 and left < span then
        redis.call('PEXPIRE', key, span)
      end
    else
      if not buried then gone = gone + 1 end
      if (left == -1 and buried) then keep = 0 elseif keep > 0 and left > keep then keep = left end
      if keep > 0 then
        redis.call('SET', key, stone, 'PX', keep)
      else
        redis.call('SET', key, stone)
      end
    end
  elseif everything then
    if type(head) == 'table' then redis.call('UNLINK', key) end
    if span > 0 then
      redis.call('SET', key, stone, 'PX', span)
    else
      redis.call('SET', key, stone)
    end
  end
end
return gone
