-- ARGV: worker. It ends.
redis.call('ZREM', key('foremen'), ARGV[1])
redis.call('HDEL', key('seats'), ARGV[1])
redis.call('HDEL', key('engines'), ARGV[1])
redis.call('DEL', key('held', ARGV[1]))
return answer(0)
