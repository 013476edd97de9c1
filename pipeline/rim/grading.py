"""High dynamic range and wide gamuts as BT.709 shows them: one table of colours for each kind of video, applied in C.

The way of a colour::

    signal -> light on the screen, in nits -> rolled off towards white -> BT.709 primaries, inside their gamut -> signal

Everything is display-referred, as ITU-R BT.2408 advises: what the better screen would show is shown again, so far as an
ordinary one can. Its white (BT.2408: 203 nits) stands for the reference white of the source.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import cache, lru_cache
from typing import Final, cast

import numpy as np
from av.filter.context import FilterContext
from av.filter.graph import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

Colours = NDArray[np.float64]
"""(..., 3) R, G, B."""

# Code points of ITU-T H.273.
_BT709: Final = 1
_UNSPECIFIED: Final = 2
_PQ: Final = 16
_HLG: Final = 18
_HDR: Final = (_PQ, _HLG)
_SRGB: Final = 13
_LINEAR: Final = 8
_BT2020: Final = 9
_SCALER_MATRIX: Final = {1: Colorspace.ITU709, 5: Colorspace.ITU601, 6: Colorspace.ITU601}
"""What HDR does not say is BT.2020."""

_WHITE_NITS: Final = 203.0
"""Reference white of HDR (ITU-R BT.2408-7, table 1), shown as the white of SDR."""
_PEAK_NITS: Final = 1000.0
"""The brightest that keeps a tone of its own: the nominal peak of HLG, and what phones and most masters hold to."""
_HLG_GAMMA: Final = 1.2
"""System gamma at a peak of 1000 nits (ITU-R BT.2100-2, table 5)."""
_SDR_GAMMA: Final = 2.4
"""Of an ordinary screen (ITU-R BT.1886, no black level)."""

_XYZ_OF: Final = {
    _BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    _BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: (
        (0.680, 0.320),
        (0.265, 0.690),
        (0.150, 0.060),
    ),  # DCI-P3; its greenish white is taken for D65
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}
"""Chromaticities (x, y) of red, green and blue (H.273, table 2). The white of all is D65."""
_D65: Final = (0.3127, 0.3290)

_LEVEL: Final = 8
"""Of the table as FFmpeg's ``haldclut`` takes it: level² values on each axis, level³ pixels a side."""
_NODES: Final = _LEVEL**2
_SIDE_PX: Final = _LEVEL**3
_RGB: Final = "gbrp16le"
"""Planar: three times as fast as packed."""
_MOST: Final = 65535
_WHITE: Final = {False: 65283, True: 65472}
"""What FFmpeg's scaler makes of white, of limited and of full range (measured; black becomes 0, and all between is linear)."""


def needs_grading(frame: VideoFrame) -> bool:
    """Whether BT.709 cannot show a frame as it is: HDR, or primaries wider than its own."""
    wide = frame.color_primaries in _XYZ_OF and frame.color_primaries != _BT709
    return wide or frame.color_trc in _HDR


def interpolation(frame: VideoFrame, width_px: int) -> str:
    """Tell how FFmpeg is to scale a frame: the mean of what becomes one pixel is as good as more, and takes half the time."""
    return "AREA" if frame.width > width_px else "BICUBIC"


class Grading:
    """Grades the frames of one video. Not for several threads."""

    def __init__(self) -> None:
        self._reading = VideoReformatter()
        self._writing = VideoReformatter()
        self._table: _Table | None = None

    def grade(self, frame: VideoFrame, width_px: int, height_px: int, full: bool) -> VideoFrame:  # noqa: FBT001
        """Turn a frame into yuv420p of a size, BT.709, limited range; ``full`` is the range it has."""
        rgb = self._reading.reformat(
            frame,
            width=width_px,
            height=height_px,
            format=_RGB,
            src_colorspace=_SCALER_MATRIX.get(frame.colorspace, Colorspace.BT2020),
            interpolation=interpolation(frame, width_px),
            src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
        )
        kind = (*_kind(frame), _WHITE[full], width_px, height_px)
        if self._table is None or self._table.kind != kind:
            self._table = _Table(*kind)
        return self._writing.reformat(
            self._table.look_up(rgb),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            interpolation="BICUBIC",
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )


def _kind(frame: VideoFrame) -> tuple[int, int]:
    """Tell transfer and primaries; HDR that names no primaries has those of BT.2020."""
    known = frame.color_primaries in _XYZ_OF
    return frame.color_trc, frame.color_primaries if known else _BT2020


class _Table:
    """A table of colours in libavfilter, which interpolates in it (tetrahedra) with several threads."""

    def __init__(
        self, transfer: int, primaries: int, white: int, width_px: int, height_px: int
    ) -> None:
        self.kind = (transfer, primaries, white, width_px, height_px)
        graph = self._graph = Graph()
        self._pictures = _source(graph, width_px, height_px)
        table = _source(graph, _SIDE_PX, _SIDE_PX)
        lookup = graph.add("haldclut", "clut=first:interp=tetrahedral")
        self._sink = graph.add("buffersink")
        self._pictures.link_to(lookup, 0, 0)
        table.link_to(lookup, 0, 1)
        lookup.link_to(self._sink)
        graph.configure()
        table.push(_stamped(_picture_of_table(transfer, primaries, white), 0))
        table.push(None)
        self._pushed = 0

    def look_up(self, rgb: VideoFrame) -> VideoFrame:
        self._pictures.push(_stamped(rgb, self._pushed))
        self._pushed += 1
        return cast(VideoFrame, self._sink.pull())


