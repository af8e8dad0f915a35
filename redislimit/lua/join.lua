-- Makes a process part of the fleet: at its start, after Redis was away, and after
-- Redis lost what it held.
-- KEYS: fleet, procs, ledger…
-- ARGV: epoch as known or '', epoch to set when there is none, process, processes
-- last seen, 1 when it lived on its own share meanwhile; per ledger: kind, limit,
-- window, refill, held by this process, number of windows: window, count last seen
-- or -1, used from its own share, held.
-- Returns {T, alive, 1 when Redis lost its memory, epoch}.
local fleet, procs, pid = KEYS[1], KEYS[2], ARGV[3]
local known = ARGV[1]
local epoch = call('HGET', fleet, 'e')
local lost = known ~= '' and epoch ~= known
if not epoch then
  epoch = ARGV[2]
  call('HSET', fleet, 'e', epoch)
end
local alive = beat(procs, fleet, pid)

-- Whoever was on its own comes back into a recovery: until everybody is back, or
-- must be taken for dead, the fleet uses what the shares of those present allow. So
-- the counts of those who are missing cannot be exceeded together with them.
if lost or ARGV[5] == '1' then
  local v = call('HMGET', fleet, 'ru', 'rp', 'rb')
  local expected = max(alive, num(ARGV[4], 100000))
  if T >= num(v[1], T + 60000000) then
    local all = call('HGETALL', fleet)
    for i = 1, #all, 2 do
      if string.sub(all[i], 1, 2) == 'j:' then call('HDEL', fleet, all[i]) end
    end
    local till = string.format('%.0f', T + ALIVE)
    call('HSET', fleet, 'ru', till, 'rp', expected, 'rb', 0)
    v = {till, expected, 0}
  elseif expected > num(v[2], 100000) then
    call('HSET', fleet, 'rp', expected)
  end
  joined(fleet, pid, v[1], v[2], v[3])
end

if known == '' then -- a newcomer in somebody else's recovery is expected and back
  local v = call('HMGET', fleet, 'ru', 'rp', 'rb')
  if v[1] and T < num(v[1], T + 60000000) then
    call('HSET', fleet, 'rp', num(v[2], 100000) + 1)
    joined(fleet, pid, v[1], v[2], v[3])
  end
end

local at = 5
for i = 3, #KEYS do
  local key, kind, limit = KEYS[i], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local w, rate, held, n = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  at = at + 6
  if kind ~= FIXED then
    hold(key, pid, held - num(call('HGET', key, 'p:' .. pid), 1e12))
  end
  for _ = 1, n do
    local k, top, own, fly = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    if not lost then top, fly = -1, 0 end -- Redis still knows
    if kind == FIXED then
      local most = 10 * limit
      local v = call('HMGET', key, 'n' .. k, 'u' .. k, 'b' .. k)
      local u, b = num(v[2], most), num(v[3], most)
      local more = fly + own + max(0, min(top, most) - u)
      call('HSET', key, 'n' .. k, min(num(v[1], most) + more, most), 'u' .. k, max(u, min(top, most)))
      if own > 0 then call('HSET', key, 'b' .. k, min(b + own, most), 'B' .. k, T) end
      if not call('HGET', key, 'o') then call('HSET', key, 'o', k) end
    elseif kind == ANCHORED or kind == SLIDING then
      if top >= 0 then
        local v = call('HMGET', key, 'f', 't')
        busy(key, limit, w, min(top, 10 * limit) - num(v[1], 10 * limit) - num(v[2], 10 * limit), T)
      end
      busy(key, limit, w, own, T)
    elseif kind == DECAY or kind == BUCKET then
      local v = call('HMGET', key, 'v', 'vt')
      local l = level(v[1], v[2], rate, limit)
      if top >= 0 then l = max(l, min(top, limit)) end
      call('HSET', key, 'v', min(l + own, 10 * limit), 'vt', T)
    end
    at = at + 4
  end
  call('PEXPIRE', key, floor(w / 500) + 180000)
end
return {T, alive, lost and 1 or 0, epoch}
