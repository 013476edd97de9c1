# What Chorus says in English. A sentence says what happened, where, and what to do, without blame.
# ".advice" is what to do; lists of progress show only what happened.

## Reasons

reason-unreadable = “{ $name }” holds neither sound nor video that can be played.
    .advice = It may be cut off or damaged; please send it again, or another recording.
reason-empty = “{ $name }” is empty: it has 0 bytes.
    .advice = Please send it again.
reason-not_a_recording = “{ $name }” is not a recording but { $found ->
        [text] a text
        [picture] a picture
        [archive] an archive
        [PDF] a PDF
        [document] a document
        [program] a program
        [playlist] a playlist
       *[other] something else ({ $found })
    }.
    .advice = Please send a voice note, an audio file or a video with sound.
reason-no_sound = “{ $name }” is a video without sound.
    .advice = Please send a recording in which somebody speaks.
reason-no_speech = I heard nobody speak in the { NUMBER($seconds, maximumFractionDigits: 1) } s of this recording.
    .advice = Please speak closer to the microphone and send it again.
reason-take_too_short = This recording has only { NUMBER($seconds, maximumFractionDigits: 2) } s; it takes at least { NUMBER($limit_s, maximumFractionDigits: 1) } s.
    .advice = Please send a longer one.
reason-take_too_long = This recording is { NUMBER($seconds, maximumFractionDigits: 0) } s long; up to { NUMBER($limit_s, maximumFractionDigits: 0) } s are possible.
    .advice = Please send it in parts.
reason-not_a_video = “{ $name }” is not a video but { $found ->
        [sound] a recording without a picture
        [text] a text
        [picture] a picture
        [archive] an archive
        [PDF] a PDF
        [document] a document
        [program] a program
        [playlist] a playlist
       *[other] something else ({ $found })
    }.
    .advice = A template needs a video that shows a presenter.
reason-picture = “{ $name }” is a picture.
    .advice = A template needs a video; please add one in which the presenter moves.
reason-no_face = I found no face at second { NUMBER($second, minimumFractionDigits: 1, maximumFractionDigits: 1) } (frame { NUMBER($frame, useGrouping: 0) }).
    .advice = Please use a video in which one face looks into the camera all the time.
reason-video_too_large = The video has { NUMBER($width_px, useGrouping: 0) }×{ NUMBER($height_px, useGrouping: 0) } pixels, which are { NUMBER($megapixels, maximumFractionDigits: 1) } megapixels; up to { NUMBER($limit_megapixels, maximumFractionDigits: 1) } are possible.
    .advice = Please scale it down.
reason-video_too_long = The video is { NUMBER($seconds, maximumFractionDigits: 0) } s long; up to { NUMBER($limit_s, maximumFractionDigits: 0) } s are possible.
    .advice = Please cut it; short videos are repeated by themselves.
reason-unsupported = The format { $codec } at second { NUMBER($second, maximumFractionDigits: 1) } cannot be played here.
    .advice = Please convert it to MP4 (H.264 and AAC) and send it again.
reason-not_admitted = Hello! I may not work in this chat yet.
    .advice = Please ask whoever operates Chorus to add this entry to CHORUS_ALLOW: { $who } – or to type /allow here.
reason-too_many_clips = That would be { NUMBER($count, useGrouping: 0) } templates; one order may have up to { NUMBER($limit, useGrouping: 0) }.
    .advice = Please pick fewer, and order the rest afterwards.
reason-person_batches = { $used ->
    [one] 1 order of yours is
   *[other] { NUMBER($used, useGrouping: 0) } orders of yours are
} being made already; { $limit ->
    [one] only 1 at a time is
   *[other] up to { NUMBER($limit, useGrouping: 0) } at a time are
} possible.
    .advice = Nothing was ordered; your picks are kept. Start again when one has ended, or end one: /status shows them, /cancel ends one.
reason-chat_batches = { $used ->
    [one] 1 order of this chat is
   *[other] { NUMBER($used, useGrouping: 0) } orders of this chat are
} being made already; { $limit ->
    [one] only 1 at a time is
   *[other] up to { NUMBER($limit, useGrouping: 0) } at a time are
} possible.
    .advice = Nothing was ordered; your picks are kept. Start again when one has ended: /status shows them.
reason-person_minutes = This order would have { $minutes ->
    [1] 1 minute
   *[other] { NUMBER($minutes, maximumFractionDigits: 1, useGrouping: 0) } minutes
} of video; you have ordered { NUMBER($used, maximumFractionDigits: 1, useGrouping: 0) } today, and up to { NUMBER($limit, maximumFractionDigits: 1, useGrouping: 0) } are possible in a day.
    .advice = Nothing was ordered; your picks are kept. Pick fewer templates, or start it again tomorrow: the day ends at 00:00 ({ $zone }). An administrator may order more.
reason-chat_minutes = This order would have { $minutes ->
    [1] 1 minute
   *[other] { NUMBER($minutes, maximumFractionDigits: 1, useGrouping: 0) } minutes
} of video; { NUMBER($used, maximumFractionDigits: 1, useGrouping: 0) } were ordered in this chat today, and up to { NUMBER($limit, maximumFractionDigits: 1, useGrouping: 0) } are possible in a day.
    .advice = Nothing was ordered; your picks are kept. Pick fewer templates, or start it again tomorrow: the day ends at 00:00 ({ $zone }). An administrator may order more.
