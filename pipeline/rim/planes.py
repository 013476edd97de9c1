"""From decoded pictures of any kind to I420 as it is displayed, and back."""

import struct
from fractions import Fraction
from typing import Final, cast

import cv2
import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from pipeline.rim.grading import Grading, interpolation, needs_grading
from pipeline.types import Pixels, Planes, VideoFacts

_UNSPECIFIED: Final = 2
_BT709: Final = 1
_RGB: Final = 0
_BT601: Final = 6
_BT2020: Final = 9
_SCALER_MATRICES: Final = {
    _BT709: Colorspace.ITU709,
    4: Colorspace.FCC,
    7: Colorspace.SMPTE240M,
    _BT2020: Colorspace.BT2020,
}
"""All others are BT.601's."""
_UNKNOWN_MATRICES: Final = {
    8: "YCgCo",
    11: "Y'D'zD'x",
    14: "ICtCp",
    15: "Dolby Vision",
    16: "YCgCo",
    17: "YCgCo",
}
"""FFmpeg's scaler would take them for others: faces would be green. 15 is what it calls Dolby Vision without a common base."""
_STANDARD_PX: Final = 576
"""The shorter side of the largest picture of standard definition."""
_OPAQUE: Final = 250
"""Transparency that is coded with losses is not quite 255 where it was."""
_WHITE: Final = (235, 128, 128)
"""In limited range, whatever the matrix."""


