"""MuseTalk as an engine, on small random weights in the official format: loading, frames in and out, what is kept, memory."""

import json
import shutil
import time
import weakref
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'neural' is not installed")
pytest.importorskip("diffusers", reason="the extra 'neural' is not installed")
pytest.importorskip("transformers", reason="the extra 'neural' is not installed")
pytest.importorskip("soxr", reason="the extra 'neural' is not installed")

from pipeline.engines.gathering import Gathering
from pipeline.engines.musetalk.engine import MuseTalkEngine, open_musetalk
from pipeline.engines.musetalk.models import Models, load_models
from pipeline.engines.neural.calling import Faces, Painted
from pipeline.engines.neural.pasting import box_matrix, cut_out, paste
from pipeline.engines.neural.place import Place, choose_place
from pipeline.engines.port import Hardware, LipSync, Patch
from pipeline.engines.registry import open_engine
from pipeline.engines.viseme.engine import VisemeEngine
from pipeline.engines.weights.finding import Shelf, find
from pipeline.errors import EngineUnavailable, Stopped, WeightsAltered
from pipeline.faces.planes import split
from pipeline.measure.streams import read_streams
from pipeline.media import read_frames
from pipeline.render import render_clip
from pipeline.types import VideoFacts
from tests.corpora.checkpoints import FULL, TINY, write_codec, write_musetalk
from tests.pipeline.neural.things import HEIGHT_PX, make_performance, make_speech, picture

CPU = Place(torch.device("cpu"), torch.float32)
_: type[LipSync] = MuseTalkEngine


def quietly(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def weights_in(folder: Path) -> Any:
    return find("musetalk", Shelf(Path("nowhere"), folder))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_musetalk(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def models(weights: Path) -> Models:
    return load_models(weights_in(weights), CPU)


@pytest.fixture(scope="module")
def meshed(models: Models) -> Models:
    """Without the parser, whose random answers cover next to nothing."""
    return replace(models, parser=None)


@pytest.fixture
def altered(weights: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(weights, tmp_path / "altered"))


def test_both_spellings_of_the_published_codec_give_the_same_pictures(
    altered: Path, models: Models
):
    shutil.rmtree(altered / "sd-vae")
    write_codec(altered / "sd-vae", TINY, 8, old=True)

    again = load_models(weights_in(altered), CPU)

    latents = torch.randn(1, 4, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.equal(again.codec.decode(latents), models.codec.decode(latents))
    assert again.mark == models.mark


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("conv_in.bias"), r"missing: conv_in\.bias"),
        (lambda s: s.update(extra=torch.zeros(1)), r"unknown: extra"),
        (lambda s: s.update({"conv_in.bias": torch.zeros(3)}), r"conv_in\.bias \(\[3\] instead of"),
        (lambda s: s["conv_in.bias"].fill_(float("nan")), r"no number in conv_in\.bias"),
        (lambda s: s.clear(), r"has 0 keys and should have 686"),
    ],
)
def test_a_file_of_other_weights_is_refused_by_the_first_differences(
    altered: Path, change: Any, said: str
):
    path = altered / "musetalkV15" / "unet.pth"
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)

    with pytest.raises(WeightsAltered, match=said):
        load_models(weights_in(altered), CPU)


UNET, CODEC, EAR = "musetalkV15/musetalk.json", "sd-vae/config.json", "whisper/config.json"


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        (UNET, {"down_block_types": ["Nope"] * 4}, "describes no U-Net"),
        (UNET, {"block_out_channels": None}, "describes no U-Net"),
        (UNET, {"norm_num_groups": 5}, "describes no U-Net"),
        (UNET, {"in_channels": "8"}, "describes no U-Net"),
        (CODEC, {"up_block_types": ["X"] * 4}, "describes no picture codec"),
        (CODEC, {"latent_channels": "four"}, "describes no picture codec"),
        (CODEC, {"scaling_factor": 0}, "describes no picture codec .*scaling_factor"),
        (CODEC, {"scaling_factor": "a lot"}, "describes no picture codec .*scaling_factor"),
        (EAR, {"encoder_layers": "x"}, "describes no Whisper"),
        (EAR, {"encoder_attention_heads": 0}, "describes no Whisper"),
    ],
)
def test_a_configuration_that_describes_no_network_is_told_by_its_name(
    altered: Path, file: str, change: Any, said: str
):
    path = altered / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(WeightsAltered, match=rf"{Path(file).name} {said}"):
        load_models(weights_in(altered), CPU)


