"""Captions in the picture: two lines at most, at the bottom in the middle, never over the mouth, each for its own frames."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Final

from pipeline.captions.cues import Cue, cues
from pipeline.captions.scripts import script_of, width
from pipeline.label.visible import FaceRoom, covering
from pipeline.lettering import (
    Placed,
    Spot,
    drawable,
    is_wide,
    size_for,
    text_width,
    typeset,
    wrap,
)
from pipeline.types import Word

_INK_SHARE: Final = 0.042
"""Of the shorter side: a little less than the label, which is to be seen first."""
_BREADTH: Final = 0.88
"""Of the picture's width."""
_HEIGHTS: Final = (0.06, 0.025)
"""Distances from the lower edge, of the height: as usual, and lower where the mouth is low."""
_TOP: Final = 0.06
"""From the upper edge, where both would touch the mouth."""
_EVEN: Final = 0.93
"""Letters of one line may be broader than those of all."""
_LEAST_ROOM: Final = 4.0
"""Of a line, where a picture is very narrow."""
_PLATE: Final = 0.55
"""Darkness behind the letters: they shall be read easily, and the presenter seen through it."""
_LINES: Final = 2
_ON_THE_MOUTH: Final = 1.0
"""What ``covering`` says of a spot that touches the mouth is more than this."""


@dataclass(frozen=True)
class Shown:
    """Lines, and the frames they are shown in."""

    frames: range
    lines: tuple[str, ...]


class Captions:
    """What is written into which frames of a Clip; drawn when its frame comes, for all of ten minutes would be large."""

    def __init__(
        self, shown: Sequence[Shown], band: Spot, font_px: int, size: tuple[int, int]
    ) -> None:
        """``shown`` is in order of time; ``size`` is (width, height) of the picture."""
        self.shown = shown
        self.band = band
        """Where lines may stand, at any time."""
        self._font_px = font_px
        self._width_px, self._height_px = size
        self._begins = [one.frames.start for one in shown]
        self._last: tuple[Shown, Placed] | None = None

    def at(self, frame: int) -> Placed | None:
        """Give the lines of a frame; None where nobody speaks."""
        place = bisect_right(self._begins, frame) - 1
        if place < 0 or frame not in self.shown[place].frames:
            return None
        one = self.shown[place]
        if self._last is None or self._last[0] is not one:
            self._last = one, self._placed(one.lines)
        return self._last[1]

    def _placed(self, lines: Sequence[str]) -> Placed:
        lettering = typeset(lines, self._font_px, "centre", _PLATE)
        is_above = 2 * self.band.top_px < self._height_px
        top = self.band.top_px if is_above else self.band.bottom_px - lettering.height_px
        return lettering.at(max((self._width_px - lettering.width_px) // 2, 0), top)


def place_captions(
    shown_cues: Sequence[Cue], size: tuple[int, int], fps: Fraction, frames: int, face: FaceRoom
) -> Captions | None:
    """Set the lines of a Clip, all at one height and in one size.

    Args:
        shown_cues: In order of time.
        size: (width, height) of the picture as displayed.
        fps: Of the Clip.
        frames: Of the Clip; what is said behind them is left out.
        face: What is to be kept free.

    Returns:
        None where there is nothing to write.
    """
    text = "".join(line for cue in shown_cues for line in cue.lines)
    if not drawable(text):
        return None
    font_px = _font_px(text, size)
    shown = [
        Shown(range(ceil(cue.start_s * fps), min(ceil(cue.end_s * fps), frames)), cue.lines)
        for cue in screens(shown_cues, font_px, round(_BREADTH * size[0]))
    ]
    return Captions([one for one in shown if one.frames], _band(font_px, size, face), font_px, size)


def caption_words(
    words: Sequence[Word], size: tuple[int, int], fps: Fraction, frames: int, face: FaceRoom
) -> Captions | None:
    """Make captions of words that are broken for a picture of this breadth; the rest as ``place_captions``."""
    text = drawable(" ".join(word.text for word in words))
    if not text:
        return None
    measured = width(text, script_of(text))
    share = _BREADTH * size[0] / max(text_width(text, _font_px(text, size)), 1)
    room = max(_EVEN * share * measured, _LEAST_ROOM)
    lines = cues(words, duration_s=float(frames / fps), room=room)
    return place_captions(lines, size, fps, frames, face)


def _font_px(text: str, size: tuple[int, int]) -> int:
    wide = sum(is_wide(letter) for letter in text)
    lowest = "人" if 2 * wide > len(text.replace(" ", "")) else "H"
    return size_for(lowest, _INK_SHARE * min(size))


def _band(font_px: int, size: tuple[int, int], face: FaceRoom) -> Spot:
    """Choose where captions stand: at the bottom, lower, or at the top; the first place that leaves the mouth free."""
    width_px, height_px = size
    tall = typeset(["字g"] * _LINES, font_px, plate=_PLATE).height_px
    broad = round(_BREADTH * width_px) + 2 * font_px
    left = max((width_px - broad) // 2, 0)
    bottoms = [height_px - round(share * height_px) for share in _HEIGHTS]
    tops = [*(bottom - tall for bottom in bottoms), round(_TOP * height_px)]
    spots = [Spot(left, max(top, 0) & ~1, min(broad, width_px), tall) for top in tops]
    costs = [covering(spot, face) for spot in spots]
    free = [spot for spot, cost in zip(spots, costs, strict=True) if cost <= _ON_THE_MOUTH]
    return free[0] if free else spots[costs.index(min(costs))]


def screens(shown_cues: Sequence[Cue], font_px: int, width_px: int) -> Iterator[Cue]:
    """Break cues into lines that fit a picture; one that needs more than two is shown in parts, one after the other.

    Args:
        shown_cues: As they are for files; their own lines are kept where they fit.
        font_px: Size of the font.
        width_px: What a line may take.
    """
    for cue in shown_cues:
        lines = _lines(cue, font_px, width_px)
        parts = [lines[at : at + _LINES] for at in range(0, len(lines), _LINES)]
        letters = [sum(map(len, part)) for part in parts]
        begun = 0
        for part, own in zip(parts, letters, strict=True):
            start_s, end_s = (
                cue.start_s + (cue.end_s - cue.start_s) * count / sum(letters)
                for count in (begun, begun + own)
            )
            begun += own
            yield Cue(start_s, end_s, tuple(part))


def _lines(cue: Cue, font_px: int, width_px: int) -> Sequence[str]:
    lines = [line for line in map(drawable, cue.lines) if line]
    broken = [part for line in lines for part in wrap(line, font_px, width_px)]
    if broken == lines and len(lines) <= _LINES:
        return lines
    return wrap(_joined(lines), font_px, width_px)


def _joined(lines: Sequence[str]) -> str:
    """Put lines together again: with a space between words, without one between Han characters."""
    text = ""
    for line in lines:
        beside = not text or is_wide(text[-1]) or is_wide(line[0])
        text += line if beside else f" {line}"
    return text
