"""The samples as files: a recording and presenters, for ``chorus demo`` without options, for tests and for bench.

Everything is computed here from formulas and fixed seeds; nothing is downloaded and nothing shows or imitates a person.
"""

from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from pipeline.media import ClipWriter
from pipeline.samples.idle import idle
from pipeline.samples.look import LOOKS, Look
from pipeline.samples.presenter import Presenter
from pipeline.samples.voice import TEXT, write_voice
from pipeline.types import Progress, VideoFacts

__all__ = ["LOOKS", "TEXT", "Look", "write_presenter", "write_voice"]

_BT601: Final = 6
"""Matrix (H.273) that OpenCV's conversion to YUV has."""
_BT709: Final = 1


def write_presenter(look: Look, path: Path, seconds: float, progress: Progress) -> VideoFacts:
    """Paint a presenter who idles with closed lips, and write the video (MP4, H.264, silent).

    Args:
        look: Who; the same Look gives the same frames.
        path: Written whole or not at all.
        seconds: How long.
        progress: Called with stage ``"sample"`` after every frame.

    Returns:
        Facts of the video.

    Raises:
        Stopped: ``progress`` raised it.
    """
    fps = Fraction(look.fps)
    frames = max(2, round(seconds * fps))
    facts = VideoFacts(
        codec="h264",
        width_px=look.width_px,
        height_px=look.height_px,
        fps=fps,
        frames=frames,
        duration_s=float(frames / fps),
        has_sound=False,
        matrix=_BT601,
        primaries=_BT709,
        transfer=_BT709,
        declared_s=float(frames / fps),
    )
    presenter = Presenter(look)
    with ClipWriter(path, facts, frames, None, label=None) as writer:
        for frame, pose in enumerate(idle(look, frames)):
            planes = cv2.cvtColor(presenter.frame(pose), cv2.COLOR_RGB2YUV_I420)
            writer.write(np.asarray(planes, np.uint8))
            progress("sample", frame + 1, frames)
    return facts
