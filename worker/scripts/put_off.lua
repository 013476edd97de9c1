-- ARGV: item, fence, after how long in ms, most attempts. Another try later, of whoever draws it then; answers 0 if it was tried
-- as often as that, or the lease is not held (any more).
local item, fence, pause_ms, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if not holds(item, fence) or tonumber(redis.call('HGET', key('item', item), 'attempts')) >= most then
  return answer(0)
end
if unlease(item) then
  redis.call('ZADD', key('later'), now_ms() + pause_ms, item)
end
return answer(1)
