-- ARGV: id, order key, order, chat, person, mailbox, outcome, take, take_gone, created_ms,
--       number of codes, codes..., number of Clips, then per Clip: template, name, file, gone
local id, order_key, order, chat, person, mailbox, outcome, take, take_gone, created_ms = unpack(ARGV, 1, 10)
local known = redis.call('GET', key('order', order_key))
if known then
  return answer(known)
end
local codes = tonumber(ARGV[11])
local code = nil
for candidate = 12, 11 + codes do
  if redis.call('SET', key('code', ARGV[candidate]), id, 'NX') then
    code = ARGV[candidate]
    break
  end
end
if not code then
  return answer('')
end
local at = 12 + codes
local size = tonumber(ARGV[at])
redis.call('SET', key('order', order_key), id)
redis.call('HSET', key('batch', id), 'order_key', order_key, 'order', order, 'chat', chat, 'person', person,
  'mailbox', mailbox, 'outcome', outcome, 'take', take, 'take_gone', take_gone, 'created_ms', created_ms,
  'code', code, 'size', size, 'state', 'queued', 'cancelled', '', 'round', 1, 'reason', '')
for number = 1, size do
  local first = at + (number - 1) * 4
  redis.call('HSET', key('clip', id, number), 'template', ARGV[first + 1], 'name', ARGV[first + 2],
    'file', ARGV[first + 3], 'gone', ARGV[first + 4], 'state', 'waiting', 'done', 0, 'total', 0,
    'attempts', 0, 'reason', '', 'result', '')
end
redis.call('ZADD', key('history', chat), created_ms, id)
redis.call('ZADD', key('history', chat, person), created_ms, id)
redis.call('ZADD', key('active', mailbox), created_ms, id)
look(id)
return answer(id)
