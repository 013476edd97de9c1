-- ARGV: item, fence, state, facts, reason. The end of a lease's work; answers 0 if the lease is not held (any more).
-- facts: a Clip's result, a Take's or Template's facts, an Archive's 'key size name' and, on a line
-- of its own, its further parts; nothing where no Archive was wanted.
-- Of a rendered Clip further: engine, megapixels rendered, its Template's length in s.
local item, fence, state, facts, reason = unpack(ARGV, 1, 5)
if not holds(item, fence) then
  return answer(0)
end
local kind, rest = string.match(item, '^(%a+):(.+)$')
if state == 'failed' then
  fail(item, reason)
elseif kind == 'clip' then
  local batch, number = clip_of(item)
  if state == 'done' then
    local clip = key('clip', batch, number)
    redis.call('HSET', clip, 'done', redis.call('HGET', clip, 'total'))
    if ARGV[6] then
      learn(clip, ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]))
    end
    end_clip(batch, number, state, 'result', facts)
  else
    end_clip(batch, number, state, 'reason', reason)
  end
elseif kind == 'take' then
  drop(item)
  settle_take(rest, state, facts, reason)
elseif kind == 'template' then
  drop(item)
  settle_template(rest, state, facts, reason)
elseif kind == 'record' and redis.call('HDEL', key('item', item), 'again') == 1 then  -- the Batch changed meanwhile
  redis.call('HSET', key('item', item), 'attempts', 0)
  put_back(item)
elseif kind == 'record' or kind == 'lineup' then
  drop(item)
else
  drop(item)
  local batch = string.match(rest, '^(.+):%d+$')
  local archive_key, size, name, more = string.match(facts, '^(%S+) (%d+) ([^\n]+)\n(.*)$')
  if archive_key then
    redis.call('HSET', key('batch', batch), 'archive_key', archive_key, 'archive_size', size, 'archive_name', name,
      'more_archives', more)
  end
  redis.call('HDEL', key('batch', batch), 'packed')
  ready(batch)
end
return answer(1)
