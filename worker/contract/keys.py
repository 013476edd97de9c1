"""Names: of objects in the store, and of keys in Redis. Nobody else spells them.

Objects (the record of everything that must survive; a JSON beside the bytes):

::

    takes/<sha256>/source            the recording as it came
    takes/<sha256>/sound.flac        its sound, as it was recorded
    takes/<sha256>/speech.npz        mouth parameters
    takes/<sha256>/words.json        what is said, where Whisper wrote it down
    takes/<sha256>/captions*.srt     and .vtt, where there are words; "-trimmed" without the silence around
    takes/<sha256>/take.json         TakeRecord
    templates/<id>/source            the video as it came
    templates/<id>/template.json     TemplateRecord
    templates/<id>/poster.jpg
    prepared/<sha256>/<name>         what was computed of a video, by the SHA-256 of its bytes
    clips/<batch>/<number>-<fence>.mp4   one for each attempt that came so far
    clips/<batch>/<number>-<fence>.json  ClipResult of that attempt, written once its bytes are there
    batches/<batch>.json             BatchRecord, written whenever somebody orders, revises or ends something of it
    archives/<batch>/<round>.zip     or <round>-<part>.zip, each of which opens by itself
    pictures/<sha256>/source         a picture for behind the presenters, as it came
    lineups/<id>.jpg                 Templates side by side, with numbers; drawn anew whenever it is missing
    waivers/<time>-<what>.json       who took the duty to label upon themselves, and what was ordered so
"""

from typing import Final


def take(take_id: str, name: str) -> str:
    """The object ``name`` of a Take: source, sound.flac, speech.npz, words.json, captions, take.json."""
    return f"takes/{take_id}/{name}"


TAKE_MADE: Final = ("sound.flac", "speech.npz", "words.json")
"""What Clips are made of, of every Take that is ready."""


def template(template_id: str, name: str) -> str:
    """The object ``name`` of a Template: source, template.json, poster.jpg."""
    return f"templates/{template_id}/{name}"


def prepared(sha256: str, name: str) -> str:
    """What was computed of a Template's video."""
    return f"prepared/{sha256}/{name}"


def clip(batch_id: str, number: int, fence: str) -> str:
    """One finished Clip.

    ``fence`` names its lease: a worker that stalled and wakes up never writes over what another one stored.
    """
    return f"{clip_attempts(batch_id, number)}{fence}.mp4"


def clip_attempts(batch_id: str, number: int) -> str:
    """How everything begins that attempts at one Clip stored."""
    return f"clips/{batch_id}/{number:03d}-"


CLIP_RESULT: Final = ".json"
"""How the key of a ClipResult ends."""


def clip_result(clip_key: str) -> str:
    """The ClipResult of a finished Clip, beside it: a worker that stalled tells of its own attempt only."""
    return clip_key.removesuffix(".mp4") + CLIP_RESULT


BATCHES: Final = "batches/"
"""The records of all Batches."""


def batch(batch_id: str) -> str:
    """The record of a Batch."""
    return f"{BATCHES}{batch_id}.json"


ARCHIVES: Final = "archives/"
"""All of them."""


def archive(batch_id: str, round_: int, part: int | None = None) -> str:
    """The Archive of one round of a Batch, or a part of it, from 1."""
    suffix = "" if part is None else f"-{part}"
    return f"{ARCHIVES}{batch_id}/{round_}{suffix}.zip"


def picture(sha256: str) -> str:
    """A picture somebody sent, as it came."""
    return f"pictures/{sha256}/source"


LINEUPS: Final = "lineups/"
"""All of them. None has to be kept."""


def lineup(lineup_id: str) -> str:
    """The picture of a Lineup."""
    return f"{LINEUPS}{lineup_id}.jpg"


WAIVERS: Final = "waivers/"
"""All of them. No retention of other objects touches these."""


def waiver(time: str, what: str) -> str:
    """One record of a waiver; ``time`` sorts, so that the oldest are found by their names."""
    return f"{WAIVERS}{time}-{what}.json"


def probe(key: str) -> str:
    """Beside an object: whether anything can be stored there."""
    return f"{key.rpartition('/')[0]}/probe"


PREFIX: Final = "chorus"
"""Every Redis key of ours begins with it; arq's queues too."""


def redis(*parts: str) -> str:
    """One Redis key."""
    return ":".join((PREFIX, *parts))
