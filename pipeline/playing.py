"""In which order a Clip shows the frames of its Template."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.port import Performance
from pipeline.glimpses import Glimpses, distances, motion
from pipeline.media import clip_frames
from pipeline.options import Playing

_END_SHARE: Final = 0.15
"""A turn may leave out so much of a Template at either end, for the sake of a quieter moment."""
_END_S: Final = 1.5
"""And no more than this."""
_LOOP_SHARE: Final = 0.25
"""A loop may leave out so much at either end: frames that look alike are rarer than quiet ones."""
_LOOP_S: Final = 10.0
"""And no more than this: beyond it there are enough to choose among."""
_AROUND: Final = 2
"""Frames on either side of a turn that count too."""
_NEARLY: Final = 1.25
"""Jumps that are larger than the smallest by less than this look the same."""
_UNSEEN: Final = 1.0
"""A jump that changes no more than one frame of the Template does from the next is not seen at all."""


def play_order(performance: Performance, duration_s: float, playing: Playing) -> Sequence[int]:
    """Choose the Template frame for each frame of a Clip.

    Args:
        performance: The Template.
        duration_s: The Take's length.
        playing: How it goes on where the Template is shorter.

    Returns:
        One position (0 to the Template's last) for each frame of the Clip. The first ones are 0, 1, 2 and so on.
    """
    facts = performance.facts
    frames = clip_frames(duration_s, facts)
    return order_of_frames(performance.glimpses, facts.frames, facts.fps, frames, playing)


def order_of_frames(
    glimpses: Glimpses | None, template_frames: int, fps: Fraction, frames: int, playing: Playing
) -> Sequence[int]:
    """Choose the order by what is known of a Template.

    Args:
        glimpses: Of all its frames; None (prepared by an older version): it is played to its ends.
        template_frames: How many they are.
        fps: Their rate.
        frames: How many the Clip has.
        playing: How it goes on.

    Returns:
        As ``play_order``.
    """
    if frames <= template_frames:
        return range(frames)
    if template_frames == 1:
        return [0] * frames
    if glimpses is None or len(glimpses) != template_frames:
        glimpses = np.zeros((template_frames, 1, 1), np.float16)
    match playing:
        case Playing.BOUNCE:
            return _bounce(*turning_points(glimpses, fps), frames)
        case Playing.LOOP:
            return _loop(*loop_points(glimpses, fps), frames)
        case Playing.HOLD:
            return _hold(turning_points(glimpses, fps)[1], frames)


def recognise_order(clip: Glimpses, template: Glimpses, fps: Fraction) -> Sequence[int]:
    """Find the order in which a Clip shows a Template, whichever way it was played.

    Args:
        clip: Glimpses of all its frames.
        template: Likewise; both videos have the same rate.
        fps: That rate.

    Returns:
        The one of the orders of ``order_of_frames`` whose frames look most like the Clip's, those of older versions too.
    """
    orders = [
        order_of_frames(known, len(template), fps, len(clip), playing)
        for known in (template, None)
        for playing in Playing
    ]
    shown = clip.astype(np.float32)
    return min(orders, key=lambda order: float(np.abs(template[order] - shown).mean()))


def turning_points(glimpses: Glimpses, fps: Fraction) -> tuple[int, int]:
    """Choose where a Template turns: the frames of least motion near both ends.

    Whoever turns while moving jerks: the faster, the more. A turn leaves out what lies beyond it, so it is looked for near the ends only.

    Returns:
        (early, late); a Template turns at its ends where no frame there is quieter.
    """
    frames = len(glimpses)
    room = int(min(_END_SHARE * frames, _END_S * fps))
    # Frames of the same motion: the outermost is taken.
    stirring = _stirring(glimpses)
    early = int(np.argmin(stirring[: room + 1]))
    late = frames - 1 - int(np.argmin(stirring[::-1][: room + 1]))
    return early, late


def loop_points(glimpses: Glimpses, fps: Fraction) -> tuple[int, int]:
    """Choose between which frames a Template jumps back: those whose surroundings look and move alike.

    What follows the later frame should look as the earlier one does, and so should the frames around both, or a head that swings to
    the left is seen to swing to the right at once. Of the jumps that are as good as unseen, or nearly as small as the
    smallest, the longest loop is taken: people notice repetition as they notice a jump, and every second that is
    left out brings the next repetition nearer. So it never leaves out more than half of the Template.

    Returns:
        (early, late): after ``late`` comes ``early``.
    """
    frames = len(glimpses)
    room = max(int(min(_LOOP_SHARE * frames, _LOOP_S * fps)), 1)
    jump = _jumps(glimpses, room)
    usual = float(np.median(motion(glimpses)[1:]))
    good = jump <= max(_NEARLY * float(jump.min()), _UNSEEN * usual)
    left_out = np.add.outer(np.arange(room), np.arange(room))
    early, behind = np.unravel_index(
        np.argmin(np.where(good, left_out + jump / (1 + jump.max()), np.inf)), jump.shape
    )
    return int(early), frames - 1 - int(behind)


def _jumps(glimpses: Glimpses, room: int) -> NDArray[np.float64]:
    """Tell how far the frames around a jump are apart: (early frame, frames left out behind the late one), levels of grey."""
    frames = len(glimpses)
    # What follows the last frame is not known; it is taken to stay as it is.
    shown = np.concatenate([glimpses, glimpses[-1:]])
    apart = np.zeros((room, room))
    early, follows = np.arange(room), frames - np.arange(room)
    for shift in range(-_AROUND, _AROUND + 1):
        ours = shown[np.clip(early + shift, 0, frames - 1)]
        theirs = shown[np.clip(follows + shift, 0, frames)]
        apart += distances(ours, theirs) * (_AROUND + 1 - abs(shift))
    return apart / (_AROUND + 1) ** 2


def _stirring(glimpses: Glimpses) -> NDArray[np.float64]:
    """Tell how much moves around each frame: (frames,)."""
    steps = motion(glimpses)
    padded = np.pad(steps[1:].astype(np.float64), (_AROUND, _AROUND), mode="edge")
    # A frame lies between two steps; those next to it count most.
    weights = np.array([1.0, 2.0, 2.0, 1.0])
    return np.convolve(padded, weights, mode="valid")


def _bounce(early: int, late: int, frames: int) -> Sequence[int]:
    """Play forward to ``late``, backward to ``early``, and so on; the frames where it turns are shown once."""
    order = list(range(late + 1))
    there_and_back = [*range(late - 1, early, -1), *range(early, late + 1)]
    while len(order) < frames:
        order += there_and_back
    return order[:frames]


def _loop(early: int, late: int, frames: int) -> Sequence[int]:
    order = list(range(late + 1))
    while len(order) < frames:
        order += range(early, late + 1)
    return order[:frames]


def _hold(last: int, frames: int) -> Sequence[int]:
    return [min(frame, last) for frame in range(frames)]