class Evil:
    """What a pickle may hold beside numbers."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def test_a_pickle_that_would_run_code_is_refused_and_runs_none(altered: Path, tmp_path: Path):
    torch.save({"conv_in.bias": Evil(tmp_path / "ran")}, altered / "musetalkV15" / "unet.pth")

    with pytest.raises(WeightsAltered, match=r"unet\.pth cannot be read"):
        load_models(weights_in(altered), CPU)

    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "file", ["musetalkV15/unet.pth", "sd-vae/diffusion_pytorch_model.safetensors"]
)
def test_a_file_that_was_cut_is_told_by_its_name(altered: Path, file: str):
    whole = (altered / file).read_bytes()
    (altered / file).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(WeightsAltered, match=Path(file).name):
        load_models(weights_in(altered), CPU)


def test_a_device_that_is_not_here_is_told():
    with pytest.raises(EngineUnavailable, match="no device 'cuda:7'"):
        choose_place(Hardware(device="cuda:7"))
    with pytest.raises(EngineUnavailable, match="no device 'toaster'") as told:
        choose_place(Hardware(device="toaster"))

    assert "CHORUS_" not in str(told.value)  # no setting names it


def test_the_registry_opens_it_from_a_folder_of_official_files(weights: Path):
    engine = open_engine("musetalk", Shelf(Path("nowhere"), weights), Hardware(device="cpu"))

    assert engine.name == "musetalk"
    assert isinstance(engine, Gathering)
    assert engine.residents().device == "cpu"


@pytest.mark.parametrize(
    ("frames", "fps"),
    [
        (1, 25),
        (15, 24),
        (16, 25),
        (17, 30),
        (31, 60),
        pytest.param(250, 25, marks=pytest.mark.slow),
    ],
)
def test_frames_in_are_frames_out(tmp_path: Path, models: Models, frames: int, fps: int):
    engine = MuseTalkEngine(models, 16)
    performance = make_performance(tmp_path, 4, Fraction(fps))
    speech = make_speech(tmp_path, frames / fps)

    made = render_clip(engine, engine.prepare(performance), speech, tmp_path / "clip.mp4", quietly)

    assert made.frames == frames
    assert read_streams(tmp_path / "clip.mp4").frames == frames


def test_a_rate_that_is_no_whole_number_keeps_every_frame(tmp_path: Path, models: Models):
    engine = MuseTalkEngine(models, 8)
    performance = make_performance(tmp_path, 4, Fraction(30000, 1001))
    speech = make_speech(tmp_path, 0.5)

    made = render_clip(engine, engine.prepare(performance), speech, tmp_path / "clip.mp4", quietly)

    assert made.frames == 15


def composed(engine: MuseTalkEngine, folder: Path, performance: Any) -> tuple[list[Any], list[Any]]:
    """The Template's frames before and after."""
    prepared = engine.prepare(performance)
    facts = performance.facts
    before = list(read_frames(performance.video, facts))
    speech = make_speech(folder, float(facts.frames / facts.fps))
    patches = [
        patch
        for window in engine.windows(prepared, speech, range(facts.frames))
        for patch in engine.generate([window])[0]
    ]
    after = [
        engine.compose(planes.copy(), patch) for planes, patch in zip(before, patches, strict=True)
    ]
    return before, after


@pytest.mark.slow
def test_frames_without_a_face_stay_as_they_are_and_the_others_keep_their_own(
    tmp_path: Path, meshed: Models
):
    performance = make_performance(tmp_path, 6, absent=(0, 3))

    before, after = composed(MuseTalkEngine(meshed, 4), tmp_path, performance)

    changed = [not np.array_equal(one, other) for one, other in zip(before, after, strict=True)]
    assert changed == [False, True, True, False, True, True]


