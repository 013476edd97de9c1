-- ARGV: id. Before the objects of an ended Batch are removed; answers 0 if they must stay because it runs (again).
local id = ARGV[1]
local hash = key('batch', id)
local state = redis.call('HGET', hash, 'state')
if not state or state == 'expired' then
  return answer(1)
elseif not ENDED[state] then
  return answer(0)
end
redis.call('HSET', hash, 'state', 'expired', 'expired_ms', now_ms())
record(id)
return answer(1)