reason-queue_full = So many people are waiting for videos just now that no more orders are taken: { NUMBER($used, useGrouping: 0) } videos are to be made, and { NUMBER($limit, useGrouping: 0) } are the most.
    .advice = Nothing was ordered; your picks are kept. Please start again in a while.
reason-file_too_large = The file has { NUMBER($size_mb, useGrouping: 0) } MB; up to { NUMBER($limit_mb, useGrouping: 0) } MB can be received here.
    .advice = Please send a shorter recording, or save it as MP3 or M4A.
reason-unknown_template = There is no template “{ $name }”.
    .advice = /templates shows all of them.
reason-template_twice = “{ $name }” was named twice; it counts once.
    .advice = Each template gives one video.
reason-unknown_command = I do not know the command { $command }.
    .advice = /help lists those there are.
reason-unknown_batch = There is no order { $code } in this chat.
    .advice = /history lists yours.
reason-template_gone = The template “{ $name }” was removed from the library.
    .advice = Please pick another one: /templates
reason-take_gone = The recording “{ $name }” is no longer kept.
    .advice = Please send it again.
reason-clip_gone = The video was made, but its file is gone.
    .advice = Please have it made again.
reason-background_gone = The picture “{ $name }” for the background is no longer kept.
    .advice = Please send it again, or order with /settings background none
reason-background_unreadable = The picture “{ $name }” for the background cannot be read.
    .advice = Please send another one (JPEG, PNG or WebP), or order with /settings background none
reason-engine_unavailable = The engine { $engine } cannot be used here.
    .advice = For whoever operates Chorus: { $advice }
reason-incident = Something went wrong on our side (incident { $incident }).
    .advice = Please try again; if it stays, give that number to whoever operates Chorus.

## What the check of a finished video has against it, in the middle of a sentence

flag-length = it may have been cut short
flag-offset = sound and picture may not be in step
flag-tracking = the mouth may not follow the words well
flag-outside = something besides the mouth may have changed
flag-silence = the mouth may be open while nobody speaks

## Times

duration-seconds = { $seconds } s
duration-minutes = { $seconds ->
    [0] { $minutes } min
   *[other] { $minutes } min { $seconds } s
}
duration-hours = { $minutes ->
    [0] { $hours } h
   *[other] { $hours } h { $minutes } min
}
lifetime-minutes = { $minutes ->
    [one] 1 minute
   *[other] { $minutes } minutes
}
lifetime-hours = { $hours ->
    [one] 1 hour
   *[other] { $hours } hours
}
lifetime-days = { $days ->
    [one] 1 day
   *[other] { $days } days
}

## First contact

hint = { $way ->
    [quote] Quote a file with a recording of somebody speaking and @ me
    [press] Hold a voice note or an audio file, quote it and @ me
    [file] Send me a file with a recording of somebody speaking (m4a, mp3, wav, amr)
   *[voice] Send me a recording of somebody speaking
}, and I make a video of it with every presenter you pick. /help shows what else I can do.
help =
    Send a recording, pick templates, and get one lip-synced video for each.
    1. { $way ->
        [quote] Quote an audio file, or a video with sound, and @ me; in a group, @ me in each message. Voice notes come without their sound here.
        [press] Hold a voice note, an audio file or a video with sound, quote it and @ me; in a group, @ me in each message.
        [file] Send an audio file (m4a, mp3, wav, amr) or a video with sound. Voice notes come without their sound here.
       *[voice] Send a voice note, an audio file or a video with sound.
    }
    2. Type the numbers of the templates, like 1 3 or 1-3, or “all”. -2 takes one out again.
    3. Type “go”. With “1 3 go” both are done at once; up to { $limit } templates in one order.
    { "" }
    /new – start afresh
    /templates – the presenters there are
    /preset – picks kept under a name
    /status – how far it is; /status CODE for one order
    /cancel – stop an order, or drop the one you are putting together
    /history – what you ordered
    /zip – new links
    /retry – make what failed again
    /delete – delete an order with its videos and recording
    /clear – delete everything that has ended
    /settings – language, background, captions, sound; also the limits
    { "" }
    A picture you send becomes the background where a template has a green screen.
more-help = More: /help recording, templates, options, result or privacy
help-recording =
    Recordings
    { $way ->
        [quote] An audio file, or a video whose sound is taken: put it into the group, then quote it and @ me
        [press] A voice note, an audio file, or a video whose sound is taken: hold it, quote it and @ me; or send it to me alone
        [file] An audio file, or a video whose sound is taken; in a group, quote the file and @ me
       *[voice] A voice note, an audio file, or a video whose sound is taken
    }: up to { $length } and { $size }.{ $dub ->
        [yes] { " " }In a group, answer anybody's recording with /dub.
       *[no] { "" }
    }
    Speak near the microphone, in a quiet room. Any language will do. I tell you what I heard, and what could be better.
    A second recording takes the place of the first; your picks stay.
