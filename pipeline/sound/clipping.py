"""Whether a recording was too loud for its microphone: waves without tops.

Between two crossings of zero a wave rises to a top. Of a clipped one the top is cut off flat; codecs round it, but what is left
is still broad: more than 0.62 of the time above half of its height is spent above 0.9 of it, where a pure tone has 0.43. One that
is broad by nature is rare, and rarely as high as the highest ones, as those that were cut off all are.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.sound.overlap import Sound

_HOP: Final = 480
"""Samples at 48 kHz for one value of a curve."""
_BROAD: Final = 0.62
_HIGH: Final = 0.8
"""Share of the recording's top that clipped waves have reached, whatever a codec did to them."""
_LEAST_SAMPLES: Final = 6
"""Above half of its height; shorter waves have too few samples to have a shape."""
_ACCIDENTS: Final = 500
"""One in so many moments may be louder than the top: a knock is none."""


class FlatTops:
    """Listens to a recording, and tells how much of the speech in it is clipped."""

    def __init__(self) -> None:
        self._begin = 0
        self._tops: list[NDArray[np.float32]] = []
        self._flat: list[tuple[NDArray[np.intp], NDArray[np.float32]]] = []

    def add(self, part: Sound) -> None:
        """Listen to (channels, n) samples more, at 48 kHz: a second or so, all but the last whole moments."""
        padded = np.pad(np.abs(part).max(axis=0), (0, -part.shape[1] % _HOP))
        self._tops.append(padded.reshape(-1, _HOP).max(axis=1))
        for channel in part:
            places, heights = _broad_waves(channel)
            self._flat.append((places + self._begin, heights))
        self._begin += part.shape[1]

    def share(self, speech: NDArray[np.bool_]) -> float:
        """Tell the share of the moments (n,) of speech that are clipped; each is 10 ms."""
        if not self._tops or not speech.any():
            return 0.0
        tops = np.sort(np.concatenate(self._tops))
        top = float(tops[-1 - len(tops) // _ACCIDENTS])
        clipped = np.zeros(len(speech), np.bool_)
        for places, heights in self._flat:
            moments = places[heights >= _HIGH * top] // _HOP
            clipped[moments[moments < len(speech)]] = True
        return float(np.count_nonzero(clipped & speech) / np.count_nonzero(speech))


def _broad_waves(channel: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Find the broad waves of one channel: where they begin, and how high they are."""
    negative = np.signbit(channel)
    starts = np.flatnonzero(negative[1:] != negative[:-1]) + 1
    if len(starts) < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.float32)
    # What stands before the first crossing and behind the last is no whole wave.
    height = np.abs(channel[starts[0] : starts[-1]])
    first = starts[:-1] - starts[0]
    tops = np.maximum.reduceat(height, first)
    relative = height / np.repeat(np.maximum(tops, 1e-9), np.diff(starts))
    near_top = np.add.reduceat((relative >= 0.9).astype(np.intp), first)
    upper_half = np.add.reduceat((relative >= 0.5).astype(np.intp), first)
    broad = (upper_half >= _LEAST_SAMPLES) & (near_top > _BROAD * upper_half)
    return starts[:-1][broad], tops[broad]
