-- ARGV: id, nonce, day, limits (see limit_reached). Answers 1 if the Batch was reopened (by this very call, should it come
-- twice), 0 if there is nothing to retry, or which limit is reached.
local id, nonce, day = ARGV[1], ARGV[2], ARGV[3] or ''
local hash = key('batch', id)
local facts = redis.call('HMGET', hash, 'state', 'size', 'take', 'chat', 'person', 'mailbox', 'created_ms', 'reason', 'nonce')
if facts[9] == nonce then
  return answer(1)
end
if not facts[1] or not ENDED[facts[1]] or facts[1] == 'expired' then
  return answer(0)
end
local again = facts[8] ~= ''  -- it could not be packed
local open = 0
for number = 1, tonumber(facts[2]) do
  local state = redis.call('HGET', key('clip', id, number), 'state')
  open = open + ((state == 'failed' or state == 'cancelled') and 1 or 0)
end
local counts = counted(id)
counts.day = day
local reached = limit_reached(counts, open, {unpack(ARGV, 4, 8)})
if reached and (open > 0 or again) then
  return answer(reached)
end
for number = 1, tonumber(facts[2]) do
  local clip = key('clip', id, number)
  local read = redis.call('HMGET', clip, 'state', 'template')
  if read[1] == 'failed' or read[1] == 'cancelled' then
    again = true
    redis.call('HSET', clip, 'state', 'waiting', 'done', 0, 'total', 0, 'attempts', 0, 'reason', '',
      'queued_ms', now_ms(), 'started_ms', '', 'ended_ms', '')
    open_clip(id, number)
    if redis.call('HGET', key('template', read[2]), 'state') == 'failed' then
      open_preparation('template', read[2], 'preparing', facts[4], facts[5])
    end
  end
end
if not again then
  return answer(0)
end
if redis.call('HGET', key('take', facts[3]), 'state') == 'failed' then
  open_preparation('take', facts[3], 'analysing', facts[4], facts[5])
end
redis.call('HINCRBY', hash, 'round', 1)
redis.call('HSET', hash, 'state', 'queued', 'cancelled', '', 'reason', '', 'nonce', nonce, 'day', day)
begin_work(id)
spend(id, open)
redis.call('HDEL', hash, 'archive_key', 'archive_size', 'archive_name', 'more_archives', 'packed', 'finished_ms')
redis.call('ZADD', key('active', facts[6]), facts[7], id)
look(id)
record(id)
return answer(1)
