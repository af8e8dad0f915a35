-- The common case of take.lua, before anything else is even defined, since this runs
-- for every call of a process without leases: no gate, no recovery, no factor, and
-- fixed windows that are not new, hold the whole call and have room. Whatever is not
-- that is undone and left to take.lua. Numbers are turned into text, and text into
-- numbers, as rarely as can be.
local fleet, scopes = KEYS[1], tonumber(ARGV[6])
local from, to = T + ARGV[4], T + ARGV[5]
local seen = call('HMGET', fleet, 'e', 'ru', 'cc', unpack(ARGV, 7, 6 + scopes))
local plain = seen[1] == ARGV[1] and ARGV[3] == '0' and not seen[2] and not seen[3]
for i = 4, 3 + scopes do plain = plain and not seen[i] end
if plain then
  local reply, at, n = {0, T, 0, 0}, 6 + scopes, 0
  local taken = 0
  for i = 3, #KEYS do
    local w, need, most = ARGV[at + 3] + 0, ARGV[at + 4], ARGV[at + 2] + 0
    local k = floor(from / w)
    local left = (k + 1) * w - from
    if ARGV[at + 1] ~= '0' or w >= MONTH or ARGV[at + 5] ~= need or to - from >= left then break end
    if ARGV[at + 6] ~= '0' then most = most - floor(ARGV[at + 6] * left / w) end
    n = redis.pcall('HINCRBY', KEYS[i], 'n' .. k, need)
    if type(n) ~= 'number' then break end
    taken = i
    if n > most or n <= need + 0 then break end
    reply[2 * i - 1], reply[2 * i] = need + 0, n
    at = at + 6
    if i == #KEYS then return reply end
  end
  at = 6 + scopes
  for i = 3, taken do
    call('HINCRBY', KEYS[i], 'n' .. floor(from / ARGV[at + 3]), -ARGV[at + 4])
    at = at + 6
  end
end

