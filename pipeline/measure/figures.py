"""The figures of an inspection, as functions over arrays."""

from fractions import Fraction
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.types import CURVE_RATE_HZ, Pixels, Samples

Series = NDArray[np.float64]
"""(frames,) one value per frame; NaN where nothing could be measured."""
Flags = NDArray[np.bool_]

LONGEST_LAG: Final = 5
"""Frames to either side among which the best agreement is sought."""
_LEAST_FRAMES: Final = 10
"""With fewer, a correlation says nothing."""
_LEAST_SILENCE_S: Final = 0.3
_SILENCE_MARGIN_S: Final = 0.15
"""Lips may still be closing, or open early for the next phrase."""
_LEAST_OPENING: Final = 0.01
"""A mouth that never opens wider (share of the eye distance) does not speak; the mesh jitters by half of it."""
_BEST_PSNR_DB: Final = 100.0
"""What two equal pictures are given: JSON knows no infinity."""
_LONGEST_OFFSET_S: Final = 1.0


def tracking(
    measured: Series,
    requested: Series,
    least_frames: int = _LEAST_FRAMES,
    longest_lag: int = LONGEST_LAG,
) -> tuple[float, int] | None:
    """Find how well a measured opening follows the requested one, at the lag where it does so best.

    Args:
        measured: NaN where nothing was measured.
        requested: Of the same length.
        least_frames: With fewer measured ones nothing is said.
        longest_lag: Frames to either side among which the best agreement is sought.

    Returns:
        (r, lag): Pearson's r, and the lag in frames, positive where the mouth is late. None where one of them is
        constant or too little is known.
    """
    best: tuple[float, int] | None = None
    # Small lags first: of equals the one nearest to 0 wins.
    for lag in sorted(range(-longest_lag, longest_lag + 1), key=abs):
        late = measured[max(lag, 0) : len(measured) + min(lag, 0)]
        early = requested[max(-lag, 0) : len(requested) - max(lag, 0)]
        r = _correlation(late, early, least_frames)
        if r is not None and (best is None or r > best[0]):
            best = (r, lag)
    return best


def movement(measured: Series, requested: Series) -> float | None:
    """Find how much of the requested movement is seen: the slope of the measured opening over the requested one.

    1.0 is all of it, 0.0 a mouth that stays as it is, however it is. A few frames say it well, if the mouth was to be wide
    in some and shut in others. None where too little is known or no movement was requested.
    """
    known = np.isfinite(measured) & np.isfinite(requested)
    if not known.any():
        return None
    got = measured[known] - measured[known].mean()
    asked = requested[known] - requested[known].mean()
    if float(np.ptp(asked)) < _LEAST_OPENING:
        return None
    return float(np.sum(got * asked)) / float(np.sum(asked * asked))


def _correlation(first: Series, second: Series, least_frames: int) -> float | None:
    known = np.isfinite(first) & np.isfinite(second)
    if np.count_nonzero(known) < least_frames:
        return None
    a, b = first[known] - first[known].mean(), second[known] - second[known].mean()
    scale = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / scale if scale > 1e-9 else None


def silent_frames(speech: NDArray[np.float32], fps: Fraction, frames: int) -> Flags:
    """Tell which frames lie well inside a silence of more than 0.3 s.

    Args:
        speech: ``MouthCurve.speech``, at ``CURVE_RATE_HZ``.
        fps: Of the frames.
        frames: How many.
    """
    quiet = np.concatenate([[False], speech <= 0.0, [False]])
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8))) / CURVE_RATE_HZ
    middles = (np.arange(frames) + 0.5) / float(fps)
    silent = np.zeros(frames, dtype=np.bool_)
    for first_s, end_s in zip(edges[::2], edges[1::2], strict=True):
        if end_s - first_s > _LEAST_SILENCE_S:
            inside = (middles > first_s + _SILENCE_MARGIN_S) & (middles < end_s - _SILENCE_MARGIN_S)
            silent |= inside
    return silent


def silence_opening(measured: Series, silent: Flags, speaking: Flags) -> float | None:
    """Compare the opening in silence with that in speech, both at their 95th percentile; None without either."""
    open_in_silence, open_in_speech = _p95(measured, silent), _p95(measured, speaking)
    if open_in_silence is None or open_in_speech is None or open_in_speech < _LEAST_OPENING:
        return None
    return max(open_in_silence, 0.0) / open_in_speech


def opening_ratio(measured: Series, requested: Series, speaking: Flags) -> float | None:
    """Compare how far the mouth opens with how far it was asked to, at the 95th percentile of speech.

    Both in gap of the inner lips as a share of the distance of the outer eye corners.
    """
    got, asked = _p95(measured, speaking), _p95(requested, speaking & np.isfinite(measured))
    if got is None or asked is None or asked < _LEAST_OPENING:
        return None
    return max(got, 0.0) / asked


def _p95(series: Series, where: Flags) -> float | None:
    chosen = series[where & np.isfinite(series)]
    return float(np.percentile(chosen, 95)) if len(chosen) else None


def psnr_db(square_error: float, pixels: float) -> float | None:
    """Turn a sum of squared differences (8 bit) over so many pixels into PSNR; None without pixels."""
    if pixels < 1:
        return None
    mean = square_error / pixels
    return _BEST_PSNR_DB if mean <= 0 else min(_BEST_PSNR_DB, float(10 * np.log10(255.0**2 / mean)))


def square_error(first: Pixels, second: Pixels, mask: Pixels) -> tuple[float, int]:
    """Sum squared differences of two luma planes.

    Args:
        first: (H, W) uint8.
        second: (H, W) uint8.
        mask: (H, W) uint8, 0 where a pixel does not count.

    Returns:
        The sum, and the number of pixels that counted.
    """
    apart = cv2.norm(first, second, cv2.NORM_L2SQR, mask)
    return float(apart), int(cv2.countNonZero(mask))


def texture(luma: Pixels, mask: Pixels) -> float:
    """Measure the mean squared Laplacian of a luma plane where ``mask`` is not 0; 0.0 for an empty mask."""
    edges = cv2.Laplacian(luma, cv2.CV_32F, ksize=1)
    inside = edges[mask > 0]
    return float(np.mean(inside * inside)) if inside.size else 0.0


def sound_offset_s(clip: Samples, recording: Samples, rate_hz: int) -> float | None:
    """Find how much later a recording sounds in a Clip than in itself, by their cross-correlation.

    Args:
        clip: (n,) mono, from the Clip's first moment.
        recording: (m,) mono at the same rate.
        rate_hz: Of both.

    Returns:
        Seconds, positive where the Clip's sound is late; None where the two have nothing in common.
    """
    common_length = min(len(clip), len(recording))
    if common_length < rate_hz // 10:
        return None
    # What only the longer of the two holds would count as disagreement.
    clip, recording = clip[:common_length], recording[:common_length]
    length = 2 * common_length
    size = 1 << (length - 1).bit_length()
    spectrum = np.fft.rfft(clip, size) * np.conj(np.fft.rfft(recording, size))
    agreement = np.fft.irfft(spectrum, size)
    reach = min(round(_LONGEST_OFFSET_S * rate_hz), size // 2 - 1)
    around = np.concatenate([agreement[-reach:], agreement[: reach + 1]])
    best = int(np.argmax(np.abs(around)))
    common = float(np.abs(around[best]))
    scale = float(np.linalg.norm(clip) * np.linalg.norm(recording))
    # Another recording of the same length agrees to a few hundredths at any lag; lossy coding keeps 0.9 and more.
    return (best - reach) / rate_hz if scale > 0 and common / scale > 0.3 else None
