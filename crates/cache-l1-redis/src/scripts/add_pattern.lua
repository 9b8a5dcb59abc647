-- Adds a removed pattern to their list.
--
-- KEYS: the list. ARGV: the pattern, for how many milliseconds to keep it, 0 for no end; how long the list
--       may be before.
-- Answers nothing; or, if the list is longer, the list: then nothing was added.

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