help-templates =
    Templates
    Each template is a presenter, and each one you pick becomes a video. /templates shows all of them.
    Type numbers (1 3, 1-3), names or “all”; -2 takes one out. Up to { $limit } in one order.
    /preset save NAME keeps what is picked, /preset NAME picks it again.
help-options =
    Options
    /settings shows them, with a button for each: background, captions, loudness, silence, noise, how a short template goes on, the label.
    Or type one: /settings background blue. They are kept for you in this chat, and an offer says which differ from the usual.
    A picture you send becomes the background where a template has a green screen.
help-result =
    The result
    One message shows how far it is. Then you get a link to a ZIP with everything, and one for each video; they work for { $lifetime } at most, and the message says how long.
    /zip CODE makes new links, /retry CODE makes what failed again, /cancel CODE stops an order and keeps what is done. /history lists them.
    Each video was checked; if something looks wrong in one, its line says so.
help-privacy =
    Privacy
    Recordings, videos and orders are stored by whoever operates Chorus, on their own machines or in a store they chose; nothing goes to anybody else.
    A link works for { $lifetime } at most, for everybody who has it. /delete CODE deletes an order with its videos and its recording, /clear all that have ended; how long the rest is kept is for the operator to say.
    In a group I keep only what is meant for me: recordings, commands, answers to me.
    Each video says that AI made it, in the picture and inside the file.
button-help-overview = Overview
button-help-recording = Recordings
button-help-templates = Templates
button-help-options = Options
button-help-result = The result
button-help-privacy = Privacy
fresh = A fresh start. { $way ->
    [quote] Quote a recording as a file and @ me
    [press] Hold a voice note, quote it and @ me
    [file] Send me a recording as a file (m4a, mp3, wav, amr)
   *[voice] Send me a recording
}, or look at the presenters first: /templates
fresh-pick = A fresh start. { $way ->
    [quote] Quote a recording as a file and @ me
    [press] Hold a voice note, quote it and @ me
    [file] Send me a recording as a file (m4a, mp3, wav, amr)
   *[voice] Send me a recording
}, and pick templates:
did-you-mean = Did you mean { $command }?

## Recording

fetching = Fetching “{ $name }” ({ $size }), that may take some minutes …
listening = Got “{ $name }”, listening …
listening-words = It says: “{ $words }”
album-one = One order takes one recording: I take “{ $name }”. Please send the others again, one at a time: { $names }
media-gone = “{ $name }” could not be fetched, the chat no longer has it. Please send it again.
take-heard = “{ $name }”: { $speech } of speech in { $length }.
heard-and-started = { $speech } of speech. Here we go.

## Templates

pick-templates = Pick templates:
pick-how = Type numbers, like 1 3 or 1-3, or “all”. Then “go”; or at once: 1 3 go
pick-go-tap = { $count ->
    [one] 1 template picked.
   *[other] { $count } templates picked.
} Tap Start, or more of them.
pick-tap = Tap those you want, then Start. Or type: 1 3 go
pick-how-without-recording = { $way ->
    [quote] Quote a recording as a file and @ me
    [press] Hold a voice note, quote it and @ me
    [file] Send me a recording as a file (m4a, mp3, wav, amr)
   *[voice] Send me a recording
} and type the numbers, like 1 3 or 1-3, or “all”.
page-of = These are { $first } to { $last } of { $count }; type “more” or “back” for the others.
pick-go = { $count ->
    [one] 1 template picked.
   *[other] { $count } templates picked.
} Type “go” to start, or more numbers.
library-head = { $count ->
    [one] 1 template:
   *[other] { $count } templates:
}
library-empty = There are no templates yet. Whoever operates Chorus adds them with: chorus templates add
template-preparing = preparing …
template-screen-green = green screen
template-screen-alpha = transparent background
template-unusable = It cannot be used.
picked = Picked { $count }: { $names }
picked-none = Nothing is picked.
picked-broken = “{ $name }” will not work: { $reason } The others go on.
send-recording = { $way ->
    [quote] Now quote the recording and @ me.
    [press] Now hold the recording, quote it and @ me.
    [file] Now send me the recording as a file (m4a, mp3, wav, amr).
   *[voice] Now send me the recording.
}
type-go = Type “go” to start with “{ $take }”.
number-gone = Number { $number } is no longer in the library; the other numbers mean what they meant. /templates lists what there is.
urgent = Urgent: this order goes before all others.
urgent-admins = Only administrators order urgently; this order takes its turn.
nothing-picked = No template is picked yet. Type their numbers; /templates shows them.
nothing-to-start = There is nothing to start yet. { $way ->
    [quote] Quote a recording as a file and @ me
    [press] Hold a voice note, quote it and @ me
    [file] Send me a recording as a file (m4a, mp3, wav, amr)
   *[voice] Send me a recording
} and pick templates: /templates
size-about = That will be about { $size }.
size-parts = That will be about { $size }. Many phones and computers open no ZIP above { $limit }, so it comes in about { $count } ZIPs, each of which opens by itself. “/settings zip one” makes one of them, “/settings zip none” sends only a link to each video.
size-one = That will be about { $size }, in one ZIP as you wish. Many phones and computers open none above { $limit }: “/settings zip parts” makes several, “/settings zip none” sends only a link to each video.
button-zip-parts = Several ZIPs
button-zip-one = One ZIP
button-zip-none = Only links
starts-with-recording = I start as soon as you send the recording.
starts-when-heard = I start as soon as I have listened to the recording.
button-start = Start
button-empty = Pick anew
button-all = All
button-last = As the last time
button-before = ‹ { $first }–{ $last }
button-after = { $first }–{ $last } ›
button-files = As files
button-zip-file = ZIP as a file
files-typed = To get the ZIP itself, type /zip { $code } file
files-none = { $code } has nothing that can be sent as a file: files here may have up to { $limit }. /zip { $code } gives links.
files-sent = The files of { $code } are in this chat already, further up. /zip { $code } gives links.
files-coming = The files of { $code } are being sent to this chat just now.
files-refused = I may not send files in this chat. Whoever administers it can allow that; then press the button again. The links work as before, and /zip { $code } gives new ones.
files-left = Not sent as files: { $names }. Files here may have up to { $limit }; /zip { $code } makes links to what is still kept.
button-cancel = Cancel
offer-closed = Ordered, with “{ $take }”.
given-up = Nothing was ordered, and your picks are gone. Send a recording whenever you like.
give-up-outdated = That was about an earlier recording. /cancel gives up the order with “{ $take }”.
offer-outdated = That was offered for an earlier recording. Type “go” to start with “{ $take }”, or send the earlier one again.
offer-replaced = Another recording came: “{ $take }”.

