-- Appends a removed pattern to the bucket's pattern log.
--
-- KEYS: the log. ARGV: the item, in how many milliseconds it expires, 0 for never; the log's greatest length
--       before.
-- Returns nothing; or, if the log is longer, the log: then nothing was appended.

local key, span = KEYS[1], tonumber(ARGV[2])
local length = redis.pcall('STRLEN', key)
if type(length) == 'table' then
  redis.call('UNLINK', key)
elseif length > tonumber(ARGV[3]) then
  return redis.call('GET', key)
end
local left = redis.call('PTTL', key)
redis.call('APPEND', key, ARGV[1])
if span == 0 or left == -1 then
  redis.call('PERSIST', key)
elseif left < span then
  redis.call('PEXPIRE', key, span)
end
return false
