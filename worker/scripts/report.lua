-- ARGV: item, fence, state, done, total. How far a Clip is, in frames; how far an Archive is, in bytes, whatever the state says.
local item, fence, state, done, total = unpack(ARGV)
if not holds(item, fence) then
  return answer(0)
end
local batch, number = clip_of(item)
if batch then
  local clip = key('clip', batch, number)
  redis.call('HSET', clip, 'state', state, 'done', done, 'total', total)
  if state == 'storing' then
    redis.call('HSET', clip, 'rendered_ms', now_ms())
    redis.call('HDEL', key('item', item), 'begun')
  end
else
  batch = string.match(item, '^archive:(.+):%d+$')
  redis.call('HSET', key('batch', batch), 'packed', done, 'archive_size', total)
end
fact(batch)
return answer(1)
