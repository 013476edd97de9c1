-- ARGV: ttl_ms, most attempts, arq's prefix of keys of tickets in work, then reasons for items given up
-- Answers {items taken over}, {items given up, in the order of the reasons used}.
local MOST_ABOARD = 10  -- so many workers with it aboard died, whatever it did there
local ttl_ms, most, in_progress = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local now = now_ms()
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local swept = tonumber(redis.call('GET', key('swept')) or now)
redis.call('SET', key('swept'), string.format('%.0f', now))
if redis.call('GET', key('run')) ~= run or now - swept > ttl_ms then
  -- This server is new (it was restarted), or nobody reached it: the holders could not renew, so each gets one more term.
  redis.call('SET', key('run'), run)
  for _, item in ipairs(redis.call('ZRANGE', key('leases'), 0, -1)) do
    redis.call('ZADD', key('leases'), now + ttl_ms, item)
  end
end
local lapsed = redis.call('ZRANGEBYSCORE', key('leases'), '-inf', now, 'LIMIT', 0, 100)
local taken_over, given_up, reason = {}, {}, 4

local aboard = {}  -- how much each worker had
if #lapsed > 0 then
  for _, item in ipairs(redis.call('ZRANGE', key('leases'), 0, -1)) do
    local worker = redis.call('HGET', key('item', item), 'worker') or ''
    aboard[worker] = (aboard[worker] or 0) + 1
  end
end

-- Whether an item is what kills workers. A Clip is suspected of that only where it was rendered when one died, or alone aboard; not
-- where it waited for the store. A record is written by whoever lives.
local function kills(item)
  local facts = redis.call('HMGET', key('item', item), 'attempts', 'fence', 'begun', 'worker', 'deaths')
  local attempts, deaths = tonumber(facts[1]), tonumber(facts[5] or '0')
  local batch, number = clip_of(item)
  if not batch then
    return attempts >= most and not string.match(item, '^record:')
  end
  local alone = aboard[facts[4]] == 1 and redis.call('HGET', key('clip', batch, number), 'state') ~= 'storing'
  if facts[3] == facts[2] or alone then
    deaths = redis.call('HINCRBY', key('item', item), 'deaths', 1)
  end
  return deaths >= most or attempts >= MOST_ABOARD
end

for _, item in ipairs(lapsed) do
  local facts = redis.call('HMGET', key('item', item), 'ticket', 'queue')
  if not kills(item) then
    put_back(item)
    taken_over[#taken_over + 1] = item
  elseif ARGV[reason] then
    fail(item, ARGV[reason])
    reason = reason + 1
    given_up[#given_up + 1] = item
  end
  if facts[1] and facts[1] ~= '' then  -- its ticket would stay "in progress" until arq's own timeout
    redis.call('DEL', in_progress .. facts[1])
    redis.call('ZREM', key('queue', facts[2]), facts[1])
  end
end
for _, item in ipairs(redis.call('ZRANGEBYSCORE', key('later'), '-inf', now)) do
  redis.call('ZREM', key('later'), item)
  wait(item, true)
end
return answer({taken_over, given_up})
