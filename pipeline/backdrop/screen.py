"""Whether a presenter stands before a green or blue screen: the edges of the picture agree on one strong colour, all the time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.faces.planes import split
from pipeline.types import Planes

KeyColour = tuple[int, int, int]
"""Y, U and V of a screen, in limited range."""

_LOOKED: Final = 12
"""Frames looked at, spread over the video."""
_BAND: Final = 0.04
"""Breadth of the edges looked at, of the picture's width and height."""
_DOWN_TO: Final = 0.6
"""Of the height: below, shoulders and arms reach the edge."""
_STRONG: Final = 26
"""Least distance of a screen's chroma from grey. A grey wall has 5, a sky up to 25; screens have 40 to 120."""
_HUE_DEG: Final = 16.0
"""What agrees with a hue."""
_LEAST_AGREEING: Final = 0.75
"""Share of the edge: hair, a watermark or a hand may reach it."""
_LEAST_FRAMES: Final = 0.8
"""Share of the frames that show it."""
_MOST_OF_PICTURE: Final = 0.97
"""If all of the picture is of one colour, it is a tint and no screen."""
_GREEN_DEG: Final = -131.0
"""Direction of pure green in (U, V), BT.601 and BT.709 alike within 5 degrees."""
_BLUE_DEG: Final = -8.0
_GREEN_REACH_DEG: Final = 32.0
_BLUE_REACH_DEG: Final = 24.0


@dataclass(frozen=True)
class _Look:
    """What one frame shows."""

    colour: NDArray[np.float64]
    """Y, U and V."""
    hue_deg: float


class ScreenFinder:
    """Looks at some frames of a video that pass by."""

    def __init__(self, frames: int) -> None:
        """``frames`` is how many will come."""
        self._every = max(frames // _LOOKED, 1)
        self._seen = 0
        self._looks: list[_Look | None] = []

    def watch(self, frames: Iterator[Planes]) -> Iterator[Planes]:
        """Pass frames on, untouched."""
        for planes in frames:
            self.look(planes)
            yield planes

    def look(self, planes: Planes) -> None:
        """Look at the next frame, if it is one of those that count."""
        if self._seen % self._every == 0:
            self._looks.append(_look(planes))
        self._seen += 1

    def found(self) -> KeyColour | None:
        """Tell the screen's colour; None if there is no screen."""
        looks = [look for look in self._looks if look is not None]
        if not self._looks or len(looks) < _LEAST_FRAMES * len(self._looks):
            return None
        hues = np.array([look.hue_deg for look in looks])
        if float(np.abs(_apart(hues, float(np.median(hues)))).max()) > _HUE_DEG:
            return None
        luma, blue, red = np.median([look.colour for look in looks], axis=0)
        return round(float(luma)), round(float(blue)), round(float(red))


def _look(planes: Planes) -> _Look | None:
    luma, blue, red = split(planes)
    edge = _edge((blue.shape[0], blue.shape[1]))
    u, v = (plane[edge].astype(np.float64) - 128 for plane in (blue, red))
    strong = np.hypot(u, v) >= _STRONG
    if np.mean(strong) < _LEAST_AGREEING:
        return None
    hue_deg = float(np.degrees(np.arctan2(np.median(v[strong]), np.median(u[strong]))))
    agreeing = strong & _agree(u, v, hue_deg)
    if np.mean(agreeing) < _LEAST_AGREEING or not _is_screen(hue_deg):
        return None
    all_u, all_v = (plane[::4, ::4].astype(np.float64) - 128 for plane in (blue, red))
    everywhere = (np.hypot(all_u, all_v) >= _STRONG) & _agree(all_u, all_v, hue_deg)
    if np.mean(everywhere) > _MOST_OF_PICTURE:
        return None
    lights = luma[::2, ::2][edge][agreeing]
    colour = [np.median(lights), np.median(u[agreeing]) + 128, np.median(v[agreeing]) + 128]
    return _Look(np.array(colour), hue_deg)


def _edge(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Mask the upper edge and the upper part of both sides."""
    height, width = shape
    tall, broad = max(round(_BAND * height), 1), max(round(_BAND * width), 1)
    edge = np.zeros(shape, np.bool_)
    edge[:tall] = True
    edge[: round(_DOWN_TO * height), :broad] = True
    edge[: round(_DOWN_TO * height), -broad:] = True
    return edge


def _agree(u: NDArray[np.float64], v: NDArray[np.float64], hue_deg: float) -> NDArray[np.bool_]:
    return np.abs(_apart(np.degrees(np.arctan2(v, u)), hue_deg)) <= _HUE_DEG


def _apart(hues_deg: NDArray[np.float64], hue_deg: float) -> NDArray[np.float64]:
    """Give the difference of hues, -180 to 180 degrees."""
    return (hues_deg - hue_deg + 180) % 360 - 180


def _is_screen(hue_deg: float) -> bool:
    hue = np.array(hue_deg)
    is_green = abs(float(_apart(hue, _GREEN_DEG))) <= _GREEN_REACH_DEG
    return is_green or abs(float(_apart(hue, _BLUE_DEG))) <= _BLUE_REACH_DEG
