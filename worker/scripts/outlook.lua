-- ARGV: id, most Clips of others looked at. Answers as outlook_of does.
return answer(outlook_of(ARGV[1], tonumber(ARGV[2])))