preset-head = What you keep here:
preset-line = ★ { $name }: { $names }
preset-none = You keep nothing here yet.
preset-how = “/preset save NAME” keeps what is picked, “/preset NAME” picks it again, “/preset remove NAME” forgets it.
preset-nothing = Nothing is picked, and nothing was ordered here yet. Pick templates first: /templates
preset-saved = “{ $name }” is kept: { $names }. “/preset { $name }” picks it again.
preset-removed = “{ $name }” is no longer kept.
preset-unknown = You keep nothing called “{ $name }”.
preset-full = That would be more than { $limit }. “/preset remove NAME” makes room.

## Progress

accepted = Order { $code }: { $count ->
    [one] 1 video
   *[other] { $count } videos
} from “{ $take }”. I will write again when { $count ->
    [one] it is done.
   *[other] it is done; /zip { $code } gives those that are done before.
} /status { $code } · /cancel { $code }
progress-head = { $code } · “{ $take }” · { $count ->
    [one] 1 video
   *[other] { $count } videos
}
progress-size-parts = about { $size } in { $count } ZIPs
progress-size = about { $size }
progress-urgent = urgent
progress-foot = /status { $code } · /cancel { $code }
stage-queued = waiting
stage-ahead = { $count ->
    [one] 1 video of others comes first
   *[other] { $count } videos of others come first
}
stage-ahead-left = { $count ->
    [one] 1 video of others comes first, about { $left } left
   *[other] { $count } videos of others come first, about { $left } left
}
stage-preparing = preparing
stage-rendering = rendering
stage-left = about { $left } left
stage-packing = packing the ZIP
stage-packing-share = packing the ZIP, { $percent } %
stage-packing-left = packing the ZIP, { $percent } %, about { $left } left
stage-archives-ahead = { $count ->
    [one] 1 ZIP before this one
   *[other] { $count } ZIPs before this one
}
stage-cancelling = stopping …
stage-done = done
stage-partial = ended, not all worked
stage-failed = ended, nothing worked
stage-cancelled = cancelled
clip-waiting = waiting
clip-preparing = preparing
clip-starting = starting
clip-rendering = rendering { $percent } %
clip-storing = uploading
clip-done = done
clip-flagged = done, but { $remark }
clip-failed = failed
clip-cancelled = cancelled
clip-linked = { $line }: { $url }
clips-rest = … { $done } done, { $waiting } waiting
clips-rest-linked = … { $done } done (/zip { $code }), { $waiting } waiting
clips-unlinked = … /zip { $code } links all that are done

## Outcome

outcome-ready = { $code } is ready: { $count ->
    [one] 1 video
   *[other] { $count } videos
} from “{ $take }”.
outcome-partial = { $code }: { $done } of { $count } videos from “{ $take }” { $done ->
    [one] is
   *[other] are
} ready.
outcome-failed = { $code }: no video could be made from “{ $take }”.
outcome-cancelled = { $code } from “{ $take }” is cancelled.
outcome-cancelled-some = { $code } is cancelled; { $done } of { $count } videos from “{ $take }” { $done ->
    [one] was
   *[other] were
} done already.
outcome-failure = ✗ { $number }. { $name }: { $reason }
delayed = { $code } takes longer: a part of Chorus was away for a while. It goes on by itself; nothing has to be sent again.
outcome-plain = That kept me from showing the result of { $code } as usual: { $done } of { $count } videos { $done ->
    [one] is
   *[other] are
} done.
outcome-retry = /retry { $code } tries the failed ones again.
link-archive = All as a ZIP ({ $size }): { $url }
link-clip = ✓ { $number }. { $name } ({ $length }): { $url }
link-flagged = ⚠ { $number }. { $name } ({ $length }): { $remark }, have a look before you send it on: { $url }
link-part = Part { $part } of { $count } as a ZIP ({ $size }): { $url }
link-archive-gone = ✗ All as a ZIP: it is no longer there.
link-part-gone = ✗ Part { $part } of { $count } as a ZIP: it is no longer there.
links-parts = Each of these ZIPs opens by itself; nothing needs to be put together.
button-part = ZIP { $part }/{ $count } · { $size }
button-archive = ZIP · { $size }
links-last = The links work for { $lifetime }; /zip { $code } makes new ones.

