-- ARGV: worker ('' to count only), silence after which one counts as gone, in ms. How many foremen live.
local foremen, now = key('foremen'), now_ms()
if ARGV[1] ~= '' then
  redis.call('ZADD', foremen, now, ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', foremen, '-inf', now - ARGV[2])
return answer(redis.call('ZCARD', foremen))
