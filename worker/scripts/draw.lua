-- ARGV: queue, worker, ticket, ttl_ms, nonce. The next item with its lease, in one step; 'others' if only what others can do
-- waits.
local queue, worker, ticket, ttl_ms, nonce = unpack(ARGV)
local CHATS_LOOKED_AT, ITEMS_LOOKED_AT, MOST_PASSED = 4, 32, 8

-- How many workers died of an item, as far as is known, and how often it was put off.
local function past_of(item)
  local past = redis.call('HMGET', key('item', item), 'deaths', 'put_off')
  return {past[1] or '0', past[2] or '0'}
end

local memory = key('once', nonce)
local drawn = redis.call('GET', memory)
if drawn then  -- the same call again, after a broken connection
  local facts = redis.call('HMGET', key('item', drawn), 'fence', 'attempts', 'worker')
  return answer(facts[3] == worker and {drawn, facts[1], facts[2], unpack(past_of(drawn))} or false)
end

-- The lanes from which this worker draws: of the engines it names and, so that somebody says that there is none, of those
-- that no worker alive names, nor may name once it has started. One that tells nothing of its engines draws from all.
local function lanes_here()
  local told = redis.call('HGET', key('engines'), worker)
  if queue ~= 'clips' or not told then
    return lanes_of(queue)
  end
  local function names(engines, lane)
    return string.find(',' .. engines .. ',', ',' .. lane .. ',', 1, true) ~= nil
  end
  local function is_nobodys(lane)
    for _, engines in ipairs(redis.call('HVALS', key('engines'))) do
      if engines == STARTING or names(engines, lane) then
        return false
      end
    end
    return true
  end
  local found, runs_some = {}, told ~= '' and told ~= STARTING
  for _, lane in ipairs(lanes_of(queue)) do
    if runs_some and (lane == '' or names(told, lane) or is_nobodys(lane)) then
      found[#found + 1] = lane
    end
  end
  return found
end

local here = lanes_here()

-- Those of a level who are due alike, so many at most of each lane.
local function due_in(level, most)
  local first, least, found, known = nil, nil, {}, {}
  for _, lane in ipairs(here) do
    local listed = redis.call('ZRANGE', key('turns', lane, level), 0, 0, 'WITHSCORES')
    local sooner = listed[1] and first and tonumber(listed[2]) - tonumber(least) or -1
    if listed[1] and (sooner < 0 or sooner == 0 and listed[1] < first) then
      first, least = listed[1], listed[2]
    end
  end
  if most == 1 then
    return {first}
  end
  for _, lane in ipairs(least and here or {}) do
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', key('turns', lane, level), least, least, 'LIMIT', 0, most)) do
      if not known[name] then
        found[#found + 1], known[name] = name, true
      end
    end
  end
  if #here > 1 then
    table.sort(found)
  end
  return found
end

-- What waits of the person who is due in a chat: the person, and the first items so many at most.
local function next_ones(class, chat, most)
  local person = due_in(class .. ':' .. chat, 1)[1]
  return person, line_of(here, class, chat, person, most)
end

local held = key('held', worker)
local holds_some = queue == 'clips' and redis.call('EXISTS', held) == 1

local function is_held(item)
  local batch, number = clip_of(item)
  return redis.call('SISMEMBER', held, redis.call('HGET', key('clip', batch, number), 'template')) == 1
end

-- Who is due in a class: chat, person, {item, lane}. A Clip of this person, or else of another chat that is due alike, whose
-- Template lies on this worker's disk already is drawn first: nobody's turn is lost. A hint, not a duty: what was passed over
-- so often is drawn by anybody.
local function next_in(class)
  local chats = due_in(class, holds_some and CHATS_LOOKED_AT or 1)
  if not chats[1] then
    return nil
  end
  local person, items = next_ones(class, chats[1], 1)
  local due = items[1]
  if not holds_some or tonumber(redis.call('HGET', key('item', due[1]), 'passed') or '0') >= MOST_PASSED then
    return chats[1], person, due
  end
  for _, chat in ipairs(chats) do
    local whose, following = next_ones(class, chat, ITEMS_LOOKED_AT)
    for _, each in ipairs(following) do
      if is_held(each[1]) then
        if each[1] ~= due[1] then
          redis.call('HINCRBY', key('item', due[1]), 'passed', 1)
        end
        return chat, whose, each
      end
    end
  end
  return chats[1], person, due
end

-- The item whose turn it is in a class; it is paid for.
local function serve_in(class)
  while true do
    local chat, person, next = next_in(class)
    if not chat then
      return nil
    end
    local item, lane = next[1], next[2]
    local in_play = redis.call('EXISTS', key('item', item)) == 1  -- else a front end of an older version took it out
    if in_play then
      pay(class, chat, price_of(class, chat))
      pay(class .. ':' .. chat, person, 1)
    end
    stop_waiting(item, queue, lane, class, chat, person)
    if in_play then
      return item
    end
  end
end

local item = serve_in(class_of(queue, true)) or serve_in(class_of(queue, false))
if not item then
  if redis.call('EXISTS', key('work', queue)) == 0 then
    return answer(false)
  end
  entered[queue] = 1  -- another's ticket
  return answer('others')
end
local hash = key('item', item)
-- From the time on, so that no lease is taken for one, and no object for one, of before this server lost its memory.
redis.call('SETNX', key('fence'), string.format('%.0f', now_ms()))
-- With the nonce, since a replica that becomes master may not have heard of the last numbers, and counts them again.
local fence = string.format('%.0f-%s', redis.call('INCR', key('fence')), nonce)
local attempts = redis.call('HINCRBY', hash, 'attempts', 1)
redis.call('HSET', hash, 'fence', fence, 'worker', worker, 'ticket', ticket, 'drawn_ms', now_ms())
redis.call('ZADD', key('leases'), now_ms() + ttl_ms, item)
redis.call('SET', memory, item, 'EX', 60)
local batch, number = clip_of(item)
if batch then
  local clip = key('clip', batch, number)
  redis.call('HSET', clip, 'state', 'rendering', 'attempts', attempts, 'started_ms', now_ms(), 'rendered_ms', '')
  look(batch)
end
return answer({item, fence, tostring(attempts), unpack(past_of(item))})
