-- ARGV: item, fence, after how long in ms, most attempts. Another try later, of whoever draws it then; answers 0 if it was tried
-- as often as that, or the lease is not held (any more). A record is tried for ever: nothing else tells the store of its Batch.
local item, fence, pause_ms, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if not holds(item, fence) then
  return answer(0)
end
local tries = redis.call('HINCRBY', key('item', item), 'put_off', 1)
if tries >= most and not string.match(item, '^record:') then
  return answer(0)
end
if unlease(item) then
  redis.call('ZADD', key('later'), now_ms() + pause_ms, item)
end
return answer(1)
