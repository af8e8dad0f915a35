-- What all scripts share. Time is the Redis server's, in microseconds.
--
-- fleet hash: e epoch; ru, rp, rb recovery (until, processes expected, processes
-- back), j:<process> the recovery it has joined; per scope g: gate closed until,
-- q: a probe is out until, s: refusals in a row.
-- procs hash: process -> last seen.
-- ledger hash, fixed windows, per window k: f<k> taken and not answered, u<k> the
-- venue's own count, a<k> and b<k> answered without a count (older, newer) with
-- their times A<k> and B<k>; o the oldest window kept.
-- ledger hash, other kinds: f taken and not answered, p:<process> its share of f;
-- t busy units of a sliding window with the list h, l, n<slot>, x<slot>; v, vt the
-- level of a counter; z when the expiry was set, r when the dead were looked for.
-- all kinds: c, ct the factor after refusals that no header explains.
local stamp = redis.call('TIME')
local T = tonumber(stamp[1]) * 1000000 + tonumber(stamp[2])
local GATE = 259200000000   -- no gate is longer than three days
local ALIVE = 5000000       -- a process seen within this is alive
local GONE = 60000000       -- one not seen for this has lost what it held
local FIXED, ANCHORED, SLIDING, DECAY, BUCKET = 0, 1, 2, 3, 4
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
  if w < MONTH then return math.floor(t / w) end
  local z = math.floor(t / 86400000000) + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local y, m = yoe + era * 400, mp + 3
  if m > 12 then y, m = y + 1, m - 12 end
  return y * 12 + m - 1
end

local function startOf(w, k)
  if w < MONTH then return k * w end
  local y, m = math.floor(k / 12), k % 12 + 1
  if m <= 2 then y, m = y - 1, m + 12 end
  local era = math.floor(y / 400)
  local yoe = y - era * 400
  local doe = yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + math.floor((153 * (m - 3) + 2) / 5)
  return (era * 146097 + doe - 719468) * 86400000000
end

-- beat says that a process lives and counts those that do.
local function beat(procs, fleet, pid)
  redis.call('HSET', procs, pid, T)
  redis.call('PEXPIRE', procs, 3600000)
  redis.call('PEXPIRE', fleet, 604800000)
  local all, n = redis.call('HGETALL', procs), 0
  for i = 1, #all, 2 do
    local age = T - past(all[i + 1])
    if age < ALIVE then n = n + 1 elseif age > GONE then redis.call('HDEL', procs, all[i]) end
  end
  return n
end

-- joined notes that a process takes part in the recovery and returns the part of
-- every quota that the fleet may use until all who are expected are back.
local function joined(fleet, pid, ru, rp, rb)
  rp, rb = num(rp, 100000), num(rb, 100000)
  if redis.call('HGET', fleet, 'j:' .. pid) ~= ru then
    redis.call('HSET', fleet, 'j:' .. pid, ru)
    rb = rb + 1
    redis.call('HSET', fleet, 'rb', rb)
  end
  if rb < rp then return 0.9 * rb / rp end
  return 1
end

-- factor is what refusals without a header have left of a limit: it grows back by a
-- hundredth a minute.
local function factor(c, ct)
  if not c then return 1 end
  c = num(c, 1)
  if c < 0.05 then return 1 end
  return math.min(1, c * 1.01 ^ ((T - past(ct)) / 60000000))
end

-- keep sets the expiry of a ledger, rarely.
local function keep(key, w, z)
  if T - past(z) > w / 4 + 10000000 then
    redis.call('HSET', key, 'z', T)
    redis.call('PEXPIRE', key, math.floor(w / 500) + 180000)
  end
end

-- Sliding windows: units answered at a time are busy for a window. They are kept in
-- slots of a 256th of the window, a list of those that are not empty.
local function grain(w) return math.max(1000, math.floor(w / 256)) end

-- expire drops the slots that are over and returns busy units and the first slot.
local function expire(key, w, t, h)
  local g, first = grain(w), h
  if h and h * g > T + w + 60000000 then h = nil end -- no answer came so late
  for _ = 1, 600 do
    if not h or h * g + w > T then break end
    local v = redis.call('HMGET', key, 'n' .. h, 'x' .. h)
    t = t - num(v[1], 1e12)
    redis.call('HDEL', key, 'n' .. h, 'x' .. h)
    h = tonumber(v[2])
  end
  if not h then t = 0 end
  t = math.max(0, t)
  if h ~= first then
    if h then redis.call('HSET', key, 't', t, 'h', h) else redis.call('HDEL', key, 't', 'h', 'l') end
  end
  return t, h
end

-- busy adds n units that were answered at a time to a sliding window.
local function busy(key, limit, w, n, at)
  n = math.min(n, 2 * limit)
  if n <= 0 then return end
  local b = math.ceil(at / grain(w))
  local v = redis.call('HMGET', key, 't', 'h', 'l')
  local l = tonumber(v[3])
  if v[2] and l and l * grain(w) <= T + w + 60000000 then
    b = math.max(b, l)
    if b > l then redis.call('HSET', key, 'x' .. l, b) end
  else
    redis.call('HSET', key, 'h', b)
    v[1] = 0
  end
  local old = num(redis.call('HGET', key, 'n' .. b), 1e12)
  redis.call('HSET', key, 'n' .. b, old + n, 'l', b, 't', math.min(num(v[1], 10 * limit) + n, 10 * limit))
end

-- level is how full a decaying counter is; a token bucket is its mirror image.
local function level(v, vt, rate, limit)
  return math.max(0, num(v, 10 * limit) - rate * (T - past(vt)))
end

-- hold changes what a process has taken and not settled.
local function hold(key, pid, d)
  local v = redis.call('HMGET', key, 'f', 'p:' .. pid)
  local p = num(v[2], 1e12)
  d = math.max(d, -p)
  redis.call('HSET', key, 'f', math.max(0, num(v[1], 1e12) + d), 'p:' .. pid, p + d)
end
