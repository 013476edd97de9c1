-- Stands before every script. KEYS[1] is the prefix of all keys; records are opaque strings, never parsed here.
-- A script's answer is {its own answer, {queue, items that entered it, queue, ...}}.

local PREFIX = KEYS[1]
local FACTS_KEPT = 10000

-- A queue for each kind of work, so that none waits for another: people wait for Takes and Lineups, nobody for a Template.
local QUEUE_OF = {
  clip = 'clips', take = 'takes', lineup = 'takes', template = 'templates', archive = 'archives', record = 'archives'
}

local entered = {}

local function key(...)
  return table.concat({PREFIX, ...}, ':')
end

local function answer(value)
  local queues = {}
  for queue, count in pairs(entered) do
    queues[#queues + 1] = queue
    queues[#queues + 1] = count
  end
  return {value, queues}
end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- True the first time a call's nonce is seen: a client whose connection broke sends the same call again.
local function first_time(nonce)
  return redis.call('SET', key('once', nonce), '1', 'NX', 'EX', 60) and true or false
end

local function fact(batch)
  local mailbox = redis.call('HGET', key('batch', batch), 'mailbox') or ''
  redis.call('XADD', key('facts'), 'MAXLEN', '~', FACTS_KEPT, '*', 'batch', batch, 'mailbox', mailbox)
end

local function tell(mailbox, utterance, round)
  redis.call('XADD', key('outbox', mailbox), '*', 'utterance', utterance, 'round', round)
end

-- Fair index ---------------------------------------------------------------------------------------------------
-- Start-time fair queueing: an item's score is its virtual start, max(served, what its flow owes). A flow is one
-- person in one chat; it pays 1 for each item, times the persons waiting in that chat, so chats share alike and
-- the persons in a chat share what is the chat's.

local function place_in_index(item, queue, score)
  redis.call('ZADD', key('waiting', queue), score, item)
  entered[queue] = (entered[queue] or 0) + 1
end

local function enter(item, chat, person)
  local hash, queue = key('item', item), QUEUE_OF[string.match(item, '^%a+')]
  if redis.call('EXISTS', hash) == 1 then
    return
  end
  redis.call('HINCRBY', key('crowd', queue, chat), person, 1)
  local crowd = redis.call('HLEN', key('crowd', queue, chat))
  local flow = chat .. ' ' .. person
  local served = tonumber(redis.call('GET', key('served', queue)) or '0')
  local owed = tonumber(redis.call('HGET', key('owed', queue), flow) or '0')
  local start = math.max(served, owed)
  redis.call('HSET', key('owed', queue), flow, start + crowd)
  redis.call('HSET', hash, 'queue', queue, 'chat', chat, 'person', person, 'attempts', 0)
  place_in_index(item, queue, start)
end

local function leave_crowd(queue, chat, person)
  local crowd = key('crowd', queue, chat)
  if redis.call('HINCRBY', crowd, person, -1) <= 0 then
    redis.call('HDEL', crowd, person)
  end
end

-- Take an item out of play, whether it waits or is leased.
local function drop(item)
  local hash = key('item', item)
  local facts = redis.call('HMGET', hash, 'queue', 'chat', 'person')
  if not facts[1] then
    return
  end
  if redis.call('ZREM', key('waiting', facts[1]), item) == 1 then
    leave_crowd(facts[1], facts[2], facts[3])
  end
  redis.call('ZREM', key('leases'), item)
  redis.call('DEL', hash)
end

local function holds(item, fence)
  return redis.call('HGET', key('item', item), 'fence') == fence
end

local function clip_of(item)
  return string.match(item, '^clip:(.+):(%d+)$')
end

-- Batches ------------------------------------------------------------------------------------------------------

local WORKING = {queued = true, preparing = true, rendering = true}
local ENDED = {delivered = true, partial = true, failed = true, cancelled = true, expired = true}

local function inactive(batch, mailbox)
  redis.call('ZREM', key('active', mailbox), batch)
end

-- The work is over, whatever came of it: the chat is told.
local function ready(batch)
  local hash = key('batch', batch)
  local facts = redis.call('HMGET', hash, 'mailbox', 'outcome', 'round')
  redis.call('HSET', hash, 'state', 'ready', 'finished_ms', now_ms())
  tell(facts[1], facts[2], facts[3])
  fact(batch)
end

-- Have the record of a Batch that ended written into the store.
local function record(batch)
  local facts = redis.call('HMGET', key('batch', batch), 'round', 'chat', 'person')
  enter('record:' .. batch .. ':' .. facts[1], facts[2], facts[3])
end

local function end_of_rendering(batch, done)
  local hash = key('batch', batch)
  local facts = redis.call('HMGET', hash, 'cancelled', 'round', 'chat', 'person', 'mailbox')
  if done > 0 then
    redis.call('HSET', hash, 'state', 'packing')
    enter('archive:' .. batch .. ':' .. facts[2], facts[3], facts[4])
  elseif facts[1] == '1' then
    redis.call('HSET', hash, 'state', 'cancelled', 'finished_ms', now_ms())
    inactive(batch, facts[5])
    record(batch)
  else
    ready(batch)
  end
end

-- What becomes of a Clip that waits: 'go', 'wait', or 'fail' with a reason.
local function fate(take, take_gone, template, template_gone)
  local facts = redis.call('HMGET', key('template', template), 'state', 'reason')
  if not facts[1] or facts[1] == 'withdrawn' then
    return 'fail', template_gone
  elseif facts[1] == 'rejected' or facts[1] == 'failed' then
    return 'fail', facts[2]
  elseif not take[1] then
    return 'fail', take_gone
  elseif take[1] == 'rejected' or take[1] == 'failed' then
    return 'fail', take[2]
  elseif take[1] == 'ready' and facts[1] == 'ready' then
    return 'go'
  end
  return 'wait'
end

-- Look at one Clip that waits outside the index; true if it still waits for its Take or Template.
local function look_at_clip(batch, number, facts, take, clip)
  local verdict, reason = fate(take, facts.take_gone, clip.template, clip.gone)
  if verdict == 'fail' then
    redis.call('HSET', key('clip', batch, number), 'state', 'failed', 'reason', reason)
  elseif verdict == 'go' then
    enter('clip:' .. batch .. ':' .. number, facts.chat, facts.person)
  else
    redis.call('SADD', key('take', facts.take, 'batches'), batch)
    redis.call('SADD', key('template', clip.template, 'batches'), batch)
    return true
  end
  return false
end

-- Bring a Batch forward as far as its Take, Templates and Clips allow. May be repeated.
local function look(batch)
  local hash = key('batch', batch)
  local read = redis.call('HMGET', hash, 'state', 'size', 'take', 'take_gone', 'chat', 'person')
  local state = read[1]
  if not state or not WORKING[state] then
    return
  end
  local facts = {take = read[3], take_gone = read[4], chat = read[5], person = read[6]}
  local take = redis.call('HMGET', key('take', facts.take), 'state', 'reason')
  local tally = {waiting = 0, rendering = 0, storing = 0, done = 0, failed = 0, cancelled = 0}
  local unready = false
  for number = 1, tonumber(read[2]) do
    local clip_key = key('clip', batch, number)
    local clip = redis.call('HMGET', clip_key, 'state', 'template', 'gone')
    if clip[1] == 'waiting' and redis.call('EXISTS', key('item', 'clip:' .. batch .. ':' .. number)) == 0 then
      unready = look_at_clip(batch, number, facts, take, {template = clip[2], gone = clip[3]}) or unready
      clip[1] = redis.call('HGET', clip_key, 'state')
    end
    tally[clip[1]] = tally[clip[1]] + 1
  end
  if tally.waiting + tally.rendering + tally.storing == 0 then
    end_of_rendering(batch, tally.done)
  elseif tally.rendering + tally.storing > 0 or state == 'rendering' then
    redis.call('HSET', hash, 'state', 'rendering')
  else
    redis.call('HSET', hash, 'state', unready and 'preparing' or 'queued')
  end
  fact(batch)
end

-- Look again at every Batch that waited for a Take or a Template.
local function look_at_waiting(kind, id)
  local waiting = key(kind, id, 'batches')
  local batches = redis.call('SMEMBERS', waiting)
  redis.call('DEL', waiting)
  table.sort(batches)
  for _, batch in ipairs(batches) do
    look(batch)
  end
end

-- Ends of work -------------------------------------------------------------------------------------------------

local function settle_take(id, state, facts, reason)
  local hash = key('take', id)
  redis.call('HSET', hash, 'state', state, 'facts', facts, 'reason', reason)
  if state ~= 'failed' then
    redis.call('HINCRBY', hash, 'analyses', 1)
  end
  local tellers = redis.call('SMEMBERS', key('take', id, 'tellers'))
  for _, teller in ipairs(tellers) do
    local mailbox, utterance = string.match(teller, '^([^\n]*)\n(.*)$')
    tell(mailbox, utterance, 0)
  end
  redis.call('DEL', key('take', id, 'tellers'))
  look_at_waiting('take', id)
end

local function settle_template(id, state, facts, reason)
  redis.call('HSET', key('template', id), 'state', state, 'facts', facts, 'reason', reason)
  look_at_waiting('template', id)
end

local function end_clip(batch, number, state, field, value)
  redis.call('HSET', key('clip', batch, number), 'state', state, field, value)
  drop('clip:' .. batch .. ':' .. number)
  look(batch)
end

-- Give up an item for good, with a reason.
local function fail(item, reason)
  local batch, number = clip_of(item)
  if batch then
    end_clip(batch, number, 'failed', 'reason', reason)
    return
  end
  drop(item)
  local kind, rest = string.match(item, '^(%a+):(.+)$')
  if kind == 'archive' then
    local packed = string.match(rest, '^(.+):%d+$')
    if redis.call('HGET', key('batch', packed), 'state') == 'packing' then
      redis.call('HSET', key('batch', packed), 'reason', reason)
      ready(packed)
    end
  elseif kind == 'take' and redis.call('EXISTS', key(kind, rest)) == 1 then
    settle_take(rest, 'failed', '', reason)
  elseif kind == 'template' and redis.call('EXISTS', key(kind, rest)) == 1 then
    settle_template(rest, 'failed', '', reason)
  end
end

-- Put a leased item back to the head of the index; a Clip of a cancelled Batch ends instead.
local function put_back(item)
  local hash = key('item', item)
  local facts = redis.call('HMGET', hash, 'queue', 'chat', 'person')
  redis.call('HDEL', hash, 'fence', 'worker', 'ticket')
  redis.call('ZREM', key('leases'), item)
  local batch, number = clip_of(item)
  if batch then
    if redis.call('HGET', key('batch', batch), 'cancelled') == '1' then
      end_clip(batch, number, 'cancelled', 'done', 0)
      return
    end
    redis.call('HSET', key('clip', batch, number), 'state', 'waiting', 'done', 0)
    fact(batch)
  end
  redis.call('HINCRBY', key('crowd', facts[1], facts[2]), facts[3], 1)
  place_in_index(item, facts[1], redis.call('GET', key('served', facts[1])) or '0')
end

-- Have a Take analysed, or a Template prepared, that is new or failed for a fault of ours.
local function open_preparation(kind, id, busy, chat, person)
  redis.call('HSET', key(kind, id), 'state', busy, 'reason', '')
  enter(kind .. ':' .. id, chat, person)
end
