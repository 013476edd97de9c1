-- ARGV: id, order key, order, chat, person, mailbox, outcome, take, take_gone, created_ms, code, state, cancelled, round,
--       reason, number of further fields, those (name, value)..., number of Clips, then per Clip: template, name, file, gone,
--       state, done, total, attempts, reason, result, queued_ms, started_ms, ended_ms
-- A Batch as the store has it: one that has ended; one that is to be told how; or one that goes on. Answers 1 if it was not known.
local id, order_key, order, chat, person, mailbox, outcome, take, take_gone, created_ms = unpack(ARGV, 1, 10)
local code, state, cancelled, round, reason = unpack(ARGV, 11, 15)
local hash = key('batch', id)
if redis.call('EXISTS', hash) == 1 then
  return answer(0)
end
local more, at = tonumber(ARGV[16]), 17
for field = at, at + 2 * more - 1, 2 do
  redis.call('HSET', hash, ARGV[field], ARGV[field + 1])
end
at = at + 2 * more
local size = tonumber(ARGV[at])
redis.call('HSET', hash, 'order_key', order_key, 'order', order, 'chat', chat, 'person', person,
  'mailbox', mailbox, 'outcome', outcome, 'take', take, 'take_gone', take_gone, 'created_ms', created_ms,
  'code', code, 'size', size, 'state', state, 'cancelled', cancelled, 'round', round, 'reason', reason)
for number = 1, size do
  local first = at + (number - 1) * 13
  redis.call('HSET', key('clip', id, number), 'template', ARGV[first + 1], 'name', ARGV[first + 2],
    'file', ARGV[first + 3], 'gone', ARGV[first + 4], 'state', ARGV[first + 5], 'done', ARGV[first + 6],
    'total', ARGV[first + 7], 'attempts', ARGV[first + 8], 'reason', ARGV[first + 9], 'result', ARGV[first + 10],
    'queued_ms', ARGV[first + 11], 'started_ms', ARGV[first + 12], 'ended_ms', ARGV[first + 13])
end
redis.call('SET', key('order', order_key), id, 'NX')
redis.call('SET', key('code', code), id, 'NX')
redis.call('ZADD', key('history', chat), created_ms, id)
redis.call('ZADD', key('history', chat, person), created_ms, id)
if not ENDED[state] then
  redis.call('ZADD', key('active', mailbox), created_ms, id)
  if state == 'ready' then
    ready(id)
  else
    begin_work(id)
    for number = 1, size do
      if redis.call('HGET', key('clip', id, number), 'state') == 'waiting' then
        open_clip(id, number)
      end
    end
    look(id)
    record(id)
  end
end
return answer(1)
