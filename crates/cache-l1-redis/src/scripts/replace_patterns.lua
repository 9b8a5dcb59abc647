-- Replaces the list of removed patterns, if it is the one that the caller knows, or none.
--
-- KEYS: the list. ARGV: how long the old one is and its last 8 bytes; the new one, and for how many
--       milliseconds to keep it, 0 for no end.

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