def _source(graph: Graph, width_px: int, height_px: int) -> FilterContext:
    return graph.add(
        "buffer",
        video_size=f"{width_px}x{height_px}",
        pix_fmt=_RGB,
        time_base="1/25",
        pixel_aspect="1/1",
        colorspace="gbr",
        range="pc",
    )


def _stamped(frame: VideoFrame, number: int) -> VideoFrame:
    frame.pts, frame.time_base = number, Fraction(1, 25)
    frame.colorspace, frame.color_range = 0, ColorRange.JPEG
    return frame


def _picture_of_table(transfer: int, primaries: int, white: int) -> VideoFrame:
    graded = np.round(table(transfer, primaries, white) * _MOST).astype(np.uint16)
    # haldclut of FFmpeg 8.1 takes the planes of a planar table for one another: what it is to give as R must stand as G.
    turned = np.roll(graded, 1, axis=-1).reshape(_SIDE_PX, _SIDE_PX, 3)
    return VideoReformatter().reformat(VideoFrame.from_ndarray(turned, "rgb48le"), format=_RGB)


@lru_cache(maxsize=2)
def table(transfer: int, primaries: int, white: int) -> Colours:
    """Compute what becomes of each colour.

    Args:
        transfer: Of the source, as in H.273.
        primaries: Likewise; one of ``_XYZ_OF``.
        white: The value of 0-65535 that stands for a signal of 1.0.

    Returns:
        (nodes, nodes, nodes, 3) by blue, green and red from 0 to 65535: the signal of BT.709, 0.0-1.0.
    """
    axis = np.minimum(np.linspace(0.0, _MOST / white, _NODES), 1.0)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    return grade_signal(np.stack([red, green, blue], axis=-1), transfer, primaries)


def grade_signal(signal: Colours, transfer: int, primaries: int) -> Colours:
    """Grade colours, each by itself.

    Args:
        signal: R, G, B, 0.0-1.0.
        transfer: Of the source, as in H.273.
        primaries: Likewise.

    Returns:
        R, G, B of BT.709, 0.0-1.0.
    """
    if transfer in _HDR:
        luma = _to_xyz(primaries)[1]
        nits = _from_pq(signal) if transfer == _PQ else _from_hlg(signal, luma)
        light = _rolled_off(nits, luma) / _WHITE_NITS
    else:
        light = _sdr_light(transfer)(signal)
    into = np.linalg.solve(_to_xyz(_BT709), _to_xyz(primaries))
    shown = _inside_gamut(light @ into.T, _to_xyz(_BT709)[1])
    return shown ** (1 / _SDR_GAMMA)


def _from_pq(signal: Colours) -> Colours:
    """EOTF of BT.2100, table 4: nits, 0-10000."""
    m1, m2, c1, c2, c3 = _PQ_CONSTANTS
    root = signal ** (1 / m2)
    return 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def _to_pq(nits: Colours) -> Colours:
    m1, m2, c1, c2, c3 = _PQ_CONSTANTS
    power = (nits / 10_000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


_PQ_CONSTANTS: Final = (2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128)


def _from_hlg(signal: Colours, luma: Colours) -> Colours:
    """EOTF of BT.2100, table 5, on a screen of 1000 nits."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return _PEAK_NITS * (scene @ luma)[..., None] ** (_HLG_GAMMA - 1) * scene


def _rolled_off(nits: Colours, luma: Colours) -> Colours:
    """Bring luminances up to the peak below white, by the curve of ITU-R BT.2390-10 (5.4.1); the hue stays.

    Up to about 90 nits nothing changes, where faces are; reference white comes out at 160 nits, 90 % of the signal.
    """
    luminance = (nits @ luma)[..., None]
    peak = float(_to_pq(np.array(_PEAK_NITS)))
    top = float(_to_pq(np.array(_WHITE_NITS))) / peak
    knee = 1.5 * top - 0.5
    tone = np.minimum(_to_pq(luminance) / peak, 1.0)
    t = np.maximum(tone - knee, 0) / (1 - knee)
    bent = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * top
    )
    shown = _from_pq(np.where(tone > knee, bent, tone) * peak)
    return nits * shown / np.maximum(luminance, 1e-6)


def _sdr_light(transfer: int) -> Callable[[Colours], Colours]:
    if transfer == _SRGB:
        return lambda v: np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    if transfer == _LINEAR:
        return lambda v: v
    return lambda v: v**_SDR_GAMMA


def _inside_gamut(light: Colours, luma: Colours) -> Colours:
    """Mix colours that BT.709 has not with grey of their luminance, just as much as it takes; the others stay exact."""
    grey = np.clip(light @ luma, 0.0, 1.0)[..., None]
    away = light - grey
    room = np.where(away > 0, 1 - grey, grey)
    fits = room / np.maximum(np.abs(away), 1e-9)
    return cast(Colours, np.clip(grey + away * np.minimum(fits.min(axis=-1)[..., None], 1), 0, 1))


@cache
def _to_xyz(primaries: int) -> Colours:
    """(3, 3), linear R, G, B to X, Y, Z; the second row is what each adds to the luminance."""
    corners = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in _XYZ_OF[primaries]]).T
    x, y = _D65
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    return corners * np.linalg.solve(corners, white)
