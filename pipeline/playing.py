"""In which order a Clip shows the frames of its Template."""

from collections.abc import Sequence

from pipeline.engines.port import Performance
from pipeline.media import clip_frames, source_order
from pipeline.options import Playing


def play_order(performance: Performance, duration_s: float, playing: Playing) -> Sequence[int]:
    """Choose the Template frame for each frame of a Clip.

    Args:
        performance: The Template.
        duration_s: The Take's length.
        playing: How it goes on where the Template is shorter.

    Returns:
        One position (0 to the Template's last) for each frame of the Clip. The first ones are 0, 1, 2 and so on.
    """
    del playing
    facts = performance.facts
    return list(source_order(facts.frames, clip_frames(duration_s, facts)))
