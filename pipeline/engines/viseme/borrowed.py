"""The inside of the mouth as the Template itself shows it, in its one best frame.

One frame is taken for the whole Clip: an inside that changed with the Template's own speech would flicker. It is kept
straightened, from the edge of the upper lip to that of the lower one. In a new opening it is laid in two layers: teeth
and palate hang on the upper lip, tongue and lower teeth stand on the lower one, and a narrow mouth hides what lies
between the two.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.port import Performance
from pipeline.engines.viseme.complexion import BLACK, Complexion, read_complexion
from pipeline.engines.viseme.field import Grid, ease
from pipeline.engines.viseme.mouth import Line, Mouth, measure_mouth
from pipeline.engines.viseme.movement import Movement
from pipeline.engines.viseme.opening import Opening
from pipeline.faces import geometry
from pipeline.faces.planes import split
from pipeline.media import read_source_order
from pipeline.types import Pixels, Planes, Progress

_ROWS: Final = 64
_COLUMNS: Final = 96
_WIDE: Final = 0.15
"""Narrower gaps (shares of the eye distance) show too little of the inside."""
_BEST_GAP: Final = 0.22
"""Wide enough for all that will be asked, short of a yawn or a laugh."""
_LEAST_FRAMES: Final = 8
"""A mouth that is open in fewer frames is passing something by, and blurred."""
_LOOKED_AT: Final = 24
_APART: Final = 2
"""Frames between two that are looked at."""
_STRETCHES: Final = 4
"""In so many parts of a Template they may lie: each one is decoded from the key frame before it."""
_STRETCH_FRAMES: Final = 250
"""Two frames that are nearer than one distance of key frames belong to one stretch."""
_INSET: Final = 0.010
"""Rim of lip that the mesh takes for opening, in eye distances."""
_CONTRAST: Final = 0.16
"""By how much teeth are brighter than what lies behind them, as a share of the skin's brightness."""
_SHOWN_TEETH: Final = 0.045
"""So much of the upper teeth should be seen below the lip, in eye distances (4 mm)."""
_LEAST_MARK: Final = 1.2
"""A view whose mark is lower is worse than a painted inside."""
_EDGE: Final = 0.07
"""Share of the columns at either corner that show more lip than mouth."""
_SOFT: Final = 0.012
"""Height over which the two layers mix, in eye distances."""
_LIT: Final = 0.10
"""A gap from which the inside is as bright as it was seen."""


@dataclass(frozen=True)
class Inside:
    """The inside of one mouth. Columns run evenly from its left to its right inner corner."""

    picture: Pixels
    """(64, 96, 3), luma and both chroma planes; the first row lies at the upper lip, the last one at the lower."""
    sides: NDArray[np.float32]
    """(2,), the two inner corners, across, in eye distances from the middle; the left one is negative."""
    gap: Line
    """(96,), from the first row to the last, in eye distances."""
    teeth: Line
    """(96,), how far the upper teeth reach below the first row, in eye distances."""
    skin: NDArray[np.float32]
    """(3,), the colour of the face's skin in the same frame."""


def find_inside(
    performance: Performance, axes: NDArray[np.float32], progress: Progress
) -> Inside | None:
    """Choose the frame that shows the inside of the mouth best.

    Args:
        performance: The Template; only the frames worth a look are decoded.
        axes: (frames, 2), from the left to the right outer eye corner, steadied.
        progress: Called with stage ``"load"`` after every frame that is looked at.

    Returns:
        What it shows; None where no frame shows it well.

    Raises:
        UnreadableFile: The Template no longer decodes.
        Stopped: ``progress`` raised it.
    """
    chosen = _worth_a_look(performance, axes)
    if not chosen:
        return None
    best: tuple[float, Inside] | None = None
    frames = read_source_order(performance.video, performance.facts, iter(chosen))
    for number, (frame, planes) in enumerate(zip(chosen, frames, strict=True), 1):
        landmarks = performance.track.landmarks[frame]
        mouth = measure_mouth(landmarks, axes[frame])
        mark, inside = _judge(planes, mouth, read_complexion(planes, landmarks))
        if best is None or mark > best[0]:
            best = mark, inside
        progress("load", number, len(chosen))
    return best[1] if best is not None and best[0] >= _LEAST_MARK else None


