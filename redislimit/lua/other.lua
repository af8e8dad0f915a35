-- How take.lua takes from quotas that are no fixed windows.

-- allowed is what may be used of a limit after refusals, and while some are missing.
local function allowed(key, limit, cut)
  local v = call('HMGET', key, 'c', 'ct')
  return floor(limit * cut * factor(v[1], v[2]))
end

-- lost gives back what processes held that are not seen any more.
local function lost(key, kind, w, rate, limit)
  if T - past(call('HGET', key, 'r')) < 1000000 then return end
  call('HSET', key, 'r', T)
  local all, gone = call('HGETALL', key), 0
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 2) == 'p:' then
      local at = call('HGET', KEYS[2], string.sub(all[i], 3))
      if T - past(at) > GONE then
        gone = gone + num(all[i + 1], 1e12)
        call('HDEL', key, all[i])
      end
    end
  end
  if gone == 0 then return end
  call('HSET', key, 'f', max(0, num(call('HGET', key, 'f'), 1e12) - gone))
  -- They may have been sent in the last moment.
  if kind == ANCHORED or kind == SLIDING then
    busy(key, limit, w, gone, T)
  elseif kind == DECAY or kind == BUCKET then
    local v = call('HMGET', key, 'v', 'vt')
    call('HSET', key, 'v', min(level(v[1], v[2], rate, limit) + gone, 10 * limit), 'vt', T)
  end
end

-- other takes from a quota of another kind than a fixed window: granted and used, or
-- nil, used, how long to wait, and whether that is known. What it takes is in held.
local function other(key, at, cut, cc, held)
  local kind, pid = tonumber(ARGV[at + 1]), ARGV[2]
  local limit, w = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local rate, burst = tonumber(ARGV[at + 7]), tonumber(ARGV[at + 8])
  local need, want = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local mine = 'p:' .. pid
  local v = call('HMGET', key, 'f', mine, 'z', 't', 'h', 'v', 'vt')
  local f, n, h, most = num(v[1], 10 * limit), 0, nil, limit
  if cut < 1 or cc then most = allowed(key, limit, cut) end
  if kind == ANCHORED or kind == SLIDING then
    n, h = expire(key, w, num(v[4], 10 * limit), tonumber(v[5]))
  elseif kind == DECAY or kind == BUCKET then
    n = level(v[6], v[7], rate, limit)
    most = max(min(most, burst), need) -- heavier than the burst: goes when the level is zero
  end
  local over = f + n + need - most
  if over <= 0 then
    local got = need + max(0, min(want - need, floor(-over / 4)))
    held[#held + 1] = {key, mine, f + got, num(v[2], 10 * limit) + got, v[3], w}
    return got, ceil(f + n) + got
  end
  local wait, known = 5000, 0 -- an answer may come any time
  if kind == DECAY or kind == BUCKET then
    if n > 0 and f + need <= most then wait, known = ceil(over / rate), 1 end
  else
    for _ = 1, 600 do
      if not h then break end
      local s = call('HMGET', key, 'n' .. h, 'x' .. h)
      over = over - num(s[1], 1e12)
      if over <= 0 then
        wait, known = h * grain(w) + w - T, 1
        break
      end
      h = tonumber(s[2])
    end
  end
  if known == 0 then lost(key, kind, w, rate, limit) end
  return nil, ceil(f + n), wait, known
end

return {beat = beat, joined = joined, tidy = tidy, keep = keep, allowed = allowed, other = other}
