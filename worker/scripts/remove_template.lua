-- ARGV: id
local id = ARGV[1]
local hash = key('template', id)
local folded = redis.call('HGET', hash, 'folded')
if folded then
  redis.call('HDEL', key('templates'), folded)
end
redis.call('DEL', hash)
drop('template:' .. id)
look_at_waiting('template', id)
return answer(0)