def _worth_a_look(performance: Performance, axes: NDArray[np.float32]) -> list[int]:
    """List frames with a wide, quiet mouth in a face that looks where it mostly looks; in order."""
    landmarks = performance.track.landmarks
    gaps = geometry.mouth_openings(landmarks)
    open_wide = np.nan_to_num(gaps) >= _WIDE
    open_wide &= (performance.track.presence >= 1.0) & ~np.isnan(axes[:, 0])
    if np.count_nonzero(open_wide) < _LEAST_FRAMES:
        return []
    turn = _turn(landmarks)
    haste = np.abs(np.gradient(np.nan_to_num(gaps)))
    cost = np.abs(gaps - _BEST_GAP) / 0.1 + haste / 0.03
    cost += np.abs(turn - np.nanmedian(turn, axis=0)).sum(axis=1) / 0.1
    chosen: list[int] = []
    stretches = 0
    for frame in np.argsort(np.where(open_wide, cost, np.inf), kind="stable").tolist():
        if len(chosen) == _LOOKED_AT or not open_wide[frame]:
            break
        if all(abs(frame - other) > _APART for other in chosen):
            started = all(abs(frame - other) > _STRETCH_FRAMES for other in chosen)
            if started and stretches == _STRETCHES:
                continue
            stretches += started
            chosen.append(frame)
    return sorted(chosen)


