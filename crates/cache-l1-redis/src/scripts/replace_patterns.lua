-- Replaces the bucket's pattern log, if it is still the one that the caller knows, or is no string.
--
-- KEYS: the log. ARGV: the old log's length and its last 8 bytes; the new log, and in how many milliseconds it
--       expires, 0 for never.

local length = redis.pcall('STRLEN', KEYS[1])
if type(length) == 'table' then
  redis.call('UNLINK', KEYS[1])
elseif length ~= tonumber(ARGV[1]) or redis.call('GETRANGE', KEYS[1], -8, -1) ~= ARGV[2] then
  return false
end
if tonumber(ARGV[4]) > 0 then
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
else
  redis.call('SET', KEYS[1], ARGV[3])
end
return false
