"""Loudness and true peak, as EBU R 128 measures them (libavfilter's ``ebur128``)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from av.audio.frame import AudioFrame
from av.error import BlockingIOError as NothingYet
from av.filter import Graph

from pipeline.rim.sound import Block, frame_of

SILENT_LUFS: Final = -70.0
"""What the gate leaves of silence: nothing."""
SILENT_DB: Final = -120.0
_STEP_S: Final = 0.1
_TRUE_PEAK: Final = "r128.true_peaks_ch"


@dataclass(frozen=True)
class Levels:
    """How loud a sound is."""

    loudness_lufs: float
    """Integrated; ``SILENT_LUFS`` where nothing is louder than that. One channel counts as the two it is heard from."""
    true_peak_db: float
    """dB of full scale, between the samples too."""

    def louder(self, gain_db: float) -> "Levels":
        """Tell what the same sound with a gain would measure; what was silent stays it."""
        silent = self.loudness_lufs <= SILENT_LUFS
        loudness_lufs = SILENT_LUFS if silent else self.loudness_lufs + gain_db
        return Levels(loudness_lufs, self.true_peak_db + gain_db)


class Meter:
    """Measures a sound as it passes."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        """Expect blocks of one channel or two at a rate."""
        self._channels = channels
        self._rate_hz = rate_hz
        self._position = 0
        self._told: dict[str, str] = {}
        self._graph = Graph()
        layout = "mono" if channels == 1 else "stereo"
        clock = Fraction(1, rate_hz)
        source = self._graph.add_abuffer(
            sample_rate=rate_hz, format="fltp", layout=layout, time_base=clock
        )
        judge = self._graph.add("ebur128", "peak=true:metadata=1:dualmono=1")
        source.link_to(judge)
        judge.link_to(self._graph.add("abuffersink"))
        self._graph.configure()

    def passing(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Yield the blocks as they are, measured."""
        for block in blocks:
            self.add(block)
            yield block

    def add(self, block: Block) -> None:
        """Measure (channels, n) samples more."""
        if block.shape[1]:
            self._graph.push(frame_of(block, self._rate_hz, self._position))
            self._position += block.shape[1]
            self._hear()

    def levels(self) -> Levels:
        """Tell what was measured; the end of it."""
        loudness_lufs = float(self._told.get("lavfi.r128.I", "nan"))
        # The filter tells of whole steps only: silence brings the peaks of the last one out, and no loudness.
        self.add(np.zeros((self._channels, round(_STEP_S * self._rate_hz)), np.float32))
        peaks = [float(told) for key, told in self._told.items() if _TRUE_PEAK in key]
        if not loudness_lufs > SILENT_LUFS:  # of less than 0.4 s it tells nothing
            loudness_lufs = SILENT_LUFS
        return Levels(loudness_lufs, _decibels(max(peaks, default=0.0)))

    def _hear(self) -> None:
        while True:
            try:
                heard = self._graph.pull()
            except NothingYet:
                return
            if isinstance(heard, AudioFrame) and "lavfi.r128.I" in heard.metadata:
                self._told = dict(heard.metadata)


def _decibels(amplitude: float) -> float:
    return max(20 * math.log10(max(amplitude, 1e-9)), SILENT_DB)
