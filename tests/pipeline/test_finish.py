"""Finished Clips: label and captions are in the file from the frame they belong to, and the check does not mind them."""

import subprocess
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.engines.port import Performance, Speech
from pipeline.engines.viseme.engine import VisemeEngine
from pipeline.faces.mesh import FaceMesh
from pipeline.faces.planes import split
from pipeline.faces.track import track_faces
from pipeline.finish import Finish
from pipeline.label.seen import find_label
from pipeline.label.visible import CHINESE, ENGLISH
from pipeline.measure.check import Check
from pipeline.measure.inspection import Inspection, inspect_clip
from pipeline.media import (
    ClipWriter,
    as_rgb,
    encode_sound,
    probe_video,
    read_frames,
    read_sound,
    read_source_order,
)
from pipeline.options import Background, ClipOptions, LabelOptions
from pipeline.render import ClipFacts, render_clip
from pipeline.samples.library import LOOKS, write_voice
from pipeline.speech.analyse import mouth_curve
from pipeline.types import MouthCurve, Planes, Track, VideoFacts, Word
from tests.judges import need
from tests.presenters import bring_presenter

SPOKEN_S = 2.8
"""As much of the recording as is rendered."""
LARGE = [(1080, 1920), (1920, 1080), (1080, 1080)]
NO_CAPTIONS: tuple[Word, ...] = ()
WORDS = tuple(
    Word(text, 0.3 + 0.4 * n, 0.3 + 0.4 * n + 0.35)
    for n, text in enumerate(["Good", "morning", "everybody", "and", "welcome", "here"])
)


def nothing(stage: str, done: int, total: int) -> None:
    pass


BARE = ClipOptions(label=LabelOptions(text=""))


