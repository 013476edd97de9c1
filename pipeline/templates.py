"""Templates: a source video is checked and its face tracked once, whatever number of Clips is made of it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.backdrop.screen import KeyColour, ScreenFinder
from pipeline.engines.port import Performance
from pipeline.faces.track import track_faces
from pipeline.glimpses import Glimpses, glimpse
from pipeline.media import VideoLimits, as_rgb, probe_video, read_frames, read_source_order
from pipeline.remarks import BROKEN_OFF, Remark
from pipeline.types import Planes, Progress, Track, VideoFacts

TRACK: Final = "track.npz"
POSTER: Final = "poster.jpg"
FACTS: Final = "template.json"
OUTPUTS: Final = (TRACK, POSTER, FACTS)
"""The files of a prepared Template, in its folder."""

_FRAMES_TOLD: Final = 25
_POSTER_HEIGHT_PX: Final = 640
_JPEG_QUALITY: Final = 88
_MISSED_S: Final = 0.25
"""Headers are rounded, and the last frame's length is anybody's guess: less than this is not missed."""
_MISSED_SHARE: Final = 0.03
"""Likewise, as a share of all: a cut that small is none that anybody would want to hear of."""

# MediaPipe's numbering: upper and lower middle of both eyes' lids and of the inner lips; outer corners of the eyes.
_LIDS: Final = ((159, 145), (386, 374))
_LIPS: Final = (13, 14)
_CORNERS: Final = (33, 263)


@dataclass(frozen=True)
class TemplateAnalysis:
    """What the preparation of a video tells; the rest is in its folder."""

    facts: VideoFacts
    face_share: float
    """Share of the frames that show the face, 0.0 to 1.0 (short gaps are bridged and count as shown)."""
    first_gap_s: float | None
    """The first moment without a face; None if there is none."""
    longest_gap_s: float
    screen: Literal["green", "alpha"] | None = None
    """What can be replaced behind the presenter: a green or blue screen, or what is transparent."""
    remarks: tuple[Remark, ...] = ()
    """What is worth saying about the video."""
    poster_face: tuple[float, float] | None = None
    """The middle of the face in the poster, as shares of its width and height."""


def prepare_template(
    source: Path, name: str, folder: Path, limits: VideoLimits, progress: Progress
) -> TemplateAnalysis:
    """Check a video and track its face.

    It is decoded to its end twice: once to learn its exact rate and number of frames, once for the face.

    Args:
        source: The video as it came.
        name: The name it came with, for messages.
        folder: Gets ``OUTPUTS``; nothing if the preparation fails.
        limits: The largest video that is taken.
        progress: Called with stage ``video``, then ``faces`` (frames done of all, each), then ``poster``.

    Raises:
        InputRejected: It is no video, too large, too long, or shows no face.
        Stopped: ``progress`` raised it.
    """
    try:
        return _prepare(source, name, folder, limits, progress)
    except BaseException:
        for output in OUTPUTS:
            (folder / output).unlink(missing_ok=True)
        raise


def load_template(folder: Path, video: Path) -> Performance:
    """Load a prepared Template from its folder; ``video`` is the source it was prepared from."""
    with np.load(folder / TRACK, allow_pickle=False) as stored:
        track = Track(stored["landmarks"], stored["presence"])
        glimpses = stored.get("glimpses")
        key = tuple(int(value) for value in stored.get("key_colour", ()))
    key_colour = (key[0], key[1], key[2]) if key else None
    return Performance(video, load_analysis(folder).facts, track, glimpses, key_colour)


def load_analysis(folder: Path) -> TemplateAnalysis:
    """Load what the preparation told."""
    return analysis_from_json(json.loads((folder / FACTS).read_text("utf-8")))


def analysis_as_json(analysis: TemplateAnalysis) -> dict[str, Any]:
    """Turn an analysis into plain JSON values; the rate becomes text such as ``30000/1001``."""
    plain = asdict(analysis)
    plain["facts"]["fps"] = str(analysis.facts.fps)
    return plain


def analysis_from_json(plain: dict[str, Any]) -> TemplateAnalysis:
    """Turn back what ``analysis_as_json`` made."""
    facts = {**plain["facts"], "fps": Fraction(plain["facts"]["fps"])}
    remarks = tuple(Remark(**remark) for remark in plain.get("remarks", ()))
    face = tuple(plain["poster_face"]) if plain.get("poster_face") else None
    read = {"facts": VideoFacts(**facts), "remarks": remarks, "poster_face": face}
    return TemplateAnalysis(**{**plain, **read})


def _prepare(
    source: Path, name: str, folder: Path, limits: VideoLimits, progress: Progress
) -> TemplateAnalysis:
    def seen(frames: int, declared: int) -> None:
        if frames % _FRAMES_TOLD == 0:
            progress("video", frames, max(frames, declared))

    facts = probe_video(source, name, limits, seen)
    progress("video", facts.frames, facts.frames)
    glimpses: list[Glimpses] = []
    screen = ScreenFinder(facts.frames)
    frames = _glimpsed(screen.watch(read_frames(source, facts)), glimpses)
    track = track_faces(frames, facts, progress)
    key_colour = None if facts.alpha else screen.found()
    with (folder / TRACK).open("wb") as file:
        np.savez(
            file,
            landmarks=track.landmarks,
            presence=track.presence,
            glimpses=np.array(glimpses),
            key_colour=np.array(key_colour or (), np.int64),
        )
    progress("poster", 0, 1)
    _write_poster(source, facts, track, folder / POSTER)
    analysis = replace(report(facts, track, key_colour), poster_face=_poster_face(facts, track))
    (folder / FACTS).write_text(json.dumps(analysis_as_json(analysis)), "utf-8")
    progress("poster", 1, 1)
    return analysis


def _glimpsed(frames: Iterator[Planes], glimpses: list[Glimpses]) -> Iterator[Planes]:
    """Pass frames on, and keep a glimpse of each."""
    for planes in frames:
        glimpses.append(glimpse(planes))
        yield planes


def report(
    facts: VideoFacts, track: Track, key_colour: KeyColour | None = None
) -> TemplateAnalysis:
    """Sum up what was learned of a video."""
    gaps = list(_gaps(np.isnan(track.landmarks[:, 0, 0])))
    missing = sum(frames for _, frames in gaps)
    return TemplateAnalysis(
        facts=facts,
        face_share=round(1 - missing / facts.frames, 4),
        first_gap_s=round(float(gaps[0][0] / facts.fps), 2) if gaps else None,
        longest_gap_s=round(float(max((frames for _, frames in gaps), default=0) / facts.fps), 2),
        screen="alpha" if facts.alpha else "green" if key_colour else None,
        remarks=tuple(_remarks(facts)),
    )


def _remarks(facts: VideoFacts) -> Iterator[Remark]:
    """Say whether clearly less was decoded than the file's header promised."""
    missing_s = facts.declared_s - facts.duration_s
    if missing_s > max(_MISSED_S, _MISSED_SHARE * facts.declared_s):
        seconds, declared_s = round(facts.duration_s, 2), round(facts.declared_s, 2)
        yield Remark(BROKEN_OFF, {"seconds": seconds, "declared_s": declared_s})


