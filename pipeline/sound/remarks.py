"""What to say about a recording that is used all the same."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.remarks import BROKEN_OFF, CLIPPED, NOISY, Remark
from pipeline.sound.clipping import FlatTops
from pipeline.sound.overlap import Sound

_CLIPPED_SHARE: Final = 0.01
"""Of real recordings that are not clipped at most 0.003 of the speech looks like it; 6 dB too loud, 0.016 to 0.37 does, MP3, AAC or
Opus in between or not. AMR leaves no trace of it."""
_NOISY_DB: Final = 13.0
"""A news recording with a studio's rush under it has 13.9 and is pleasant enough."""
_STEADY: Final = 20
"""Percentile of the level: of what comes and goes only what is always there is noise."""
_LEAST_QUIET: Final = 40
"""Moments of 10 ms without speech, to know the noise."""
_MISSING_S: Final = 0.5
_MISSING_SHARE: Final = 0.02
"""A file that is shorter than it says by less than this is not broken off: headers are rounded."""
_HOP: Final = 480
"""Samples at 48 kHz for one moment of 10 ms."""
_PART: Final = 100 * _HOP
_RUMBLE: Final = 600
"""Samples: what moves more slowly than this is not heard."""
_SILENT: Final = 1e-12

Flags = NDArray[np.bool_]


def remarks_on(
    *, clipped: float, snr_db: float | None, seconds: float, declared_s: float | None
) -> Iterator[Remark]:
    """Choose what is worth saying.

    Args:
        clipped: Share of the speech.
        snr_db: How far speech is above the noise, if that is known.
        seconds: The length that decodes.
        declared_s: The length that the header promises, if that can be believed.
    """
    if declared_s is not None and declared_s - seconds > max(
        _MISSING_S, _MISSING_SHARE * declared_s
    ):
        facts = {"seconds": round(seconds, 1), "declared_s": round(declared_s, 1)}
        yield Remark(BROKEN_OFF, facts)
    if clipped >= _CLIPPED_SHARE:
        yield Remark(CLIPPED, {"share": round(clipped, 3)})
    if snr_db is not None and snr_db < _NOISY_DB:
        yield Remark(NOISY, {"snr_db": round(snr_db, 1)})


class Ear:
    """Listens to a recording while it is kept, for what there may be to say about it."""

    def __init__(self) -> None:
        self._held: list[Sound] = []
        self._samples = 0
        self._tops = FlatTops()
        self._powers: list[NDArray[np.float64]] = [np.zeros(0)]

    def add(self, block: Sound) -> None:
        """Listen to (channels, any number) samples more, at 48 kHz."""
        self._held.append(block)
        self._samples += block.shape[1]
        if self._samples >= _PART:
            self._listen(self._samples // _HOP * _HOP)

    def clipped(self, speech: Flags) -> float:
        """Tell the share of the speech (frames,) that is clipped."""
        self._listen(self._samples)
        return self._tops.share(speech)

    def snr_db(self, speech: Flags, quiet: Flags) -> float | None:
        """Tell how far speech is above what is heard between the words.

        Args:
            speech: (frames,) for every 10 ms whether somebody speaks.
            quiet: (frames,) whether nobody does, and has not just done or is about to.

        Returns:
            None where nobody pauses long enough.
        """
        self._listen(self._samples)
        power = np.concatenate(self._powers)
        power = np.pad(power, (0, max(len(speech) - len(power), 0)))[: len(speech)]
        if np.count_nonzero(quiet) < _LEAST_QUIET or not speech.any():
            return None
        noise = max(float(np.percentile(power[quiet], _STEADY)), _SILENT)
        return 10 * math.log10(max(float(power[speech].mean()), _SILENT) / noise)

    def _listen(self, samples: int) -> None:
        if not samples:
            return
        sound = np.concatenate(self._held, axis=1)
        part = sound[:, :samples]
        self._held, self._samples = [sound[:, samples:]], sound.shape[1] - samples
        self._tops.add(part)
        heard = np.pad(_without_rumble(part), ((0, 0), (0, -samples % _HOP)))
        self._powers.append(np.square(heard).reshape(len(part), -1, _HOP).mean(axis=(0, 2)))


def _without_rumble(sound: Sound) -> NDArray[np.float64]:
    """Take out what changes more slowly than a voice does, and any constant."""
    around = ((0, 0), (_RUMBLE // 2 + 1, _RUMBLE // 2))
    sums = np.cumsum(np.pad(sound.astype(np.float64), around, mode="edge"), axis=1)
    return np.asarray(sound - (sums[:, _RUMBLE + 1 :] - sums[:, : -_RUMBLE - 1]) / (_RUMBLE + 1))
