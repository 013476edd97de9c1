-- ARGV: ms whose facts are asked for (0: none), then the queues.
-- For each queue: its name, how many wait of each kind (kind, count, ...), since when the oldest waits. Then what is leased,
-- which Batches had a fact, the time, and whether facts of that time may be missing.
local still_ms = tonumber(ARGV[1])
local queues = {}
for at = 2, #ARGV do
  local kinds, work = {}, key('work', ARGV[at])
  for _, item in ipairs(redis.call('ZRANGE', work, 0, -1)) do
    local kind = string.match(item, '^%a+')
    kinds[kind] = (kinds[kind] or 0) + 1
  end
  local flat = {}
  for kind, count in pairs(kinds) do
    flat[#flat + 1] = kind
    flat[#flat + 1] = count
  end
  queues[#queues + 1] = {ARGV[at], flat, redis.call('ZRANGE', work, 0, 0, 'WITHSCORES')[2] or ''}
end
local leases = {}
local listed = redis.call('ZRANGE', key('leases'), 0, -1, 'WITHSCORES')
for at = 1, #listed, 2 do
  local facts = redis.call('HMGET', key('item', listed[at]), 'worker', 'drawn_ms', 'attempts')
  local seats = redis.call('HGET', key('seats'), facts[1] or '')
  leases[#leases + 1] = {listed[at], listed[at + 1], facts[1] or '', facts[2] or '', facts[3] or '1', seats or ''}
end
local seen, heard = {}, {}
if still_ms > 0 then
  heard = redis.call('XREVRANGE', key('facts'), '+', now_ms() - still_ms)
end
local moving = {}
for _, entry in ipairs(heard) do
  local batch = entry[2][2]
  if not seen[batch] then
    seen[batch] = true
    moving[#moving + 1] = batch
  end
end
return answer({queues, leases, moving, tostring(now_ms()), #heard >= FACTS_KEPT and 1 or 0})
