-- ARGV: worker ('' to look only), silence after which one counts as gone, in ms, Clips it renders at a time, the engines it can
-- run, or STARTING; none if it tells nothing of them. What each foreman that lives said of its engines.
local foremen, seats, engines, now = key('foremen'), key('seats'), key('engines'), now_ms()
if ARGV[1] ~= '' then
  redis.call('ZADD', foremen, now, ARGV[1])
  redis.call('HSET', seats, ARGV[1], ARGV[3])
  if ARGV[4] then
    redis.call('HSET', engines, ARGV[1], ARGV[4])
  else
    redis.call('HDEL', engines, ARGV[1])
  end
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', foremen, '-inf', now - ARGV[2])) do
  redis.call('ZREM', foremen, gone)
  redis.call('HDEL', seats, gone)
  redis.call('HDEL', engines, gone)
end
local told = {}
for _, alive in ipairs(redis.call('ZRANGE', foremen, 0, -1)) do
  told[#told + 1] = redis.call('HGET', engines, alive) or ''
end
return answer(told)
