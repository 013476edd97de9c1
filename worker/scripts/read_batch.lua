-- ARGV: id. One consistent picture: the Batch's fields, then each Clip's; empty if unknown.
return answer(picture_of(ARGV[1]))
