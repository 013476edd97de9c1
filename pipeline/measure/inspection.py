"""Inspect a finished video: one pass over its frames, in flat memory."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipeline.faces.geometry import mouth_opening
from pipeline.faces.mesh import FaceMesh
from pipeline.faces.planes import split
from pipeline.glimpses import Glimpses, glimpse
from pipeline.label.seen import LEAST_PX, LOOKED_FRAMES, LOOKED_S, find_label
from pipeline.lettering import Spot
from pipeline.measure.container import ContainerFacts, read_container
from pipeline.measure.figures import (
    Series,
    opening_ratio,
    psnr_db,
    silence_opening,
    silent_frames,
    sound_offset_s,
    square_error,
    texture,
    tracking,
)
from pipeline.measure.masks import clear, outside_face, skin_around_mouth
from pipeline.media import probe_video, read_frames, read_sound, read_source_order
from pipeline.playing import recognise_order
from pipeline.speech.analyse import mouth_curve
from pipeline.speech.curve import resample
from pipeline.types import (
    FULL_OPENING,
    MouthCurve,
    Pixels,
    Planes,
    Points,
    Progress,
    Samples,
    VideoFacts,
)

SPEECH_RATE_HZ: Final = 16_000
_COMPARED_S: Final = 60
"""As much sound as the offset is sought in: it is the same everywhere."""
_RIM_JITTER_S: Final = 0.04
"""The media rim fills a late start with silence beyond this."""


@dataclass(frozen=True)
class Inspection:
    """The figures of one finished video; None where something could not be measured."""

    frames: int
    fps: Fraction
    duration_s: float
    av_offset_s: float | None
    """Positive where the sound is late."""
    tracking_r: float | None
    lag_frames: int | None
    """Positive where the mouth is late."""
    silence_opening: float | None
    opening_ratio: float | None
    texture_ratio: float | None
    """Fine structure of lips and skin around the mouth ÷ that of the Template; neither one's opening counts."""
    outside_psnr_db: float | None
    implicit_label: dict[str, object] | None
    label_visible: bool | None = None
    """Whether an AI label is seen; None where nobody looked, or the picture is too small to tell."""
    label_box: Spot | None = None

    def as_json(self) -> dict[str, Any]:
        """Give the object that ``chorus inspect --json`` prints."""
        return {
            "frames": self.frames,
            "fps": round(float(self.fps), 3),
            "duration_s": round(self.duration_s, 3),
            "av_offset_s": _rounded(self.av_offset_s, 4),
            "mouth": {
                "tracking_r": _rounded(self.tracking_r, 3),
                "lag_frames": self.lag_frames,
                "silence_opening": _rounded(self.silence_opening, 3),
                "opening_ratio": _rounded(self.opening_ratio, 3),
                "texture_ratio": _rounded(self.texture_ratio, 3),
            },
            "outside_psnr_db": _rounded(self.outside_psnr_db, 2),
            "label": {
                "visible": self.label_visible,
                "box": None if self.label_box is None else list(astuple(self.label_box)),
                "implicit": self.implicit_label,
            },
        }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def inspect_clip(
    clip: Path, *, voice: Path | None, template: Path | None, progress: Progress
) -> Inspection:
    """Measure a finished video, anyone's.

    Args:
        clip: The video.
        voice: The recording it should speak; without it the video's own sound is taken.
        template: The video it was made from; without it, or when it has another size or frame rate, nothing can be
            said about texture and about what lies outside the face.
        progress: Called with stage ``"inspect"`` after every frame.

    Raises:
        InputRejected: One of the files is not what it should be.
        Stopped: ``progress`` raised it.
    """
    return examine(clip, voice=voice, template=template, progress=progress)[0]


def examine(
    clip: Path, *, voice: Path | None, template: Path | None, progress: Progress
) -> tuple[Inspection, Series | None]:
    """As ``inspect_clip``, and the opening that was asked of each frame, for a contact sheet; None without sound."""
    facts = probe_video(clip)
    container = read_container(clip)
    own = read_sound(clip, SPEECH_RATE_HZ) if facts.has_sound else None
    recording = own if voice is None else read_sound(voice, SPEECH_RATE_HZ)
    curve = None
    if recording is not None:
        curve = mouth_curve(recording, len(recording) / SPEECH_RATE_HZ)
    offset_s = heard_offset_s(container, own, None if voice is None else recording)
    label = _look_for_label(clip, facts, container)
    watched = _watch(clip, facts, template, label.box, progress)
    asked = None if curve is None else requested_opening(curve, facts)
    return _conclude(facts, container, label, watched, curve, asked, offset_s), asked


@dataclass(frozen=True)
class _SeenLabel:
    visible: bool | None
    box: Spot | None