def test_a_template_without_any_face_goes_through_untouched(tmp_path: Path, models: Models):
    performance = make_performance(tmp_path, 3, absent=(0, 1, 2))

    before, after = composed(MuseTalkEngine(models, 4), tmp_path, performance)

    assert np.array_equal(np.array(before), np.array(after))


def test_only_the_lower_face_changes_and_every_other_pixel_keeps_its_bits(
    tmp_path: Path, meshed: Models
):
    performance = make_performance(tmp_path, 1)

    before, after = composed(MuseTalkEngine(meshed, 4), tmp_path, performance)

    difference = before[0].astype(int) != after[0]
    rows = np.flatnonzero(difference[:HEIGHT_PX].any(axis=1))
    points = performance.track.landmarks[0]
    assert points[5, 1] - 20 < rows[0]
    assert rows[-1] < points[152, 1] + 15
    assert difference[:HEIGHT_PX].any(axis=0).nonzero()[0].min() >= points[234, 0] - 2


def test_a_face_that_fades_out_takes_less_of_what_was_generated(tmp_path: Path, meshed: Models):
    performance = make_performance(tmp_path, 3)
    performance.track.presence[:] = (1.0, 0.5, 0.1)

    before, after = composed(MuseTalkEngine(meshed, 4), tmp_path, performance)

    far = [
        float(np.abs(a[:HEIGHT_PX].astype(int) - b[:HEIGHT_PX]).mean())
        for a, b in zip(after, before, strict=True)
    ]
    assert far[1] == pytest.approx(far[0] / 2, rel=0.15)
    assert far[2] == pytest.approx(far[0] / 10, rel=0.3)


def test_a_template_is_looked_at_once_and_kept_beside_its_video(tmp_path: Path, models: Models):
    performance = make_performance(tmp_path, 5, absent=(2,))
    engine, features = MuseTalkEngine(models, 2), tmp_path / "features"
    features.mkdir()
    first = engine.prepare(performance, features=features)

    def never(_stage: str, _done: int, _total: int) -> None:
        raise AssertionError("it is looked at again")

    second = MuseTalkEngine(models, 2).prepare(performance, never, features)

    assert sorted(path.name for path in features.iterdir()) == [
        "musetalk-covers.npy", "musetalk-latents.npy", "musetalk.npz",
    ]  # fmt: skip
    assert isinstance(second.latents, np.memmap)
    assert np.array_equal(first.latents, second.latents)
    assert np.array_equal(first.covers, second.covers)
    assert not second.latents[2].any()


def test_features_of_other_weights_or_another_template_are_made_anew(
    tmp_path: Path, models: Models, tmp_path_factory: pytest.TempPathFactory
):
    performance = make_performance(tmp_path, 2)
    first = MuseTalkEngine(models, 2).prepare(performance, features=tmp_path)
    others = load_models(
        weights_in(write_musetalk(tmp_path_factory.mktemp("others"), seed=20)), CPU
    )

    second = MuseTalkEngine(others, 2).prepare(performance, features=tmp_path)

    assert not np.array_equal(first.latents, second.latents)
    assert np.array_equal(np.load(tmp_path / "musetalk-latents.npy"), np.asarray(second.latents))


def test_a_stopped_preparation_leaves_nothing_half_made(tmp_path: Path, models: Models):
    performance = make_performance(tmp_path, 5)
    features = tmp_path / "features"
    features.mkdir()

    def stop(_stage: str, done: int, _total: int) -> None:
        if done:
            raise Stopped

    with pytest.raises(Stopped):
        MuseTalkEngine(models, 2).prepare(performance, stop, features)

    assert list(features.iterdir()) == []


def test_a_take_is_heard_once_whatever_number_of_clips_is_made(
    tmp_path: Path, models: Models, monkeypatch: pytest.MonkeyPatch
):
    engine = MuseTalkEngine(models, 4)
    prepared = engine.prepare(make_performance(tmp_path, 3))
    speech = make_speech(tmp_path, 0.2)
    first = next(engine.windows(prepared, speech, range(3)))
    monkeypatch.setattr(models.ear, "hear", None)

    second = next(engine.windows(prepared, speech, range(3)))

    assert np.array_equal(first.states, second.states)
    assert first.states.shape == (10, 5, TINY.hearing)


