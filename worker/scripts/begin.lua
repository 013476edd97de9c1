-- ARGV: item, fence. A Clip is being rendered from now on, until it is reported as storing: should its worker die, that may be why.
local item, fence = ARGV[1], ARGV[2]
if not holds(item, fence) then
  return answer(0)
end
redis.call('HSET', key('item', item), 'begun', fence)
return answer(1)