def _turn(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Say where the nose stands along the eyes and below them, (frames, 2): it moves as the head turns or nods."""
    first = landmarks[:, geometry.EYE_CORNERS[0]]
    across = landmarks[:, geometry.EYE_CORNERS[1]] - first
    nose = landmarks[:, geometry.NOSE_TIP] - first
    square = np.sum(across * across, axis=1)
    along = np.sum(nose * across, axis=1) / square
    down = (nose[:, 1] * across[:, 0] - nose[:, 0] * across[:, 1]) / square
    return np.stack([along, down], axis=1).astype(np.float32)


def _judge(planes: Planes, mouth: Mouth, colours: Complexion) -> tuple[float, Inside]:
    """Straighten the inside of a frame's mouth and say how good a view it is.

    Upper teeth should be seen, evenly on both sides and without glare, sharply set off from the dark behind them.
    """
    sides = np.array(mouth.inner_corners, dtype=np.float32)
    across = np.linspace(sides[0], sides[1], _COLUMNS, dtype=np.float32)
    top = mouth.line_at(mouth.upper_inner, across) + np.float32(_INSET)
    gap = np.maximum(mouth.line_at(mouth.lower_inner, across) - _INSET - top, 0).astype(np.float32)
    heights = top + gap * np.linspace(0, 1, _ROWS, dtype=np.float32)[:, None]
    picture = _straightened(planes, mouth, across, heights)
    bright = (picture[:, :, 0].astype(np.float32) - BLACK) / max(colours.skin[0] - BLACK, 1.0)
    seen, teeth = _find_teeth(bright, gap)
    inner = slice(_COLUMNS // 5, -_COLUMNS // 5)
    dark = float(np.median(bright[_ROWS // 2 : -_ROWS // 6, inner]))
    glare = float(np.mean(bright > 1.1))
    edges = cv2.Sobel(cv2.GaussianBlur(bright, (0, 0), 1.0), cv2.CV_32F, 0, 1)[:, inner]
    crisp = float(np.percentile(np.abs(edges), 97))
    shown = min(float(teeth[_COLUMNS // 2]) / _SHOWN_TEETH, 1.0)
    askew = float(np.mean(np.abs(bright - bright[:, ::-1])[: _ROWS // 2]))
    mark = seen + shown + min(crisp, 0.4) - dark - 2.0 * askew - 4.0 * glare
    skin = np.array(colours.skin, dtype=np.float32)
    return mark, Inside(picture, sides, gap, teeth, skin)


def _straightened(
    planes: Planes, mouth: Mouth, across: NDArray[np.float32], heights: Grid
) -> Pixels:
    """Read the three planes at places of the mouth: (rows, columns, 3)."""
    x, y = (
        mouth.origin[axis]
        + mouth.scale_px * (across[None, :] * mouth.across[axis] + heights * mouth.down[axis])
        for axis in (0, 1)
    )
    layers: list[Any] = []
    for plane, shrink in zip(split(planes), (1, 2, 2), strict=True):
        # Chroma samples stand in the middle of their four luma pixels.
        offset = (shrink - 1) / (2 * shrink)
        columns, rows = ((axis / shrink - offset).astype(np.float32) for axis in (x, y))
        layers.append(
            cv2.remap(plane, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        )
    return np.stack(layers, axis=2).astype(np.uint8)


def _find_teeth(bright: Grid, gap: Line) -> tuple[float, Line]:
    """Find the upper teeth: the share of columns around the middle that show them, and how far down they reach."""
    soft: Grid = cv2.GaussianBlur(bright, (0, 0), 2.0)
    rows = np.arange(_ROWS)[:, None]
    peak = np.argmax(np.where(rows < 0.45 * _ROWS, soft, -1), axis=0)
    beyond = np.where((rows > peak) & (rows < 0.85 * _ROWS), soft, np.inf)
    most, least = np.take_along_axis(soft, peak[None], 0)[0], beyond.min(axis=0)
    ends = np.argmax((rows > peak) & (soft < (most + least) / 2), axis=0)
    place = np.linspace(-1, 1, _COLUMNS)
    shown = (most - least > _CONTRAST) & (np.abs(place) < 0.8)
    share = float(np.count_nonzero(shown)) / np.count_nonzero(np.abs(place) < 0.8)
    depth = ends / (_ROWS - 1) * gap
    if np.count_nonzero(shown) < 8:
        return share, (gap / 2).astype(np.float32)
    middle = float(np.percentile(depth[shown], 75))
    return share, np.minimum(middle, 0.75 * float(gap.max())) * np.ones_like(gap)


def show_inside(
    inside: Inside, mouth: Mouth, movement: Movement, opening: Opening, colours: Complexion
) -> tuple[Grid, Grid, Grid]:
    """Lay a borrowed inside into an opening: luma and both chroma planes, per luma pixel of its box."""
    # Teeth belong to the skull: they keep their place while the lips around them grow wide or narrow.
    across = opening.place * np.float32(movement.width)
    left, right = inside.sides
    column = np.clip((across - left) / (right - left), _EDGE, 1 - _EDGE) * np.float32(_COLUMNS - 1)
    nearest = np.rint(column).astype(np.intp)
    gap = np.maximum(inside.gap, np.float32(0.02))[nearest]
    teeth = np.minimum(inside.teeth[nearest], np.float32(0.8) * gap)
    below, above = np.maximum(opening.below, 0), np.maximum(opening.above, 0)
    room = np.maximum(below + above - teeth, np.float32(1e-3))
    stretch = np.minimum(
        (gap - teeth) / room, 1
    )  # a wider mouth than the one seen shows the same, larger
    hung = np.minimum(below / gap, 1)
    stood = np.maximum(1 - above * stretch / gap, 0)
    share = ease((teeth - below) / np.float32(_SOFT) + 0.5)
    row = [np.clip(rows, 0, 1) * np.float32(_ROWS - 1) for rows in (hung, stood)]
    layers = [
        cv2.remap(inside.picture, column, rows.astype(np.float32), cv2.INTER_LINEAR) for rows in row
    ]
    mixed = layers[1] + share[:, :, None] * (layers[0].astype(np.float32) - layers[1])
    luma, blue, red = _in_light(mixed, inside, movement, colours)
    luma -= _corner_shade(mouth, opening) * (luma - BLACK)
    return luma, blue, red


def _corner_shade(mouth: Mouth, opening: Opening) -> Grid:
    """How much light is missing towards the corners, 0.0-1.0: cheeks and lips shade them."""
    corners = mouth.inner_corners
    aside = np.where(opening.place < 0, opening.place / corners[0], opening.place / corners[1])
    shade: Grid = np.float32(0.7) * ease((aside - 0.55) / 0.45)
    return shade


def _in_light(
    mixed: Grid, inside: Inside, movement: Movement, colours: Complexion
) -> tuple[Grid, Grid, Grid]:
    """Bring a borrowed inside into the light of another frame; in a narrow gap it grows dark."""
    then, now = inside.skin, colours.skin
    gain = float(np.clip((now[0] - BLACK) / max(float(then[0]) - BLACK, 1.0), 0.5, 2.0))
    gain *= max(0.55 + 0.45 * min(movement.gap / _LIT, 1.0), 0.9 * movement.bite)
    luma = BLACK + (mixed[:, :, 0] - BLACK) * np.float32(gain)
    luma = np.minimum(luma, 0.6 * now[0] + 0.4 * luma)  # glare would flash as the lips move over it
    blue, red = (mixed[:, :, plane] + (now[plane] - then[plane]) for plane in (1, 2))
    return luma, blue, red
