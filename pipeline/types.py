"""The values that travel between the stages of the pipeline.

Units are in the names. Pictures are (height, width, channels); positions are (x, y) in pixels from the
top left corner; frames count from 0; seconds count from the start of the Take or Template.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""A picture, 0-255. RGB unless a docstring says otherwise."""
Planes = NDArray[np.uint8]
"""One frame as planar YUV 4:2:0 (I420): (height * 3 // 2, width), limited range; width and height even."""
Weights = NDArray[np.float32]
"""Blend weights, 0.0-1.0."""
Samples = NDArray[np.float32]
"""Mono sound, (n,), -1.0 to 1.0."""
Points = NDArray[np.float32]
"""(n, 2) positions in pixels."""

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total) as work goes on; may raise ``Stopped`` to end it."""

CURVE_RATE_HZ: Final = 100
"""Mouth parameters are kept at this rate, whatever the frame rate of the Template."""

FULL_OPENING: Final = 0.25
"""Gap of the inner lips, as a share of the distance of the outer eye corners, at ``opening`` 1.0."""


@dataclass(frozen=True)
class SoundFacts:
    """What is known of a recording once it has been decoded to its end."""

    codec: str
    rate_hz: int
    channels: int
    duration_s: float
    """Exact: decoded samples divided by the rate, at the recording's own rate."""


@dataclass(frozen=True)
class VideoFacts:
    """What is known of a video once it has been decoded to its end. Sizes are as Clips of it have them, upright."""

    codec: str
    width_px: int
    """Even: an odd last column or row is dropped. Larger pictures are scaled to what a Clip may have."""
    height_px: int
    fps: Fraction
    """The constant rate the Clip will have."""
    frames: int
    """Frames at that constant rate."""
    duration_s: float
    has_sound: bool
    matrix: int = 2
    """How Y, U and V come from R, G and B: a code point of ITU-T H.273; 2 if the video does not say."""
    primaries: int = 2
    """Likewise."""
    transfer: int = 2
    """Likewise."""
    alpha: bool = False
    """Whether anything of it is transparent."""
    declared_s: float = 0.0
    """How long the file's header says it is; 0.0 if it does not say."""


@dataclass(frozen=True)
class Word:
    """One word of a Take, and when it is said."""

    text: str
    """Punctuation that belongs to it included, spaces around it not."""
    start_s: float
    end_s: float
    probability: float = 1.0


@dataclass(frozen=True)
class Said:
    """What is said in a Take."""

    language: str
    """ISO 639-1."""
    words: tuple[Word, ...]
    """In order."""


Hear = Callable[[Samples, Callable[[float], None]], Said]
"""Writes down what is said in (n,) samples, 16 kHz, at speaking level. Called with them and with whom it is to tell how many
seconds it has heard, which may raise ``Stopped``; raises ``NotHeard``."""


@dataclass(frozen=True)
class MouthCurve:
    """What the mouth should do: parallel arrays, one value every 10 ms (``CURVE_RATE_HZ``) from the Take's start.

    All arrays are (n,) float32 and of the same length, which covers the whole Take.
    """

    opening: NDArray[np.float32]
    """0.0 closed to 1.0: gap of the inner lips divided by ``FULL_OPENING`` outer eye corner distances."""
    width: NDArray[np.float32]
    """-1.0 narrow, 0.0 as at rest, 1.0 spread (as in "see")."""
    rounding: NDArray[np.float32]
    """0.0 flat to 1.0 rounded and protruded (as in "who")."""
    closure: NDArray[np.float32]
    """0.0 free to 1.0 lips pressed together (b, p, m)."""
    teeth: NDArray[np.float32]
    """0.0 free to 1.0 lower lip at the upper teeth (f, v)."""
    speech: NDArray[np.float32]
    """0.0 nobody speaks to 1.0 somebody speaks; where it is 0.0 the opening is 0.0."""


@dataclass(frozen=True)
class MouthShape:
    """The curve at one frame; fields as in ``MouthCurve``."""

    opening: float
    width: float
    rounding: float
    closure: float
    teeth: float
    speech: float


@dataclass(frozen=True)
class Track:
    """The face of a Template, frame by frame, smoothed over time.

    ``landmarks`` is (frames, 468, 2) float32, pixels of the displayed picture, in MediaPipe's numbering;
    rows without a face are NaN. ``presence`` is (frames,) float32: 1.0 where the face is to be changed, 0.0 where
    the frame stays untouched, between them while the effect fades out and in: around long gaps, beside whatever covers
    the mouth, and where the head turns too far.
    """

    landmarks: NDArray[np.float32]
    presence: NDArray[np.float32]
