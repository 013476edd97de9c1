-- ARGV: queue, arq's prefix of keys of tickets in work, most. How many tickets to add.
local queue, in_progress, most = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- What a version before this one left waiting, in one order for all, enters the index as it stood. Its bookkeeping goes.
local function adopt()
  local before = key('waiting', queue)
  for _, item in ipairs(redis.call('ZRANGE', before, 0, -1)) do
    local hash = key('item', item)
    local flow = redis.call('HMGET', hash, 'chat', 'person', 'fence')
    if flow[1] and not flow[3] and not redis.call('ZSCORE', key('work', queue), item) then
      redis.call('HSET', hash, 'place', redis.call('INCR', key('places')))
      redis.call('DEL', key('crowd', queue, flow[1]), key('flow', queue, flow[1], flow[2]))
      wait(item)
    end
  end
  for _, name in ipairs({'served', 'owed', 'paid'}) do
    redis.call('DEL', key(name, queue), key(name, queue, 'urgent'))
  end
  redis.call('DEL', before)
end

if redis.call('EXISTS', key('waiting', queue)) == 1 then
  adopt()
end
local waiting = math.min(redis.call('ZCARD', key('work', queue)), most)
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
