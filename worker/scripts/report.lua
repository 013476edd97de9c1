-- ARGV: item, fence, state, done, total. How far a Clip is.
local item, fence, state, done, total = unpack(ARGV)
local batch, number = clip_of(item)
if not batch or not holds(item, fence) then
  return answer(0)
end
redis.call('HSET', key('clip', batch, number), 'state', state, 'done', done, 'total', total)
fact(batch)
return answer(1)
