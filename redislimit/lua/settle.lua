-- Books what became of calls, and what they showed.
-- KEYS: fleet, procs, ledger…
-- ARGV: epoch, process, 1 to say that it lives; 'g:<scope>' to report on…; gates: 'g:<scope>',
-- 'shut', 'open' or 'free', wait, 1 for a ban, age; per ledger: kind, limit, window,
-- refill, 1 when a call was refused, number of entries: window, given back, venue's
-- count or -1, sent (of the newest call that showed it), answered without a count,
-- age (of the newest such answer).
-- Returns {0, T, alive, per scope how long its gate stays shut} or {-1, T}.
local fleet, procs, pid = KEYS[1], KEYS[2], ARGV[2]
if call('HGET', fleet, 'e') ~= ARGV[1] then return {-1, T} end
local alive = 0
if ARGV[3] == '1' then alive = beat(procs, fleet, pid) end

local at = 5 + tonumber(ARGV[4])
local gates = tonumber(ARGV[at])
for _ = 1, gates do
  local scope, act = ARGV[at + 1], ARGV[at + 2]
  local g, q, s = scope, 'q' .. string.sub(scope, 2), 's' .. string.sub(scope, 2)
  local v = call('HMGET', fleet, g, s)
  local till = num(v[1], T + GATE)
  if act == 'shut' then
    local wait = min(max(0, tonumber(ARGV[at + 3])), GATE)
    local strikes = num(v[2], 20)
    if wait == 0 then -- the venue named no time
      wait = min(1000000 * 2 ^ strikes, 300000000)
      if ARGV[at + 4] == '1' then wait = max(wait, 120000000) end
      if till > T then wait = 0 end -- one refusal of many that were under way
    end
    if till <= T then call('HSET', fleet, s, min(strikes + 1, 20)) end
    call('HSET', fleet, g, max(till, T - tonumber(ARGV[at + 5]) + wait))
    call('HDEL', fleet, q)
  elseif act == 'open' then
    if till <= T then call('HDEL', fleet, g, q, s) end
  else
    call('HDEL', fleet, q)
  end
  at = at + 5
end

-- count books one entry of a fixed window. Answers that carried no count are in the
-- count of a later call; two generations of them are kept, so that a steady mix of
-- answers with and without a count does not add up.
local function count(key, limit, k, back, top, sent, n, age)
  local most = 10 * limit
  local v = call('HMGET', key, 'n' .. k, 'u' .. k, 'a' .. k, 'A' .. k, 'b' .. k, 'B' .. k)
  local u, a, b = num(v[2], most), num(v[3], most), num(v[5], most)
  local ta, tb = num(v[4], T + 60000000), num(v[6], T + 60000000)
  local fly = max(0, num(v[1], most) - u - a - b - back)
  local set = {}
  local function put(f, x)
    set[#set + 1] = f .. k
    set[#set + 1] = x
  end
  if top > u and top <= most then
    u = top
    put('u', u)
  end
  if top >= 0 and a + b > 0 and sent >= ta then
    a, ta, b = b, tb, 0
    if sent >= ta then a = 0 end
    put('a', a)
    put('A', ta)
    put('b', b)
  end
  if n > 0 and a == 0 then
    a = n
    put('a', a)
    put('A', T - age)
  elseif n > 0 then
    b = min(b + n, most)
    put('b', b)
    put('B', max(tb, T - age))
  end
  put('n', min(fly + u + a + b, most))
  call('HSET', key, unpack(set))
end

local function book(key, kind, limit, w, rate, back, top, n, age)
  if back > 0 then hold(key, pid, -back) end
  if kind == ANCHORED or kind == SLIDING then
    busy(key, limit, w, n, T - age)
    if top >= 0 then
      local v = call('HMGET', key, 'f', 't')
      local more = min(top, 10 * limit) - num(v[1], 10 * limit) - num(v[2], 10 * limit)
      if more > 0 then busy(key, limit, w, more, T) end
    end
  elseif kind == DECAY or kind == BUCKET then
    -- From the answer on, or from where the level stands already: it falls once.
    local v = call('HMGET', key, 'v', 'vt', 'f')
    local vt = past(v[2])
    local when = max(vt, T - max(0, age))
    local l = max(0, num(v[1], 10 * limit) - rate * (when - vt)) + n + rate * max(0, -age)
    if top >= 0 then l = max(l, min(top, limit) - num(v[3], 10 * limit)) end
    call('HSET', key, 'v', min(l, 10 * limit), 'vt', when)
  end
end

for i = 3, #KEYS do
  local key, kind, limit = KEYS[i], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local w, rate, entries = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 6])
  if ARGV[at + 5] == '1' then -- by a tenth, at most every two seconds
    local v = call('HMGET', key, 'c', 'ct')
    if T - past(v[2]) >= 2000000 then
      call('HSET', key, 'c', max(0.05, 0.9 * factor(v[1], v[2])), 'ct', T)
      call('HSET', fleet, 'cc', T)
    end
  end
  at = at + 6
  for _ = 1, entries do
    local k, back, top = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local sent, n, age = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
    if kind == FIXED then
      count(key, limit, k, back, top, sent, n, age)
    else
      book(key, kind, limit, w, rate, back, top, n, age)
    end
    at = at + 6
  end
  if call('PTTL', key) < 0 then call('PEXPIRE', key, floor(w / 500) + 180000) end
end

local reply = {0, T, alive}
local scopes = tonumber(ARGV[4])
if scopes > 0 then
  local v = call('HMGET', fleet, unpack(ARGV, 5, 4 + scopes))
  for i = 1, scopes do
    local g = num(v[i], T + GATE)
    reply[3 + i] = max(0, g - T)
    if v[i] and g > 0 and g <= T then reply[3 + i] = 1 end -- half open: ask before the next call
  end
end
return reply
