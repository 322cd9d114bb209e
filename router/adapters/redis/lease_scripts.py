"""What is done with a lease, each as one script: nothing comes in between its steps.

Keys: the lease, the epochs, who stands by. Arguments: who asks, how long a lease lives (ms), then the script's own.
Every script answers with the lease as it leaves it: owner, epoch, host, since, ms left, the highest epoch, standbys.
Numbers are formatted here: what Lua makes of a large one (`1e+15`) would be no number to Asterisk.
"""

_PROLOGUE = """
local lease, epochs, standbys = KEYS[1], KEYS[2], KEYS[3]
local me, lives = ARGV[1], ARGV[2]

local function kind(key)
  return redis.call('TYPE', key).ok
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function owner()
  -- what has no end or no owner is no lease of ours, whoever wrote it
  if kind(lease) ~= 'hash' or redis.call('PTTL', lease) < 0 then return '' end
  return redis.call('HGET', lease, 'owner') or ''
end

local function latest()
  return tonumber(redis.call('GET', epochs) or '0')
end

local function give(epoch)
  redis.call('SET', epochs, string.format('%.0f', epoch))
end

local function hold(epoch, host, since)
  redis.call('DEL', lease)
  redis.call('HSET', lease, 'v', '1', 'owner', me, 'epoch', epoch, 'host', host, 'since_at', since)
  redis.call('PEXPIRE', lease, lives)
end

local function leave_standbys()
  if kind(standbys) == 'zset' then redis.call('ZREM', standbys, me) end
end

local function view()
  local who, count = owner(), 0
  if kind(standbys) == 'zset' then count = redis.call('ZCOUNT', standbys, now(), '+inf') end
  if who == '' then return {'', '0', '', '0', 0, string.format('%.0f', latest()), count} end
  local told = redis.call('HMGET', lease, 'epoch', 'host', 'since_at')
  return {who, told[1], told[2], told[3], redis.call('PTTL', lease), string.format('%.0f', latest()), count}
end

-- to go on from a counter that is none would be to give out an epoch twice
if not latest() or not (latest() >= 0 and latest() < 1e15) then
  return redis.error_reply('WRONGTYPE the epochs are no number')
end
"""

ACQUIRE = (
    _PROLOGUE
    + """
if owner() == '' then
  local epoch = latest() + 1
  give(epoch)
  hold(string.format('%.0f', epoch), ARGV[3], ARGV[4])
elseif owner() == me then
  redis.call('PEXPIRE', lease, lives)
end
leave_standbys()
return view()
"""
)

RENEW = (
    _PROLOGUE
    + """
local mine = tonumber(ARGV[5])
if owner() == me then
  redis.call('PEXPIRE', lease, lives)
elseif owner() == '' and latest() <= mine then
  hold(ARGV[5], ARGV[3], ARGV[4])
elseif latest() < mine then
  -- who holds it has an epoch before ours: this server has forgotten that ours was given out
  hold(ARGV[5], ARGV[3], ARGV[4])
end
if owner() == me and latest() < mine then give(mine) end
return view()
"""
)

RAISE = (
    _PROLOGUE
    + """
if owner() == me then
  give(math.max(latest(), tonumber(ARGV[3])) + 1)
  redis.call('HSET', lease, 'epoch', redis.call('GET', epochs))
  redis.call('PEXPIRE', lease, lives)
end
return view()
"""
)

RELEASE = (
    _PROLOGUE
    + """
if owner() == me then redis.call('DEL', lease) end
leave_standbys()
return view()
"""
)

READ = (
    _PROLOGUE
    + """
if ARGV[3] == '1' then
  if kind(standbys) ~= 'zset' then redis.call('DEL', standbys) end
  redis.call('ZREMRANGEBYSCORE', standbys, '-inf', now())
  redis.call('ZADD', standbys, now() + lives, me)
  redis.call('PEXPIRE', standbys, lives)
end
return view()
"""
)
