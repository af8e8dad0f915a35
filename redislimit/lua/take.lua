-- Takes from all quotas or from none.
-- KEYS: fleet, procs, ledger…
-- ARGV: epoch, process, 1 to say that it lives, venue clock minus Redis clock at
-- arrival (from, to), scopes: 'g:<scope>'…; per ledger: kind, limit, window, need,
-- want, kept back, and for other kinds than fixed windows refill, burst.
-- Returns {0, T, alive, probes, per ledger granted, used}
-- or {1, T, alive, ledger, wait, sure, used}, {2, T, alive, scope, wait}, {-1, T}.
-- plain.lua comes before this and has defined fleet, scopes, from, to and seen.
local pid = ARGV[2]
if seen[1] ~= ARGV[1] then return {-1, T} end
local alive, cut, f = 0, 1, nil
if ARGV[3] == '1' then
  f = more()
  alive = f.beat(KEYS[2], fleet, pid)
end
if seen[2] and T < num(seen[2], T + 60000000) then
  f = f or more()
  local v = call('HMGET', fleet, 'rp', 'rb')
  cut = f.joined(fleet, pid, seen[2], v[1], v[2])
end

local probing
for i = 1, scopes do
  if seen[3 + i] then
    local g = num(seen[3 + i], T + GATE)
    if T < g then return {2, T, alive, i, g - T} end
    if g > 0 then
      local q = num(call('HGET', fleet, 'q' .. string.sub(ARGV[6 + i], 2)), T + 60000000)
      if T < q then return {2, T, alive, i, min(q - T, 20000)} end
      probing = probing or {}
      probing[#probing + 1] = i
    end
  end
end

local blocked, longest, sure, blockedUsed = 0, -1, 1, 0
local function refuse(i, wait, known, used)
  if wait > longest then blocked, longest, sure, blockedUsed = i, wait, known, used end
end

-- add raises a count and returns it. What was no count is replaced.
local function add(key, name, n, most)
  local v = redis.pcall('HINCRBY', key, name, n)
  if type(v) == 'number' and v >= tonumber(n) and v <= most then return v end
  call('HSET', key, name, n)
  return tonumber(n)
end

-- reply is the plan as well: two numbers a ledger. Fixed windows are taken from at
-- once, since that tells what they hold, and undo has what goes back if another quota
-- refuses; fresh are those of them that are new. held has the other kinds.
local reply, undo, u, fresh, held = {0, T, alive, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, nil, nil

local function fixed(i, at)
  local key, limit, w, need = KEYS[i + 2], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), ARGV[at + 4]
  local k0 = windowOf(w, from)
  local k, name, n, most, used, ends = k0, nil, nil, limit, 0, 0
  if cut < 1 or seen[3] then
    f = f or more()
    most = f.allowed(key, limit, cut)
  end
  while true do
    name = 'n' .. k
    n = add(key, name, need, 10 * limit)
    undo[u + 1], undo[u + 2], undo[u + 3] = key, name, need
    u = u + 3
    if n > used then used = n end
    ends = startOf(w, k + 1)
    local left, free = ends - from, most
    if ARGV[at + 6] ~= '0' then free = free - floor(ARGV[at + 6] * min(1, left / w)) end
    if n > free then
      if n <= limit then left = min(left, w / 200) end -- what is kept back shrinks
      return refuse(i, left, 1, n - need)
    end
    if n == tonumber(need) then
      fresh = fresh or {}
      fresh[#fresh + 1], fresh[#fresh + 2], fresh[#fresh + 3] = key, w, k0
    end
    if to < ends then break end
    k = k + 1
  end
  local got = need
  if k0 == k and ARGV[at + 5] ~= need then -- a block: a quarter of what is left at most
    local extra = min(ARGV[at + 5] - need, floor((most - n) / 4))
    if extra > 0 then
      used = add(key, name, extra, 10 * limit)
      undo[u + 1], undo[u + 2], undo[u + 3] = key, name, extra
      u = u + 3
      got = need + extra
    end
  end
  reply[2 * i + 3], reply[2 * i + 4] = got + 0, used
end

local at, ledgers = 6 + scopes, #KEYS - 2
for i = 1, ledgers do
  if ARGV[at + 1] == '0' then
    fixed(i, at)
    at = at + 6
  else
    f = f or more()
    held = held or {}
    local got, used, wait, known = f.other(KEYS[i + 2], at, cut, seen[3], held)
    if wait then refuse(i, wait, known, used) else reply[2 * i + 3], reply[2 * i + 4] = got, used end
    at = at + 8
  end
end
if blocked > 0 then
  for j = 1, u, 3 do call('HINCRBY', undo[j], undo[j + 1], -undo[j + 2]) end
  return {1, T, alive, blocked, max(1, ceil(longest)), sure, blockedUsed}
end

if fresh then
  f = f or more()
  for j = 1, #fresh, 3 do f.tidy(fresh[j], fresh[j + 1], fresh[j + 2]) end
end
if held then
  for j = 1, #held do
    local p = held[j]
    call('HSET', p[1], 'f', p[3], p[2], p[4])
    f.keep(p[1], p[6], p[5])
  end
end
if probing then
  for j = 1, #probing do
    call('HSET', fleet, 'q' .. string.sub(ARGV[6 + probing[j]], 2), T + 15000000)
    reply[4] = reply[4] + 2 ^ (probing[j] - 1)
  end
end
for j = 5 + 2 * ledgers, 10 do reply[j] = nil end
return reply