def _gaps(missing: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield (first frame, frames) of each run of frames that are missing."""
    edges = np.flatnonzero(np.diff(missing, prepend=False, append=False))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        yield int(first), int(end - first)


def _write_poster(source: Path, facts: VideoFacts, track: Track, path: Path) -> None:
    frame = choose_poster(track)
    planes = next(read_source_order(source, facts, iter([frame])))
    picture = as_rgb(planes, facts)
    scale = min(_POSTER_HEIGHT_PX / facts.height_px, 1.0)
    size = (max(round(facts.width_px * scale), 1), max(round(facts.height_px * scale), 1))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    done, jpeg = cv2.imencode(
        ".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    if not done:
        raise OSError(f"cannot encode {path.name}")
    path.write_bytes(jpeg.tobytes())


def choose_poster(track: Track) -> int:
    """Choose the frame people shall recognise the presenter by: eyes open, mouth shut, face surely there."""
    landmarks = track.landmarks
    breadth = _distance(landmarks, *_CORNERS)
    eyes = sum(_distance(landmarks, upper, lower) for upper, lower in _LIDS) / breadth
    mouth = _distance(landmarks, *_LIPS) / breadth
    # Eyes wider than usual are a surprise, not a better picture.
    score = np.minimum(eyes, np.nanpercentile(eyes, 75)) - mouth + track.presence
    return int(np.nanargmax(score))


def _poster_face(facts: VideoFacts, track: Track) -> tuple[float, float]:
    points = track.landmarks[choose_poster(track)]
    x, y = (points.min(axis=0) + points.max(axis=0)) / 2
    return round(float(x) / facts.width_px, 3), round(float(y) / facts.height_px, 3)


def _distance(landmarks: NDArray[np.float32], one: int, other: int) -> NDArray[np.float32]:
    gap = np.linalg.norm(landmarks[:, one] - landmarks[:, other], axis=1)
    return np.asarray(gap, np.float32)
