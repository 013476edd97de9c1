-- ARGV: id, message
local hash = key('batch', ARGV[1])
if redis.call('EXISTS', hash) == 1 then
  redis.call('HSET', hash, 'message', ARGV[2])
  record(ARGV[1])
end
return answer(0)
