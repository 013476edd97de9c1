-- ARGV: id, record, chat, person, mailbox ('' without teller), utterance, nonce
local id, record, chat, person, mailbox, utterance = unpack(ARGV)
local hash = key('take', id)
local state = redis.call('HGET', hash, 'state')
if not state then
  redis.call('HSET', hash, 'record', record, 'analyses', 0, 'facts', '')
end
redis.call('HSET', hash, 'used_ms', now_ms())
if not state or state == 'failed' then
  open_preparation('take', id, 'analysing', chat, person)
  state = 'analysing'
end
if mailbox ~= '' and state == 'analysing' then
  redis.call('SADD', key('take', id, 'tellers'), mailbox .. '\n' .. utterance)
elseif mailbox ~= '' and first_time(ARGV[7]) then
  tell(mailbox, utterance, 0)
end
return answer(redis.call('HGETALL', hash))
