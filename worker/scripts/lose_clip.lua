-- ARGV: item, fence, number, reason. Whoever packs an Archive finds that the object of a Clip is gone: it failed after all.
local item, fence, number, reason = unpack(ARGV)
local batch = string.match(item, '^archive:(.+):%d+$')
if not batch or not holds(item, fence) then
  return answer(0)
end
if redis.call('HGET', key('clip', batch, number), 'state') == 'done' then
  redis.call('HSET', key('clip', batch, number), 'state', 'failed', 'reason', reason, 'result', '')
  spend(batch, -1)
end
return answer(1)
