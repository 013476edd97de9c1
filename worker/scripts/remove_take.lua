-- ARGV: id. Nobody uses a settled Take any more, and its objects are about to go; answers 0 if it is (again) being analysed.
local hash = key('take', ARGV[1])
if redis.call('HGET', hash, 'state') == 'analysing' then
  return answer(0)
end
redis.call('DEL', hash)
return answer(1)
