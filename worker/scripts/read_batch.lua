-- ARGV: id. One consistent picture: the Batch's fields, then each Clip's; empty if unknown.
local id = ARGV[1]
local fields = redis.call('HGETALL', key('batch', id))
if #fields == 0 then
  return answer({})
end
local picture = {fields}
for number = 1, tonumber(redis.call('HGET', key('batch', id), 'size')) do
  picture[number + 1] = redis.call('HGETALL', key('clip', id, number))
end
return answer(picture)
