"""The check of a Clip that was just rendered: a good one passes, each kind of broken one is flagged, and it costs little."""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from pipeline.engines.port import LipSync, Patch, Performance, Prepared, Speech
from pipeline.engines.viseme.engine import VisemeEngine
from pipeline.errors import Stopped, UnreadableFile
from pipeline.faces.geometry import EYE_CORNERS, eye_distance
from pipeline.faces.mesh import FaceMesh
from pipeline.faces.planes import split
from pipeline.faces.track import track_faces
from pipeline.measure.check import Check, Verdict
from pipeline.measure.figures import movement
from pipeline.measure.gate import Findings, flags_of
from pipeline.measure.inspection import inspect_clip
from pipeline.measure.masks import at_rest, worst_block
from pipeline.measure.plan import Plan, choose_compared, choose_looked, plan_check
from pipeline.measure.streams import copied_sound_offset_s, read_streams
from pipeline.media import encode_sound, glance, probe_video, read_frames
from pipeline.render import render_clip
from pipeline.rim import glances
from pipeline.rim.opening import decode_packet
from pipeline.samples.library import LOOKS, write_voice
from pipeline.takes import TakeLimits, analyse_take, load_take
from pipeline.types import MouthCurve, Planes, Track
from tests.corpora.media import number_of, write_video
from tests.presenters import bring_presenter


def nothing(stage: str, done: int, total: int) -> None:
    pass


