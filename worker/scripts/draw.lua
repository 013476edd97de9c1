-- ARGV: queue, worker, ticket, ttl_ms, nonce. The next item with its lease, in one step.
local queue, worker, ticket, ttl_ms, nonce = unpack(ARGV)
local LOOKED_AT, MOST_PASSED = 32, 8
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

local index = key('waiting', queue)
local popped = redis.call('ZPOPMIN', index)
if #popped == 0 then
  return answer(false)
end
local due, score = popped[1], tonumber(popped[2])

-- A Clip of the same flow whose Template lies on this worker's disk already takes the place of the one that is due, and that
-- one its: no other flow notices. A hint, not a duty: what was passed over so often is drawn by anybody.
local function at_hand()
  local held = key('held', worker)
  if redis.call('EXISTS', held) == 0 then
    return due
  end
  local function is_held(item)
    local batch, number = clip_of(item)
    return redis.call('SISMEMBER', held, redis.call('HGET', key('clip', batch, number), 'template')) == 1
  end
  local facts = redis.call('HMGET', key('item', due), 'chat', 'person', 'passed')
  if tonumber(facts[3] or '0') >= MOST_PASSED or is_held(due) then
    return due
  end
  local following = redis.call('ZRANGE', index, 0, LOOKED_AT - 1, 'WITHSCORES')
  for at = 1, #following, 2 do
    local item, place = following[at], tonumber(following[at + 1])
    local flow = redis.call('HMGET', key('item', item), 'chat', 'person')
    if flow[1] == facts[1] and flow[2] == facts[2] and (place < 0) == (score < 0) and is_held(item) then
      redis.call('ZREM', index, item)
      redis.call('ZADD', index, place, due)
      redis.call('HINCRBY', key('item', due), 'passed', 1)
      return item
    end
  end
  return due
end

local item = queue == 'clips' and at_hand() or due
local hash = key('item', item)
serve(item, queue, score)
-- From the time on, so that no lease is taken for one, and no object for one, of before this server lost its memory.
redis.call('SETNX', key('fence'), string.format('%.0f', now_ms()))
local fence = string.format('%.0f', redis.call('INCR', key('fence')))
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
