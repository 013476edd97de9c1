"""The check of a Clip that was just rendered: a few frames of it, against what was asked and what the engine was given.

::

    check = Check(engine, prepared, speech, options)
    render_clip(check.engine, prepared, speech, clip, progress, options)
    verdict = check.measure(clip, mesh, progress)

It takes at most a tenth of the time that rendering took; ``inspect_clip`` measures the same, of all frames, of anyone's videos.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from pipeline.engines.port import Prepared, Renders, Speech
from pipeline.faces.geometry import LOWER_OUTER, UPPER_OUTER, mouth_opening
from pipeline.faces.mesh import FaceMesh
from pipeline.faces.planes import region_around, split
from pipeline.finish import Finish
from pipeline.measure.container import read_container
from pipeline.measure.figures import (
    Series,
    movement,
    opening_ratio,
    psnr_db,
    silence_opening,
    square_error,
    texture,
    tracking,
)
from pipeline.measure.gate import Findings, flags_of
from pipeline.measure.inspection import SPEECH_RATE_HZ, Inspection, heard_offset_s
from pipeline.measure.masks import at_rest, clear, outside_face, skin_around_mouth, worst_block
from pipeline.measure.plan import Plan, choose_compared, choose_looked, plan_check
from pipeline.measure.streams import Streams, copied_sound_offset_s, read_streams
from pipeline.measure.witness import Witness
from pipeline.media import glance, read_sound
from pipeline.options import DEFAULTS, ClipOptions
from pipeline.types import Pixels, Points, Progress

T = TypeVar("T")

_LEAST_FACES: Final = 4
"""With fewer nothing is said about the mouth."""
_LEAST_ASKED: Final = 0.05
"""A mouth that is to move less (share of the eye distance: hummed, whispered) cannot be judged by a few frames: asked for
0.03, good Clips had a correlation of 0.88 and showed as little as a tenth of the movement."""
_IN_STEP_FRAMES: Final = 1
"""Sound and picture may be so far apart."""
_MOUTH_ROOM: Final = 0.5
"""What is cut out around a mouth to measure its texture, in its own widths."""


@dataclass(frozen=True)
class Verdict:
    """What the check found."""

    figures: Inspection
    flags: tuple[str, ...]
    """Codes of ``pipeline.measure.gate``, worst first; empty for a Clip that is as it should be."""

    def as_json(self) -> dict[str, Any]:
        """Give the figures under the names that ``chorus inspect`` has for them, and the flags."""
        plain = self.figures.as_json()
        del plain["label"]
        return {**plain, "flags": list(self.flags)}


class Check:
    """The check of one Clip."""

    def __init__(
        self,
        engine: Renders,
        prepared: Prepared,
        speech: Speech,
        options: ClipOptions = DEFAULTS,
    ) -> None:
        """Plan it; render the Clip with ``engine`` of this object, so that it may see what the Template shows."""
        self.plan = plan_check(prepared, speech, options)
        self.engine = Witness(engine, self.plan.kept)
        self._facts = prepared.performance.facts
        self._sound = speech.sound
        self._finish = Finish(prepared, speech, options, self.plan.sources.tolist())

    def measure(self, clip: Path, mesh: FaceMesh, progress: Progress) -> Verdict:
        """Measure the Clip.

        Args:
            clip: As it was rendered.
            mesh: Kept from Clip to Clip; one thread's alone.
            progress: Called with stage ``"check"`` after every frame.

        Raises:
            UnreadableFile: It cannot be opened.
            Stopped: ``progress`` raised it.
        """
        streams = read_streams(clip)
        anchors = self._anchors(streams)
        compared = choose_compared(self.plan, anchors)
        looked = choose_looked(self.plan, anchors, compared)
        before = {at: self.engine.before[at] for at in compared}
        seen = _Seen(self.plan, looked, before, self._finish)
        wanted = sorted({*looked, *compared})
        with ThreadPoolExecutor(2, thread_name_prefix="glance") as threads:
            hearing = threads.submit(self._offset_s, clip, streams)
            glances = _ahead(glance(clip, self._facts, wanted), threads)
            for number, (frame, planes) in enumerate(glances, 1):
                expected, points = self.plan.face(frame), None
                if expected is not None:
                    points = mesh.find_at(planes, expected)
                seen.add(frame, split(planes)[0], points)
                progress("check", number, len(wanted))
            offset_s = hearing.result()
        has_all = seen.decoded == len(wanted)
        return _conclude(self.plan, streams, seen, offset_s, has_all_frames=has_all)

    def _anchors(self, streams: Streams) -> frozenset[int]:
        start_s, fps = streams.picture_start_s, float(self.plan.fps)
        positions = (round((second - start_s) * fps) for second in streams.anchors)
        return frozenset(at for at in positions if at < self.plan.frames)

    def _offset_s(self, clip: Path, streams: Streams) -> float | None:
        """Compare the sound with the Take's: its packets, which are copied, or else what is heard."""
        offset_s = copied_sound_offset_s(streams, read_streams(self._sound))
        if offset_s is not None or streams.sound_end_s is None:
            return offset_s
        own, recording = (read_sound(path, SPEECH_RATE_HZ) for path in (clip, self._sound))
        return heard_offset_s(read_container(clip), own, recording)


