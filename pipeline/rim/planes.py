"""From decoded pictures of any kind to I420 as it is displayed, and back."""

import struct
from fractions import Fraction
from typing import Final, cast

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from pipeline.types import Pixels, Planes, VideoFacts

_UNSPECIFIED: Final = 2
_BT709: Final = 1
_RGB: Final = 0
_BT601: Final = 6
_BT2020: Final = 9
_SCALER_MATRICES: Final = {_BT709: Colorspace.ITU709, _BT2020: Colorspace.BT2020}
_STANDARD_PX: Final = 576
"""The shorter side of the largest picture of standard definition."""


class Converter:
    """Turns the frames of one video into I420 of one size. Not for several threads."""

    def __init__(self, width_px: int, height_px: int) -> None:
        """Sizes are as displayed, and even."""
        self._width_px = width_px
        self._height_px = height_px
        self._reformatter = VideoReformatter()
        self._turn: _Turn | None = None

    def convert(self, frame: VideoFrame) -> Planes:
        """Copy a frame, turned and scaled as its metadata asks for; full range becomes limited range."""
        # Once for all frames: asking a frame for its side data ties it into a reference cycle, and hundreds of
        # megabytes of frames then wait for the collector.
        turn = self._turn = self._turn or _Turn(frame)
        stored = (self._width_px, self._height_px)
        if turn.transposed:
            stored = stored[::-1]
        plain = self._as_yuv420p(frame, stored)
        planes = np.empty((self._height_px * 3 // 2, self._width_px), np.uint8)
        for target, source in zip(split(planes), _views(plain, stored), strict=True):
            target[...] = turn.apply(source)
        return planes

    def _as_yuv420p(self, frame: VideoFrame, stored: tuple[int, int]) -> VideoFrame:
        width_px, height_px = stored
        scaled = frame.width - width_px not in {0, 1} or frame.height - height_px not in {0, 1}
        full = frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
        if frame.format.name == "yuv420p" and not full and not scaled:
            return frame
        is_rgb = frame.format.is_rgb
        return self._reformatter.reformat(
            frame,
            width=width_px if scaled else frame.width,
            height=height_px if scaled else frame.height,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709 if is_rgb else None,
            interpolation="BICUBIC",
            src_color_range=ColorRange.JPEG if full or is_rgb else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
        )


def displayed_size(frame: VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Tell (width, height) of a frame as it is to be shown: square pixels, turned upright, even."""
    width, height = frame.width, frame.height
    if pixel_aspect and pixel_aspect > 0 and pixel_aspect != 1:
        width = round(width * pixel_aspect)
    if _Turn(frame).transposed:
        width, height = height, width
    return width & ~1, height & ~1


def colours(frame: VideoFrame) -> tuple[int, int, int]:
    """Tell matrix, primaries and transfer (H.273) of the I420 that ``Converter`` makes of a frame."""
    matrix = frame.colorspace
    if frame.format.is_rgb or matrix == _RGB:
        matrix = _BT709
    return matrix, frame.color_primaries or _UNSPECIFIED, frame.color_trc or _UNSPECIFIED


def split(planes: Planes) -> tuple[Pixels, Pixels, Pixels]:
    """Show Y (h, w), U and V (h // 2, w // 2) of a contiguous I420 frame, as views."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    flat = planes.reshape(-1)
    luma, quarter = height * width, height * width // 4
    half = (height // 2, width // 2)
    return (
        flat[:luma].reshape(height, width),
        flat[luma : luma + quarter].reshape(half),
        flat[luma + quarter :].reshape(half),
    )


def to_frame(planes: Planes) -> VideoFrame:
    """Copy I420 into a frame for the encoder."""
    return VideoFrame.from_ndarray(planes, format="yuv420p")


def as_rgb(planes: Planes, facts: VideoFacts) -> Pixels:
    """Turn I420 of a video into (h, w, 3) RGB for people to look at, by the video's own matrix."""
    matrix = facts.matrix
    if matrix == _UNSPECIFIED:  # as players guess: high definition is BT.709
        matrix = _BT709 if min(facts.width_px, facts.height_px) > _STANDARD_PX else _BT601
    picture = VideoReformatter().reformat(
        to_frame(planes),
        format="rgb24",
        src_colorspace=_SCALER_MATRICES.get(matrix, Colorspace.ITU601),
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )
    return cast(Pixels, picture.to_ndarray())


def _views(frame: VideoFrame, stored: tuple[int, int]) -> tuple[Pixels, Pixels, Pixels]:
    """Show the planes of a yuv420p frame, an odd last row or column left out."""
    width, height = stored
    sizes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
    luma, blue, red = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:rows, :columns]
        for plane, (rows, columns) in zip(frame.planes, sizes, strict=True)
    )
    return luma, blue, red


class _Turn:
    """What the display matrix asks for: one of the eight ways to lay down a picture.

    The matrix maps a stored position (p, q) to (a p + c q, b p + d q), stored as a, b, u, c, d, v, x, y, w
    (ISO/IEC 14496-12, 8.3.2.3; FFmpeg hands it on with the frame).
    """

    def __init__(self, frame: VideoFrame) -> None:
        a, b, c, d = 1, 0, 0, 1
        matrix = frame.side_data.get("DISPLAYMATRIX")
        if matrix is not None:
            a, b, _, c, d, *_ = struct.unpack("=9i", bytes(cast(SideData, matrix)))
        self.transposed = abs(b) + abs(c) > abs(a) + abs(d)
        self._mirrored = (c if self.transposed else a) < 0
        self._flipped = (b if self.transposed else d) < 0

    def apply(self, plane: Pixels) -> NDArray[np.uint8]:
        turned = plane.T if self.transposed else plane
        if self._mirrored:
            turned = turned[:, ::-1]
        return turned[::-1] if self._flipped else turned
