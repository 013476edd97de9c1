"""Keying: a screen is taken out of a frame and a backdrop put there, in the I420 planes themselves.

A pixel at an edge, in hair or in motion is a mixture of presenter and screen. In chroma a screen is far from grey and
presenters are not, so the share of the screen is read off there, as the projection on the screen's own chroma; then so much
of the screen is subtracted, which takes its cast off skin and hair too, and as much of the backdrop is added. How the
screen is lit is measured in the first frame, how bright it is in each; nothing else depends on other frames, so that only
what flickered before flickers.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.backdrop.screen import KeyColour
from pipeline.faces.planes import split
from pipeline.types import Pixels, Planes

Grid = NDArray[np.float32]

_CLEAR: Final = 0.10
"""A share of the screen that is no more than its reflection: the presenter stays whole."""
_SOLID: Final = 0.86
"""A share that is no less than a shadow or a fold: nothing of the presenter is there."""
_OTHER_HUE: Final = 0.5
"""What a hue beside the screen's takes off the share: green clothes are rarely of just this green."""
_MOST_CAST: Final = 3.0
"""The cast taken off, in shares of the screen: where there is no screen, green is the presenter's own."""
_SAME_HUE: Final = 0.06
"""A distance from the screen's hue that is its own noise."""
_GAIN: Final = 200
"""``fade`` is stored in 1 / 200: it is 1.12 at most."""

_CELL: Final = 8
"""The screen's light is measured in fields of so many chroma pixels."""
_SURELY: Final = 0.7
"""Share from which on a field is screen, and tells its light."""
_LEAST_SURE: Final = 0.01
"""Share of the picture that must be screen to tell how bright it is in this frame."""
_REACH_CELLS: Final = 4.0
"""Standard deviation of the smoothing of the light, in fields."""

_HOLE_SCALE: Final = 4
"""Holes are sought at a quarter of the chroma's size."""
_HOLE_SHARE: Final = 0.55
"""What a gap between arm and body shows; a hole with less is a reflection or something green on the presenter."""
_HOLE_AREA: Final = 0.0002
"""Of the picture: so much at least of a gap does."""


class Keyer:
    """Takes one screen out of frames of one size. Not for several threads."""

    def __init__(self, key: KeyColour) -> None:
        """``key`` is the screen's colour, as ``ScreenFinder`` tells it."""
        self._key = np.array(key, np.float32)
        self._light: _Light | None = None
        self._kept: Pixels | None = None
        shares = np.arange(256, dtype=np.float32) / 255
        cover = np.clip((shares - _CLEAR) / (_SOLID - _CLEAR), 0, 1)
        fade = (1 - cover) / np.maximum(1 - shares, 1e-3)
        self._cover = np.round(255 * cover).astype(np.uint8)
        """By share of the screen: how much of the backdrop is seen, 0-255."""
        self._fade = np.round(_GAIN * fade).astype(np.uint8)
        """By share of the screen: what is left of the presenter once the screen is subtracted, and 1 / (1 - share)."""

    def cover(self, planes: Planes) -> Pixels:
        """Tell where the backdrop will be seen, (h // 2, w // 2), 0-255."""
        return self._cover[self._share(planes)[0]]

    def replace(self, planes: Planes, backdrop: Planes) -> None:
        """Put a backdrop (I420, of the same size) in place of the screen; changes ``planes``."""
        share, cast, gain = self._share(planes)
        light = self._light
        if light is None:
            return
        cover, fade = self._cover[share], self._fade[share]
        part = share.astype(np.float32)
        part *= gain / 255
        self._mix_luma(planes, backdrop, _bytes(part * light.luma), cover, fade)
        cast *= gain
        weights = cast, _floats(fade, 1 / _GAIN), _floats(cover, 1 / 255)
        chroma = zip(split(planes)[1:], split(backdrop)[1:], (light.u, light.v), strict=True)
        for plane, behind, screen in chroma:
            _mix_chroma(plane, behind, screen, weights)

    def _mix_luma(
        self, planes: Planes, backdrop: Planes, screen: Pixels, cover: Pixels, fade: Pixels
    ) -> None:
        """Take the screen's part of the light away, and add the backdrop's; the three maps have the chroma's size."""
        luma, behind = split(planes)[0], split(backdrop)[0]
        size = (luma.shape[1], luma.shape[0])
        buffer = self._buffer(luma.shape)
        cv2.subtract(luma, cv2.resize(screen, size, buffer), dst=luma)
        cv2.multiply(luma, cv2.resize(fade, size, buffer), luma, 1 / _GAIN)
        cv2.multiply(cv2.resize(cover, size, buffer), behind, buffer, 1 / 255)
        cv2.add(luma, buffer, dst=luma)

    def _buffer(self, shape: tuple[int, ...]) -> Pixels:
        """Memory that is asked for once: a new array of this size costs as much as what is done in it."""
        if self._kept is None or self._kept.shape != shape:
            self._kept = np.empty(shape, np.uint8)
        return self._kept

    def _share(self, planes: Planes) -> tuple[Pixels, Grid, float]:
        """Tell how much of each chroma pixel is screen.

        Returns:
            The share, (h // 2, w // 2) 0-255; the cast that it throws, also on hair of another hue and where only its
            reflection is seen, 0.0-1.0, no less than the share; how bright the screen is just now, 1.0 as in the first frame.
        """
        luma, blue, red = split(planes)
        if self._light is None or self._light.luma.shape != blue.shape:
            self._light = _measure_light(luma, blue, red, self._key)
        light = self._light
        u, v = blue.astype(np.float32), red.astype(np.float32)
        u -= 128
        v -= 128
        beside = u * light.unit_v
        beside -= v * light.unit_u
        np.abs(beside, out=beside)
        beside -= _SAME_HUE
        np.maximum(beside, 0, out=beside)
        u *= light.unit_u
        v *= light.unit_v
        u += v
        some = u[::_CELL, ::_CELL]
        sure = some[some > _SURELY]
        gain = float(np.median(sure)) if len(sure) > _LEAST_SURE * some.size else 1.0
        u /= gain
        cv2.scaleAdd(beside, -_OTHER_HUE / gain, u, v)
        share = _bytes(v, 255)
        v *= _MOST_CAST
        cast = np.clip(np.minimum(u, v, out=u), 0, 1, out=u)
        _close_holes(share)
        return share, cast, gain