def _look_for_label(clip: Path, facts: VideoFacts, container: ContainerFacts) -> _SeenLabel:
    """Look for the visible label in the first two seconds; a text that is not ours counts where the embedded one is there."""
    if min(facts.width_px, facts.height_px) < LEAST_PX:
        return _SeenLabel(None, None)
    looked = max(min(round(LOOKED_S * facts.fps), facts.frames), 1)
    some = range(0, looked, max(looked // LOOKED_FRAMES, 1))
    lumas = [split(planes)[0] for planes in read_source_order(clip, facts, iter(some))]
    box = find_label(lumas, any_text=container.label is not None)
    return _SeenLabel(box is not None, box)


def requested_opening(curve: MouthCurve, facts: VideoFacts) -> Series:
    """Read what a curve asks of each frame: gap of the inner lips as a share of the eye distance, (frames,)."""
    shapes = resample(curve, facts.fps, facts.frames)
    return np.array([shape.opening * FULL_OPENING for shape in shapes])


def heard_offset_s(
    container: ContainerFacts, own: Samples | None, recording: Samples | None
) -> float | None:
    """Join what the time stamps say with what is heard; all three of the same video, the sounds at 16 kHz."""
    if own is None or container.sound_start_s is None:
        return None
    stamped_s = container.sound_start_s - container.picture_start_s
    if recording is None:
        return stamped_s
    most = _COMPARED_S * SPEECH_RATE_HZ
    heard_s = sound_offset_s(own[:most], recording[:most], SPEECH_RATE_HZ)
    if heard_s is None:
        return None
    filled_s = container.sound_start_s - container.start_s
    return heard_s + stamped_s - (filled_s if filled_s > _RIM_JITTER_S else 0.0)


@dataclass
class _Watched:
    """What one pass over the frames saw."""

    openings: Series
    texture: float = 0.0
    template_texture: float = 0.0
    error: float = 0.0
    pixels: float = 0.0


def _watch(
    clip: Path, facts: VideoFacts, template: Path | None, label: Spot | None, progress: Progress
) -> _Watched:
    """Measure every frame, beside the Template's frame it was made from where that is known."""
    watched = _Watched(np.full(facts.frames, np.nan))
    sources = _template_frames(template, clip, facts)
    with FaceMesh() as mesh, FaceMesh() as template_mesh:
        for frame, planes in enumerate(read_frames(clip, facts)):
            points = mesh.find(planes)
            if points is not None:
                watched.openings[frame] = mouth_opening(points)
            source = None if sources is None else next(sources)
            if source is not None:
                faces = points, template_mesh.find(source)
                _compare(watched, split(planes)[0], split(source)[0], faces, label)
            progress("inspect", frame + 1, facts.frames)
    return watched


def _template_frames(
    template: Path | None, clip: Path, facts: VideoFacts
) -> Iterator[Planes] | None:
    """Open the Template in the order in which a Clip shows it; None where the two cannot be compared."""
    if template is None:
        return None
    of = probe_video(template)
    if (of.width_px, of.height_px, of.fps) != (facts.width_px, facts.height_px, facts.fps):
        return None
    order: Sequence[int] = range(facts.frames)
    if facts.frames > of.frames:
        seen, shown = (_glimpses(read_frames(*video)) for video in ((clip, facts), (template, of)))
        order = recognise_order(seen, shown, facts.fps)
    return read_source_order(template, of, iter(order))


def _glimpses(frames: Iterator[Planes]) -> Glimpses:
    return np.array([glimpse(planes) for planes in frames])


def _compare(
    watched: _Watched,
    luma: Pixels,
    source: Pixels,
    faces: tuple[Points | None, Points | None],
    label: Spot | None,
) -> None:
    """Add one frame to the sums, the mouth's surroundings and what lies outside face and label.

    ``faces`` are those of the Clip and of the Template.
    """
    points, own = faces
    if points is not None:
        skin = skin_around_mouth(luma.shape, points, own)
        watched.texture += texture(luma, skin)
        watched.template_texture += texture(source, skin)
    outside = outside_face(luma.shape, points)
    if label is not None:
        clear(outside, label)
    error, pixels = square_error(luma, source, outside)
    watched.error += error
    watched.pixels += pixels


def _conclude(
    facts: VideoFacts,
    container: ContainerFacts,
    label: _SeenLabel,
    watched: _Watched,
    curve: MouthCurve | None,
    asked: Series | None,
    offset_s: float | None,
) -> Inspection:
    follows = quiet = ratio = None
    if curve is not None and asked is not None:
        shapes = resample(curve, facts.fps, facts.frames)
        speaking = np.array([shape.speech > 0.5 for shape in shapes], dtype=np.bool_)
        silent = silent_frames(curve.speech, facts.fps, facts.frames)
        follows = tracking(watched.openings, asked)
        quiet = silence_opening(watched.openings, silent, speaking)
        ratio = opening_ratio(watched.openings, asked, speaking)
    sharp = watched.texture / watched.template_texture if watched.template_texture > 0 else None
    return Inspection(
        frames=facts.frames,
        fps=facts.fps,
        duration_s=facts.duration_s,
        av_offset_s=offset_s,
        tracking_r=None if follows is None else follows[0],
        lag_frames=None if follows is None else follows[1],
        silence_opening=quiet,
        opening_ratio=ratio,
        texture_ratio=sharp,
        outside_psnr_db=psnr_db(watched.error, watched.pixels),
        implicit_label=container.label,
        label_visible=label.visible,
        label_box=label.box,
    )
