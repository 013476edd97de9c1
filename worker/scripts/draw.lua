-- ARGV: queue, worker, ticket, ttl_ms, nonce. The next item with its lease, in one step.
local queue, worker, ticket, ttl_ms, nonce = unpack(ARGV)
local LOOKED_AT, MOST_PASSED = 32, 8
local memory = key('once', nonce)
local drawn = redis.call('GET', memory)
if drawn then  -- the same call again, after a broken connection
  local facts = redis.call('HMGET', key('item', drawn), 'fence', 'attempts', 'worker')
  return answer(facts[3] == worker and {drawn, facts[1], facts[2]} or false)
end

-- The first of a level of this class: a chat, or a person of one.
local function first_of(level)
  return redis.call('ZRANGE', key('turns', level), 0, 0)[1]
end

-- A Clip of the same person whose Template lies on this worker's disk already is drawn instead of the one that is due: nobody
-- else notices. A hint, not a duty: what was passed over so often is drawn by anybody.
local function at_hand(line, due)
  local held = key('held', worker)
  if queue ~= 'clips' or redis.call('EXISTS', held) == 0 then
    return due
  end
  local function is_held(item)
    local batch, number = clip_of(item)
    return redis.call('SISMEMBER', held, redis.call('HGET', key('clip', batch, number), 'template')) == 1
  end
  if tonumber(redis.call('HGET', key('item', due), 'passed') or '0') >= MOST_PASSED or is_held(due) then
    return due
  end
  for _, item in ipairs(redis.call('ZRANGE', line, 1, LOOKED_AT - 1)) do
    if is_held(item) then
      redis.call('HINCRBY', key('item', due), 'passed', 1)
      return item
    end
  end
  return due
end

-- The item whose turn it is in a class; it is paid for.
local function next_in(class)
  while true do
    local chat = first_of(class)
    if not chat then
      return nil
    end
    local person = first_of(class .. ':' .. chat)
    local line = key('line', class, chat, person)
    local item = at_hand(line, redis.call('ZRANGE', line, 0, 0)[1])
    local in_play = redis.call('EXISTS', key('item', item)) == 1  -- else a front end of an older version took it out
    if in_play then
      pay(class, chat, price_of(class, chat))
      pay(class .. ':' .. chat, person, 1)
    end
    stop_waiting(item, queue, class, chat, person)
    if in_play then
      return item
    end
  end
end

local item = next_in(class_of(queue, true)) or next_in(class_of(queue, false))
if not item then
  return answer(false)
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
return answer({item, fence, tostring(attempts)})
