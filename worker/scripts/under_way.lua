-- ARGV: chat, person ('' for all), most looked through, most told, most Clips of others looked at.
-- The Batches about which something is still to come, newest first: {how many, {id, picture, outlook}, ...}.
local chat, person, most, told = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local name = person == '' and key('history', chat) or key('history', chat, person)
local found, count = {}, 0
for _, id in ipairs(redis.call('ZREVRANGE', name, 0, most - 1)) do
  local state = redis.call('HGET', key('batch', id), 'state')
  if state and not ENDED[state] then
    count = count + 1
    if count <= told then
      found[count] = {id, picture_of(id), outlook_of(id, tonumber(ARGV[5]))}
    end
  end
end
return answer({count, unpack(found)})
