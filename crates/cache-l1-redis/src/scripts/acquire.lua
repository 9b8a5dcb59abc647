-- Grants leases that nobody holds, or that the holder holds already.
--
-- KEYS: the leases. ARGV: the holder, and for how many milliseconds. Returns 1 or 0 for each.
-- Every lease has an expiry: a value without one is no lease.

local held = {}
for i = 1, #KEYS do
  local holder = redis.pcall('GET', KEYS[i])
  local leased = type(holder) == 'string' and redis.call('PTTL', KEYS[i]) >= 0
  if leased and holder ~= ARGV[1] then
    held[i] = 0
  else
    if type(holder) == 'table' then redis.call('UNLINK', KEYS[i]) end
    redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2])
    held[i] = 1
  end
end
return held
