"""What kind of file something is, by its name: WeCom and DingTalk tell no more."""

import mimetypes
from pathlib import PurePath
from typing import Final, Literal

Kind = Literal["voice", "audio", "video", "document", "picture"]
_AUDIO: Final = frozenset(
    {".amr", ".m4a", ".mp3", ".wav", ".ogg", ".opus", ".aac", ".flac", ".wma", ".silk"}
)
_KINDS: Final[dict[str, Kind]] = {"audio": "audio", "video": "video", "image": "picture"}


def kind_of(name: str) -> Kind:
    """By its ending."""
    if PurePath(name).suffix.casefold() in _AUDIO:
        return "audio"
    guessed = mimetypes.guess_type(name)[0] or ""
    return _KINDS.get(guessed.partition("/")[0], "document")
