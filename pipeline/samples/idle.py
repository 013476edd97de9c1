"""How somebody idles before a camera: small turns of the head, breath, blinks, a wandering gaze."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.samples.features import Gaze
from pipeline.samples.look import Look
from pipeline.samples.presenter import Pose

_YAW: Final = math.radians(5.0)
_PITCH: Final = math.radians(2.2)
_ROLL: Final = math.radians(1.3)
_SWAY: Final = 0.045
"""Units the head drifts to either side."""
_BREATH: Final = 0.012
_BREATH_S: Final = 4.2
_SLOW_HZ: Final = (0.11, 0.19, 0.31, 0.47)
"""Turns are a sum of slow waves: nothing repeats within a sample."""
_BLINK_S: Final = 0.30
_BLINK_EVERY_S: Final = (2.2, 4.6)
_GLANCE_EVERY_S: Final = (1.2, 3.0)
_STEPS: Final = 12
"""Lids and gaze move in so many steps, so that their pictures can be kept."""


@dataclass(frozen=True)
class _Wave:
    """A wandering value of about -1.0 to 1.0."""

    phases: tuple[float, ...]

    def at(self, second: float) -> float:
        parts = zip(_SLOW_HZ, self.phases, strict=True)
        return sum(math.sin(math.tau * (hz * second + phase)) / 2.2 for hz, phase in parts)


def idle(look: Look, frames: int) -> Iterator[Pose]:
    """Yield one Pose per frame; the same Look idles the same way every time."""
    rng = np.random.default_rng(look.seed + 1)
    yaw, pitch, roll, across = (_Wave(tuple(rng.uniform(0, 1, len(_SLOW_HZ)))) for _ in range(4))
    seconds = frames / look.fps
    blinks = _moments(rng, seconds, _BLINK_EVERY_S)
    glances = _moments(rng, seconds, _GLANCE_EVERY_S)
    looks = [(0.0, 0.0), *((rng.uniform(-1, 1), rng.uniform(-0.5, 0.5)) for _ in glances)]
    for frame in range(frames):
        second = frame / look.fps
        aim = looks[sum(moment <= second for moment in glances)]
        turn = yaw.at(second)
        gaze = Gaze(
            open=round(_STEPS * _lids(second, blinks)) / _STEPS,
            # The eyes hold the camera while the head turns.
            across=round(_STEPS * (0.04 * aim[0] - 0.16 * turn)) / _STEPS,
            down=round(_STEPS * 0.08 * aim[1]) / _STEPS,
        )
        yield Pose(
            yaw=_YAW * turn,
            pitch=_PITCH * pitch.at(second),
            roll=_ROLL * roll.at(second),
            across=_SWAY * across.at(second) + 0.02 * turn,
            down=0.012 * pitch.at(second),
            breath=_BREATH * math.sin(math.tau * second / _BREATH_S),
            gaze=gaze,
        )


def _moments(rng: np.random.Generator, seconds: float, every_s: tuple[float, float]) -> list[float]:
    """Moments at irregular distances, the first after less than a full one."""
    moments = [float(rng.uniform(0.6, every_s[1] / 2))]
    while moments[-1] < seconds:
        moments.append(moments[-1] + float(rng.uniform(*every_s)))
    return moments


def _lids(second: float, blinks: list[float]) -> float:
    """How far the lids are open: they close in a third of a blink and open in the rest."""
    for moment in blinks:
        share = (second - moment) / _BLINK_S
        if 0.0 <= share < 1.0:
            shut = share * 3.0 if share < 1 / 3 else (1.0 - share) * 1.5
            return 1.0 - math.pow(min(1.0, shut), 0.8)
    return 1.0
