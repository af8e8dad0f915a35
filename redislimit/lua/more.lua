-- What the scripts share beyond lib.lua; take.lua, which runs most, only defines it
-- when it is needed.
local ALIVE = 5000000 -- a process seen within this is alive
local GONE = 60000000 -- one not seen for this has lost what it held
local FIXED, ANCHORED, SLIDING, DECAY, BUCKET = 0, 1, 2, 3, 4

-- beat says that a process lives and counts those that do.
local function beat(procs, fleet, pid)
  call('HSET', procs, pid, T)
  call('PEXPIRE', procs, 3600000)
  call('PEXPIRE', fleet, 604800000)
  local all, n = call('HGETALL', procs), 0
  for i = 1, #all, 2 do
    local age = T - past(all[i + 1])
    if age < ALIVE then n = n + 1 elseif age > GONE then call('HDEL', procs, all[i]) end
  end
  return n
end

-- joined notes that a process takes part in the recovery and returns the part of
-- every quota that the fleet may use until all who are expected are back.
local function joined(fleet, pid, ru, rp, rb)
  rp, rb = num(rp, 100000), num(rb, 100000)
  if call('HGET', fleet, 'j:' .. pid) ~= ru then
    call('HSET', fleet, 'j:' .. pid, ru)
    rb = rb + 1
    call('HSET', fleet, 'rb', rb)
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
  return min(1, c * 1.01 ^ ((T - past(ct)) / 60000000))
end

-- keep sets the expiry of a ledger, rarely.
local function keep(key, w, z)
  if T - past(z) > w / 4 + 10000000 then
    call('HSET', key, 'z', T)
    call('PEXPIRE', key, floor(w / 500) + 180000)
  end
end

-- tidy drops the windows that are over; it runs once a window.
local function tidy(key, w, k)
  local o = tonumber(call('HGET', key, 'o'))
  if o and o <= k then
    for j = max(o, k - 128), k - 2 do
      call('HDEL', key, 'n' .. j, 'u' .. j, 'a' .. j, 'b' .. j, 'A' .. j, 'B' .. j)
    end
  end
  call('HSET', key, 'o', k - 1)
  call('PEXPIRE', key, floor(w / 500) + 180000)
end

-- Sliding windows: units answered at a time are busy for a window. They are kept in
-- slots of a 256th of the window, a list of those that are not empty.
local function grain(w) return max(1000, floor(w / 256)) end

-- expire drops the slots that are over and returns busy units and the first slot.
local function expire(key, w, t, h)
  local g, first = grain(w), h
  if h and h * g > T + w + 60000000 then h = nil end -- no answer came so late
  for _ = 1, 600 do
    if not h or h * g + w > T then break end
    local v = call('HMGET', key, 'n' .. h, 'x' .. h)
    t = t - num(v[1], 1e12)
    call('HDEL', key, 'n' .. h, 'x' .. h)
    h = tonumber(v[2])
  end
  if not h then t = 0 end
  t = max(0, t)
  if h ~= first then
    if h then call('HSET', key, 't', t, 'h', h) else call('HDEL', key, 't', 'h', 'l') end
  end
  return t, h
end

-- busy adds n units that were answered at a time to a sliding window.
local function busy(key, limit, w, n, at)
  n = min(n, 2 * limit)
  if n <= 0 then return end
  local b = ceil(at / grain(w))
  local v = call('HMGET', key, 't', 'h', 'l')
  local l = tonumber(v[3])
  if v[2] and l and l * grain(w) <= T + w + 60000000 then
    b = max(b, l)
    if b > l then call('HSET', key, 'x' .. l, b) end
  else
    call('HSET', key, 'h', b)
    v[1] = 0
  end
  local old = num(call('HGET', key, 'n' .. b), 1e12)
  call('HSET', key, 'n' .. b, old + n, 'l', b, 't', min(num(v[1], 10 * limit) + n, 10 * limit))
end

-- level is how full a decaying counter is; a token bucket is its mirror image.
local function level(v, vt, rate, limit)
  return max(0, num(v, 10 * limit) - rate * (T - past(vt)))
end

-- hold changes what a process has taken and not settled.
local function hold(key, pid, d)
  local v = call('HMGET', key, 'f', 'p:' .. pid)
  local p = num(v[2], 1e12)
  d = max(d, -p)
  call('HSET', key, 'f', max(0, num(v[1], 1e12) + d), 'p:' .. pid, p + d)
end