class Converter:
    """Turns the frames of one video into I420 of one size. Not for several threads."""

    def __init__(self, facts: VideoFacts) -> None:
        """``facts`` are those of the video; if they tell of transparency, it is heeded."""
        self._width_px = facts.width_px
        self._height_px = facts.height_px
        self._alpha = facts.alpha
        self._reformatter = VideoReformatter()
        self._grading: Grading | None = None
        self._turn: _Turn | None = None

    def convert(self, frame: VideoFrame) -> Planes:
        """Copy a frame, turned and scaled as its metadata asks for, as BT.709 shows it, on white where it is transparent."""
        if self._alpha:
            planes, alpha = self.convert_with_alpha(frame)
            return _on_white(planes, alpha)
        return self._upright(self._as_yuv420p(frame, self._stored(frame)), frame)

    def convert_with_alpha(self, frame: VideoFrame) -> tuple[Planes, Pixels]:
        """Copy a frame likewise, colours and transparency apart.

        Returns:
            I420, not multiplied with the transparency, and (h, w), 0 (nothing is seen) to 255.
        """
        stored = self._stored(frame)
        if not may_be_transparent(frame):
            planes = self._upright(self._as_yuv420p(frame, stored), frame)
            return planes, np.full((self._height_px, self._width_px), 255, np.uint8)
        plain = self._reformat(frame, stored, "yuva420p")
        alpha = np.ascontiguousarray(self._turn_of(frame).apply(_plane(plain, 3, *stored[::-1])))
        colours = self._as_yuv420p(frame, stored) if needs_grading(frame) else plain
        return self._upright(colours, frame), alpha

    def _turn_of(self, frame: VideoFrame) -> "_Turn":
        # Once for all frames: asking a frame for its side data ties it into a reference cycle, and hundreds of
        # megabytes of frames then wait for the collector.
        self._turn = self._turn or _Turn(frame)
        return self._turn

    def _stored(self, frame: VideoFrame) -> tuple[int, int]:
        size = (self._width_px, self._height_px)
        return size[::-1] if self._turn_of(frame).transposed else size

    def _upright(self, plain: VideoFrame, frame: VideoFrame) -> Planes:
        turn, (width, height) = self._turn_of(frame), self._stored(frame)
        planes = np.empty((self._height_px * 3 // 2, self._width_px), np.uint8)
        sizes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
        for number, (target, size) in enumerate(zip(split(planes), sizes, strict=True)):
            target[...] = turn.apply(_plane(plain, number, *size))
        return planes

    def _as_yuv420p(self, frame: VideoFrame, stored: tuple[int, int]) -> VideoFrame:
        if needs_grading(frame):
            self._grading = self._grading or Grading()
            return self._grading.grade(frame, *_scaled(frame, stored), _is_full(frame))
        return self._reformat(frame, stored, "yuv420p")

    def _reformat(self, frame: VideoFrame, stored: tuple[int, int], pixels: str) -> VideoFrame:
        size, full = _scaled(frame, stored), _is_full(frame)
        if frame.format.name == pixels and not full and size == (frame.width, frame.height):
            return frame
        is_rgb = frame.format.is_rgb or frame.format.has_palette
        return self._reformatter.reformat(
            frame,
            width=size[0],
            height=size[1],
            format=pixels,
            dst_colorspace=Colorspace.ITU709 if is_rgb else None,
            interpolation=interpolation(frame, size[0]),
            src_color_range=ColorRange.JPEG if full or is_rgb else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
        )


def _scaled(frame: VideoFrame, stored: tuple[int, int]) -> tuple[int, int]:
    """Tell the size to scale to: the frame's own where no more than an odd last row or column is too much."""
    width_px, height_px = stored
    near = frame.width - width_px in {0, 1} and frame.height - height_px in {0, 1}
    return (frame.width, frame.height) if near else stored


def _is_full(frame: VideoFrame) -> bool:
    return frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG


def may_be_transparent(frame: VideoFrame) -> bool:
    """Whether the pixels of a frame have a transparency, if only of 0."""
    return frame.format.has_palette or any(part.is_alpha for part in frame.format.components)


def is_transparent(frame: VideoFrame) -> bool:
    """Whether anything of a frame is transparent; ``may_be_transparent`` is asked first."""
    plain = VideoReformatter().reformat(frame, format="yuva420p")
    alpha = _plane(plain, 3, frame.height, frame.width)
    return int(alpha.min()) < _OPAQUE


def _on_white(planes: Planes, alpha: Pixels) -> Planes:
    """Put I420 on white, in place; ``alpha`` is (h, w)."""
    half = cv2.resize(alpha, (alpha.shape[1] // 2, alpha.shape[0] // 2), None, 0, 0, cv2.INTER_AREA)
    for plane, weight, white in zip(split(planes), (alpha, half, half), _WHITE, strict=True):
        seen = plane.astype(np.uint16) * weight + np.uint16(white) * (255 - weight).astype(
            np.uint16
        )
        plane[...] = (seen + 127) // 255
    return planes


def displayed_size(frame: VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Tell (width, height) of a frame as it is to be shown: square pixels, turned upright, even, and 2 at least."""
    width, height = frame.width, frame.height
    if pixel_aspect and pixel_aspect > 0 and pixel_aspect != 1:
        width = round(width * pixel_aspect)
    if _Turn(frame).transposed:
        width, height = height, width
    return max(width & ~1, 2), max(height & ~1, 2)


def unknown_colours(frame: VideoFrame) -> str | None:
    """Name the colours of a frame that cannot be turned into R, G and B here; None for all usual ones."""
    return _UNKNOWN_MATRICES.get(frame.colorspace)


def colours(frame: VideoFrame) -> tuple[int, int, int]:
    """Tell matrix, primaries and transfer (H.273) of the I420 that ``Converter`` makes of a frame."""
    if needs_grading(frame):
        return _BT709, _BT709, _BT709
    matrix = frame.colorspace
    if frame.format.is_rgb or frame.format.has_palette or matrix == _RGB:
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
    picture = VideoReformatter().reformat(
        to_frame(planes),
        format="rgb24",
        src_colorspace=_matrix_of(facts),
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )
    return cast(Pixels, picture.to_ndarray())


def as_planes(picture: Pixels, facts: VideoFacts) -> Planes:
    """Turn (h, w, 3) RGB into I420 that fits into a video, by the video's own matrix; width and height even."""
    frame = VideoReformatter().reformat(
        VideoFrame.from_ndarray(picture, format="rgb24"),
        format="yuv420p",
        dst_colorspace=_matrix_of(facts),
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
    return cast(Planes, frame.to_ndarray())


def _matrix_of(facts: VideoFacts) -> Colorspace:
    matrix = facts.matrix
    if matrix == _UNSPECIFIED:  # as players guess: high definition is BT.709
        matrix = _BT709 if min(facts.width_px, facts.height_px) > _STANDARD_PX else _BT601
    return _SCALER_MATRICES.get(matrix, Colorspace.ITU601)


def _plane(frame: VideoFrame, number: int, rows: int, columns: int) -> Pixels:
    """Show a plane of an 8-bit planar frame; what lies beyond ``rows`` and ``columns`` is left out."""
    plane = frame.planes[number]
    pixels = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return pixels[:rows, :columns]


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
