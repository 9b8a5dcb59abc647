-- Unlinks values that can't be read, unless they have been replaced meanwhile.
--
-- KEYS: a key for each value. ARGV: for each its length, its first 16 bytes and its last 16 bytes.

for i = 1, #KEYS do
  local key, at = KEYS[i], 3 * i - 2
  if redis.pcall('STRLEN', key) == tonumber(ARGV[at])
      and redis.call('GETRANGE', key, 0, 15) == ARGV[at + 1]
      and redis.call('GETRANGE', key, -16, -1) == ARGV[at + 2] then
    redis.call('UNLINK', key)
  end
end
return false
