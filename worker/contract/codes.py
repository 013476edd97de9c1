"""Every reason, flag and remark there is, in closed lists: each has its words in each language (``bot/texts``)."""

from enum import StrEnum


class Code(StrEnum):
    """Why something was refused or went wrong. The facts each sentence needs stand beside it."""

    # The material: raised by the pipeline (``pipeline/errors.py``), the person can change it.
    UNREADABLE = "unreadable"  # name
    EMPTY = "empty"  # name
    NOT_A_RECORDING = "not_a_recording"  # name, found
    NO_SOUND = "no_sound"  # name
    NO_SPEECH = "no_speech"  # seconds
    TAKE_TOO_SHORT = "take_too_short"  # seconds, limit_s
    TAKE_TOO_LONG = "take_too_long"  # seconds, limit_s
    NOT_A_VIDEO = "not_a_video"  # name, found
    PICTURE = "picture"  # name
    NO_FACE = "no_face"  # frame, second
    VIDEO_TOO_LARGE = "video_too_large"  # width_px, height_px, limit_px
    VIDEO_TOO_LONG = "video_too_long"  # seconds, limit_s
    UNSUPPORTED = "unsupported"  # codec, second

    # The order: raised at the door.
    NOT_ADMITTED = "not_admitted"  # who (the entry an operator adds)
    TOO_MANY_CLIPS = "too_many_clips"  # count, limit
    PERSON_BATCHES = "person_batches"  # used, limit
    CHAT_BATCHES = "chat_batches"  # used, limit
    PERSON_MINUTES = "person_minutes"  # used, asked, limit, zone
    CHAT_MINUTES = "chat_minutes"  # used, asked, limit, zone
    QUEUE_FULL = "queue_full"  # used, limit
    FILE_TOO_LARGE = "file_too_large"  # size_mb, limit_mb
    UNKNOWN_TEMPLATE = "unknown_template"  # name
    TEMPLATE_TWICE = "template_twice"  # name
    UNKNOWN_COMMAND = "unknown_command"  # command
    UNKNOWN_BATCH = "unknown_batch"  # code

    # The parts.
    TEMPLATE_GONE = "template_gone"  # name
    TAKE_GONE = "take_gone"  # name
    CLIP_GONE = "clip_gone"
    BACKGROUND_GONE = "background_gone"  # name
    BACKGROUND_UNREADABLE = "background_unreadable"  # name
    ENGINE_UNAVAILABLE = "engine_unavailable"  # engine, advice

    # Ours: comes with an incident id.
    INCIDENT = "incident"


class Flag(StrEnum):
    """What the check of a finished Clip has against it, worst first; it is delivered all the same."""

    LENGTH = "length"
    OFFSET = "offset"
    TRACKING = "tracking"
    OUTSIDE = "outside"
    SILENCE = "silence"


class RemarkCode(StrEnum):
    """What people should know of a recording or a video that is used all the same."""

    CLIPPED = "clipped"  # share
    NOISY = "noisy"  # snr_db
    BROKEN_OFF = "broken_off"  # seconds, declared_s
