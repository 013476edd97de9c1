"""What a Clip must be like to be delivered without a warning."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

LENGTH: Final = "length"
"""Picture or sound ends early or late."""
OFFSET: Final = "offset"
"""Sound and picture are not in step, or the sound is another one."""
TRACKING: Final = "tracking"
"""The mouth does not follow the words."""
OUTSIDE: Final = "outside"
"""Something changed that speaking does not move."""
SILENCE: Final = "silence"
"""The mouth is open while nobody speaks."""
FLAGS: Final = (LENGTH, OFFSET, TRACKING, OUTSIDE, SILENCE)
"""Worst first."""

# Measured on 80 Clips of eight presenters, some cut by the picture's edge, and ten recordings. In brackets what the gate must
# find, as far as a few frames can: a mouth frozen or another recording's, early or late by 5 frames, open in silence.
_LEAST_STEP_R: Final = 0.88
"""Good Clips have 0.97 and more. Nearly all broken ones have less, but by chance one of fifty agrees in six frames."""
_LONGEST_LAG: Final = 2
_MOST_GAIN: Final = 0.04
"""What another lag may gain: good Clips leave it 0.03 at most; one that is late by 5 frames still had a step_r of 0.91."""
_LEAST_MOVEMENT: Final = 0.64
"""Share of the movement that is seen when it was asked for. Good Clips have 0.78 and more (0.62 and less)."""
_LEAST_FOUND: Final = 0.5
"""Share of the faces that are found where the Template's are."""
_MOST_SILENCE_OPENING: Final = 0.25
"""Good Clips have up to 0.06 (0.35 and more)."""
_LEAST_OUTSIDE_DB: Final = 34.0
"""Good Clips have 42 and more."""
_MOST_BLOCK_ERROR: Final = 150.0
"""Good Clips have up to 32: what the codec makes of the worst of some thousand blocks."""
_LONGEST_OFFSET_FRAMES: Final = 1
_SOUND_SLACK_S: Final = 0.1
"""A recording's last packet may end early by a little: the encoder fills it up."""
_ROUNDING: Final = 1e-6


@dataclass(frozen=True)
class Findings:
    """What is known of a Clip; None where it could not be measured."""

    frames: int
    fps: Fraction
    expected_s: float
    """The Take's length."""
    has_all_frames: bool
    """Whether every frame that was sought could be decoded."""
    sound_end_s: float | None
    """None without sound."""
    offset_s: float | None
    tracking_r: float | None
    """How well the mouth follows at the lag where it does so best: correlation."""
    lag_frames: int | None
    step_r: float | None
    """How well it follows if it may be early or late by a frame."""
    movement: float | None
    """Share of the requested movement that is seen."""
    found: float | None
    """Share of the faces that were found where they should be."""
    silence_opening: float | None
    outside_db: float | None
    worst_block: float | None
    """Largest mean squared difference of a block where nothing should have changed."""


def flags_of(findings: Findings) -> tuple[str, ...]:
    """Say what is wrong with a Clip, worst first; what could not be measured is not held against it."""
    wrong = {
        LENGTH: _is_cut(findings),
        OFFSET: _is_out_of_step(findings),
        TRACKING: _does_not_follow(findings),
        OUTSIDE: _below(findings.outside_db, _LEAST_OUTSIDE_DB)
        or _above(findings.worst_block, _MOST_BLOCK_ERROR),
        SILENCE: _above(findings.silence_opening, _MOST_SILENCE_OPENING),
    }
    return tuple(flag for flag in FLAGS if wrong[flag])


def _is_cut(findings: Findings) -> bool:
    wanted = findings.expected_s * findings.fps
    shown_s = float(findings.frames / findings.fps)
    heard_s = findings.sound_end_s or 0.0
    return (
        abs(findings.frames - wanted) > 1 + _ROUNDING
        or not findings.has_all_frames
        or heard_s < min(findings.expected_s, shown_s) - _SOUND_SLACK_S
    )


def _is_out_of_step(findings: Findings) -> bool:
    if findings.sound_end_s is None:
        return False  # nothing to be in step with; its length says so
    if findings.offset_s is None:
        return True
    return abs(findings.offset_s) * findings.fps > _LONGEST_OFFSET_FRAMES + _ROUNDING


def _does_not_follow(findings: Findings) -> bool:
    return (
        _below(findings.step_r, _LEAST_STEP_R)
        or _fits_better_elsewhere(findings)
        or _below(findings.movement, _LEAST_MOVEMENT)
        or _below(findings.found, _LEAST_FOUND)
    )


def _fits_better_elsewhere(findings: Findings) -> bool:
    best_r, lag_frames, step_r = findings.tracking_r, findings.lag_frames, findings.step_r
    if best_r is None or lag_frames is None or step_r is None:
        return False
    return abs(lag_frames) > _LONGEST_LAG and best_r - step_r > _MOST_GAIN


def _below(value: float | None, least: float) -> bool:
    return value is not None and value < least


def _above(value: float | None, most: float) -> bool:
    return value is not None and value > most
