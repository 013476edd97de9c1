-- ARGV: item, fence. Another worker may have it; this attempt does not count.
local item, fence = ARGV[1], ARGV[2]
if not holds(item, fence) then
  return answer(0)
end
redis.call('HINCRBY', key('item', item), 'attempts', -1)
put_back(item)
return answer(1)
