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

hint = Send me a recording of somebody speaking, and I make a video of it with every presenter you pick. /help shows what else I can do.
help =
    Send a recording, pick templates, and get one lip-synced video for each.
    1. Send a voice note, an audio file or a video with sound.
    2. Type the numbers of the templates, like 1 3 or 1-3, or “all”. -2 takes one out again.
    3. Type “go”. With “1 3 go” both are done at once; up to { $limit } templates in one order.
    { "" }
    /new – start afresh
    /templates – the presenters there are
    /preset – picks kept under a name
    /status – how far it is; /status CODE for one order
    /cancel – stop an order
    /history – what you ordered
    /zip – new links
    /retry – make what failed again
    /delete – delete an order and its videos
    /clear – delete everything that has ended
    /settings – language, background, captions, sound; also the limits
    { "" }
    A picture you send becomes the background where a template has a green screen.
more-help = More: /help recording, templates, options, result or privacy
help-recording =
    Recordings
    A voice note, an audio file, or a video whose sound is taken: up to { $length } and { $size }. In a group, answer anybody's recording with /dub.
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
    One message shows how far it is. Then you get a link to a ZIP with everything, and one for each video; they work for { $lifetime }.
    /zip CODE makes new links, /retry CODE makes what failed again, /cancel CODE stops an order and keeps what is done. /history lists them.
    Each video was checked; if something looks wrong in one, its line says so.
help-privacy =
    Privacy
    Recordings, videos and orders are stored by whoever operates Chorus, on their own machines or in a store they chose; nothing goes to anybody else.
    A link works for { $lifetime }, for everybody who has it. /delete CODE deletes an order and its videos, /clear all that have ended; how long recordings are kept is for the operator to say.
    In a group I keep only what is meant for me: recordings, commands, answers to me.
    Each video says that AI made it, in the picture and inside the file.
button-help-overview = Overview
button-help-recording = Recordings
button-help-templates = Templates
button-help-options = Options
button-help-result = The result
button-help-privacy = Privacy
fresh = A fresh start. Send me a recording, or look at the presenters first: /templates
fresh-pick = A fresh start. Send me a recording, and pick templates:
did-you-mean = Did you mean { $command }?

## Recording

listening = Got “{ $name }”, listening …
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
pick-how-without-recording = Send me a recording and type the numbers, like 1 3 or 1-3, or “all”.
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
send-recording = Now send me the recording.
type-go = Type “go” to start with “{ $take }”.
nothing-picked = No template is picked yet. Type their numbers; /templates shows them.
nothing-to-start = There is nothing to start yet. Send me a recording and pick templates: /templates
starts-with-recording = I start as soon as you send the recording.
starts-when-heard = I start as soon as I have listened to the recording.
button-start = Start
button-empty = Pick anew
button-all = All
button-last = As the last time
button-before = ‹ { $first }–{ $last }
button-after = { $first }–{ $last } ›
button-files = As files
files-left = Not sent as files: { $names }. Files here may have up to { $limit }; /zip { $code } makes links to what is still kept.
button-cancel = Cancel
offer-closed = Ordered, with “{ $take }”.
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
} from “{ $take }”. I will write again when it is done. /status { $code } · /cancel { $code }
progress-head = { $code } · “{ $take }” · { $count ->
    [one] 1 video
   *[other] { $count } videos
}
progress-foot = /status { $code } · /cancel { $code }
stage-queued = waiting
stage-ahead = { $count ->
    [one] 1 video of others comes first
   *[other] { $count } videos of others come first
}
stage-preparing = preparing
stage-rendering = rendering
stage-left = about { $left } left
stage-packing = packing the ZIP
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
clips-rest = … { $done } done, { $waiting } waiting

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
outcome-retry = /retry { $code } tries the failed ones again.
link-archive = All as a ZIP ({ $size }): { $url }
link-clip = ✓ { $number }. { $name } ({ $length }): { $url }
link-flagged = ⚠ { $number }. { $name } ({ $length }): { $remark }, have a look before you send it on: { $url }
button-archive = ZIP · { $size }
links-last = The links work for { $lifetime }; /zip { $code } makes new ones.

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
retry-nothing = In { $code } there is nothing to try again.
zip-not-yet = { $code } is not ready yet: /status { $code }
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
status-expired = { $code } · “{ $take }”: expired on { $when }, its videos are no longer kept. Send the recording again to have them made anew.

## Deleting

delete-running = { $code } is still running. Stop it first: /cancel { $code }
delete-sure = { $count ->
    [0] Delete { $code }?
    [one] Delete { $code } and its video for good?
   *[other] Delete { $code } and its { $count } videos for good?
} Links to it stop working. Type “yes” or “no”.
clear-sure = { $count ->
    [one] Delete the one ended order of this chat and its videos for good?
   *[other] Delete all { $count } ended orders of this chat and their videos for good?
} Type “yes” or “no”.
clear-nothing = There is nothing to delete: no order of this chat has ended.
deleted = { $code } is deleted.
deleted-already = It was deleted already.
cleared = { $count ->
    [one] 1 order is deleted.
   *[other] { $count } orders are deleted.
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
settings-links = Links work for { $lifetime }
settings-engine = Engine: { $engine }
settings-language-set = From now on I speak English with you.
settings-set = Done. { $option }: { $meaning }.
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
with-label-off = no visible AI label
offer-with = With: { $wishes }
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
menu-delete = Delete an order and its videos
menu-clear = Delete everything that has ended
menu-settings = Language, background, captions, sound
menu-help = How it works
menu-template = Add a presenter: send a video with /template add NAME
menu-allow = Let a chat or a person in
menu-stats = How much there is to do
menu-dub = As an answer to a recording: make videos with it
button-old = This button is no longer in use. Send a recording, or type /templates.
button-not-yours = These buttons belong to { $name }. Send a recording of your own, or answer one with /dub.
dub-how = Answer a recording with /dub, and I make videos with it. Or simply send me one of your own.

## For those who administer

admins-only = Only those whom the operator of Chorus has named may do this. The entry for CHORUS_ADMINS would be: { $who }
template-how = Send a video with “/template add NAME” below it, or answer one with that.
template-too-large = This video has { $size }, and { $limit } can be received here. Whoever operates Chorus can add it on the machine itself (chorus templates add FILE), or run a Bot API server of their own (CHORUS_TELEGRAM_API_BASE), which takes up to 2 GB.
template-added = “{ $name }” is being prepared. /templates shows when it is ready.
allow-done = { $who } may use Chorus from now on. “/allow { $who } off” takes it back.
allow-ended = { $who } may not use Chorus any more.
allow-by-settings = { $who } stays admitted: it stands in CHORUS_ALLOW or CHORUS_ADMINS, where only whoever operates Chorus can take it out.
allow-how = Type /allow in the chat that is to be admitted, or /allow with its entry, like { $example }. “off” behind it takes it back.
stats-orders = { $orders } orders under way here; { $left } videos to make, { $running } of them just now.
stats-templates = { $ready } templates ready, { $others } being prepared or unusable.
stats-workers = { $workers } workers.