## report.txt in the ZIP, for whoever opens it without this chat

report-head = Order { $code }
report-take = Recording: “{ $name }” ({ $length })
report-ordered = Ordered: { $when }
report-result = Videos made: { $done } of { $count }
report-kept = Kept for download: { $days ->
    [one] 1 day
   *[other] { $days } days
}, until { $day }. After that only what you saved is left.
report-made-by-ai = These videos were made by AI: the presenters did not speak these words themselves.
report-label = Every video says so, in the picture and inside the file.
report-no-label = Only the inside of the files says so, by wish of whoever ordered them; wherever you publish these videos, you must mark them as AI-generated.
report-file = { $file } · { $length } · { $size } · engine { $engine }
report-archive = In { $archive }
report-checked = Checked: nothing was found amiss.
report-flagged = Checked: { $found }. Have a look before you send it on.
report-unchecked = It could not be checked. Have a look before you send it on.
report-background-kept = The background stayed as it is in the template, because no green screen and no transparency was found there.
report-failed = Not made. { $reason }
report-cancelled = Not made: the order was cancelled before.
report-manifest = manifest.json says the same for programs, with checksums and measurements.

## Orders

no-such-batch = There is no such order in this chat. /history lists what there is.
status-idle = Nothing is running. /history lists what has ended.
status-more = … and { $count } more are running: /history
status-draft = Not ordered yet: { $take }, { $count ->
    [one] 1 template
   *[other] { $count } templates
} picked.
status-no-workers = At the moment no worker is running, so nothing moves. Your order is kept and goes on when one is back.
draft-no-recording = no recording
cancelled = { $code } is cancelled.
cancel-some = { $code } is being stopped. You get the { $done ->
    [one] video that is done.
   *[other] { $done } videos that are done.
}
cancel-too-late = { $code } cannot be cancelled any more: { $state }.
retrying = { $code }: once more for { $count ->
    [one] 1 video.
   *[other] { $count } videos.
}
retry-running = { $code } is still running; failed videos can be tried again when it has ended.
retry-waiver-of = { $code } was ordered without the visible AI label. Only { $name }, who took on the duty to mark these videos, can have it made again; you can order them anew.
retry-waiver-ended = { $code } was ordered without the visible AI label, and your agreement to mark the videos yourself has ended. “/settings label off” asks again; then /retry { $code }
retry-none = No order here has videos that failed. /history lists what there is.
retry-later = Nothing was tried again; what is done is kept. /retry { $code } does it later.
retry-nothing = In { $code } there is nothing to try again.
zip-not-yet = { $code } is not ready yet: /status { $code }
zip-so-far = { $code } is not ready yet. { $done } of { $count } videos are done:
zip-nothing = { $code } has no video to download.
zip-expired = The videos of { $code } are no longer kept. Please order them again.
zip-head = { $code }: { $done ->
    [one] 1 video
   *[other] { $done } videos
} from “{ $take }”.
history-head = Newest first:
history-line = { $code } · { $when } · “{ $take }” · { $done }/{ $count } · { $state }
history-more = /history { $page } shows older ones.
history-empty = Nothing was ordered in this chat yet. Send me a recording to begin.
history-end = There is nothing older.
button-older = Older ›
state-queued = waiting
state-preparing = preparing
state-rendering = rendering
state-packing = packing
state-ready = ready
state-delivered = delivered
state-partial = partly delivered
state-failed = failed
state-cancelled = cancelled
state-expired = no longer kept
state-expired-on = expired on { $when }
status-archives = { $count ->
    [one] 1 ZIP
   *[other] { $count } ZIPs
} ({ $sizes }): /zip { $code }
status-expired = { $code } · “{ $take }”: expired on { $when }, its videos are no longer kept. Send the recording again to have them made anew.

## Deleting

