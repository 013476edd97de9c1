-- ARGV: id
local id = ARGV[1]
local hash = key('batch', id)
local facts = redis.call('HMGET', hash, 'state', 'size', 'chat', 'person', 'code', 'order_key')
if facts[1] and ENDED[facts[1]] then
  for number = 1, tonumber(facts[2]) do
    redis.call('DEL', key('clip', id, number))
  end
  drop('record:' .. id)
  redis.call('ZREM', key('history', facts[3]), id)
  redis.call('ZREM', key('history', facts[3], facts[4]), id)
  redis.call('DEL', hash, key('code', facts[5]), key('order', facts[6]))
end
return answer(0)
