-- ARGV: queue, worker, ticket, ttl_ms, nonce. The next item with its lease, in one step.
local queue, worker, ticket, ttl_ms, nonce = unpack(ARGV)
local memory = key('once', nonce)
local drawn = redis.call('GET', memory)
if drawn then  -- the same call again, after a broken connection
  local facts = redis.call('HMGET', key('item', drawn), 'fence', 'attempts', 'worker')
  return answer(facts[3] == worker and {drawn, facts[1], facts[2]} or false)
end
local popped = redis.call('ZPOPMIN', key('waiting', queue))
if #popped == 0 then
  return answer(false)
end
local item = popped[1]
local hash = key('item', item)
local facts = redis.call('HMGET', hash, 'chat', 'person')
leave_crowd(queue, facts[1], facts[2])
if redis.call('EXISTS', key('waiting', queue)) == 0 then  -- nobody owes anything where nobody waits
  redis.call('DEL', key('served', queue), key('owed', queue))
else
  redis.call('SET', key('served', queue), popped[2])
end
local fence = redis.call('INCR', key('fence'))
local attempts = redis.call('HINCRBY', hash, 'attempts', 1)
redis.call('HSET', hash, 'fence', fence, 'worker', worker, 'ticket', ticket)
redis.call('ZADD', key('leases'), now_ms() + ttl_ms, item)
redis.call('SET', memory, item, 'EX', 60)
local batch, number = clip_of(item)
if batch then
  redis.call('HSET', key('clip', batch, number), 'state', 'rendering', 'attempts', attempts)
  look(batch)
end
return answer({item, tostring(fence), tostring(attempts)})
