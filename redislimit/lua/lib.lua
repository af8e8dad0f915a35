-- What all scripts share. Time is the Redis server's, in microseconds.
--
-- fleet hash: e epoch; ru, rp, rb recovery (until, processes expected, processes
-- back), j:<process> the recovery it has joined; per scope g: gate closed until,
-- q: a probe is out until, s: refusals in a row.
-- procs hash: process -> last seen.
-- ledger hash, fixed windows, per window k: n<k> what the venue's counter may show
-- at most, the sum of u<k>, the venue's own count, a<k> and b<k>, answered without a
-- count (older, newer, with their times A<k> and B<k>), and what was taken and not
-- answered; o the oldest window kept.
-- ledger hash, other kinds: f taken and not answered, p:<process> its share of f;
-- t busy units of a sliding window with the list h, l, n<slot>, x<slot>; v, vt the
-- level of a counter; z when the expiry was set, r when the dead were looked for.
-- all kinds: c, ct the factor (and cc in the fleet hash, once there is one) after refusals that no header explains.
local call, floor, ceil, min, max = redis.call, math.floor, math.ceil, math.min, math.max
local stamp = call('TIME')
local T = stamp[1] * 1000000 + stamp[2]
local GATE = 259200000000   -- no gate is longer than three days
local MONTH = 2419200000000

-- num reads a stored number. What is not one, is negative or beyond most counts as
-- absent: whoever can write to Redis is not trusted with more than that.
local function num(v, most)
  v = tonumber(v)
  if v and v >= 0 and v <= most then return v end
  return 0
end

-- past reads a stored time, which cannot lie ahead.
local function past(v) return num(v, T) end

-- Windows are numbered from 1970; 28 days and more are UTC calendar months.
local function windowOf(w, t)
  if w < MONTH then return floor(t / w) end
  local z = floor(t / 86400000000) + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local mp = floor((5 * doy + 2) / 153)
  local y, m = yoe + era * 400, mp + 3
  if m > 12 then y, m = y + 1, m - 12 end
  return y * 12 + m - 1
end

local function startOf(w, k)
  if w < MONTH then return k * w end
  local y, m = floor(k / 12), k % 12 + 1
  if m <= 2 then y, m = y - 1, m + 12 end
  local era = floor(y / 400)
  local yoe = y - era * 400
  local doe = yoe * 365 + floor(yoe / 4) - floor(yoe / 100) + floor((153 * (m - 3) + 2) / 5)
  return (era * 146097 + doe - 719468) * 86400000000
end

