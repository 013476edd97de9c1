-- ARGV: id. What was computed of a settled Take is gone from the store: the next order has it analysed again.
local hash = key('take', ARGV[1])
if redis.call('HGET', hash, 'state') == 'ready' then
  redis.call('DEL', hash)
end
return answer(0)
