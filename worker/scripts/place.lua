-- ARGV: id. How many waiting Clips stand before the first waiting one of the Batch.
local id = ARGV[1]
local facts = redis.call('HMGET', key('batch', id), 'size', 'chat', 'person', 'state')
if not facts[1] or not WORKING[facts[4]] then
  return answer(0)
end
local index, best, outside = key('waiting', 'clips'), nil, false
for number = 1, tonumber(facts[1]) do
  local rank = redis.call('ZRANK', index, 'clip:' .. id .. ':' .. number)
  if rank and (not best or rank < best) then
    best = rank
  elseif not rank and redis.call('HGET', key('clip', id, number), 'state') == 'waiting' then
    outside = true
  end
end
if best or not outside then
  return answer(best or 0)
end
-- Its Clips wait for their Take or Templates: where they would stand if they entered now.
local served = tonumber(redis.call('GET', key('served', 'clips')) or '0')
local owed = tonumber(redis.call('HGET', key('owed', 'clips'), facts[2] .. ' ' .. facts[3]) or '0')
return answer(redis.call('ZCOUNT', index, '-inf', math.max(served, owed)))
