-- ARGV: id, order key, order, chat, person, mailbox, outcome, take, take_gone, created_ms,
--       member, weight, urgent, clip_ms, engine, day, limits (see limit_reached),
--       number of codes, codes..., number of Clips, then per Clip: template, name, file, gone
-- Answers the Batch's id, '' if all codes are taken, or which limit is reached.
local id, order_key, order, chat, person, mailbox, outcome, take, take_gone, created_ms = unpack(ARGV, 1, 10)
local member, weight, urgent, clip_ms, engine, day = unpack(ARGV, 11, 16)
local known = redis.call('GET', key('order', order_key))
if known then
  return answer(known)
end
local codes = tonumber(ARGV[22])
local at = 23 + codes
local size = tonumber(ARGV[at])
local counts = {chat = chat, member = member, day = day, clip_ms = tonumber(clip_ms)}
local reached = limit_reached(counts, size, {unpack(ARGV, 17, 21)})
if reached then
  return answer(reached)
end
local code = nil
for candidate = 23, 22 + codes do
  if redis.call('SET', key('code', ARGV[candidate]), id, 'NX') then
    code = ARGV[candidate]
    break
  end
end
if not code then
  return answer('')
end
redis.call('SET', key('order', order_key), id)
redis.call('HSET', key('batch', id), 'order_key', order_key, 'order', order, 'chat', chat, 'person', person,
  'mailbox', mailbox, 'outcome', outcome, 'take', take, 'take_gone', take_gone, 'created_ms', created_ms,
  'code', code, 'size', size, 'state', 'queued', 'cancelled', '', 'round', 1, 'reason', '',
  'member', member, 'weight', weight, 'urgent', urgent, 'day', day, 'clip_ms', clip_ms, 'engine', engine)
for number = 1, size do
  local first = at + (number - 1) * 4
  redis.call('HSET', key('clip', id, number), 'template', ARGV[first + 1], 'name', ARGV[first + 2],
    'file', ARGV[first + 3], 'gone', ARGV[first + 4], 'state', 'waiting', 'done', 0, 'total', 0,
    'attempts', 0, 'reason', '', 'result', '', 'queued_ms', created_ms)
  open_clip(id, number)
end
begin_work(id)
spend(id, size)
redis.call('ZADD', key('history', chat), created_ms, id)
redis.call('ZADD', key('history', chat, person), created_ms, id)
redis.call('ZADD', key('active', mailbox), created_ms, id)
look(id)
record(id)
return answer(id)