class Stage:
    """A painted presenter, a spoken recording, and what is made of both: once for the same options."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template.mp4"
        write_voice(folder / "voice.wav")
        encode_sound(folder / "voice.wav", folder / "sound.m4a")
        samples = read_sound(folder / "voice.wav", 16000)
        curve = mouth_curve(samples, len(samples) / 16000)
        self.speech = Speech(folder / "sound.m4a", SPOKEN_S, curve, WORDS)
        facts = bring_presenter(LOOKS[0], self.template, 2.0)
        track = track_faces(read_frames(self.template, facts), facts, nothing)
        self.engine = VisemeEngine()
        self.prepared = self.engine.prepare(Performance(self.template, facts, track))

    @cache  # noqa: B019 - there is one Stage
    def render(self, options: ClipOptions) -> tuple[Path, ClipFacts, Check]:
        clip = self.folder / f"clip{len(list(self.folder.iterdir()))}.mp4"
        check = Check(self.engine, self.prepared, self.speech, options)
        made = render_clip(check.engine, self.prepared, self.speech, clip, nothing, options)
        return clip, made, check

    @cache  # noqa: B019
    def inspect(self, options: ClipOptions) -> Inspection:
        clip, _, _ = self.render(options)
        return inspect_clip(clip, voice=None, template=self.template, progress=nothing)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


@pytest.mark.slow
def test_captions_and_label_are_no_fault_to_the_check_and_none_to_inspect(stage: Stage):
    clip, _, check = stage.render(ClipOptions(captions=True))
    with FaceMesh() as mesh:
        verdict = check.measure(clip, mesh, nothing)
    plain = stage.inspect(BARE)

    assert verdict.flags == ()
    assert verdict.figures.outside_psnr_db == pytest.approx(plain.outside_psnr_db, abs=1.5)


@pytest.mark.slow
def test_inspect_leaves_the_label_out_of_what_changed_outside_the_face(stage: Stage):
    labelled, plain = stage.inspect(ClipOptions()), stage.inspect(BARE)

    assert (labelled.label_visible, plain.label_visible) == (True, False)
    assert plain.label_box is None
    assert labelled.outside_psnr_db == pytest.approx(plain.outside_psnr_db, abs=0.5)
    assert plain.implicit_label == labelled.implicit_label  # inside it always stays


def test_a_label_for_two_seconds_is_there_for_fifty_frames_and_gone_then(stage: Stage):
    clip, made, _ = stage.render(ClipOptions(label=LabelOptions(seconds=2.0)))
    box = inspect_clip(clip, voice=None, template=None, progress=nothing).label_box
    assert box is not None

    facts = probe_video(clip)
    there = np.s_[box.top_px : box.bottom_px, box.left_px : box.right_px]
    whites = [int((planes[there] > 215).sum()) for planes in read_frames(clip, facts)]

    assert made.frames > 60
    assert min(whites[:50]) > 5 * max(max(whites[50:]), 1)


def test_a_background_for_a_template_without_a_screen_is_kept_and_that_is_told(stage: Stage):
    _, kept, _ = stage.render(ClipOptions(background=Background(colour="#ff0000")))
    _, plain, _ = stage.render(ClipOptions())

    assert (kept.background_kept, plain.background_kept) == (True, False)


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        (LabelOptions(seconds=1.0), r"2\.0 s"),
        (LabelOptions(text="😀"), "no letter"),
        (LabelOptions(producer="Acme Inc"), "producer"),
        (LabelOptions(produce_id=""), "produce_id"),
    ],
)
def test_a_label_that_the_standard_does_not_allow_is_refused_and_leaves_no_file(
    stage: Stage, options: LabelOptions, refused: str
):
    out = stage.folder / "refused.mp4"

    with pytest.raises(ValueError, match=refused):
        render_clip(
            stage.engine, stage.prepared, stage.speech, out, nothing, ClipOptions(label=options)
        )

    assert not out.exists()


def still(size: tuple[int, int], folder: Path) -> tuple[Performance, Speech]:
    """Three seconds of a busy room with nobody in it, and silence."""
    facts = VideoFacts("h264", *size, Fraction(25), 4, 0.16, has_sound=False)
    rng = np.random.default_rng(2)
    coarse = rng.integers(16, 236, (size[1] // 24 + 1, size[0] // 24 + 1), np.uint8)
    planes: Planes = np.full((size[1] * 3 // 2, size[0]), 118, np.uint8)
    planes[: size[1]] = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    with ClipWriter(folder / "template.mp4", facts, 4, None, label=None) as writer:
        for shift in range(4):
            writer.write(np.roll(planes, 2 * shift, axis=1))
    write_voice(folder / "voice.wav")
    encode_sound(folder / "voice.wav", folder / "sound.m4a")
    nobody = Track(np.full((4, 468, 2), np.nan, np.float32), np.zeros(4, np.float32))
    zeros = np.zeros(300, np.float32)
    curve = MouthCurve(zeros, zeros, zeros, zeros, zeros, zeros)
    performance = Performance(folder / "template.mp4", facts, nobody)
    return performance, Speech(folder / "sound.m4a", 2.1, curve, WORDS)


def read(rgb: np.ndarray, folder: Path) -> str:
    cv2.imwrite(str(folder / "cut.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    line = [need("tesseract"), str(folder / "cut.png"), "-", "-l", "chi_sim+eng", "--psm", "6"]
    told = subprocess.run(line, capture_output=True, text=True, check=True)
    return "".join(told.stdout.split()).replace("AI", "Al").replace("Ai", "Al")


def ink_heights(rgb: np.ndarray) -> list[int]:
    """Heights of the lines of a label, as they are seen: rows with white in them, without stray ones."""
    rows = (rgb.min(axis=2) > 150).sum(axis=1) > 0
    edges = np.flatnonzero(np.diff(rows.astype(np.int8), prepend=0, append=0))
    heights = [int(end - first) for first, end in zip(edges[::2], edges[1::2], strict=True)]
    return [height for height in heights if height > 0.4 * max(heights)]


@pytest.mark.parametrize(
    "size",
    [
        *((480, 854), (854, 480), (480, 480)),
        *(pytest.param(large, marks=pytest.mark.slow) for large in LARGE),
    ],
)
@pytest.mark.parametrize(("text", "words"), [(CHINESE, "数字人"), (ENGLISH, "generated")])
def test_the_label_is_read_in_the_first_frame_and_at_two_seconds_of_the_file(
    tmp_path: Path, size: tuple[int, int], text: str, words: str
):
    performance, speech = still(size, tmp_path)
    engine, clip = VisemeEngine(), tmp_path / "clip.mp4"
    options = ClipOptions(label=LabelOptions(text=text))

    render_clip(engine, engine.prepare(performance), speech, clip, nothing, options)

    facts = probe_video(clip)
    shown = [as_rgb(planes, facts) for planes in read_source_order(clip, facts, iter([0, 50]))]
    box = find_label(
        [split(planes)[0] for planes in islice(read_frames(clip, facts), 1)], any_text=False
    )
    assert box is not None
    edge = min(size) // 100
    for rgb in shown:
        # Inside the plate: its edge is where the picture shines through.
        cut = rgb[
            box.top_px + edge : box.bottom_px - edge, box.left_px + edge : box.right_px - edge
        ]
        told = read(cut, tmp_path)
        assert words in told
        assert "al" in told.casefold()
        assert min(ink_heights(cut)) >= 0.05 * min(size)


def test_finish_draws_captions_in_their_frames_alone(stage: Stage):
    options = ClipOptions(captions=True, label=LabelOptions(text=""))
    finish = Finish(stage.prepared, stage.speech, options, range(40))
    silent = replace(stage.speech, words=NO_CAPTIONS)

    spots = [bool(finish.spots(frame)) for frame in range(40)]

    assert spots == [frame >= 8 for frame in range(40)]  # 0.3 s is between frames 7 and 8
    assert not any(Finish(stage.prepared, silent, options, range(40)).spots(n) for n in range(40))