@dataclass(frozen=True)
class _Light:
    """How a screen is lit, also behind the presenter; all (h // 2, w // 2)."""

    luma: Grid
    u: Grid
    """Less 128."""
    v: Grid
    unit_u: Grid
    """``u`` and ``v`` by their square: what they are multiplied with gives a share."""
    unit_v: Grid


def _measure_light(luma: Pixels, blue: Pixels, red: Pixels, key: NDArray[np.float32]) -> _Light:
    """Measure a screen's light, field by field, where it is seen, and go on from there."""
    height, width = (max(side // _CELL, 1) for side in blue.shape)
    fields = [
        cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        for plane in (luma, blue, red)
    ]
    key_u, key_v = key[1:] - 128
    along = ((fields[1] - 128) * key_u + (fields[2] - 128) * key_v) / (key_u**2 + key_v**2)
    # A little of the screen's usual colour everywhere, for where no field of it is near.
    weight = (along > _SURELY).astype(np.float32)
    known = cv2.GaussianBlur(weight, (0, 0), _REACH_CELLS) + 1e-3
    lit = [
        (cv2.GaussianBlur(weight * field, (0, 0), _REACH_CELLS) + 1e-3 * usual) / known
        for field, usual in zip(fields, key, strict=True)
    ]
    size = (blue.shape[1], blue.shape[0])
    light, u, v = (np.asarray(cv2.resize(field, size), np.float32) for field in lit)
    u -= 128
    v -= 128
    square = u * u + v * v
    return _Light(light, u, v, *(np.asarray(part / square, np.float32) for part in (u, v)))


def _mix_chroma(
    plane: Pixels, behind: Pixels, screen: Grid, weights: tuple[Grid, Grid, Grid]
) -> None:
    """Do to a chroma plane what is done to the luma, around its own zero of 128; changes ``plane``."""
    part, fade, cover = weights
    own, new = plane.astype(np.float32), behind.astype(np.float32)
    own -= 128
    new -= 128
    own -= screen * part
    own *= fade
    new *= cover
    own += new
    own += 128
    plane[...] = _bytes(own)


def _floats(grid: Pixels, scale: float) -> Grid:
    return np.multiply(grid, np.float32(scale), dtype=np.float32)


def _bytes(grid: Grid, scale: float = 1.0) -> Pixels:
    """Round to whole numbers from 0 to 255."""
    # OpenCV rounds and cuts in one pass, but takes the absolute value of what is negative.
    return np.asarray(cv2.convertScaleAbs(np.maximum(grid, 0), None, scale), np.uint8)


def _close_holes(share: Pixels) -> None:
    """Make the presenter whole where something in the middle of it only looks like the screen; changes ``share``.

    What is screen all through and not small stays open: the gap between an arm and the body.
    """
    height, width = (max(side // _HOLE_SCALE, 1) for side in share.shape)
    small = cv2.resize(share, (width, height), interpolation=cv2.INTER_AREA)
    through = (small > 255 * _CLEAR).astype(np.uint8)
    count, labels = cv2.connectedComponents(through, connectivity=4)
    outer = set(labels[0]) | set(labels[-1]) | set(labels[:, 0]) | set(labels[:, -1])
    closed = np.zeros(count, np.uint8)
    for number in range(1, count):
        if number in outer:
            continue
        solid = np.count_nonzero(small[labels == number] >= 255 * _HOLE_SHARE)
        closed[number] = solid < max(_HOLE_AREA * small.size, 2)
    if closed.any():
        mask = cv2.resize(closed[labels], share.shape[::-1], interpolation=cv2.INTER_NEAREST)
        np.minimum(share, np.uint8(255 * _CLEAR), out=share, where=mask > 0)
