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
