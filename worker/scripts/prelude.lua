-- Stands before every script. KEYS[1] is the prefix of all keys; records are opaque strings, never parsed here.
-- A script's answer is {its own answer, {queue, items that entered it, queue, ...}}.

local PREFIX = KEYS[1]
local FACTS_KEPT = 10000

-- A queue for each kind of work, so that none waits for another: people wait for Takes and Lineups, nobody for a Template.
-- Records wait for nothing, since what is not in the store yet is lost with this server's memory.
local QUEUE_OF = {
  clip = 'clips', take = 'takes', lineup = 'takes', template = 'templates', archive = 'archives', record = 'records'
}

local entered = {}
local draw_up  -- below: the ranks of chats from which somebody left unserved

local function key(...)
  return table.concat({PREFIX, ...}, ':')
end

local function answer(value)
  draw_up()
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
-- the persons in a chat share what is the chat's; divided by the chat's weight, so that one of weight 2 is served twice
-- as often. What is urgent stands before all else, by a clock of its own: fair among its like.
-- What is taken out before it was served costs nothing: its flow's other items move up, and owe less.

local URGENT = -1e9

-- The name of what an index has one of for urgent items, and one for the others.
local function clock(name, queue, urgent)
  return urgent and key(name, queue, 'urgent') or key(name, queue)
end

local function number_at(name)
  return tonumber(redis.call('GET', name) or '0')
end

local function flow_of(chat, person)
  return chat .. ' ' .. person
end

local function join_crowd(item, queue, chat, person)
  redis.call('HINCRBY', key('crowd', queue, chat), person, 1)
  redis.call('SADD', key('flow', queue, chat, person), item)
end

local function leave_crowd(item, queue, chat, person)
  local crowd = key('crowd', queue, chat)
  if redis.call('HINCRBY', crowd, person, -1) <= 0 then
    redis.call('HDEL', crowd, person)
  end
  redis.call('SREM', key('flow', queue, chat, person), item)
end

local function place_in_index(item, queue, score)
  redis.call('ZADD', key('waiting', queue), score, item)
  entered[queue] = (entered[queue] or 0) + 1
end

-- Where an item of a flow would stand if it entered now.
local function start_of(queue, flow, urgent)
  local owed = tonumber(redis.call('HGET', clock('owed', queue, urgent), flow) or '0')
  local start = math.max(number_at(clock('served', queue, urgent)), owed)
  return urgent and URGENT + start or start
end

-- standing: {weight, urgent}; none for what nobody ordered.
local function enter(item, chat, person, standing)
  local hash, queue = key('item', item), QUEUE_OF[string.match(item, '^%a+')]
  if redis.call('EXISTS', hash) == 1 then
    return
  end
  local weight, urgent = 1, false
  if standing then
    weight, urgent = standing.weight, standing.urgent
  end
  join_crowd(item, queue, chat, person)
  local price = redis.call('HLEN', key('crowd', queue, chat)) / weight
  local flow = flow_of(chat, person)
  local start = start_of(queue, flow, urgent)
  local owes = (urgent and start - URGENT or start) + price
  redis.call('HSET', clock('owed', queue, urgent), flow, owes)
  redis.call('HSET', hash, 'queue', queue, 'chat', chat, 'person', person, 'attempts', 0, 'urgent', urgent and '1' or '',
    'weight', weight, 'price', price, 'entered_ms', now_ms())
  place_in_index(item, queue, start)
end

-- An item that left the head of an index was served; nobody owes anything where nobody waits.
local function serve(item, queue, score)
  local facts = redis.call('HMGET', key('item', item), 'chat', 'person', 'price')
  leave_crowd(item, queue, facts[1], facts[2])
  if redis.call('EXISTS', key('waiting', queue)) == 0 then
    for _, urgent in ipairs({false, true}) do
      redis.call('DEL', clock('served', queue, urgent), clock('owed', queue, urgent), clock('paid', queue, urgent))
    end
    return
  end
  local urgent = score < 0
  local start = urgent and score - URGENT or score
  redis.call('SET', clock('served', queue, urgent), start)
  redis.call('HSET', clock('paid', queue, urgent), flow_of(facts[1], facts[2]), start + tonumber(facts[3] or '1'))
end

local vacated = {}  -- by queue, by chat: the persons of whom something left unserved

local function vacate(queue, chat, person)
  vacated[queue] = vacated[queue] or {}
  vacated[queue][chat] = vacated[queue][chat] or {}
  vacated[queue][chat][person] = true
end

