-- Extends the leases that the holder holds.
--
-- KEYS: the leases. ARGV: the holder, and for how many milliseconds. Returns 1 or 0 for each.

local held = {}
for i = 1, #KEYS do
  held[i] = 0
  if redis.pcall('GET', KEYS[i]) == ARGV[1] then
    redis.call('PEXPIRE', KEYS[i], ARGV[2])
    held[i] = 1
  end
end
return held
