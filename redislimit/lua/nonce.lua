-- KEYS: the key's nonce. ARGV: floor, the highest nonce that is believed.
-- Numbers are compared as text: a nonce in nanoseconds has more digits than Lua's
-- numbers hold.
local function above(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end
local last = redis.call('GET', KEYS[1])
if not last or not string.match(last, '^[1-9]%d*$') or above(ARGV[1], last) then
  redis.call('SET', KEYS[1], ARGV[1])
  return ARGV[1]
end
if not above(ARGV[2], last) then return redis.error_reply('AHEAD ' .. string.sub(last, 1, 20)) end
redis.call('INCR', KEYS[1])
return redis.call('GET', KEYS[1])
