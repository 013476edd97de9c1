-- ARGV: item, fence, state, facts, reason. The end of a lease's work; answers 0 if the lease is not held (any more).
-- facts: a Clip's result, a Take's or Template's facts, an Archive's 'key size name'.
local item, fence, state, facts, reason = unpack(ARGV)
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
elseif kind == 'record' or kind == 'lineup' then
  drop(item)
else
  drop(item)
  local batch = string.match(rest, '^(.+):%d+$')
  local archive_key, size, name = string.match(facts, '^(%S+) (%d+) (.+)$')
  redis.call('HSET', key('batch', batch), 'archive_key', archive_key, 'archive_size', size, 'archive_name', name)
  ready(batch)
end
return answer(1)
