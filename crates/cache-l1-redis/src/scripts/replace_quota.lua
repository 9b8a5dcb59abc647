-- Replaces a record of calls, if it is still the one that was read.
--
-- KEYS: the record. ARGV: the version that was read, empty if there was none; the record, which begins with a line
-- of its version; for how many milliseconds it is kept. Returns whether it was replaced.

local held = redis.pcall('GET', KEYS[1])
local version = type(held) == 'string' and string.match(held, '^[^\n]*') or ''
if version ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