class Stage:
    """A presenter and a recording, ready to be rendered; the presenter's video is shorter than the recording."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.voice, self.template = folder / "voice.wav", folder / "template.mp4"
        write_voice(self.voice)
        self.speech = self.take(self.voice, "take")
        facts = bring_presenter(LOOKS[0], self.template, 2.0)
        track = track_faces(read_frames(self.template, facts), facts, nothing)
        self.engine = VisemeEngine()
        self.prepared = self.engine.prepare(Performance(self.template, facts, track))
        self.clip = folder / "clip.mp4"
        self.check, self.verdict = self.checked()
        self.good = self.clip.rename(folder / "good.mp4")

    def take(self, voice: Path, name: str) -> Speech:
        folder = self.folder / name
        folder.mkdir()
        analyse_take(voice, voice.name, folder, TakeLimits(), nothing)
        return load_take(folder)

    def checked(
        self,
        speech: Speech | None = None,
        breaking: Callable[[LipSync], LipSync] = lambda engine: engine,
    ) -> tuple[Check, Verdict]:
        """Render what ``speech`` asks for, or break it, and check it against what should have been asked for."""
        check = Check(self.engine, self.prepared, self.speech)
        render_clip(
            breaking(check.engine), self.prepared, speech or self.speech, self.clip, nothing
        )
        return check, measured(check, self.clip)


def measured(check: Check, clip: Path) -> Verdict:
    with FaceMesh() as mesh:
        return check.measure(clip, mesh, nothing)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


class Broken:
    """An engine that does to each frame what it should not."""

    name = "broken"

    def __init__(self, engine: LipSync, spoil: Callable[[Planes, Patch], None]) -> None:
        self._engine, self._spoil = engine, spoil
        self.windows, self.generate = engine.windows, engine.generate

    def compose(self, planes: Planes, patch: Patch) -> Planes:
        planes = self._engine.compose(planes, patch)
        self._spoil(planes, patch)
        return planes


class Frozen(Broken):
    """An engine that leaves every frame as it is."""

    def compose(self, planes: Planes, patch: Patch) -> Planes:
        before = planes.copy()
        self._engine.compose(planes, patch)
        return before


def curve_changed(speech: Speech, change: Callable[[np.ndarray], np.ndarray]) -> Speech:
    names = ("opening", "width", "rounding", "closure", "teeth", "speech")
    return replace(
        speech, curve=MouthCurve(**{name: change(getattr(speech.curve, name)) for name in names})
    )


def test_a_good_clip_passes_with_the_figures_of_a_whole_inspection(stage: Stage):
    whole = inspect_clip(stage.good, voice=stage.voice, template=stage.template, progress=nothing)

    seen = stage.verdict.figures
    assert stage.verdict.flags == ()
    assert (seen.frames, seen.fps, seen.duration_s) == (whole.frames, whole.fps, whole.duration_s)
    assert (seen.av_offset_s, whole.av_offset_s) == (0.0, pytest.approx(0.0, abs=0.005))
    assert seen.tracking_r > 0.9
    assert abs(seen.lag_frames) <= 1
    assert seen.silence_opening < 0.1
    assert seen.opening_ratio == pytest.approx(whole.opening_ratio, abs=0.2)
    assert seen.texture_ratio == pytest.approx(whole.texture_ratio, abs=0.25)
    assert seen.outside_psnr_db == pytest.approx(whole.outside_psnr_db, abs=1.5)


def test_the_verdict_has_the_names_of_an_inspection_and_flags_instead_of_the_label(stage: Stage):
    said = stage.verdict.as_json()
    whole = inspect_clip(stage.good, voice=None, template=None, progress=nothing).as_json()

    assert set(said) == set(whole) - {"label"} | {"flags"}
    assert set(said["mouth"]) == set(whole["mouth"])


def test_a_frozen_mouth_is_flagged(stage: Stage):
    _, verdict = stage.checked(breaking=lambda engine: Frozen(engine, lambda *_: None))

    assert verdict.flags == ("tracking",)


@pytest.mark.parametrize("frames", [-5, 5])
def test_a_mouth_that_is_five_frames_off_is_flagged(stage: Stage, frames: int):
    shifted = curve_changed(stage.speech, lambda values: np.roll(values, frames * 4))

    _, verdict = stage.checked(shifted)

    assert "tracking" in verdict.flags
    assert set(verdict.flags) <= {"tracking", "silence"}


def test_a_recording_that_hardly_opens_the_mouth_has_nothing_against_its_clip(stage: Stage):
    curve = stage.speech.curve
    hummed = replace(stage.speech, curve=replace(curve, opening=curve.opening * np.float32(0.1)))
    check = Check(stage.engine, stage.prepared, hummed)
    render_clip(check.engine, stage.prepared, hummed, stage.clip, nothing)

    verdict = measured(check, stage.clip)

    assert verdict.flags == ()
    assert verdict.figures.tracking_r is None


def test_the_mouth_of_another_recording_is_flagged(stage: Stage):
    other = curve_changed(stage.speech, lambda values: np.ascontiguousarray(values[::-1]))

    _, verdict = stage.checked(other)

    assert "tracking" in verdict.flags


def test_a_mouth_that_is_open_in_silence_is_flagged(stage: Stage):
    curve = stage.speech.curve
    agape = np.where(curve.speech > 0, curve.opening, 0.5).astype(np.float32)
    speech = replace(stage.speech, curve=replace(curve, opening=agape))

    _, verdict = stage.checked(speech)

    assert "silence" in verdict.flags


def late_sound(stage: Stage, seconds: float) -> Speech:
    said = stage.voice.read_bytes()
    quiet = bytes(2 * round(seconds * int.from_bytes(said[24:28], "little")))
    late = stage.folder / f"late{seconds:g}.wav"
    data = quiet + said[44:]
    late.write_bytes(said[:40] + len(data).to_bytes(4, "little") + data)
    return stage.take(late, f"late{seconds:g}")


def test_sound_that_is_three_frames_late_is_flagged(stage: Stage):
    late = replace(stage.speech, sound=late_sound(stage, 3 / 25).sound)

    _, verdict = stage.checked(late)

    assert verdict.flags == ("offset",)
    assert verdict.figures.av_offset_s == pytest.approx(3 / 25, abs=0.01)


def remuxed(clip: Path, out: Path, late_s: float) -> Path:
    """The same packets, with the sound later."""
    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                late = round(late_s / packet.time_base)
                packet.pts, packet.dts = packet.pts + late, packet.dts + late
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    return out


@pytest.mark.parametrize("late_s", [-0.12, 0.0, 0.12])
def test_the_offset_of_copied_sound_is_read_off_its_packets(
    stage: Stage, tmp_path: Path, late_s: float
):
    clip = remuxed(stage.good, tmp_path / "clip.mp4", late_s)

    offset_s = copied_sound_offset_s(read_streams(clip), read_streams(stage.speech.sound))

    assert offset_s == pytest.approx(late_s, abs=0.0225)  # MP4 may drop the encoder's lead-in


def test_sound_of_another_recording_is_flagged(stage: Stage, tmp_path: Path):
    noise = np.random.default_rng(2).integers(-9000, 9000, 6 * 16000).astype("<i2").tobytes()
    said = stage.voice.read_bytes()
    path = tmp_path / "noise.wav"
    path.write_bytes(said[:40] + len(noise).to_bytes(4, "little") + noise)
    encode_sound(path, tmp_path / "noise.m4a")

    _, verdict = stage.checked(replace(stage.speech, sound=tmp_path / "noise.m4a"))

    assert verdict.flags == ("offset",)
    assert verdict.figures.av_offset_s is None


def test_a_clip_without_sound_is_flagged_as_cut(stage: Stage, tmp_path: Path):
    silent = tmp_path / "silent.mp4"
    with av.open(str(stage.good)) as source, av.open(str(silent), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)

    assert measured(stage.check, silent).flags == ("length",)


def forehead(prepared: Prepared, patch: Patch) -> tuple[int, int, int]:
    """Middle of the forehead, and the distance of the eyes, in pixels."""
    points = prepared.performance.track.landmarks[patch.source]
    left, right = points[list(EYE_CORNERS)]
    eyes = float(np.hypot(*(right - left)))
    x, y = (left + right) / 2
    return round(x), round(y - 0.5 * eyes), round(eyes)


def test_a_face_that_is_spoilt_beside_the_mouth_is_flagged(stage: Stage):
    def smear(planes: Planes, patch: Patch) -> None:
        x, y, eyes = forehead(stage.prepared, patch)
        cv2.circle(split(planes)[0], (x, y), eyes // 5, 60, -1)

    _, verdict = stage.checked(breaking=lambda engine: Broken(engine, smear))

    assert verdict.flags == ("outside",)


def test_eyes_that_are_blurred_are_flagged(stage: Stage):
    def blur(planes: Planes, patch: Patch) -> None:
        x, y, eyes = forehead(stage.prepared, patch)
        luma = split(planes)[0][y : y + eyes, x - eyes : x + eyes]
        luma[...] = cv2.GaussianBlur(luma, (0, 0), eyes / 12)

    _, verdict = stage.checked(breaking=lambda engine: Broken(engine, blur))

    assert verdict.flags == ("outside",)


def test_a_picture_that_is_brighter_everywhere_is_flagged(stage: Stage):
    def brighten(planes: Planes, patch: Patch) -> None:
        luma = split(planes)[0]
        luma[...] = cv2.add(luma, 8)

    _, verdict = stage.checked(breaking=lambda engine: Broken(engine, brighten))

    assert verdict.flags == ("outside",)
    assert verdict.figures.outside_psnr_db < 34


def test_a_clip_that_ends_early_is_flagged(stage: Stage):
    short = replace(stage.speech, duration_s=stage.speech.duration_s - 1.0)

    _, verdict = stage.checked(short)

    assert verdict.flags[0] == "length"
    assert verdict.figures.duration_s == pytest.approx(stage.speech.duration_s - 1.0, abs=0.05)


def test_a_file_that_breaks_off_is_flagged(stage: Stage, tmp_path: Path):
    broken = tmp_path / "broken.mp4"
    whole = stage.good.read_bytes()
    broken.write_bytes(whole[: len(whole) * 2 // 3])

    assert measured(stage.check, broken).flags[0] == "length"


def test_what_is_no_video_is_unreadable(stage: Stage, tmp_path: Path):
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(np.random.default_rng(6).bytes(5000))

    with pytest.raises(UnreadableFile):
        measured(stage.check, noise)


def without_face(prepared: Prepared, away: slice) -> Prepared:
    """The same Template, as if the face were not seen in some of its frames."""
    track = prepared.performance.track
    landmarks, presence = track.landmarks.copy(), track.presence.copy()
    landmarks[away], presence[away] = np.nan, 0.0
    return replace(
        prepared, performance=replace(prepared.performance, track=Track(landmarks, presence))
    )


def test_a_template_that_looks_away_is_no_fault_of_its_clip(stage: Stage):
    away = without_face(stage.prepared, slice(None))
    check = Check(stage.engine, away, stage.speech)
    render_clip(check.engine, away, stage.speech, stage.clip, nothing)

    verdict = measured(check, stage.clip)

    said = verdict.as_json()
    assert verdict.flags == ()
    assert set(said["mouth"].values()) == {None}
    assert said["outside_psnr_db"] > 40


def test_a_face_that_was_there_and_cannot_be_found_is_flagged(stage: Stage):
    def hide(planes: Planes, patch: Patch) -> None:
        planes[...] = 128

    _, verdict = stage.checked(breaking=lambda engine: Broken(engine, hide))

    assert "tracking" in verdict.flags
    assert verdict.figures.tracking_r is None


def test_frames_without_a_face_are_not_looked_at(stage: Stage):
    half = without_face(stage.prepared, slice(0, 25))

    plan = plan_check(half, stage.speech)
    looked = choose_looked(plan, range(plan.frames), [0])

    assert len(looked) >= 6
    assert all(plan.sources[frame] >= 25 for frame in looked)
    assert plan.face(0) is None


def test_a_check_ends_when_it_is_stopped(stage: Stage):
    def stop(stage: str, done: int, total: int) -> None:
        raise Stopped

    with FaceMesh() as mesh, pytest.raises(Stopped):
        stage.check.measure(stage.good, mesh, stop)


def talk(seconds: float, silence: slice = slice(0, 0)) -> Speech:
    """Syllables four times a second, with silence where it is asked for."""
    steps = np.arange(round(seconds * 100))
    opening = (0.3 + 0.3 * np.sin(2 * np.pi * steps / 25)).astype(np.float32)
    speech = np.ones_like(opening)
    opening[silence], speech[silence] = 0.0, 0.0
    zero = np.zeros_like(opening)
    return Speech(Path("none"), seconds, MouthCurve(opening, zero, zero, zero, zero, speech))


def seen_by_all(frames: int, size: tuple[int, int] = (720, 1280)) -> Prepared:
    facts = SimpleNamespace(fps=Fraction(25), frames=frames, width_px=size[0], height_px=size[1])
    track = Track(np.ones((frames, 468, 2), np.float32), np.ones(frames, np.float32))
    return SimpleNamespace(performance=SimpleNamespace(facts=facts, track=track, glimpses=None))


def chosen(plan: Plan, every: int = 4) -> tuple[list[int], list[int]]:
    """What is looked at and what compared, if every fourth frame is an anchor."""
    anchors = range(0, plan.frames, every)
    compared = choose_compared(plan, anchors)
    return list(choose_looked(plan, anchors, compared)), list(compared)


@pytest.mark.parametrize("seconds", [0.6, 2.0, 2.4, 3.4, 5.7, 8.0, 20.0, 60.0, 600.0])
def test_the_number_of_frames_looked_at_stays_within_the_budget(seconds: float):
    plan = plan_check(seen_by_all(200), talk(seconds))
    looked, compared = chosen(plan)

    assert (looked == []) is (plan.frames < 64)
    assert len(looked) <= min(max(plan.frames / 20, min(plan.frames / 16, 6)), 45)
    assert 1 <= len(compared) <= 3
    assert len(plan.kept) <= 12
    assert set(compared) <= plan.kept
    assert looked == [] or set(compared) <= set(looked)


def test_a_long_clip_is_looked_at_in_three_windows_of_two_seconds():
    looked, _ = chosen(plan_check(seen_by_all(200), talk(60.0)), every=2)

    thirds = [[f for f in looked if part * 500 <= f < (part + 1) * 500] for part in range(3)]
    assert [len(part) for part in thirds] == [15, 15, 15]
    assert all(part[-1] - part[0] < 50 for part in thirds)


def test_silence_is_looked_at_where_there_is_some():
    plan = plan_check(seen_by_all(200), talk(20.0, slice(1400, 1475)))
    looked, _ = chosen(plan)

    quiet = [frame for frame in looked if plan.silent[frame]]
    assert 2 <= len(quiet) <= len(looked) / 2
    assert all(352 < frame < 367 for frame in quiet)


def test_a_short_clip_is_not_read_to_its_end():
    assert max(chosen(plan_check(seen_by_all(200), talk(4.0)))[0]) < 85


def test_of_a_huge_picture_only_one_row_of_frames_is_kept():
    huge = plan_check(seen_by_all(200, (4096, 2304)), talk(20.0))

    assert len(huge.kept) == 4


def test_movement_is_the_share_of_what_was_asked_for():
    asked = np.array([0.0, 0.1, 0.2, 0.0, np.nan])

    assert movement(0.05 + asked / 2, asked) == pytest.approx(0.5)
    assert movement(np.full(5, 0.08), asked) == pytest.approx(0.0)
    assert movement(asked, np.zeros(5)) is None
    assert movement(np.full(5, np.nan), asked) is None


GOOD = Findings(
    frames=100, fps=Fraction(25), expected_s=4.0, has_all_frames=True, sound_end_s=4.0,
    offset_s=0.0, tracking_r=0.98, lag_frames=1, step_r=0.98, movement=0.9, found=1.0, silence_opening=0.03,
    outside_db=45.0, worst_block=30.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, ()),
        ({"frames": 101}, ()),  # to the nearest frame
        ({"frames": 98}, ("length",)),
        ({"frames": 102}, ("length",)),
        ({"sound_end_s": 3.8}, ("length",)),
        ({"sound_end_s": None, "offset_s": None}, ("length",)),
        ({"offset_s": 0.04}, ()),
        ({"offset_s": -0.05}, ("offset",)),
        ({"offset_s": None}, ("offset",)),
        ({"step_r": 0.8}, ("tracking",)),
        ({"tracking_r": 0.99, "lag_frames": 5, "step_r": 0.92}, ("tracking",)),
        ({"tracking_r": 0.99, "lag_frames": 3, "step_r": 0.97}, ()),
        ({"movement": 0.4}, ("tracking",)),
        ({"found": 0.3}, ("tracking",)),
        ({"silence_opening": 0.4}, ("silence",)),
        ({"outside_db": 30.0}, ("outside",)),
        ({"worst_block": 200.0}, ("outside",)),
        ({"silence_opening": 0.4, "frames": 50, "movement": 0.0}, ("length", "tracking", "silence")),
        (
            dict.fromkeys(
                ("tracking_r", "lag_frames", "step_r", "movement", "found", "silence_opening", "outside_db",
                 "worst_block")
            ),
            (),
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_worst_first(changes: dict[str, object], flags: tuple[str, ...]):
    assert flags_of(replace(GOOD, **changes)) == flags


def test_the_worst_block_is_found_and_what_is_masked_counts_as_equal():
    first = np.full((64, 96), 100, np.uint8)
    second = first.copy()
    second[16:32, 32:48] += 20

    whole = np.full(first.shape, 255, np.uint8)
    masked = whole.copy()
    masked[16:32, 32:48] = 0

    assert worst_block(first, second, whole) == pytest.approx(400)
    assert worst_block(first, second, masked) == 0.0


def test_speaking_may_change_the_jaw_and_neither_the_eyes_nor_the_background(stage: Stage):
    facts = stage.prepared.performance.facts
    points = stage.prepared.performance.track.landmarks[0]

    mask = at_rest((facts.height_px, facts.width_px), points)

    def there(point: np.ndarray) -> int:
        return int(mask[round(float(point[1])), round(float(point[0]))])

    assert [there(points[place]) for place in (13, 14, 152, 61, 291)] == [0] * 5
    assert [there(points[place]) for place in (33, 263, 10, 168)] == [255] * 4
    assert mask[0, 0] == 255


def anchors_of(video: Path) -> list[int]:
    return [round(second * 25) for second in read_streams(video).anchors]


def test_glances_are_the_frames_that_reading_all_of_them_gives(stage: Stage):
    """Else our encoder no longer builds anchors upon anchors alone, and a check would see what nobody sees."""
    facts, anchors = probe_video(stage.good), anchors_of(stage.good)
    every = list(read_frames(stage.good, facts))

    got = list(glance(stage.good, facts, [*anchors, facts.frames + 3]))

    assert [frame for frame, _ in got] == anchors
    assert all(np.array_equal(planes, every[frame]) for frame, planes in got)


def test_any_four_frames_in_a_row_hold_an_anchor(stage: Stage):
    anchors = anchors_of(stage.good)

    assert anchors[0] == 0
    assert max(np.diff(anchors)) <= 4


def test_a_frame_that_does_not_come_is_not_sought_to_the_end_of_the_clip(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    facts, anchors = probe_video(stage.good), anchors_of(stage.good)
    between = next(frame for frame in range(40) if frame not in anchors)
    decoded = []
    monkeypatch.setattr(
        glances, "decode_packet", lambda packet: decoded.append(packet) or decode_packet(packet)
    )

    assert list(glance(stage.good, facts, [between])) == []

    assert len(decoded) < facts.frames / 2


def test_glances_far_apart_are_jumped_to(tmp_path: Path):
    video = write_video(tmp_path / "long.mp4", range(1000), options={"bf": "0"})
    facts = probe_video(video)

    got = [(frame, number_of(planes)) for frame, planes in glance(video, facts, [3, 700, 998])]

    assert got == [(3, 3), (700, 700), (998, 998)]


def test_a_face_whose_place_is_known_is_measured_however_the_picture_cuts_it(stage: Stage):
    """One frame has the face at its left edge, the next one at its right: nothing leads from one to the other."""
    facts, track = stage.prepared.performance.facts, stage.prepared.performance.track
    frames = list(read_frames(stage.template, facts))[:8]
    apart = []
    with FaceMesh() as mesh:
        for number, planes in enumerate(frames):
            points = track.landmarks[number]
            low, high = points.min(axis=0), points.max(axis=0)
            left = round(float(low[0] if number % 2 else high[0] - 2 * (high[0] - low[0]))) & ~1
            width = round(float(2 * (high[0] - low[0]))) & ~1
            found = mesh.find_at(cut(planes, left, width), points - np.float32([left, 0]))
            apart.append(float(np.abs(found + np.float32([left, 0]) - points).mean()))

    assert max(apart) < 0.03 * eye_distance(track.landmarks[0])


def cut(planes: Planes, left: int, width: int) -> Planes:
    """The columns of a frame from ``left`` on."""
    return np.concatenate(
        [
            plane[:, left // share : (left + width) // share].reshape(-1, width)
            for plane, share in zip(split(planes), (1, 2, 2), strict=True)
        ]
    )


@pytest.mark.slow
@pytest.mark.alone
def test_a_check_costs_at_most_a_tenth_of_its_render(stage: Stage):
    """Clips of 5.7 s and, dearest of all, of 3.4 s; time of the processors, since other work may stand beside the tests."""
    short = replace(stage.speech, duration_s=3.4)
    with FaceMesh() as mesh:
        shares = {
            speech.duration_s: statistics.median(_share(stage, speech, mesh) for _ in range(5))
            for speech in (short, stage.speech)
        }

    assert max(shares.values()) <= 0.1, shares


def _share(stage: Stage, speech: Speech, mesh: FaceMesh) -> float:
    check = Check(stage.engine, stage.prepared, speech)
    before = time.process_time()
    render_clip(check.engine, stage.prepared, speech, stage.clip, nothing)
    rendered = time.process_time()
    check.measure(stage.clip, mesh, nothing)
    return (time.process_time() - rendered) / (rendered - before)
