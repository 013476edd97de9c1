-- ARGV: id. Answers how many Clips were taken out that waited.
local id = ARGV[1]
local hash = key('batch', id)
local state = redis.call('HGET', hash, 'state')
if not state or not (WORKING[state] or state == 'packing') then
  return answer(0)
end
redis.call('HSET', hash, 'cancelled', '1')
local taken_out = 0
for number = 1, tonumber(redis.call('HGET', hash, 'size')) do
  local clip = key('clip', id, number)
  if redis.call('HGET', clip, 'state') == 'waiting' then
    redis.call('HSET', clip, 'state', 'cancelled', 'ended_ms', now_ms())
    close_clip(id, number, 'cancelled')
    taken_out = taken_out + 1
    drop('clip:' .. id .. ':' .. number)
  end
end
look(id)
record(id)
fact(id)
return answer(taken_out)