delete-running = { $code } is still running. Stop it first: /cancel { $code }
delete-sure = { $count ->
    [0] Delete { $code }?
    [one] Delete { $code } and its video for good?
   *[other] Delete { $code } and its { $count } videos for good?
} Links to it stop working, and its recording is deleted too unless another order uses it. Type “yes” or “no”.
clear-sure = { $count ->
    [one] Delete the one ended order of this chat and its videos for good?
   *[other] Delete all { $count } ended orders of this chat and their videos for good?
} Links to them stop working, and recordings that no other order uses are deleted too. Type “yes” or “no”.
clear-nothing = There is nothing to delete: no order of this chat has ended.
delete-not-now = Nothing can be deleted just now: I lost sight of the orders for a moment and am looking them up. Please try again in a minute.
deleted = { $code } is deleted.
deleted-already = It was deleted already.
cleared = { $count ->
    [one] 1 order is deleted.
   *[other] { $count } orders are deleted.
}
recordings-gone = { $count ->
    [one] The recording is deleted too.
   *[other] { $count } recordings are deleted too.
}
recordings-ordered = { $count ->
    [one] A recording stays, because another order uses it; it goes with the last of them.
   *[other] { $count } recordings stay, because other orders use them; each goes with the last of those.
}
recordings-drafted = { $count ->
    [one] A recording stays, because somebody is about to order with it; delete that order later, and it goes.
   *[other] { $count } recordings stay, because somebody is about to order with them; delete those orders later, and they go.
}
recordings-heard = { $count ->
    [one] A recording stays, because I am listening to it just now; it goes with the next order made of it, or when it has been kept long enough.
   *[other] { $count } recordings stay, because I am listening to them just now; each goes with the next order made of it, or when it has been kept long enough.
}
recordings-unsure = { $count ->
    [one] A recording stays for now, because other orders may use it; it goes with the last of them, or when it has been kept long enough.
   *[other] { $count } recordings stay for now, because other orders may use them; each goes with the last of those, or when it has been kept long enough.
}
kept = Nothing is deleted.
question-gone = That question is no longer open; nothing was changed.
button-yes = Yes
button-no = No

## Settings

settings-head = Settings
settings-language = Language: English. Change it with /settings language zh (中文)
settings-options =
    { "" }
    For your videos from now on:
settings-option = { $option }: { $meaning }
settings-others = (or { $values })
settings-how =
    Change one like this: /settings background blue. “/settings reset” brings all of them back.
    { "" }
button-set = { $option }: { $value }
settings-take = Longest recording: { $limit }
settings-file = Largest file: { $limit }
settings-clips = Templates in one order: up to { $limit }
settings-batches = Orders at a time: up to { $limit }
settings-minutes = Minutes of video in a day: up to { $limit }
settings-links = Links work for { $lifetime } at most
settings-engine = Engine: { $engine }
settings-engine-only = Engine: { $engine }, the only one here
with-engine = engine { $engine }
settings-engine-set = Done. Your videos are made by the engine { $engine } from now on.
button-engine = engine: { $engine }
button-language = 中文
language-name = English
field-language = language
field-engine = engine
field-more = Change more?
field-stay = no
settings-more = More settings
settings-same = Nothing was changed.
settings-language-set = From now on I speak English with you.
settings-set = Done. { $option }: { $meaning }.
settings-set-several = Done:
settings-reset = Done. Background, captions, sound and label are as they are by default.
settings-unknown = “{ $typed }” cannot be set. /settings shows what can.
settings-value-unknown = “{ $typed }” is not possible here.

## What can be asked of an order: what a value means, and what of it is told before the start

value-background-none = as it is in the template
value-background-blur = out of focus, in the presenter's own colours
value-background-picture = your picture “{ $name }”
value-background-colour = { $colour }
value-captions-files = as files (SRT, VTT) in the ZIP
value-captions-burned = written into the picture, and as files in the ZIP
value-captions-off = none
value-playing-bounce = a template shorter than the recording runs forward and backward
value-playing-loop = a template shorter than the recording starts over
value-playing-hold = a template shorter than the recording stands still at its end
value-trim-off = silence at the beginning and the end stays
value-trim-on = silence at the beginning and the end is cut off
value-denoise-off = noise stays as it is
value-denoise-on = steady noise is made quieter
value-loudness-on = brought to the usual level of −16 LUFS
value-loudness-off = as loud as it was recorded
value-zip-parts = one for all; above { $limit } several, each of which opens by itself
value-zip-one = one for all, however large
value-zip-none = none, only a link to each video; caption files come in a ZIP only
value-cloud-on = links lead straight to the cloud store, which is fastest
value-cloud-off = links lead through Chorus only, never to the cloud store
value-label-on = viewers read that the video is AI-generated
value-label-off = no visible label; marking the videos is up to you
with-background-blur = background blurred
with-background-picture = background “{ $name }”
with-background-colour = background { $colour }
with-captions-burned = captions in the picture
with-captions-off = no captions
with-captions-none = no captions, because I did not understand the words
with-playing-loop = short templates start over
with-playing-hold = short templates stand still
with-trim-on = silence at both ends cut off
with-denoise-on = less noise
with-loudness-off = loudness as recorded
with-zip-one = one ZIP, however large
with-zip-none = links without a ZIP
with-cloud-off = links through Chorus only
with-label-off = no visible AI label
offer-with = With: { $wishes }
cloud-none = Links lead through Chorus itself here: no cloud store is in use, so there is nothing to choose.
cloud-off = Links lead through Chorus itself here, never to the cloud store: whoever operates Chorus has decided so for everybody (CHORUS_CLOUD_DELIVERY).
cloud-only = Links can only lead to the cloud store here. Whoever operates Chorus can change that by giving its own web address (CHORUS_PUBLIC_URL).
background-colours = a colour like blue or #00aaff
background-reach = It is seen in { $names }; the other templates have no green screen and stay as they are.
background-reach-all = It is seen in every template of the library.
background-reach-none = But no template here has a green screen or is transparent, so nothing changes yet.
background-undo = “/settings background none” undoes it.
background-send-picture = Send me the picture first (JPEG, PNG or WebP); it becomes the background at once.
background-kept = The background stayed as it is in { $names }: no green screen and no transparency was found there.
picture-taken = “{ $name }” is the background from now on.
picture-unusable = “{ $name }” is no picture I can put behind a presenter. JPEG, PNG and WebP work.
picture-too-large = “{ $name }” has { $size }; a picture for the background may have up to { $limit }. Please save it smaller.
captions-no-recording = Send me a recording first; then I know whether I understand its words, and can offer captions.
captions-listening = I am still listening to the recording. Ask again when I have said what I heard.
captions-no-words = I have no words of this recording, so there can be no captions. Words need speech recognition, which whoever operates Chorus can install: “chorus check” tells how.
archive-captions = Captions (SRT, VTT) are in the ZIP.

