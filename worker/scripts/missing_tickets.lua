-- ARGV: queue, arq's prefix of keys of tickets in work, most. How many tickets to add.
local queue, in_progress, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local waiting = math.min(redis.call('ZCARD', key('waiting', queue)), most)
if waiting == 0 then
  return answer(0)
end
local idle = 0
for _, ticket in ipairs(redis.call('ZRANGE', key('queue', queue), 0, 4 * most)) do
  if redis.call('EXISTS', in_progress .. ticket) == 0 then
    idle = idle + 1
  end
end
return answer(math.max(0, waiting - idle))
