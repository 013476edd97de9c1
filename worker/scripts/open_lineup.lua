-- ARGV: id, what it shows, how long that is kept (s), chat, person
local id, plan, ttl_s, chat, person = unpack(ARGV)
redis.call('SET', key('lineup', id), plan, 'EX', ttl_s)
enter('lineup:' .. id, chat, person)
return answer(0)
