-- ARGV: id, record, name, name as it is compared
local id, record, name, folded = unpack(ARGV)
local hash = key('template', id)
if redis.call('EXISTS', hash) == 0 then
  local names, suffix, number = key('templates'), '', 1
  while redis.call('HEXISTS', names, folded .. suffix) == 1 do
    number = number + 1
    suffix = ' ' .. number
  end
  redis.call('HSET', names, folded .. suffix, id)
  redis.call('HSET', hash, 'record', record, 'name', name .. suffix, 'folded', folded .. suffix, 'facts', '')
  open_preparation('template', id, 'preparing', 'library', '')
end
return answer(redis.call('HGETALL', hash))