## The visible label

waiver-question =
    Without the visible label it is your duty to mark these videos as AI-generated wherever you publish them: the law demands it, in China since 1 September 2025 (GB 45438-2025). The label inside the file always stays.
    Your name, this chat, the time and this text are recorded, and so is every order made this way; the records are kept for six months. After six months I ask again.
    Do you take on this duty? Type “yes” or “no”.
waiver-accepted = Recorded. Until { $until } your videos in this chat come without the visible label; the one inside the file stays. “/settings label on” brings it back.
waiver-declined = Nothing is recorded, and the visible label stays.
waiver-not-allowed = The visible label can only be left out by people whom the operator of Chorus has named for it. Your entry for CHORUS_LABEL_WAIVER would be: { $who }
waiver-ended = Your agreement to mark the videos yourself has ended, so the visible label is back. “/settings label off” asks again.

## Recordings and templates that are not as good as they could be

take-clipped = ⚠ The recording is clipped in its loudest places: speak a little further from the microphone.
take-noisy = ⚠ There is much noise in the recording: a quieter place helps, or “/settings denoise on”.
take-broken_off = ⚠ The file breaks off at { NUMBER($seconds, maximumFractionDigits: 1) } s of { NUMBER($declared_s, maximumFractionDigits: 1) } s; I use what is there. Send it again for all of it.
template-clipped = ⚠ Its sound is clipped; only the picture is used.
template-noisy = ⚠ Its sound is noisy; only the picture is used.
template-broken_off = ⚠ The file breaks off at { NUMBER($seconds, maximumFractionDigits: 1) } s of { NUMBER($declared_s, maximumFractionDigits: 1) } s; what is there is used.

## The terminal's own remarks

terminal-welcome = This is a chat with Chorus. Type the path of a recording or drop the file here; /help lists the commands, /quit leaves.
terminal-no-file = There is no file “{ $name }” on this machine. Please check the path; quotes help if it has spaces.
terminal-lost = The bot is away for a moment. What you write is kept and sent when it is back.
terminal-back = The bot is back.
terminal-waits = Waiting for what is still being made. Ctrl-C leaves; it goes on when Chorus runs here again.
terminal-goes-on = Something is still being made. It goes on when Chorus runs here again, and is told then.

## Telegram: the menu, and who presses what

menu-new = Start afresh
menu-templates = The presenters there are
menu-preset = Picks kept under a name
menu-status = How far it is
menu-cancel = Stop an order
menu-history = What was ordered
menu-zip = New links to the videos
menu-retry = Make what failed again
menu-delete = Delete an order, its videos and recording
menu-clear = Delete everything that has ended
menu-settings = Language, background, captions, sound
menu-help = How it works
menu-template = Add a presenter: send a video with /template add NAME
menu-allow = Let a chat or a person in
menu-stats = How much there is to do
menu-dub = As an answer to a recording: make videos with it
button-old = This button is no longer in use. Send a recording, or type /templates.
button-not-yours = These buttons belong to { $name }. Send a recording of your own, or answer one with /dub.
button-unverified = I cannot see whether you are { $name }, whose buttons these are. Typed picks work as well: 1 3 go
dub-how = Answer a recording with /dub, and I make videos with it. Or simply send me one of your own.

## WeCom: cards, menu and voice

wecom-confirm = OK
wecom-choose = Please choose
wecom-more = To
wecom-pressed = Sent
wecom-menu-orders = Orders
wecom-menu-more = More
wecom-stream-later = This ends here; I will tell you when it is done.
wecom-not-yours = This card is for { $name }. Quote a recording of your own and @ me.
wecom-not-your-settings = This card is for { $name }. Mention me with “/settings” to change yours.
wecom-welcome = Hello! Send a recording, pick presenters, and I make lip-synced videos.
wecom-voice-unheard = Your voice note came, but WeCom hands me only its words, not its sound, so no video can be made of it. Do this instead:
wecom-how-title = Send me a recording
wecom-how-steps =
    1. Save it as a file (m4a, mp3, wav, amr).
    2. Send me the file; in a group, quote it and @ me.
