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
  if w < MONTH then return floor(t / w) end
  local z = floor(t / 86400000000) + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local mp = floor((5 * doy + 2) / 153)
  local y, m = yoe + era * 400, mp + 3
  if m > 12 then y, m = y + 1, m - 12 end
  return y * 12 + m - 1
end

local function startOf(w, k)
  if w < MONTH then return k * w end
  local y, m = floor(k / 12), k % 12 + 1
  if m <= 2 then y, m = y - 1, m + 12 end
  local era = floor(y / 400)
  local yoe = y - era * 400
  local doe = yoe * 365 + floor(yoe / 4) - floor(yoe / 100) + floor((153 * (m - 3) + 2) / 5)
  return (era * 146097 + doe - 719468) * 86400000000
end

