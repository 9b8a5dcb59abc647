-- Returns a record of calls with its version, the server's time, and what names this run of the server.
--
-- KEYS: the record. Returns the record, or nil; seconds and microseconds since 1970; the run, or an empty text if
-- the user may not ask for it.

local record = redis.pcall('GET', KEYS[1])
local time = redis.call('TIME')
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
return {type(record) == 'string' and record, time[1], time[2], run}
