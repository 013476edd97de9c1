-- ARGV: id
local id = ARGV[1]
local hash = key('batch', id)
local state = redis.call('HGET', hash, 'state')
if not state or not (WORKING[state] or state == 'packing') then
  return answer(0)
end
redis.call('HSET', hash, 'cancelled', '1')
for number = 1, tonumber(redis.call('HGET', hash, 'size')) do
  local clip = key('clip', id, number)
  if redis.call('HGET', clip, 'state') == 'waiting' then
    redis.call('HSET', clip, 'state', 'cancelled')
    drop('clip:' .. id .. ':' .. number)
  end
end
look(id)
fact(id)
return answer(1)
