"""The pace of a transport's providers in Valkey, kept by one script so that all workers see and change the same.

Per limited provider a hash: rate (messages a second; absent: none), ceiling (the rate that met its limit), tokens and
their time, until (the hold), slots (hand-overs at once; absent: any number) and their ceiling, round (how often it was
cut), taken (messages accepted since), why, since. Beside it the leases: how many slots each run has, and until when.

Growth follows what the provider accepted, not the clock, and only while the limit was felt: back to nine tenths of the
ceiling at once, to the ceiling slowly, and beyond it slower first and faster later, as CUBIC does (RFC 9438).
"""

EXCHANGE = """
local index, run, scale, lease = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local asked = cjson.decode(ARGV[4])
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local KEEP = math.max(60, 14400 * scale)
local FLOOR, BASE, LONGEST = 1 / (60 * math.max(scale, 0.001)), 30 * scale, 14400 * scale

redis.call('ZREMRANGEBYSCORE', index .. ':runs', '-inf', now)
redis.call('ZREMRANGEBYSCORE', index .. ':runs', now + 10 * lease, '+inf')
redis.call('ZADD', index .. ':runs', now + lease, run)
redis.call('EXPIRE', index .. ':runs', 60)
local runs = redis.call('ZCARD', index .. ':runs')

local function key(p) return index .. ':' .. p end

local function load(p)
  local s, flat = {}, redis.call('HGETALL', key(p))
  for i = 1, #flat, 2 do s[flat[i]] = tonumber(flat[i + 1]) or flat[i + 1] end
  -- After a jump of the clock no hold lasts longer than it was meant to, and no bucket fills at once.
  if s['until'] and s['until'] > now + (s.held or 0) then s['until'] = now + (s.held or 0) end
  if s.stamp and s.stamp > now then s.stamp = now end
  return s
end

local function save(p, s)
  local flat = {}
  for name, value in pairs(s) do
    flat[#flat + 1] = name
    flat[#flat + 1] = type(value) == 'number' and string.format('%.6f', value) or value
  end
  redis.call('DEL', key(p))
  redis.call('HSET', key(p), unpack(flat))
  redis.call('SADD', index, p)
  redis.call('PEXPIRE', key(p), math.floor(KEEP * 1000))
  redis.call('PEXPIRE', index, math.floor(KEEP * 1000))
end

local function used_by_all(p, run_now, used_now)
  local total, flat = 0, redis.call('HGETALL', key(p) .. ':leases')
  for i = 1, #flat, 2 do
    local parts = cjson.decode(flat[i + 1])
    if flat[i] ~= run_now and parts[3] > now and parts[3] < now + 10 * lease then total = total + parts[2] end
  end
  return total + used_now
end

local function hold(s, seconds)
  s.held = math.min(LONGEST, seconds)
  s['until'] = math.max(s['until'] or 0, now + s.held)
  s.stamp, s.tokens = s['until'], 1
end

local function cut(c)
  local s = load(c.provider)
  local is_held = (s['until'] or 0) > now
  if (s.round or 0) > c.round and not (c.ask == 'block' and not is_held) then return end
  -- A round lasts long enough for its answers to come.
  if c.ask == 'slower' and s.rate and now - (s.cut_at or 0) < 0.4 then return end
  -- Hardly anything taken since the last cut: what was tried then was of no use, rest longer each time.
  local strikes = s.strikes or 0
  if (s.taken or 0) < 5 then strikes = strikes + 1 else strikes = 0 end
  s.round, s.why, s.since = (s.round or 0) + 1, c.words, s.since or now
  if c.ask == 'slower' then
    if not s.rate then
      s.rate, s.ceiling = c.measured * runs / 2, 0
      strikes = 1
    else
      if s.ceiling > 0 and s.rate < 0.98 * s.ceiling then s.ceiling = s.rate * 0.95 else s.ceiling = s.rate end
      s.rate = s.rate * 0.75
    end
    s.rate = math.max(FLOOR, s.rate)
    if strikes > 0 then hold(s, math.min(900 * scale, BASE * 2 ^ (strikes - 1))) end
    -- Its bucket is empty just now: give it a moment to fill.
    s.tokens, s.stamp, s.cut_at = math.min(s.tokens or 1, 1) - 0.15 * s.rate, math.max(s.stamp or now, now), now
  elseif c.ask == 'fewer' then
    local used = s.slots and math.min(s.slots, used_by_all(c.provider, run, c.used)) or c.used * runs
    s.slot_ceiling = math.max(1, used)
    s.slots = math.max(1, math.min(c.connections, math.floor(used * (s.slots and 0.75 or 0.5))))
    s.slot_step, s.steadily = math.min(3200, (s.slot_step or 100) * 2), 0
    if strikes > 1 then hold(s, math.min(900 * scale, BASE * 2 ^ (strikes - 2))) end
  elseif c.ask == 'rest' then
    s.slots, s.slot_ceiling, s.slot_step, s.steadily = 1, 0, 20, 1
    if s.rate then s.rate = math.max(FLOOR, s.rate / 2) end
    hold(s, c.rest * scale * 2 ^ math.max(0, strikes - 1))
  else
    s.steadily = 1
    s.slots, s.slot_step, s.slot_ceiling = 1, 5, 0
    hold(s, c.rest * scale * 2 ^ math.max(0, strikes - 1))
  end
  s.strikes, s.taken, s.slot_taken, s.slot_at = strikes, 0, 0, math.max(now, s['until'] or 0)
  save(c.provider, s)
end

local function grow(s, taken, was_short)
  s.taken = (s.taken or 0) + taken
  if s.taken >= 20 then s.strikes = 0 end
  if s.rate and was_short then
    s.used = (s.used or 0) + taken
    if s.ceiling == 0 then
      if s.used >= math.max(2, s.rate * 0.4) then s.rate, s.used = s.rate * 1.5, 0 end
    else
      local c, low = s.ceiling, math.max(3, s.ceiling * 0.5)
      local long = math.max(400, c * 6)
      local n = s.taken
      if n <= low then s.rate = math.max(s.rate, c * (0.75 + 0.15 * n / low))
      elseif n <= low + long then s.rate = math.max(s.rate, c * (0.9 + 0.1 * (n - low) / long))
      else s.rate = math.max(s.rate, c * (1 + 0.04 * ((n - low - long) / long) ^ 2)) end
    end
  end
  if s.slots then
    s.slot_taken = (s.slot_taken or 0) + taken
    local step = s.slot_step or 100
    if s.slots + 1 < (s.slot_ceiling or 0) then step = math.min(step, 10) end
    local long_enough = s.steadily ~= 1 or now >= (s.slot_at or 0) + 60 * scale
    if s.slot_taken >= step and long_enough then
      s.slots, s.slot_taken, s.slot_at = s.slots + 1, 0, now
    end
  end
end

local function lease_slots(p, s, a)
  local k, others, members, mine = key(p) .. ':leases', 0, 1, 0
  local flat = redis.call('HGETALL', k)
  for i = 1, #flat, 2 do
    local parts = cjson.decode(flat[i + 1])
    if parts[3] <= now or parts[3] > now + 10 * lease then redis.call('HDEL', k, flat[i])
    elseif flat[i] ~= run then
      members = members + 1
      others = others + math.max(parts[1], parts[2])
    end
  end
  if s.slots then
    local fair = math.max(1, math.ceil(s.slots / members))
    mine = math.max(0, math.min(fair, math.floor(s.slots) - others))
  end
  if a.want <= 0 and a.used <= 0 then
    redis.call('HDEL', k, run)
    return members, s.slots and mine or -1
  end
  redis.call('HSET', k, run, cjson.encode({mine, a.used, now + lease}))
  redis.call('PEXPIRE', k, math.floor(lease * 1000) + 1000)
  return members, s.slots and mine or -1
end

for _, c in ipairs(asked.cuts) do cut(c) end
for p, rate in pairs(asked.starts) do
  if redis.call('EXISTS', key(p)) == 0 then
    save(p, {rate = rate, ceiling = rate / 0.9, round = 0, tokens = 1, stamp = now, since = now, why = asked.known})
  end
end
local answers = {}
for _, p in ipairs(redis.call('SMEMBERS', index)) do
  local s = load(p)
  if not s.round then redis.call('SREM', index, p)
  else
    local a = asked.wants[p] or {want = 0, used = 0, taken = 0}
    local left, grant = math.max(0, (s['until'] or 0) - now), -1
    local members, slots = lease_slots(p, s, a)
    if left == 0 and s.rate then
      local burst = math.max(2, s.rate * 0.3)
      s.tokens = math.min(burst, (s.tokens or 0) + math.max(0, now - (s.stamp or now)) * s.rate)
      s.stamp = now
      grant = math.max(0, math.min(a.want, math.floor(s.tokens)))
      if members > 1 then grant = math.min(grant, math.max(1, math.ceil(s.tokens / members))) end
      s.tokens = s.tokens - grant
    elseif s.rate then grant = 0 end
    if a.taken > 0 then grow(s, a.taken, s.rate and (s.tokens or 0) < math.max(2, s.rate * 0.3) * 0.9) end
    if asked.wants[p] then save(p, s) end
    answers[#answers + 1] = {p, s.rate and tostring(s.rate) or '', tostring(left), s.slots and s.slots or -1,
                             tostring(grant), slots, s.round, members, s.why or '', tostring(s.since or now)}
  end
end
return {tostring(now), cjson.encode(answers)}
"""
