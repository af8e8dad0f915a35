-- Takes from all quotas or from none.
-- KEYS: fleet, procs, ledger…
-- ARGV: epoch, process, 1 to say that it lives, venue clock minus Redis clock at
-- arrival (from, to), scopes…; per ledger: kind, limit, window, refill, burst, need,
-- want, kept back.
-- Returns {0, T, alive, probes, per ledger granted, first window, last, used, valid}
-- or {1, T, alive, ledger, wait, sure, used}, {2, T, alive, scope, wait}, {-1, T}.
local fleet, procs, pid = KEYS[1], KEYS[2], ARGV[2]
local lo, hi, scopes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local fields = {'e', 'ru', 'rp', 'rb'}
for i = 1, scopes do
  fields[3 + 2 * i] = 'g:' .. ARGV[6 + i]
  fields[4 + 2 * i] = 'q:' .. ARGV[6 + i]
end
local seen = redis.call('HMGET', fleet, unpack(fields))
if seen[1] ~= ARGV[1] then return {-1, T} end
local alive = 0
if ARGV[3] == '1' then alive = beat(procs, fleet, pid) end
local cut = 1
if seen[2] and T < num(seen[2], T + 60000000) then cut = joined(fleet, pid, seen[2], seen[3], seen[4]) end

local probing = {}
for i = 1, scopes do
  if seen[3 + 2 * i] then
    local g = num(seen[3 + 2 * i], T + GATE)
    if T < g then return {2, T, alive, i, g - T} end
    if g > 0 then
      local q = num(seen[4 + 2 * i], T + 60000000)
      if T < q then return {2, T, alive, i, math.min(q - T, 20000)} end
      probing[#probing + 1] = i
    end
  end
end

-- lost gives back what processes held that are not seen any more.
local function lost(key, kind, w, rate, limit)
  if T - past(redis.call('HGET', key, 'r')) < 1000000 then return end
  redis.call('HSET', key, 'r', T)
  local all, gone = redis.call('HGETALL', key), 0
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 2) == 'p:' then
      local at = redis.call('HGET', procs, string.sub(all[i], 3))
      if T - past(at) > GONE then
        gone = gone + num(all[i + 1], 1e12)
        redis.call('HDEL', key, all[i])
      end
    end
  end
  if gone == 0 then return end
  redis.call('HSET', key, 'f', math.max(0, num(redis.call('HGET', key, 'f'), 1e12) - gone))
  -- They may have been sent in the last moment.
  if kind == ANCHORED or kind == SLIDING then
    busy(key, limit, w, gone, T)
  elseif kind == DECAY or kind == BUCKET then
    local v = redis.call('HMGET', key, 'v', 'vt')
    redis.call('HSET', key, 'v', math.min(level(v[1], v[2], rate, limit) + gone, 10 * limit), 'vt', T)
  end
end

local reply = {0, T, alive, 0}
local plan, blocked, longest, sure, blockedUsed = {}, 0, -1, 1, 0

local function refuse(i, wait, known, used)
  if wait > longest then blocked, longest, sure, blockedUsed = i, wait, known, used end
end

