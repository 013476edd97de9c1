"""MediaPipe Face Mesh, fed with I420 frames: the only module that knows MediaPipe."""

import contextlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType, TracebackType
from typing import Any, Final, Self

import cv2
import numpy as np

from pipeline.faces.geometry import OVAL_SIDES
from pipeline.faces.planes import Region, region_around, region_as_rgb
from pipeline.types import Pixels, Planes, Points

# Both are read when the native library is loaded, by the import below.
os.environ.setdefault("GLOG_minloglevel", "3")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def _without_matplotlib() -> Iterator[None]:
    """Let empty modules stand in for Matplotlib, which MediaPipe's drawing loads: a second of each start, and never used."""
    if "matplotlib" in sys.modules:
        yield
        return
    stand_in = ModuleType("matplotlib")
    stand_in.pyplot = ModuleType("matplotlib.pyplot")  # type: ignore[attr-defined]
    sys.modules |= {"matplotlib": stand_in, "matplotlib.pyplot": stand_in.pyplot}
    try:
        yield
    finally:
        del sys.modules["matplotlib"], sys.modules["matplotlib.pyplot"]


with _without_matplotlib():
    from mediapipe.python.solutions import face_detection, face_mesh

POINTS: Final = 468
"""Points of the mesh that are kept; the ten that follow are the irises."""

_ROOM: Final = 1.6
"""Half side of the cut-out around a face, in face widths: room for it to move without a new cut-out."""
_CLOSE_ROOM: Final = 1.0
"""Likewise around a face whose place is known: the less there is to convert the better."""
_LONGEST_STRIP: Final = 4
"""Times as long as broad: a longer one is searched in larger squares."""
_SEARCH_EVERY: Final = 5
"""While no face is in sight, the costly search of enlarged tiles runs once in so many frames."""
_FULL_RANGE: Final = 1
"""MediaPipe's number of the detector that also finds faces several metres away."""


class FaceMesh:
    """Finds the largest face of each frame and follows it; a context manager, since it holds native memory.

    The mesh with refined lips ("attention mesh") is used: on a closed mouth it measures a gap of 0.2 % of the
    eye distance where the plain mesh says 1.5 %, and on a speaking one nearly half as much again as the
    plain one, for 0.7 ms more (measured on three real presenters).
    """

    def __init__(self) -> None:
        with _quiet():
            self._mesh: Any = face_mesh.FaceMesh(max_num_faces=1, refine_landmarks=True)
            self._detector: Any = face_detection.FaceDetection(
                model_selection=_FULL_RANGE, min_detection_confidence=0.5
            )
            blank = np.zeros((64, 64, 3), dtype=np.uint8)
            self._mesh.process(blank)  # the graphs' threads write until they have worked once
            self._detector.process(blank)
        self._loud = True  # the first face starts one more part of the graph
        self._view: Region | None = None
        self._since_search = _SEARCH_EVERY

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with _quiet():
            self._mesh.close()
            self._detector.close()

    def find(self, planes: Planes) -> Points | None:
        """Locate the face.

        Args:
            planes: An I420 frame; left untouched. All frames of one video must come in order.

        Returns:
            (468, 2) in pixels of the frame, or None where no face is in sight.
        """
        with _quiet() if self._loud else contextlib.nullcontext():
            found = self._follow(planes, self._view) if self._view else None
            if found is None:
                found = self._search(planes)
        self._loud = self._loud and found is None
        return found

    def find_at(self, planes: Planes, expected: Points) -> Points | None:
        """Locate a face whose place is known: nothing is searched for, and frames may be left out.

        Args:
            planes: An I420 frame; left untouched.
            expected: (468, 2), where the face is in this frame, more or less.

        Returns:
            (468, 2) in pixels of the frame, or None where no face is to be seen there.
        """
        # The mesh looks where its last result lay in the cut-out, so the face always has to lie in its middle.
        rgb, corner = _centred(planes, expected)
        with _quiet() if self._loud else contextlib.nullcontext():
            found = self._read(rgb, corner)
            if self._loud or found is None:  # it looked at the wrong place
                found = self._read(rgb, corner)
        self._loud = self._loud and found is None
        return found

    def _follow(self, planes: Planes, view: Region) -> Points | None:
        """Look where the face was last; forget the place when it is not there any more."""
        points = self._measure(planes, view)
        if points is None:
            self._view = None
        elif _near_edge(points, view, planes):
            self._view = _view_around(points, planes)
            self._settle(planes, self._view)
        return points

    def _search(self, planes: Planes) -> Points | None:
        """Look for a face in the whole frame and, where that shows none, in enlarged tiles of it."""
        self._since_search += 1
        if self._since_search < _SEARCH_EVERY:
            return None
        self._since_search = 0
        height, width = planes.shape[0] * 2 // 3, planes.shape[1]
        for tiles in (1, 2, 3):
            box = self._largest(planes, _tiles(height, width, tiles))
            if box is None:
                continue
            view = _view_of_box(box, planes)
            points = self._settle(planes, view)
            if points is not None:
                self._view = view
                self._since_search = _SEARCH_EVERY
                return points
        return None

    def _settle(self, planes: Planes, view: Region) -> Points | None:
        """Measure twice in a new cut-out: the mesh looks where its last result was, at first the wrong place."""
        return None if self._measure(planes, view) is None else self._measure(planes, view)

    def _measure(self, planes: Planes, view: Region) -> Points | None:
        return self._read(region_as_rgb(planes, view), (view.left_px, view.top_px))

    def _read(self, rgb: Pixels, corner: tuple[int, int]) -> Points | None:
        """Measure a cut-out whose top left pixel lies at ``corner`` (x, y) of the frame."""
        result = self._mesh.process(rgb)
        if not result.multi_face_landmarks:
            return None
        mesh = result.multi_face_landmarks[0].landmark
        shares = np.array([(point.x, point.y) for point in mesh[:POINTS]], dtype=np.float32)
        size = np.array([rgb.shape[1], rgb.shape[0]], dtype=np.float32)
        return shares * size + np.array(corner, dtype=np.float32)

    def _largest(self, planes: Planes, views: list[Region]) -> tuple[float, float, float] | None:
        """Detect faces in some cut-outs; give centre x, centre y and width, in pixels, of the largest."""
        best: tuple[float, float, float] | None = None
        for view in views:
            rgb: Pixels = region_as_rgb(planes, view)
            for detection in self._detector.process(rgb).detections or ():
                box = detection.location_data.relative_bounding_box
                width = box.width * view.width_px
                if best is None or width > best[2]:
                    x = view.left_px + (box.xmin + box.width / 2) * view.width_px
                    y = view.top_px + (box.ymin + box.height / 2) * view.height_px
                    best = (x, y, width)
        return best