-- What waits of a flow, urgent or not, in its order: {item, virtual start}.
local function ranks_of(queue, chat, person)
  local ranks = {[false] = {}, [true] = {}}
  for _, item in ipairs(redis.call('SMEMBERS', key('flow', queue, chat, person))) do
    local score = tonumber(redis.call('ZSCORE', key('waiting', queue), item) or '')
    if score then
      local rank = ranks[score < 0]
      rank[#rank + 1] = {item, score < 0 and score - URGENT or score}
    end
  end
  for _, rank in pairs(ranks) do
    table.sort(rank, function(one, other)
      return one[2] < other[2] or one[2] == other[2] and one[1] < other[1]
    end)
  end
  return ranks
end

-- Each item of a flow starts where the one before it has paid for, at today's price, and never later than it did.
local function draw_up_flow(queue, chat, person, crowd)
  local flow = flow_of(chat, person)
  for urgent, rank in pairs(ranks_of(queue, chat, person)) do
    local served, owed = number_at(clock('served', queue, urgent)), clock('owed', queue, urgent)
    local due = tonumber(redis.call('HGET', clock('paid', queue, urgent), flow) or '0')
    for _, each in ipairs(rank) do
      local hash, start = key('item', each[1]), math.min(each[2], math.max(served, due))
      local facts = redis.call('HMGET', hash, 'price', 'weight')
      local price = math.min(tonumber(facts[1] or '1'), crowd / tonumber(facts[2] or '1'))
      redis.call('HSET', hash, 'price', price)
      if start < each[2] then
        redis.call('ZADD', key('waiting', queue), urgent and URGENT + start or start, each[1])
      end
      due = start + price
    end
    if due < tonumber(redis.call('HGET', owed, flow) or '0') then
      redis.call('HSET', owed, flow, due)
    end
  end
end

draw_up = function()
  for queue, chats in pairs(vacated) do
    for chat, persons in pairs(chats) do
      local crowd = redis.call('HKEYS', key('crowd', queue, chat))
      for _, person in ipairs(crowd) do
        persons[person] = true
      end
      for person in pairs(persons) do
        draw_up_flow(queue, chat, person, #crowd)
      end
    end
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
    leave_crowd(item, facts[1], facts[2], facts[3])
    vacate(facts[1], facts[2], facts[3])
  end
  redis.call('ZREM', key('leases'), item)
  redis.call('ZREM', key('later'), item)
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

-- What counts against limits: Batches at once, what was ordered on a day, Clips that are not made yet.

local function counted(batch)
  local facts = redis.call('HMGET', key('batch', batch), 'chat', 'member', 'day', 'clip_ms')
  return {chat = facts[1], member = facts[2] or '', day = facts[3] or '', clip_ms = tonumber(facts[4] or '0')}
end

-- Of a person and of a chat.
local function both(name, facts, ...)
  return {key(name, 'person', facts.member, ...), key(name, 'chat', facts.chat, ...)}
end

local SPENT_KEPT_S = 3 * 86400

-- Clips are ordered on the Batch's day, or (below 0) will not come after all: what was not made costs nobody anything.
local function spend(batch, clips)
  local facts = counted(batch)
  if facts.clip_ms == 0 or facts.day == '' or clips == 0 then
    return
  end
  for _, spent in ipairs(both('spent', facts, facts.day)) do
    redis.call('INCRBY', spent, facts.clip_ms * clips)
    redis.call('EXPIRE', spent, SPENT_KEPT_S)
  end
end

local function open_clip(batch, number)
  redis.call('SADD', key('open'), batch .. ':' .. number)
end

-- A Clip ended, whatever came of it.
local function close_clip(batch, number, state)
  if redis.call('SREM', key('open'), batch .. ':' .. number) == 1 and state ~= 'done' then
    spend(batch, -1)
  end
end

local function begin_work(batch)
  for _, running in ipairs(both('running', counted(batch))) do
    redis.call('SADD', running, batch)
  end
end

local function end_work(batch)
  for _, running in ipairs(both('running', counted(batch))) do
    redis.call('SREM', running, batch)
  end
end

-- Why so many Clips more cannot be ordered: {limit, used, asked, most}, times in ms; nil if they can.
-- facts: as of counted(); most: Batches at once of a person and of a chat, ms a day of each, Clips that wait; '' for no limit.
local function limit_reached(facts, clips, most)
  local asked_ms = facts.clip_ms * clips
  local running, spent = both('running', facts), both('spent', facts, facts.day)
  local looked = {
    {'person_batches', redis.call('SCARD', running[1]), 1},
    {'chat_batches', redis.call('SCARD', running[2]), 1},
    {'person_minutes', math.max(number_at(spent[1]), 0), asked_ms},
    {'chat_minutes', math.max(number_at(spent[2]), 0), asked_ms},
    {'queue', redis.call('SCARD', key('open')), clips}
  }
  for at, each in ipairs(looked) do
    local limit = tonumber(most[at])
    if limit and each[2] + each[3] > limit then
      return {each[1], each[2], each[3], limit}
    end
  end
end

-- How the items of a Batch stand in the index.
local function standing_of(batch)
  local facts = redis.call('HMGET', key('batch', batch), 'weight', 'urgent')
  return {weight = tonumber(facts[1] or '1'), urgent = facts[2] == '1'}
end

-- The work is over, whatever came of it: the chat is told.
local function ready(batch)
  end_work(batch)
  local hash = key('batch', batch)
  local facts = redis.call('HMGET', hash, 'mailbox', 'outcome', 'round')
  redis.call('HSET', hash, 'state', 'ready', 'finished_ms', now_ms())
  tell(facts[1], facts[2], facts[3])
  fact(batch)
end

-- Have the record of a Batch written into the store as it is now, once more if it is just being written.
local function record(batch)
  local item = 'record:' .. batch
  if redis.call('HEXISTS', key('item', item), 'fence') == 1 then
    redis.call('HSET', key('item', item), 'again', '1')
  else
    local facts = redis.call('HMGET', key('batch', batch), 'chat', 'person')
    enter(item, facts[1], facts[2])
  end
end

local function end_of_rendering(batch, done)
  local hash = key('batch', batch)
  local facts = redis.call('HMGET', hash, 'cancelled', 'round', 'chat', 'person', 'mailbox')
  if done > 0 then
    redis.call('HSET', hash, 'state', 'packing')
    enter('archive:' .. batch .. ':' .. facts[2], facts[3], facts[4], standing_of(batch))
  elseif facts[1] == '1' then
    end_work(batch)
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
    redis.call('HSET', key('clip', batch, number), 'state', 'failed', 'reason', reason, 'ended_ms', now_ms())
    close_clip(batch, number, 'failed')
  elseif verdict == 'go' then
    enter('clip:' .. batch .. ':' .. number, facts.chat, facts.person, facts.standing)
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
  local facts = {take = read[3], take_gone = read[4], chat = read[5], person = read[6], standing = standing_of(batch)}
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
  redis.call('HSET', key('clip', batch, number), 'state', state, field, value, 'ended_ms', now_ms())
  close_clip(batch, number, state)
  drop('clip:' .. batch .. ':' .. number)
  look(batch)
end

-- What Clips of an engine cost: sums over the last ones, older ones fading, of which worker/outlook.py makes rates.
-- x = {1, megapixels rendered, Template's length in s}, y = seconds in its seat.
local FADING = 0.93  -- the last fourteen or so count

local function learn(clip, engine, megapixels, template_s)
  local moments = redis.call('HMGET', clip, 'started_ms', 'rendered_ms')
  local started, rendered = tonumber(moments[1] or ''), tonumber(moments[2] or '')
  if not started or not rendered then
    return
  end
  local hash = key('rates', engine)
  local function add(field, value)
    local before = tonumber(redis.call('HGET', hash, field) or '0')
    redis.call('HSET', hash, field, before * FADING + value)
  end
  local x, seconds = {1, megapixels, template_s}, (rendered - started) / 1000
  for row = 1, 3 do
    for column = row, 3 do
      add('x' .. row .. column, x[row] * x[column])
    end
    add('y' .. row, x[row] * seconds)
  end
  add('stored', (now_ms() - rendered) / 1000)
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

-- Take the lease from an item; a Clip of a cancelled Batch ends then, and false is answered. Any other waits.
local function unlease(item)
  redis.call('HDEL', key('item', item), 'fence', 'worker', 'ticket')
  redis.call('ZREM', key('leases'), item)
  local batch, number = clip_of(item)
  if not batch then
    return true
  end
  if redis.call('HGET', key('batch', batch), 'cancelled') == '1' then
    end_clip(batch, number, 'cancelled', 'done', 0)
    return false
  end
  redis.call('HSET', key('clip', batch, number), 'state', 'waiting', 'done', 0)
  fact(batch)
  return true
end

-- Have an item wait at the head of the index.
local function wait_first(item)
  local facts = redis.call('HMGET', key('item', item), 'queue', 'chat', 'person', 'urgent')
  local queue, urgent = facts[1], facts[4] == '1'
  join_crowd(item, queue, facts[2], facts[3])
  place_in_index(item, queue, (urgent and URGENT or 0) + number_at(clock('served', queue, urgent)))
end

-- Put a leased item back.
local function put_back(item)
  if unlease(item) then
    wait_first(item)
  end
end

-- Have a Take analysed, or a Template prepared, that is new or failed for a fault of ours.
local function open_preparation(kind, id, busy, chat, person)
  redis.call('HSET', key(kind, id), 'state', busy, 'reason', '')
  enter(kind .. ':' .. id, chat, person)
end

-- Outlook ------------------------------------------------------------------------------------------------------

local engines_of, ways = {}, {}  -- asked once, for however many outlooks

-- A Clip as outlooks tell it, but for whose it is; nil if its seat is free again.
local function on_its_way(item, now)
  if ways[item] == nil then
    local batch, number = clip_of(item)
    engines_of[batch] = engines_of[batch] or redis.call('HMGET', key('batch', batch), 'engine', 'clip_ms')
    local known = redis.call('HMGET', key('clip', batch, number), 'template', 'state', 'started_ms', 'done', 'total')
    local drawn = known[2] == 'rendering' and tonumber(known[3] or '')
    ways[item] = known[2] ~= 'storing' and {
      engines_of[batch][1] or '', known[1], engines_of[batch][2] or '0',
      drawn and tostring(math.max(now - drawn, 0)) or '', known[4], known[5]
    }
  end
  return ways[item] or nil
end

-- What a Batch has before it; most: Clips of others looked at. {ahead, seats, Clips further ahead, own Clips outside,
-- Clips in the order they are done, rates of their engines: engine, its sums, …}.
-- Ahead: how many waiting Clips stand before the first waiting one of the Batch; while it waits to be packed, how many
-- Archives come first, those that are being packed among them, and nothing else is told.
-- A Clip: {'1' if it is of the Batch, engine, Template, length in ms, ms since it was drawn ('' while it waits), frames done,
-- frames in all}; those that are drawn come first, then those that wait, up to the last one of the Batch.
local function outlook_of(id, most)
  local facts = redis.call('HMGET', key('batch', id), 'size', 'chat', 'person', 'state', 'round')

  if facts[4] == 'packing' then
    local ahead = redis.call('ZRANK', key('waiting', 'archives'), 'archive:' .. id .. ':' .. facts[5])
    if not ahead then  -- it is being packed
      return {0}
    end
    for _, item in ipairs(redis.call('ZRANGE', key('leases'), 0, -1)) do
      ahead = ahead + (string.match(item, '^archive:') and 1 or 0)
    end
    return {ahead}
  end
  if not facts[1] or not WORKING[facts[4]] then
    return {0}
  end

  local now, index = now_ms(), key('waiting', 'clips')
  local clips = {}

  local function tell(item)
    local clip = on_its_way(item, now)
    if clip then
      clips[#clips + 1] = {clip_of(item) == id and '1' or '0', unpack(clip)}
    end
  end

  local ranks, outside = {}, 0
  for number = 1, tonumber(facts[1]) do
    local rank = redis.call('ZRANK', index, 'clip:' .. id .. ':' .. number)
    if rank then
      ranks[#ranks + 1] = rank
    elseif redis.call('HGET', key('clip', id, number), 'state') == 'waiting' then
      outside = outside + 1
    end
  end
  table.sort(ranks)
  local first, last = ranks[1], ranks[#ranks]
  if not first and outside > 0 then
    -- Its Clips wait for their Take or Templates: where they would stand if they entered now.
    local start = start_of('clips', flow_of(facts[2], facts[3]), standing_of(id).urgent)
    first = redis.call('ZCOUNT', index, '-inf', start)
    last = first - 1
  end
  for _, item in ipairs(redis.call('ZRANGE', key('leases'), 0, -1)) do
    if clip_of(item) then
      tell(item)
    end
  end
  local further = 0
  if last and last >= 0 then
    -- The Batch's own Clips are looked at wherever they stand, those of others only as far as there is time for.
    for _, item in ipairs(redis.call('ZRANGE', index, 0, math.min(last, most - 1))) do
      tell(item)
    end
    further = math.max(last + 1 - most, 0)
    for _, rank in ipairs(ranks) do
      if rank >= most then
        tell(redis.call('ZRANGE', index, rank, rank)[1])
        further = further - 1
      end
    end
  end
  local seats = 0
  for _, count in ipairs(redis.call('HVALS', key('seats'))) do
    seats = seats + tonumber(count)
  end
  local rates, told = {}, {}
  for _, clip in ipairs(clips) do
    local engine = clip[2]
    if not told[engine] then
      told[engine] = true
      rates[#rates + 1] = engine
      rates[#rates + 1] = redis.call('HGETALL', key('rates', engine))
    end
  end
  return {first or 0, seats, further, outside, clips, rates}
end

-- One consistent picture of a Batch: its fields, then each Clip's; empty if unknown.
local function picture_of(id)
  local fields = redis.call('HGETALL', key('batch', id))
  if #fields == 0 then
    return {}
  end
  local picture = {fields}
  for number = 1, tonumber(redis.call('HGET', key('batch', id), 'size')) do
    picture[number + 1] = redis.call('HGETALL', key('clip', id, number))
  end
  return picture
end