local function fixed(i, key, limit, w, need, want, kept)
  local k0, k1 = windowOf(w, T + lo), windowOf(w, T + hi)
  local room, used, fresh, held = limit, 0, false, {}
  for k = k0, k1 do
    local v = redis.call('HMGET', key, 'f' .. k, 'u' .. k, 'a' .. k, 'b' .. k, 'c', 'ct')
    held[#held + 1] = num(v[1], 10 * limit)
    local n = held[#held] + num(v[2], 10 * limit) + num(v[3], 10 * limit) + num(v[4], 10 * limit)
    local most = math.floor(limit * cut * factor(v[5], v[6]))
    local ends = startOf(w, k + 1)
    local left = ends - math.max(T + lo, startOf(w, k))
    local r = most - n - math.floor(kept * left / w)
    if need > r then
      local wait = ends - T - lo
      if n + need <= limit then wait = math.min(wait, w / 200) end -- what is kept back shrinks
      refuse(i, wait, 1, n)
      return
    end
    room, used = math.min(room, r), math.max(used, n)
    if not v[1] then fresh = true end
  end
  local n, valid = need, 0
  if k0 == k1 and want > need then
    n = need + math.min(want - need, math.floor((room - need) / 4))
    valid = startOf(w, k1 + 1) - T - hi
  end
  plan[i] = {n, k0, k1, used + n, valid, fresh, held}
end

local function other(i, key, kind, limit, w, rate, burst, need, want)
  local v = redis.call('HMGET', key, 'f', 'c', 'ct', 't', 'h', 'v', 'vt', 'z', 'p:' .. pid)
  local f, n, h = num(v[1], 10 * limit), 0, nil
  local most = math.floor(limit * cut * factor(v[2], v[3]))
  if kind == ANCHORED or kind == SLIDING then
    n, h = expire(key, w, num(v[4], 10 * limit), tonumber(v[5]))
  elseif kind == DECAY or kind == BUCKET then
    n = level(v[6], v[7], rate, limit)
    most = math.max(math.min(most, burst), need) -- heavier than the burst: goes when the level is zero
  end
  if f + n + need <= most then
    local extra = math.min(want - need, math.floor((most - f - n - need) / 4))
    plan[i] = {need + math.max(0, extra), 0, 0, math.ceil(f + n) + need, 500000, v[8], f, num(v[9], 10 * limit)}
    return
  end
  local wait, known = 5000, 0 -- an answer may come any time
  local over = f + n + need - most
  if kind == DECAY or kind == BUCKET then
    if n > 0 and f + need <= most then wait, known = math.ceil(over / rate), 1 end
  else
    for _ = 1, 600 do
      if not h then break end
      local s = redis.call('HMGET', key, 'n' .. h, 'x' .. h)
      over = over - num(s[1], 1e12)
      if over <= 0 then
        wait, known = h * grain(w) + w - T, 1
        break
      end
      h = tonumber(s[2])
    end
  end
  if known == 0 then lost(key, kind, w, rate, limit) end
  refuse(i, wait, known, math.ceil(f + n))
end

local at = 6 + scopes
for i = 1, #KEYS - 2 do
  local key, kind, limit = KEYS[i + 2], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local w, rate, burst = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local need, want, kept = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7]), tonumber(ARGV[at + 8])
  if kind == FIXED then
    fixed(i, key, limit, w, need, want, kept)
  else
    other(i, key, kind, limit, w, rate, burst, need, want)
  end
  at = at + 8
end
if blocked > 0 then return {1, T, alive, blocked, math.max(1, math.ceil(longest)), sure, blockedUsed} end

-- tidy drops the windows that are over; it runs once a window.
local function tidy(key, w, k)
  local o = tonumber(redis.call('HGET', key, 'o'))
  if o and o <= k then
    for j = math.max(o, k - 128), k - 2 do
      redis.call('HDEL', key, 'f' .. j, 'u' .. j, 'a' .. j, 'b' .. j, 'A' .. j, 'B' .. j)
    end
  end
  redis.call('HSET', key, 'o', k - 1)
  redis.call('PEXPIRE', key, math.floor(w / 500) + 180000)
end

at = 6 + scopes
for i = 1, #KEYS - 2 do
  local key, p = KEYS[i + 2], plan[i]
  if tonumber(ARGV[at + 1]) == FIXED then
    for k = p[2], p[3] do redis.call('HSET', key, 'f' .. k, p[7][k - p[2] + 1] + p[1]) end
    if p[6] then tidy(key, tonumber(ARGV[at + 3]), p[2]) end
  else
    redis.call('HSET', key, 'f', p[7] + p[1], 'p:' .. pid, p[8] + p[1])
    keep(key, tonumber(ARGV[at + 3]), p[6])
  end
  for j = 1, 5 do reply[#reply + 1] = p[j] end
  at = at + 8
end
for j = 1, #probing do
  redis.call('HSET', fleet, 'q:' .. ARGV[6 + probing[j]], T + 15000000)
  reply[4] = reply[4] + 2 ^ (probing[j] - 1)
end
return reply
