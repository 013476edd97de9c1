-- ARGV: id, record, analyses. A Take that is analysed, as the store has it; answers 1 if it was not known.
local hash = key('take', ARGV[1])
if redis.call('EXISTS', hash) == 1 then
  return answer(0)
end
redis.call('HSET', hash, 'record', ARGV[2], 'state', 'ready', 'analyses', ARGV[3], 'facts', '', 'reason', '')
return answer(1)
