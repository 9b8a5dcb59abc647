-- Releases the leases that the holder holds.
--
-- KEYS: the leases. ARGV: the holder.

for i = 1, #KEYS do
  if redis.pcall('GET', KEYS[i]) == ARGV[1] then
    redis.call('UNLINK', KEYS[i])
  end
end
return false