def _tiles(height: int, width: int, count: int) -> list[Region]:
    """Cut a frame into overlapping squares, about ``count`` along its shorter side; 1 is the whole frame.

    A strip as no camera films it, 48 x 12 000 for example, is not cut into hundreds.
    """
    if count == 1:
        return [region_around(0, 0, width, height, (height, width))]
    side = 1.5 * max(min(height, width), max(height, width) / _LONGEST_STRIP) / count
    rows = max(int(np.ceil((height - side) / (side * 0.6))) + 1, 1)
    columns = max(int(np.ceil((width - side) / (side * 0.6))) + 1, 1)
    return [
        region_around(x, y, x + side, y + side, (height, width))
        for y in np.linspace(0, max(height - side, 0), rows)
        for x in np.linspace(0, max(width - side, 0), columns)
    ]


def _view_of_box(box: tuple[float, float, float], planes: Planes) -> Region:
    x, y, width = box
    half = _ROOM * width
    shape = (planes.shape[0] * 2 // 3, planes.shape[1])
    return region_around(x - half, y - half, x + half, y + half, shape)


def _centred(planes: Planes, points: Points) -> tuple[Pixels, tuple[int, int]]:
    """Cut out a face with room around it, black where the frame ends; give its top left corner (x, y) in the frame too."""
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    half = _CLOSE_ROOM * face_extent(points)
    shape = (planes.shape[0] * 2 // 3, planes.shape[1])
    (x0, y0), (x1, y1) = centre - half, centre + half
    view = region_around(x0, y0, x1, y1, shape)
    left, top = (
        round(max(view_px - low, 0))
        for view_px, low in zip((view.left_px, view.top_px), centre - half, strict=True)
    )
    ends = view.left_px + view.width_px, view.top_px + view.height_px
    right, bottom = (
        round(max(high - end, 0)) for high, end in zip(centre + half, ends, strict=True)
    )
    rgb = cv2.copyMakeBorder(
        region_as_rgb(planes, view), top, bottom, left, right, cv2.BORDER_CONSTANT
    )
    return np.asarray(rgb, np.uint8), (view.left_px - left, view.top_px - top)


def _view_around(points: Points, planes: Planes) -> Region:
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    return _view_of_box((float(centre[0]), float(centre[1]), face_extent(points)), planes)


def face_extent(points: Points) -> float:
    """Give the larger of a face's width and four fifths of its height, in pixels: steady when it turns."""
    width = float(np.hypot(*(points[OVAL_SIDES[1]] - points[OVAL_SIDES[0]])))
    return max(width, 0.8 * float(np.ptp(points[:, 1])))


def _near_edge(points: Points, view: Region, planes: Planes) -> bool:
    """Say whether the face has come close to an edge of its cut-out that is not the frame's own edge."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    margin = 0.15 * face_extent(points)
    low, high = points.min(axis=0), points.max(axis=0)
    right, bottom = view.left_px + view.width_px, view.top_px + view.height_px
    return bool(
        (view.left_px > 0 and low[0] < view.left_px + margin)
        or (view.top_px > 0 and low[1] < view.top_px + margin)
        or (right < width and high[0] > right - margin)
        or (bottom < height and high[1] > bottom - margin)
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep MediaPipe's native chatter off stderr.

    Its log lines do not go through Python and obey no setting before ``absl::InitializeLog()``, which the wheel
    never calls, so file descriptor 2 itself is turned away. A line that another thread writes to stderr at this
    very moment is lost with them.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
