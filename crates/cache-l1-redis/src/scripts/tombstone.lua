-- Writes a tombstone over each record that was born at the same time or earlier.
--
-- KEYS: a key for each tombstone.
-- ARGV: in how many milliseconds they expire, 0 for never; 'all', or 'records' to leave other values and
--       absent keys alone; the present moment; then for each key its tombstone.
-- Returns how many values were removed that were alive. For the form of records see put.lua; flag 1 marks the
-- knowledge that there is no value, and at 24 is when a record is dead.

local call, pcall, read = redis.call, redis.pcall, struct.unpack
local span, everything = ARGV[1], ARGV[2] == 'all'
local now_low, now_high = read('<I4i4', ARGV[3])
local gone = 0

-- Returns whether the head of a record is that of a value which is not dead yet.
local function is_alive(head, flags)
  if flags % 2 == 1 or #head < 32 then return false end
  local low, high = read('<I4i4', head, 25)
  return high > now_high or (high == now_high and low > now_low)
end

local function set(key, stone, span)
  if span == '0' then return call('SET', key, stone) end
  return call('SET', key, stone, 'PX', span)
end

for i = 1, #KEYS do
  local key, stone = KEYS[i], ARGV[i + 3]
  local head = pcall('GETRANGE', key, '0', '31')
  local start, _, low, high
  if type(head) == 'string' and #head >= 16 then
    start, _, low, high = read('<I4I4I4i4', head)
  end
  if not start or start % 0x1000000 ~= 0x014374 then
    if everything then
      if type(head) == 'table' then call('UNLINK', key) end
      set(key, stone, span)
    end
  else
    local flags = math.floor(start / 0x1000000)
    local buried = math.floor(flags / 2) % 2 == 1
    local _, _, new_low, new_high = read('<I4I4I4i4', stone)
    local left = call('PTTL', key)
    local longer = span ~= '0' and (left == -1 or left > tonumber(span))
    if high > new_high or (high == new_high and low > new_low) then
      -- The newer record stays, for at least as long as the tombstone would have refused.
      if not buried and flags < 128 then call('SETRANGE', key, '3', string.char(flags + 128)) end
      if left ~= -1 and not longer then
        if span == '0' then call('PERSIST', key) else call('PEXPIRE', key, span) end
      end
    else
      if not buried and is_alive(head, flags) then gone = gone + 1 end
      if longer and (buried or flags >= 128) then
        set(key, stone, left == -1 and '0' or string.format('%.0f', left))
      else
        set(key, stone, span)
      end
    end
  end
end
return gone