def _ahead(items: Generator[T, None, None], threads: Executor) -> Iterator[T]:
    """Have the next item made, in a thread, while the one before is looked at."""
    with closing(items):
        coming = threads.submit(next, items, None)
        try:
            while (item := coming.result()) is not None:
                coming = threads.submit(next, items, None)
                yield item
        finally:
            wait([coming])  # a generator that runs cannot be closed


class _Seen:
    """What was seen so far."""

    def __init__(
        self, plan: Plan, looked: Sequence[int], before: Mapping[int, Pixels], finish: Finish
    ) -> None:
        self.looked = looked
        self.openings: Series = np.full(plan.frames, np.nan)
        self.decoded = 0
        self.found = 0
        self.texture = 0.0
        self.template_texture = 0.0
        self.error = 0.0
        self.pixels = 0.0
        self.worst_block: float | None = None
        self._plan = plan
        self._before = before
        self._finish = finish

    def add(self, frame: int, luma: Pixels, points: Points | None) -> None:
        """Measure one frame, whose face was found at ``points``."""
        self.decoded += 1
        if points is not None and frame in self.looked:
            self.found += 1
            self.openings[frame] = mouth_opening(points)
        before = self._before.get(frame)
        if before is not None:
            self._compare(frame, luma, before, points)

    def _compare(self, frame: int, luma: Pixels, before: Pixels, points: Points | None) -> None:
        own = self._plan.face(frame)
        outside, still = outside_face(luma.shape, own), at_rest(luma.shape, own)
        for spot in self._finish.spots(frame):
            clear(outside, spot)
            clear(still, spot)
        error, pixels = square_error(luma, before, outside)
        self.error += error
        self.pixels += pixels
        worst = worst_block(luma, before, still)
        self.worst_block = max(worst, self.worst_block or 0.0)
        if points is not None and own is not None:
            self._compare_skin(luma, before, points, own)

    def _compare_skin(self, luma: Pixels, before: Pixels, points: Points, own: Points) -> None:
        both = np.concatenate([face[[*UPPER_OUTER, *LOWER_OUTER]] for face in (points, own)])
        room = _MOUTH_ROOM * float(np.ptp(both[:, 0]))
        (left, top), (right, bottom) = both.min(axis=0) - room, both.max(axis=0) + room
        cut = region_around(left, top, right, bottom, luma.shape)
        if not cut.width_px or not cut.height_px:
            return
        corner = np.array([cut.left_px, cut.top_px], np.float32)
        rows = slice(cut.top_px, cut.top_px + cut.height_px)
        columns = slice(cut.left_px, cut.left_px + cut.width_px)
        skin = skin_around_mouth((cut.height_px, cut.width_px), points - corner, own - corner)
        self.texture += texture(np.ascontiguousarray(luma[rows, columns]), skin)
        self.template_texture += texture(np.ascontiguousarray(before[rows, columns]), skin)


def _conclude(
    plan: Plan, streams: Streams, seen: _Seen, offset_s: float | None, *, has_all_frames: bool
) -> Verdict:
    looked = len(seen.looked)
    follows = in_step = moves = quiet = ratio = None
    if seen.found >= _LEAST_FACES:
        quiet = silence_opening(seen.openings, plan.silent, plan.speaking)
        ratio = opening_ratio(seen.openings, plan.requested, plan.speaking)
        if np.ptp(plan.requested[np.isfinite(seen.openings)]) >= _LEAST_ASKED:
            follows = tracking(seen.openings, plan.requested, _LEAST_FACES)
            in_step = tracking(seen.openings, plan.requested, _LEAST_FACES, _IN_STEP_FRAMES)
            moves = movement(seen.openings, plan.requested)
    outside_db = psnr_db(seen.error, seen.pixels)
    tracking_r, lag_frames = follows or (None, None)
    figures = Inspection(
        frames=streams.frames,
        fps=plan.fps,
        duration_s=float(streams.frames / plan.fps),
        av_offset_s=offset_s,
        tracking_r=tracking_r,
        lag_frames=lag_frames,
        silence_opening=quiet,
        opening_ratio=ratio,
        texture_ratio=seen.texture / seen.template_texture if seen.template_texture > 0 else None,
        outside_psnr_db=outside_db,
        implicit_label=None,
    )
    findings = Findings(
        frames=streams.frames,
        fps=plan.fps,
        expected_s=plan.duration_s,
        has_all_frames=has_all_frames,
        sound_end_s=streams.sound_end_s,
        offset_s=offset_s,
        tracking_r=tracking_r,
        lag_frames=lag_frames,
        step_r=None if in_step is None else in_step[0],
        movement=moves,
        found=seen.found / looked if looked >= _LEAST_FACES else None,
        silence_opening=quiet,
        outside_db=outside_db,
        worst_block=seen.worst_block,
    )
    return Verdict(figures, flags_of(findings))
