-- Stands before every script. KEYS[1] is the prefix of all keys; records are opaque strings, never parsed here.
-- A script's answer is {its own answer, {queue, items that entered it, queue, ...}}.

local PREFIX = KEYS[1]
local FACTS_KEPT = 10000
local STARTING = '?'  -- said in place of its engines by a worker whose engine process starts

-- A queue for each kind of work, so that none waits for another: people wait for Takes and Lineups, nobody for a Template.
-- Records wait for nothing, since what is not in the store yet is lost with this server's memory.
local QUEUE_OF = {
  clip = 'clips', take = 'takes', lineup = 'takes', template = 'templates', archive = 'archives', record = 'records'
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
-- Start-time fair queueing on two levels: chats take turns, within a chat its persons do, and what one person waits for
-- comes in the order it entered. Each chat, and each person in it, has a start: the turns paid for so far. Who has the least
-- is served next and pays then, not before: a person 1, a chat 1 divided by its weight, so that one of weight 2 is served
-- twice as often. Who comes anew starts no earlier than those who are being served, so that nobody saves up turns; nobody
-- owes anything where nobody waits. What is urgent stands before all else, in an index of its own: fair among its like.
-- What needs an engine stands in the lane of that engine ('' for what needs none), so that a worker sees what it can do.
--
-- work:<queue>                   zset: all that waits, by when it entered
-- lanes:<queue>                  set: the lanes there ever were
-- Of each class of a queue (<class>: <queue>, or <queue>:urgent), and of each chat in it for its persons:
-- waits:<class>[:<chat>]         hash: how many items of each chat (person) wait
-- starts:<class>[:<chat>]        hash: the start of each chat (person); that of '*' is of who was served last
-- turns:<lane>:<class>[:<chat>]  zset: the chats (persons) that wait in a lane, by start
-- weights:<class>                hash: those of chats that wait, where it is not 1
-- line:<lane>:<class>:<chat>:<person>   zset: what waits of one person, by place

local lanes = {}  -- by queue

local function lanes_of(queue)
  lanes[queue] = lanes[queue] or redis.call('SMEMBERS', key('lanes', queue))
  return lanes[queue]
end

local function lane_of(item)
  local batch = string.match(item, '^clip:(.+):%d+$')
  return batch and redis.call('HGET', key('batch', batch), 'engine') or ''
end

local function class_of(queue, urgent)
  return urgent and queue .. ':urgent' or queue
end

local function number_at(name)
  return tonumber(redis.call('GET', name) or '0')
end

-- Where a chat of a class, or a person of level class:chat, starts that waits or would come now.
local function start_of(level, member)
  local starts = redis.call('HMGET', key('starts', level), '*', member)
  local reached, own = tonumber(starts[1] or '0'), tonumber(starts[2] or '0')
  return redis.call('HEXISTS', key('waits', level), member) == 1 and own or math.max(reached, own)
end

local function put_start(level, member, start)
  redis.call('HSET', key('starts', level), member, start)
  for _, lane in ipairs(lanes_of(string.match(level, '^%a+'))) do
    redis.call('ZADD', key('turns', lane, level), 'XX', start, member)
  end
end

-- One item more of a member in a lane, which has paid for it already or has not.
local function join(level, lane, member, paid)
  local start = start_of(level, member) - paid
  put_start(level, member, start)
  redis.call('ZADD', key('turns', lane, level), start, member)
  redis.call('HINCRBY', key('waits', level), member, 1)
end

-- One item less of a member.
local function leave(level, member)
  if redis.call('HINCRBY', key('waits', level), member, -1) > 0 then
    return
  end
  redis.call('HDEL', key('waits', level), member)
  redis.call('HDEL', key('weights', level), member)
  if redis.call('EXISTS', key('waits', level)) == 0 then
    redis.call('DEL', key('starts', level))
  end
end

-- A member that waits is served.
local function pay(level, member, price)
  local starts = redis.call('HMGET', key('starts', level), '*', member)
  local start = tonumber(starts[2])
  redis.call('HSET', key('starts', level), '*', math.max(tonumber(starts[1] or '0'), start))
  put_start(level, member, start + price)
end

local function price_of(class, chat)
  return 1 / tonumber(redis.call('HGET', key('weights', class), chat) or '1')
end

-- Have an item wait, at the place where it entered; paid: its turn is paid for, so it comes before others.
local function wait(item, paid)
  local hash = key('item', item)
  local facts = redis.call('HMGET', hash, 'queue', 'chat', 'person', 'urgent', 'weight', 'place', 'entered_ms')
  local queue, chat, person, weight = facts[1], facts[2], facts[3], tonumber(facts[5] or '1')
  local class, lane = class_of(queue, facts[4] == '1'), lane_of(item)
  if redis.call('SADD', key('lanes', queue), lane) == 1 then
    lanes[queue] = nil
  end
  if weight == 1 then
    redis.call('HDEL', key('weights', class), chat)
  else
    redis.call('HSET', key('weights', class), chat, weight)
  end
  join(class, lane, chat, paid and 1 / weight or 0)
  join(class .. ':' .. chat, lane, person, paid and 1 or 0)
  redis.call('ZADD', key('line', lane, class, chat, person), facts[6] or 0, item)
  redis.call('ZADD', key('work', queue), facts[7] or now_ms(), item)
  entered[queue] = (entered[queue] or 0) + 1
end

-- An item no longer waits.
local function stop_waiting(item, queue, lane, class, chat, person)
  local line, turns = key('line', lane, class, chat, person), key('turns', lane, class, chat)
  redis.call('ZREM', key('work', queue), item)
  redis.call('ZREM', line, item)
  if redis.call('EXISTS', line) == 0 then
    redis.call('ZREM', turns, person)
  end
  if redis.call('EXISTS', turns) == 0 then
    redis.call('ZREM', key('turns', lane, class), chat)
  end
  leave(class .. ':' .. chat, person)
  leave(class, chat)
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
  redis.call('HSET', hash, 'queue', queue, 'chat', chat, 'person', person, 'attempts', 0, 'urgent', urgent and '1' or '',
    'weight', weight, 'place', redis.call('INCR', key('places')), 'entered_ms', now_ms())
  wait(item)
end

-- Take an item out of play, whether it waits or is leased; one that waited costs nobody a turn.
local function drop(item)
  local hash = key('item', item)
  local facts = redis.call('HMGET', hash, 'queue', 'chat', 'person', 'urgent')
  if not facts[1] then
    return
  end
  if redis.call('ZSCORE', key('work', facts[1]), item) then
    stop_waiting(item, facts[1], lane_of(item), class_of(facts[1], facts[4] == '1'), facts[2], facts[3])
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

-- Put a leased item back.
local function put_back(item)
  if unlease(item) then
    wait(item, true)
  end
end

-- Have a Take analysed, or a Template prepared, that is new or failed for a fault of ours.
local function open_preparation(kind, id, busy, chat, person)
  redis.call('HSET', key(kind, id), 'state', busy, 'reason', '')
  enter(kind .. ':' .. id, chat, person)
end

-- Order --------------------------------------------------------------------------------------------------------
-- Who would be served when, if nobody else came and every worker had every engine: as draw.lua does it, without doing it.

-- The fields of a hash.
local function fields_of(name)
  local read, fields = redis.call('HGETALL', name), {}
  for at = 1, #read, 2 do
    fields[read[at]] = tonumber(read[at + 1])
  end
  return fields
end

local levels = {}  -- read once, for however many are asked for

-- The members of a level that wait, by start: {names, starts}, and by name how many items of each, and weights.
local function members_of(level)
  if not levels[level] then
    local names, starts, found = {}, {}, {}
    for _, lane in ipairs(lanes_of(string.match(level, '^%a+'))) do
      local listed = redis.call('ZRANGE', key('turns', lane, level), 0, -1, 'WITHSCORES')
      local several = #names > 0
      for at = 1, #listed, 2 do
        if not found[listed[at]] then
          names[#names + 1], found[listed[at]] = listed[at], tonumber(listed[at + 1])
        end
      end
      if several and #listed > 0 then
        table.sort(names, function(one, other)
          return found[one] < found[other] or found[one] == found[other] and one < other
        end)
      end
    end
    for at, name in ipairs(names) do
      starts[at] = found[name]
    end
    levels[level] = {names, starts, fields_of(key('waits', level)), fields_of(key('weights', level))}
  end
  return unpack(levels[level])
end

-- How many items of a level are served before one of a member that has so many of its own before it.
local function before(level, member, own)
  local names, starts, waits, weights = members_of(level)
  local start, count = start_of(level, member) + own / (weights[member] or 1), own
  for at, name in ipairs(names) do
    if starts[at] > start then
      break
    end
    if name ~= member then
      local turns = (start - starts[at]) * (weights[name] or 1)
      local whole = math.ceil(turns)
      if whole == turns and name < member then  -- of two that start alike
        whole = whole + 1
      end
      count = count + math.min(whole, waits[name])
    end
  end
  return count
end

-- How many items stand before one of a person that has so many of its own before it.
local function rank_of(queue, urgent, chat, person, own)
  local class, urgent_ones = class_of(queue, urgent), 0
  if not urgent then
    for _, count in ipairs(redis.call('HVALS', key('waits', class_of(queue, true)))) do
      urgent_ones = urgent_ones + tonumber(count)
    end
  end
  return urgent_ones + before(class, chat, before(class .. ':' .. chat, person, own))
end

-- How many items of the same person come before one that waits.
local function own_before(class, chat, person, place)
  local count = 0
  for _, lane in ipairs(lanes_of(string.match(class, '^%a+'))) do
    count = count + redis.call('ZCOUNT', key('line', lane, class, chat, person), '-inf', '(' .. place)
  end
  return count
end

-- What waits of one person in some lanes, so many at most: {item, lane, place}, by place.
local function line_of(among, class, chat, person, most)
  local line = {}
  for _, lane in ipairs(among) do
    local listed = redis.call('ZRANGE', key('line', lane, class, chat, person), 0, most - 1, 'WITHSCORES')
    for at = 1, #listed, 2 do
      line[#line + 1] = {listed[at], lane, tonumber(listed[at + 1])}
    end
  end
  table.sort(line, function(one, other)
    return one[3] < other[3] or one[3] == other[3] and one[1] < other[1]
  end)
  return line
end

-- The members of a level that may be among the next so many: {name, start, waits, price}.
local function next_members(level, most)
  local names, starts, waits, weights = members_of(level)
  local found = {}
  for at = 1, math.min(#names, most) do
    local name = names[at]
    found[at] = {name = name, start = starts[at], waits = waits[name], price = 1 / (weights[name] or 1)}
  end
  return found
end

-- Serve the next of them; nil if nobody waits.
local function serve_next(members)
  local next
  for _, member in ipairs(members) do
    local sooner = not next or member.start < next.start or member.start == next.start and member.name < next.name
    if member.waits > 0 and sooner then
      next = member
    end
  end
  if next then
    next.start, next.waits = next.start + next.price, next.waits - 1
  end
  return next
end

local firsts  -- likewise

-- The Clips that are drawn first, in that order, so many at most.
local function first_clips(most)
  if firsts then
    return firsts
  end
  firsts = {}
  for _, urgent in ipairs({true, false}) do
    local class = class_of('clips', urgent)
    local chats = next_members(class, most)
    while #firsts < most do
      local chat = serve_next(chats)
      if not chat then
        break
      end
      chat.persons = chat.persons or next_members(class .. ':' .. chat.name, most)
      local person = serve_next(chat.persons)
      person.nth = (person.nth or 0) + 1
      firsts[#firsts + 1] = line_of(lanes_of('clips'), class, chat.name, person.name, person.nth)[person.nth][1]
    end
  end
  return firsts
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
  local chat, person, urgent = facts[2], facts[3], standing_of(id).urgent

  if facts[4] == 'packing' then
    local item = 'archive:' .. id .. ':' .. facts[5]
    if not redis.call('ZSCORE', key('work', 'archives'), item) then  -- it is being packed
      return {0}
    end
    local own = own_before(class_of('archives', urgent), chat, person, redis.call('HGET', key('item', item), 'place'))
    local ahead = rank_of('archives', urgent, chat, person, own)
    for _, leased in ipairs(redis.call('ZRANGE', key('leases'), 0, -1)) do
      ahead = ahead + (string.match(leased, '^archive:') and 1 or 0)
    end
    return {ahead}
  end
  if not facts[1] or not WORKING[facts[4]] then
    return {0}
  end

  local now, class = now_ms(), class_of('clips', urgent)
  local clips = {}

  local function tell(item)
    local clip = on_its_way(item, now)
    if clip then
      clips[#clips + 1] = {clip_of(item) == id and '1' or '0', unpack(clip)}
    end
  end

  local own, places, outside = {}, {}, 0
  for number = 1, tonumber(facts[1]) do
    local item = 'clip:' .. id .. ':' .. number
    if redis.call('ZSCORE', key('work', 'clips'), item) then
      own[#own + 1] = item
      places[item] = tonumber(redis.call('HGET', key('item', item), 'place'))
    elseif redis.call('HGET', key('clip', id, number), 'state') == 'waiting' then
      outside = outside + 1
    end
  end
  table.sort(own, function(one, other)
    return places[one] < places[other]
  end)
  local first, last
  if #own > 0 then
    first = rank_of('clips', urgent, chat, person, own_before(class, chat, person, places[own[1]]))
    last = rank_of('clips', urgent, chat, person, own_before(class, chat, person, places[own[#own]]))
  elseif outside > 0 then
    -- Its Clips wait for their Take or Templates: where they would stand if they entered now.
    local before_it = tonumber(redis.call('HGET', key('waits', class, chat), person) or '0')
    first = rank_of('clips', urgent, chat, person, before_it)
    last = first - 1
  end
  for _, item in ipairs(redis.call('ZRANGE', key('leases'), 0, -1)) do
    if clip_of(item) then
      tell(item)
    end
  end
  local further = 0
  if last then
    -- The Batch's own Clips are looked at wherever they stand, those of others only as far as there is time for.
    for rank, item in ipairs(first_clips(most)) do
      if rank <= last + 1 then
        tell(item)
        places[item] = nil
      end
    end
    further = math.max(last + 1 - most, 0)
    for _, item in ipairs(own) do
      if places[item] then
        tell(item)
        further = math.max(further - 1, 0)
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
