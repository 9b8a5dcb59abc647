-- Stores records, each unless its key holds one that was born at the same time or later.
--
-- KEYS: the pattern log, then a key for each record.
-- ARGV: the length and the last 8 bytes of the pattern log that the caller knows; in how many milliseconds the
--       records expire, 0 for never; the earliest of their births; the records; and for each record with
--       another expiry its number and that expiry.
-- Returns nothing if all were stored; -1 and the numbers of those that were not; or, if the pattern log is another one, an offset and the log from there on: then nothing was
-- stored. A missing log means that all its patterns have expired.
--
-- A record begins with "tC", its version, its flags, and at 8 its birth (see the envelope). Flag 2 marks a
-- tombstone. Flag 128 is set by these scripts alone: the record replaced a tombstone, and something may have to
-- stay there for longer than the record lives.
-- Births are compared by halves, the upper one signed, since a double can't hold all of them.
-- Numbers are passed to commands as text: converting a number costs as much as the command.

local call, pcall, read, keys, args = redis.call, redis.pcall, struct.unpack, KEYS, ARGV

local length = pcall('STRLEN', keys[1])
if length ~= 0 then
  if type(length) == 'table' then return {0, '?'} end
  local known = tonumber(args[1])
  local same = known > 0 and call('GETRANGE', keys[1], known - 8, known - 1) == args[2]
  if not same then return {0, call('GET', keys[1])} end
  if length ~= known then return {known, call('GETRANGE', keys[1], known, -1)} end
end

local spans
for i = #keys + 4, #args, 2 do
  spans = spans or {}
  spans[tonumber(args[i])] = args[i + 1]
end

local function set(key, record, span)
  if span == '0' then call('SET', key, record) else call('PSETEX', key, span, record) end
end

local function is_ours(key)
  return call('GETRANGE', key, '0', '2') == 'tC\1'
end

-- Replaces a tombstone, or a record that replaced one. What the tombstone refuses must stay refused, so the
-- expiry is no earlier than before.
local function set_for_longer(key, record, span)
  if not is_ours(key) then return set(key, record, span) end
  local left = call('PTTL', key)
  if left == -1 then
    span = '0'
  elseif span ~= '0' and left > tonumber(span) then
    span = string.format('%.0f', left)
  end
  set(key, record, span)
  call('SETRANGE', key, '3', string.char(string.byte(record, 4) + 128))
end

-- Returns whether the key holds a record that was born at the same time as this one or later.
local function is_later(key, record, low, high)
  local new_low, new_high = read('<I4i4', record, 9)
  if high < new_high or (high == new_high and low < new_low) then return false end
  return is_ours(key)
end

local outdated
local common = args[3]
local first_low, first_high = read('<I4i4', args[4])
for i = 2, #keys do
  local key, record, span = keys[i], args[i + 3], common
  if spans then span = spans[i - 1] or common end
  local head = pcall('GETRANGE', key, '3', '15')
  if #head == 13 then
    local flags, _, low, high = read('<BI4I4i4', head)
    if high < first_high or (high == first_high and low < first_low) or not is_later(key, record, low, high) then
      if flags > 1 and (flags >= 128 or math.floor(flags / 2) % 2 == 1) then
        set_for_longer(key, record, span)
      else
        set(key, record, span)
      end
    else
      outdated = outdated or {-1}
      outdated[#outdated + 1] = i - 1
    end
  else
    -- No value, a value of another type, or one that is shorter than any record.
    if type(head) == 'table' then call('UNLINK', key) end
    set(key, record, span)
  end
end
return outdated or false