@pytest.mark.slow
def test_windows_of_several_clips_fill_each_others_calls(tmp_path: Path, models: Models):
    engine = MuseTalkEngine(models, 8)
    prepared = engine.prepare(make_performance(tmp_path, 3))
    speech = make_speech(tmp_path, 0.4)
    windows = [next(engine.windows(prepared, speech, [0, 1, 2][:count])) for count in (3, 1, 2)]
    calls: list[int] = []
    network = engine._generate._network
    engine._generate._network = lambda *given: calls.append(len(given[0])) or network(*given)

    together = engine.generate(windows)
    alone = engine.generate([windows[2]])

    assert calls == [8, 8]
    assert [len(patches) for patches in together] == [3, 1, 2]
    for one, other in zip(together[2], alone[0], strict=True):
        apart = np.abs(one.faces.picture(one.index).astype(int) - other.faces.picture(other.index))
        assert apart.max() <= 1


def test_patches_and_windows_of_other_engines_are_refused(tmp_path: Path, models: Models):
    engine = MuseTalkEngine(models, 2)
    performance = make_performance(tmp_path, 2)
    speech = make_speech(tmp_path, 0.08)
    other = VisemeEngine()

    with pytest.raises(TypeError, match="another engine"):
        engine.compose(picture(performance.track.landmarks[0]), Patch(0, 0))
    with pytest.raises(TypeError, match="another engine"):
        engine.generate(list(other.windows(engine.prepare(performance), speech, range(2))))


def test_without_the_parsers_weights_the_mesh_says_where_the_lower_face_is(
    tmp_path: Path, models: Models, meshed: Models
):
    performance = make_performance(tmp_path, 2)

    prepared = MuseTalkEngine(meshed, 2).prepare(performance, features=tmp_path)

    cover = prepared.covers[0].astype(int)
    assert cover[:50].max() == 0  # nothing above the nose's middle
    assert cover[90:110, 50:78].min() > 250  # lips and chin
    assert cover[:, 0].max() < 60  # the edge is soft
    # A parser that comes later is asked: what the mesh said is not taken for what it says.
    again = MuseTalkEngine(models, 2).prepare(performance, features=tmp_path)
    assert not np.array_equal(prepared.covers, again.covers)


