"""What an order may ask of its Clips, beyond a Take and a Template. The same for the queue, the command line and tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter


class Playing(StrEnum):
    """How a Template that is shorter than the Take goes on."""

    BOUNCE = "bounce"
    """Forward and backward."""
    LOOP = "loop"
    """From a later moment back to an earlier one that looks like it."""
    HOLD = "hold"
    """It stops at a quiet moment."""


@dataclass(frozen=True)
class SoundOptions:
    """What is done to the recording's sound."""

    loudness: bool = True
    """Brought to -16 LUFS, true peak at most -1.5 dB (EBU R 128)."""
    trim: bool = False
    """Silence before the first and behind the last word is left out."""
    denoise: bool = False
    """Steady noise is made quieter."""


@dataclass(frozen=True)
class Background:
    """What stands behind a presenter who was filmed on a green screen, or whose video is transparent.

    One of ``colour`` and ``picture``, or neither: with ``blur`` then a soft field of the presenter's own colours.
    """

    colour: str | None = None
    """``#rrggbb``."""
    picture: Path | None = None
    """A picture file that a disposable child made of what was sent (``pipeline.sandbox``, ``picture``)."""
    blur: bool = False
    """The picture is out of focus."""


@dataclass(frozen=True)
class LabelOptions:
    """The AI label (GB 45438-2025)."""

    text: str = "AI-generated digital human"
    """What is written into the picture; empty for people who accepted the duty to label by themselves."""
    seconds: float | None = None
    """How long it is shown, 2.0 at least; None: from the first frame to the last."""
    producer: str = "Chorus"
    """Printable single-byte characters without spaces, quotes and backslashes."""
    produce_id: str = "unnumbered"
    """Names this Clip at the producer's; characters likewise."""


@dataclass(frozen=True)
class ClipOptions:
    """All of them, with the defaults that people who ask for nothing get."""

    playing: Playing = Playing.BOUNCE
    sound: SoundOptions = field(default_factory=SoundOptions)
    background: Background | None = None
    """None: as the Template is; a transparent one on white."""
    captions: bool = False
    """Written into the picture, where the Take's words are known."""
    label: LabelOptions = field(default_factory=LabelOptions)


DEFAULTS: Final = ClipOptions()

_ADAPTER = TypeAdapter(ClipOptions)


def options_as_json(options: ClipOptions) -> dict[str, Any]:
    """Turn options into plain JSON values."""
    plain: dict[str, Any] = _ADAPTER.dump_python(options, mode="json")
    return plain


def options_from_json(plain: Mapping[str, Any]) -> ClipOptions:
    """Turn back what ``options_as_json`` made; what is left out has its default.

    Raises:
        ValueError: A value that no option has.
    """
    return _ADAPTER.validate_python(dict(plain))
