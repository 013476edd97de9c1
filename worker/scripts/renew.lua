-- ARGV: ttl_ms, then item, fence for each lease. For each: 'ok', 'stop' (nobody wants it any more) or 'lost'.
local until_ms = now_ms() + ARGV[1]
local verdicts = {}
for at = 2, #ARGV, 2 do
  local item, fence = ARGV[at], ARGV[at + 1]
  local verdict = 'lost'
  if holds(item, fence) then
    redis.call('ZADD', key('leases'), until_ms, item)
    local batch = clip_of(item)
    verdict = batch and redis.call('HGET', key('batch', batch), 'cancelled') == '1' and 'stop' or 'ok'
  end
  verdicts[#verdicts + 1] = verdict
end
return answer(verdicts)