def test_pores_that_the_networks_size_loses_are_laid_over_the_skin_again(tmp_path: Path):
    rng = np.random.default_rng(1)
    size = 900
    facts = VideoFacts("h264", size, size, Fraction(25), 1, 0.04, has_sound=False)
    planes = np.full((size * 3 // 2, size), 128, np.uint8)
    planes[:size] = np.clip(140 + rng.normal(0, 5, (size, size)), 16, 235)
    points = make_performance(tmp_path, 1).track.landmarks[0] * 3
    matrix = box_matrix(np.array([100.0, 100, 800, 800]), 256)
    through = cut_out(planes, facts, matrix, 256)
    cover = np.full((128, 128), 255, np.uint8)
    after = planes.copy()

    paste(after, facts, through, matrix, cover, 1.0, points)

    apart = np.abs(split(planes)[0].astype(int) - split(after)[0])
    lips = tuple(np.round(points[13]).astype(int))
    around = (slice(lips[1] - 15, lips[1] + 15), slice(lips[0] - 30, lips[0] + 30))
    assert apart[150:250, 150:750].mean() < 0.8  # skin far from the lips
    assert apart[around].mean() > 2.5


def test_opening_reads_every_file_once_and_says_where_models_are(weights: Path):
    engine = open_musetalk(weights_in(weights), Hardware(speedup="graphs"))

    told = engine.residents()
    assert told.window_frames == 4
    assert [note for note in told.notes if "needs a GPU" in note]


@pytest.mark.parametrize("part", ["faces", "latents", "parser", "ear"])
def test_warming_beside_another_engine_ends_at_the_first_that_finds_no_room(
    models: Models, part: str, monkeypatch: pytest.MonkeyPatch
):
    engine = MuseTalkEngine(models, 2)
    calls = {
        "faces": engine._generate, "latents": engine._see, "parser": engine._preparation._parse,
        "ear": models.ear.encoder._call,
    }  # fmt: skip

    def full(*_given: Any) -> Any:
        raise torch.AcceleratorError("CUDA error: out of memory")

    for call in calls.values():
        monkeypatch.setattr(call, "_network", lambda *given: given[0][:, None])
    painted = Painted(torch.zeros(2, 1, 1, 3, dtype=torch.uint8), torch.ones(2, dtype=torch.bool))
    monkeypatch.setattr(engine._generate, "_network", lambda *_given: painted)
    monkeypatch.setattr(calls[part], "_network", full)

    with pytest.raises(torch.AcceleratorError):
        engine.warm(shrinks=False)

    assert engine.residents().window_frames == 2
    assert engine.residents().notes == ()


@pytest.mark.slow
def test_the_first_job_of_a_warmed_engine_takes_hardly_longer_than_the_second(
    weights: Path, tmp_path: Path
):
    """On a processor, where libraries have little to get ready; what a GPU has is seen on one alone. Time of the processor, whoever else works."""
    engine = MuseTalkEngine(load_models(weights_in(weights), CPU), 4)
    engine.warm(shrinks=True)
    performance = make_performance(tmp_path, 8)

    def job(name: str) -> float:
        folder = tmp_path / name
        folder.mkdir()
        speech = make_speech(folder, 8 / 25)
        began = time.process_time()
        prepared = engine.prepare(performance, features=folder)
        render_clip(engine, prepared, speech, folder / "clip.mp4", quietly)
        return time.process_time() - began

    first, *later = (job(name) for name in ("first", "second", "third"))

    assert first / min(later) <= 1.5


def test_warm_are_all_networks_for_full_and_for_short_calls(
    models: Models, monkeypatch: pytest.MonkeyPatch
):
    engine = MuseTalkEngine(models, 2)
    asked: list[str] = []
    calls = {
        "faces": engine._generate, "latents": engine._see, "parser": engine._preparation._parse,
    }  # fmt: skip
    for name, call in calls.items():
        network = call._network
        call._network = lambda *given, name=name, network=network: (
            asked.append(f"{name} {len(given[0])}") or network(*given)
        )
    heard: list[tuple[int, ...]] = []
    run = models.ear.encoder._run
    monkeypatch.setattr(
        models.ear.encoder,
        "_run",
        lambda mels, **more: heard.append(tuple(mels.shape)) or run(mels, **more),
    )

    engine.warm(shrinks=True)

    assert sorted(asked) == sorted(f"{name} 2" for name in calls for _ in range(2))
    assert heard == [(1, 80, 3000)]
    assert engine._generate.notes == []


@pytest.mark.slow
def test_pictures_of_a_few_windows_are_held_however_long_the_take_is(
    tmp_path: Path, meshed: Models, monkeypatch: pytest.MonkeyPatch
):
    alive: weakref.WeakSet[Faces] = weakref.WeakSet()
    most = 0

    class Counted(Faces):
        def __init__(self, *made: Any) -> None:
            nonlocal most
            super().__init__(*made)
            alive.add(self)
            most = max(most, len(alive))

    monkeypatch.setattr("pipeline.engines.musetalk.engine.Faces", Counted)
    engine = MuseTalkEngine(meshed, 1)
    prepared = engine.prepare(make_performance(tmp_path, 3))
    speech = make_speech(tmp_path, 2.0)

    render_clip(engine, prepared, speech, tmp_path / "clip.mp4", quietly)

    assert 1 <= most <= 6  # of 50: two wait, one is made, one is handed on, one is composed


@pytest.mark.slow
def test_files_of_the_published_width_are_loaded_number_by_number(tmp_path: Path):
    """3.4 GB under the official names. What they make is left to narrow ones: on two cores a face takes half a minute."""
    folder = write_musetalk(tmp_path / "weights", FULL)

    models = load_models(weights_in(folder), CPU)

    state = models.unet.state_dict()
    assert (len(state), sum(values.numel() for values in state.values())) == (686, 849_947_844)
    written = torch.load(folder / "musetalkV15" / "unet.pth", weights_only=True, mmap=True)
    assert torch.equal(state["conv_out.weight"], written["conv_out.weight"])
    assert (models.ear.layers, models.ear.width) == (5, 384)
    shutil.rmtree(folder)  # pytest keeps the last folders
