-- ARGV: id, round
local id = ARGV[1]
local hash = key('batch', id)
local facts = redis.call('HMGET', hash, 'state', 'round', 'size', 'cancelled', 'reason', 'mailbox')
if facts[1] == 'ready' and facts[2] == ARGV[2] then
  local size, done = tonumber(facts[3]), 0
  for number = 1, size do
    if redis.call('HGET', key('clip', id, number), 'state') == 'done' then
      done = done + 1
    end
  end
  local state = 'partial'
  if facts[4] == '1' then
    state = 'cancelled'
  elseif done == 0 or facts[5] ~= '' then
    state = 'failed'
  elseif done == size then
    state = 'delivered'
  end
  redis.call('HSET', hash, 'state', state)
  inactive(id, facts[6])
  record(id)
  fact(id)
end
return answer(0)