wecom-how-app = Use my app
wecom-how-more = More
wecom-app-here = Here I am! Hold to talk, and I listen as soon as you let go.
wecom-app-wrote = My app has just written to you: open it at the top of your messages, and hold to talk there.
wecom-app-not-yours = You cannot see my app yet. Ask whoever operates Chorus to make it visible to you, or send me the recording as a file.
deliver-which = Which group gets results?
deliver-only-me = Only me
wecom-deliver-none = There is no group yet. Say something to my AI bot in a group, or ask those who run Chorus for a group robot.
wecom-deliver-make = Or a new one, with the accounts of colleagues: /deliver new Launch zhangsan lisi
wecom-deliver-no-app = No group can be made here: that needs the self-built app, which whoever operates Chorus can set up.
wecom-deliver-alone = A group takes two people at least. Please add the account of a colleague: /deliver new Launch zhangsan
wecom-deliver-hello = Hello! The videos that { $person } has made with Chorus will be posted here.
wecom-deliver-made = The group “{ $group }” is there, and results go to it as well. /deliver changes that.
wecom-deliver-not-made = The group could not be made. Please check the accounts ({ $people }); if they are right, ask whoever operates Chorus to make the app visible to the whole corporation.
deliver-from = From { $person }
deliver-last = The links work for { $lifetime }.
wecom-deliver-group = Group { $when }
deliver-on = All right, results go to “{ $group }” as well. /deliver changes that.
deliver-off = All right, results go to you alone.
deliver-failed = The result could not be told to the group you chose. /deliver chooses another one.

## DingTalk

dingtalk-also = You can also:
dingtalk-pressed = Got it, one moment …
dingtalk-later = That did not work just now. Please press again in a moment.
dingtalk-not-yours = This card is for { $name }. Quote a recording of your own and @ me.
dingtalk-unheard = I cannot open messages of this kind. Send a voice note, an audio file or a video with sound; if it was a recording, update DingTalk and send it again, or save it as a file and send me that.
dingtalk-unquoted = What you quoted did not reach me: perhaps your DingTalk is old, or the file lies in the files of the group. Update DingTalk, then hold the voice note, quote it and @ me; or send the recording to me alone.
dingtalk-permission = I may not read files here yet. Ask whoever operates Chorus to request the permission { $scopes } in DingTalk's developer console and to publish a new version of the app; then send the recording again.
dingtalk-group = A group
dingtalk-deliver-none = There is no group yet. Say something to me in a group, or ask those who run Chorus for a group robot.
dingtalk-deliver-how = Choose by its number, for example: /deliver 1

## For those who administer

admins-only = Only those whom the operator of Chorus has named may do this. The entry for CHORUS_ADMINS would be: { $who }
template-how = Send a video with “/template add NAME” below it, or answer one with that. Several sent together are numbered.
template-how-next = Type “/template add NAME” first, then send me the video; in a group, quote the video with @ me /template add NAME.
template-send-now = All right. Send me the video { $name ->
        [none] of the presenter
       *[other] of “{ $name }”
    } within 10 minutes.
template-too-large = This video { $size ->
        [unknown] is too large:
       *[other] has { $size }, and
    } { $limit } can be received here. Whoever operates Chorus can add it on the machine itself (chorus templates add FILE){ $server ->
        [none] .
       *[other] , or run a Bot API server of their own ({ $server }), which takes up to 2 GB.
    }
template-too-large-one = “{ $name }” { $size ->
        [unknown] is too large:
       *[other] has { $size }, and
    } { $limit } can be received here. “chorus templates add FILE” on the machine itself takes it{ $server ->
        [none] .
       *[other] , or a Bot API server of your own ({ $server }).
    }
template-name-means = A template cannot be called “{ $name }”: people type that for something else. Please choose another name.
template-added = { $count ->
    [one] “{ $names }” is being prepared. /templates shows when it is ready.
   *[other] { $count } templates are being prepared: { $names }. /templates shows when they are ready.
}
allow-done = { $who } may use Chorus from now on. “/allow { $who } off” takes it back.
allow-ended = { $who } may not use Chorus any more.
allow-by-settings = { $who } stays admitted: it stands in CHORUS_ALLOW or CHORUS_ADMINS, where only whoever operates Chorus can take it out.
allow-how = Type /allow in the chat that is to be admitted, or /allow with its entry, like { $example }. “off” behind it takes it back.
stats-orders = { $orders ->
    [one] 1 order
   *[other] { $orders } orders
} under way here; { $left ->
    [one] 1 video
   *[other] { $left } videos
} to make, { $running } of them just now.
stats-templates = { $ready ->
    [one] 1 template
   *[other] { $ready } templates
} ready, { $others } being prepared or unusable.
stats-workers = { $workers ->
    [one] 1 worker
   *[other] { $workers } workers
}.
stats-today = Today: { $orders ->
    [one] 1 order
   *[other] { $orders } orders
}, { $done ->
    [one] 1 video
   *[other] { $done } videos
} done, { $failed } failed.
stats-week = Last 7 days: { $orders ->
    [one] 1 order
   *[other] { $orders } orders
}, { $done ->
    [one] 1 video
   *[other] { $done } videos
} done, { $failed } failed.
stats-medians = Of these, half waited less than { $waited } for their turn and were made in less than { $rendered }.
stats-failures = What went wrong in 7 days: { $codes }.
