"""When each picture of a video is shown, and the constant rate that suits them."""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from av.video.frame import VideoFrame

FASTEST: Final = Fraction(60)
"""Higher rates (slow motion of phones) are halved or less by leaving frames out: nobody speaks that fast."""
SLOWEST: Final = Fraction(5)
_STANDARD: Final = (
    *(Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30)),
    *(Fraction(48), Fraction(50), Fraction(60000, 1001), Fraction(60)),
)
_STEADY: Final = 0.4
"""Frames whose times are off by no more than this share of a frame are at a constant rate."""
_ROUNDING: Final = 1e-6
"""Frames by which a time in floating point may be wrong."""
_MISSING_S: Final = 0.04
"""Between frames whose time stamps are missing or run backward."""


class Clock:
    """Gives each decoded frame its time, in seconds from the first one, never backward.

    ``steady`` is False once a time stamp had to be made up: then a time says nothing about a place in the file.
    """

    def __init__(self) -> None:
        self.zero_s: float | None = None
        """The time stamp of the first frame."""
        self.steady = True
        self._last_s = -_MISSING_S

    def read(self, frame: VideoFrame) -> float:
        """Tell the time of the next frame."""
        stamp_s = None if frame.pts is None or frame.time_base is None else float(frame.time)
        if self.zero_s is None:
            self.zero_s = stamp_s
        if stamp_s is None or self.zero_s is None:
            time_s = self._last_s + _MISSING_S
            self.steady = False
        else:
            time_s = stamp_s - self.zero_s
            if time_s <= self._last_s:
                self.zero_s -= self._last_s + _MISSING_S - time_s
                time_s = self._last_s + _MISSING_S
                self.steady = False
        self._last_s = time_s
        return time_s

    def move_to(self, time_s: float) -> None:
        """Expect frames from ``time_s`` on, after a jump in the file."""
        self._last_s = time_s


def place(time_s: float, fps: Fraction) -> int:
    """Tell at which place of a constant rate a frame stands: the nearest, the earlier of two that are as near."""
    return math.ceil(time_s * fps.numerator / fps.denominator - 0.5 - _ROUNDING)


def constant_rate(times_s: Sequence[float], declared: Fraction | None) -> Fraction:
    """Choose the constant rate for a video.

    Args:
        times_s: When each frame is shown, rising from 0.0; at least two.
        declared: The rate the file claims, if it does.

    Returns:
        The rate the frames really have, if it is constant and between ``SLOWEST`` and ``FASTEST``; otherwise the
        standard rate that comes nearest to the shorter of their distances, so that little is lost.
    """
    candidates = [*_STANDARD, *_declared(declared), *_mean(times_s)]
    errors = [(_worst_error(times_s, rate), rate) for rate in candidates]
    # Millisecond time stamps cannot tell 0.2 ms apart; then the plainer of the rates is meant.
    error, rate = min(errors, key=lambda pair: (round(pair[0], 2), pair[1].denominator))
    if error <= _STEADY:
        return rate
    distances = sorted(b - a for a, b in pairwise(times_s))
    short_s = distances[len(distances) // 5]
    return min(_STANDARD, key=lambda standard: abs(float(standard) - 1 / short_s))


def _declared(rate: Fraction | None) -> Iterator[Fraction]:
    if rate is not None and SLOWEST <= rate <= FASTEST:
        yield rate.limit_denominator(1001)


def _mean(times_s: Sequence[float]) -> Iterator[Fraction]:
    rate = Fraction((len(times_s) - 1) / times_s[-1]).limit_denominator(1)
    if SLOWEST <= rate <= FASTEST:
        yield rate


def _worst_error(times_s: Sequence[float], rate: Fraction) -> float:
    """The largest distance of a frame from its place, in frames."""
    per_s = float(rate)
    return max(abs(time_s * per_s - number) for number, time_s in enumerate(times_s))
