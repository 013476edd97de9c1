-- ARGV: ttl_ms, most attempts, arq's prefix of keys of tickets in work, then reasons for items given up
-- Answers {items taken over}, {items given up, in the order of the reasons used}.
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
for _, item in ipairs(lapsed) do
  local facts = redis.call('HMGET', key('item', item), 'attempts', 'ticket', 'queue')
  if tonumber(facts[1]) < most then
    put_back(item)
    taken_over[#taken_over + 1] = item
  elseif ARGV[reason] then
    fail(item, ARGV[reason])
    reason = reason + 1
    given_up[#given_up + 1] = item
  end
  if facts[2] and facts[2] ~= '' then  -- its ticket would stay "in progress" until arq's own timeout
    redis.call('DEL', in_progress .. facts[2])
    redis.call('ZREM', key('queue', facts[3]), facts[2])
  end
end
for _, item in ipairs(redis.call('ZRANGEBYSCORE', key('later'), '-inf', now)) do
  redis.call('ZREM', key('later'), item)
  wait(item, true)
end
return answer({taken_over, given_up})
