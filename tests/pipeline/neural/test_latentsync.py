"""LatentSync as an engine, on small random weights in the official format: loading, frames in and out, seams, seeds, memory.

Its pictures here are of 64 pixels, a quarter of the published side: attention over the whole picture is what takes time.
"""

import shutil
from collections.abc import Sequence
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
from pipeline.engines.latentsync.engine import LatentSyncEngine, Seams
from pipeline.engines.latentsync.mask import drawn_mask, mask_for
from pipeline.engines.latentsync.models import Models, load_models
from pipeline.engines.latentsync.sampling import Diffusion, Windows
from pipeline.engines.neural.place import Place
from pipeline.engines.port import ANY_HARDWARE, Hardware, LipSync, Patch, Sampling
from pipeline.engines.registry import open_engine
from pipeline.engines.viseme.engine import VisemeEngine
from pipeline.engines.weights.finding import Shelf, find
from pipeline.errors import EngineUnavailable, WeightsAltered
from pipeline.measure.streams import read_streams
from pipeline.media import read_frames
from pipeline.render import render_clip
from tests.corpora.checkpoints import FULL, TINY, Widths, write_latentsync
from tests.pipeline.neural.things import HEIGHT_PX, make_performance, make_speech, picture

CPU = Place(torch.device("cpu"), torch.float32)
QUICK = Hardware(sampling=Sampling(steps=1, guidance=1.0))
_: type[LipSync] = LatentSyncEngine


def quietly(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def weights_in(folder: Path, name: str = "latentsync") -> Any:
    return find(name, Shelf(Path("nowhere"), folder))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_latentsync(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def whole(weights: Path) -> Models:
    return load_models(weights_in(weights), CPU)


@pytest.fixture(scope="module")
def models(whole: Models) -> Models:
    return replace(whole, mask=mask_for(drawn_mask(), 64))


@pytest.fixture
def altered(weights: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(weights, tmp_path / "altered"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("conv_in.bias"), r"has 1245 keys and should have 1246 .*missing: conv_in\.bias"),
        (lambda s: s.update(extra=torch.zeros(1)), r"unknown: extra"),
        (lambda s: s.update({"conv_in.bias": torch.zeros(3)}), r"conv_in\.bias \(\[3\] instead of \[8\]\)"),
        (lambda s: s["conv_in.bias"].fill_(float("inf")), r"no number in conv_in\.bias"),
        (lambda s: s.clear(), r"has 0 keys and should have 1246"),
        (
            lambda s: [s.pop(key) for key in list(s) if key.startswith("down") and "motion_modules" in key],
            r"missing: down_blocks\.0\.motion_modules\.0\.temporal_transformer\.norm\.weight",
        ),
    ],
    ids=["missing", "unknown", "shape", "infinite", "empty", "decoder only"],
)  # fmt: skip
def test_a_checkpoint_of_other_keys_is_refused_by_the_first_differences(
    altered: Path, change: Any, said: str
):
    path = altered / "latentsync_unet.pt"
    told = torch.load(path, weights_only=True)
    change(told["state_dict"])
    torch.save(told, path)

    with pytest.raises(WeightsAltered, match=said):
        load_models(weights_in(altered), CPU)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"conv_in.weight": torch.zeros(1)}, "it holds conv_in.weight and no state_dict"),
        ([1, 2], "holds no weights by name"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_told(altered: Path, content: Any, said: str):
    torch.save(content, altered / "latentsync_unet.pt")

    with pytest.raises(WeightsAltered, match=said):
        load_models(weights_in(altered), CPU)


def test_a_file_that_was_cut_is_told_by_its_name(altered: Path):
    path = altered / "whisper" / "tiny.pt"
    path.write_bytes(path.read_bytes()[:5000])

    with pytest.raises(WeightsAltered, match=r"tiny\.pt cannot be read"):
        load_models(weights_in(altered), CPU)


def test_the_picture_codec_may_lie_in_the_folder_that_the_hub_calls_it_by(
    altered: Path, whole: Models
):
    (altered / "sd-vae").rename(altered / "sd-vae-ft-mse")

    assert load_models(weights_in(altered), CPU).mark == whole.mark


def test_a_network_that_listens_to_another_whisper_is_told(altered: Path, tmp_path: Path):
    other = write_latentsync(tmp_path / "other", Widths(hearing=48))
    shutil.copy(other / "whisper" / "tiny.pt", altered / "whisper" / "tiny.pt")

    with pytest.raises(
        WeightsAltered, match="listens to 32 numbers, and the Whisper beside it gives 48"
    ):
        load_models(weights_in(altered), CPU)


def test_the_registry_opens_both_versions_from_a_folder_of_official_files(weights: Path):
    shelf = Shelf(Path("nowhere"), weights)

    older = open_engine("latentsync", shelf, Hardware(device="cpu"))
    newer = open_engine("latentsync-1.6", shelf, Hardware(device="cpu"))

    assert isinstance(older, Gathering)
    assert (older.name, newer.name) == ("latentsync", "latentsync-1.6")
    assert (older.residents().device, older.residents().window_frames) == ("cpu", 16)
    assert older._engine._models.size_px == 256
    assert newer._engine._models.size_px == 512


@pytest.mark.parametrize(
    ("frames", "fps"), [(1, 25), (15, 24), (16, 25), (17, 30), (31, 60), (250, 25)]
)
def test_frames_in_are_frames_out(tmp_path: Path, models: Models, frames: int, fps: int):
    engine = LatentSyncEngine(models, QUICK)
    performance = make_performance(tmp_path, 4, Fraction(fps))
    speech = make_speech(tmp_path, frames / fps)

    made = render_clip(engine, engine.prepare(performance), speech, tmp_path / "clip.mp4", quietly)

    assert made.frames == frames
    assert read_streams(tmp_path / "clip.mp4").frames == frames


def test_a_rate_that_is_no_whole_number_keeps_every_frame(tmp_path: Path, models: Models):
    engine = LatentSyncEngine(models, QUICK)
    performance = make_performance(tmp_path, 4, Fraction(30000, 1001))
    speech = make_speech(tmp_path, 0.6)

    made = render_clip(engine, engine.prepare(performance), speech, tmp_path / "clip.mp4", quietly)

    assert made.frames == 18


def patches_of(engine: LatentSyncEngine, performance: Any, speech: Any, frames: int) -> list[Any]:
    prepared = engine.prepare(performance)
    sources = [at % performance.facts.frames for at in range(frames)]
    return [
        patch
        for window in engine.windows(prepared, speech, sources)
        for patch in engine.generate([window])[0]
    ]


def composed(
    engine: LatentSyncEngine, folder: Path, performance: Any
) -> tuple[list[Any], list[Any]]:
    """The Template's frames before and after."""
    facts = performance.facts
    before = list(read_frames(performance.video, facts))
    speech = make_speech(folder, float(facts.frames / facts.fps))
    patches = patches_of(engine, performance, speech, facts.frames)
    after = [
        engine.compose(planes.copy(), patch) for planes, patch in zip(before, patches, strict=True)
    ]
    return before, after


def test_frames_without_a_face_stay_as_they_are_and_the_others_keep_their_own(
    tmp_path: Path, models: Models
):
    absent = (0, 3, 18, 19)
    performance = make_performance(tmp_path, 20, absent=absent)

    before, after = composed(LatentSyncEngine(models, QUICK), tmp_path, performance)

    unchanged = [np.array_equal(one, other) for one, other in zip(before, after, strict=True)]
    assert [at for at, same in enumerate(unchanged) if same] == list(absent)


def test_a_frame_without_a_face_is_shown_the_nearest_that_has_one(tmp_path: Path, models: Models):
    engine = LatentSyncEngine(models, QUICK)
    performance = make_performance(tmp_path, 16, absent=(0, 1, 7, 15))
    shown: list[Any] = []
    run = engine._diffuse.run
    engine._diffuse.run = lambda *given: shown.append(given[0]) or run(*given)

    patches_of(engine, performance, make_speech(tmp_path, 16 / 25), 16)

    known = shown[0][0].numpy()
    latents = engine.prepare(performance).latents.astype(np.float32)
    sources = [2, 2, 2, 3, 4, 5, 6, 6, 8, 9, 10, 11, 12, 13, 14, 14]
    assert np.array_equal(known, latents[sources])
    assert all(latents[at].any() for at in sources)


def test_a_template_without_any_face_goes_through_untouched(tmp_path: Path, models: Models):
    performance = make_performance(tmp_path, 3, absent=(0, 1, 2))

    before, after = composed(LatentSyncEngine(models, QUICK), tmp_path, performance)

    assert np.array_equal(np.array(before), np.array(after))


def test_only_the_lower_face_changes_and_every_other_pixel_keeps_its_bits(
    tmp_path: Path, models: Models
):
    performance = make_performance(tmp_path, 1)

    before, after = composed(LatentSyncEngine(models, QUICK), tmp_path, performance)

    difference = (before[0] != after[0])[:HEIGHT_PX]
    rows = np.flatnonzero(difference.any(axis=1))
    points = performance.track.landmarks[0]
    assert points[33, 1] + 5 < rows[0]  # below the eyes
    assert rows[-1] < points[152, 1] + 25
    assert difference[int(points[13, 1]), int(points[13, 0])]  # the lips


def test_a_face_that_fades_out_takes_less_of_what_was_generated(tmp_path: Path, models: Models):
    performance = make_performance(tmp_path, 3)
    performance.track.presence[:] = (1.0, 0.5, 0.1)

    before, after = composed(LatentSyncEngine(models, QUICK), tmp_path, performance)

    far = [
        float(np.abs(a[:HEIGHT_PX].astype(int) - b[:HEIGHT_PX]).mean())
        for a, b in zip(after, before, strict=True)
    ]
    assert far[1] == pytest.approx(far[0] / 2, rel=0.15)
    assert far[2] == pytest.approx(far[0] / 10, rel=0.3)


def pictures_of(patches: Sequence[Any]) -> Any:
    return np.array([patch.faces.picture(patch.index) for patch in patches])


def test_a_clip_made_again_is_the_same_to_the_bit_and_another_take_begins_with_other_noise(
    tmp_path: Path, models: Models
):
    performance = make_performance(tmp_path, 4)
    speech = make_speech(tmp_path, 0.8)
    (tmp_path / "other").mkdir()
    other = make_speech(tmp_path / "other", 0.84)
    again, engine = (LatentSyncEngine(models, QUICK) for _ in range(2))

    first = pictures_of(patches_of(engine, performance, speech, 20))
    second = pictures_of(patches_of(again, performance, speech, 20))

    assert np.array_equal(first, second)
    prepared = engine.prepare(performance)
    one, same, another = (
        next(engine.windows(prepared, take, range(4))).noise for take in (speech, speech, other)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, another)


def test_the_noise_of_a_clip_is_one_for_all_of_its_windows(tmp_path: Path, models: Models):
    engine = LatentSyncEngine(models, QUICK)
    prepared = engine.prepare(make_performance(tmp_path, 4))

    windows = list(engine.windows(prepared, make_speech(tmp_path, 1.6), [0, 1, 2, 3] * 10))

    assert len(windows) == 3
    assert {id(window.noise) for window in windows} == {id(windows[0].noise)}


def test_where_two_stretches_meet_one_passes_into_the_other(tmp_path: Path, models: Models):
    engine = LatentSyncEngine(models, QUICK)
    calls = 0

    def levels(known: Any, tokens: Any, noise: Any) -> Any:
        nonlocal calls
        calls += 1
        return torch.full((1, 16, 4, 8, 8), float(calls))

    painted: list[Any] = []
    paint = engine._paint.run
    engine._diffuse.run = levels
    engine._paint.run = lambda latents: painted.append(latents) or paint(latents)

    patches_of(engine, make_performance(tmp_path, 4), make_speech(tmp_path, 1.6), 40)

    seen = torch.cat(painted)[:, 0, 0, 0].tolist()
    assert seen == [1] * 13 + [1.25, 1.5, 1.75] + [2] * 10 + [2.25, 2.5, 2.75] + [3] * 11


def test_a_window_that_is_made_once_more_after_an_error_is_the_same():
    seams, end = Seams(), torch.ones(3, 4, 2, 2)
    seams.keep(0, end)
    stretch = torch.full((13, 4, 2, 2), 2.0)

    tries = []
    for _ in range(2):
        seams.keep(1, 3 * end)
        tries.append(seams.passed(1, stretch, 3)[:, 0, 0, 0].tolist())

    assert tries[0] == tries[1] == [1.25, 1.5, 1.75] + [2.0] * 10


def test_the_end_of_a_short_clip_goes_on_until_there_are_sixteen_frames(
    tmp_path: Path, models: Models
):
    engine = LatentSyncEngine(models, QUICK)
    prepared = engine.prepare(make_performance(tmp_path, 4))

    (window,) = engine.windows(prepared, make_speech(tmp_path, 0.12), [0, 1, 2])

    assert list(window.frames) == [0, 1, 2]
    assert list(window.around) == [0, 1, *[2] * 14]


def test_a_template_is_looked_at_once_and_kept_beside_its_video(tmp_path: Path, models: Models):
    performance = make_performance(tmp_path, 5, absent=(2,))
    features = tmp_path / "features"
    features.mkdir()
    first = LatentSyncEngine(models, QUICK).prepare(performance, features=features)

    def never(_stage: str, _done: int, _total: int) -> None:
        raise AssertionError("it is looked at again")

    second = LatentSyncEngine(models, QUICK).prepare(performance, never, features)

    assert sorted(path.name for path in features.iterdir()) == [
        "latentsync-64-latents.npy",
        "latentsync-64.npz",
    ]
    assert isinstance(second.latents, np.memmap)
    assert np.array_equal(first.latents, second.latents)
    assert np.array_equal(first.matrices, second.matrices, equal_nan=True)
    assert not second.latents[2].any()


def test_features_made_with_another_mask_are_made_anew(tmp_path: Path, models: Models):
    performance = make_performance(tmp_path, 2)
    first = LatentSyncEngine(models, QUICK).prepare(performance, features=tmp_path)
    other = replace(models, mask=np.ones_like(models.mask))

    second = LatentSyncEngine(other, QUICK).prepare(performance, features=tmp_path)

    assert not np.array_equal(first.latents, second.latents)


def test_a_take_is_heard_once_whatever_number_of_clips_is_made(
    tmp_path: Path, models: Models, monkeypatch: pytest.MonkeyPatch
):
    engine = LatentSyncEngine(models, QUICK)
    prepared = engine.prepare(make_performance(tmp_path, 3))
    speech = make_speech(tmp_path, 0.2)
    first = next(engine.windows(prepared, speech, range(3)))
    monkeypatch.setattr(models.ear, "hear", None)

    second = next(engine.windows(prepared, speech, range(3)))

    assert np.array_equal(first.states, second.states)
    assert first.states.shape == (10, 5, TINY.hearing)


def test_windows_of_several_clips_in_one_call_keep_apart(tmp_path: Path, models: Models):
    engine = LatentSyncEngine(models, QUICK)
    prepared = engine.prepare(make_performance(tmp_path, 3, absent=(1,)))
    speech = make_speech(tmp_path, 0.4)
    windows = [next(engine.windows(prepared, speech, [0, 1, 2][:count])) for count in (3, 2)]

    together = engine.generate(windows)
    alone = [engine.generate([window])[0] for window in windows]

    assert [[patch.faces is None for patch in patches] for patches in together] == [
        [False, True, False],
        [False, True],
    ]
    for one, other in zip(together, alone, strict=True):
        shown = [[p for p in patches if p.faces] for patches in (one, other)]
        assert np.abs(pictures_of(shown[0]).astype(int) - pictures_of(shown[1])).max() <= 1


def test_patches_and_windows_of_other_engines_are_refused(tmp_path: Path, models: Models):
    engine = LatentSyncEngine(models, QUICK)
    performance = make_performance(tmp_path, 2)
    speech = make_speech(tmp_path, 0.08)
    other = VisemeEngine()

    with pytest.raises(TypeError, match="another engine"):
        engine.compose(picture(performance.track.landmarks[0]), Patch(0, 0))
    with pytest.raises(TypeError, match="another engine"):
        engine.generate(list(other.windows(engine.prepare(performance), speech, range(2))))


class Scarce:
    """A diffusion on a device with room for a few frames."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.calls: list[int] = []

    def __call__(self, known: Any, tokens: Any, noise: Any) -> Any:
        self.calls.append(known.shape[1])
        if known.shape[1] > self.room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return known[:, :, :4] + tokens[:, :, :1, :1, None] + noise[:, None]


def test_where_the_memory_does_not_suffice_fewer_frames_go_at_once_and_none_is_lost():
    device: Any = Scarce(5)
    windows = Windows(device, CPU, 16, ANY_HARDWARE)
    known = torch.arange(16.0)[None, :, None, None, None].expand(1, 16, 8, 2, 2)
    tokens, noise = torch.zeros(1, 16, 50, 8), torch.ones(1, 4, 2, 2)

    made = windows.run(known, tokens, noise)
    windows.run(known, tokens, noise)

    assert made[0, :, 0, 0, 0].tolist() == [at + 1.0 for at in range(16)]
    assert device.calls == [16, 8, *[4] * 14]  # parts of four begin two frames apart
    assert windows.frames == 4
    assert [note.split(" frames")[0].split()[-1] for note in windows.notes] == ["16", "8"]


@pytest.mark.parametrize(
    ("room", "levels"),
    [
        (8, [1] * 5 + [1.25, 1.5, 1.75] + [2] * 2 + [2.25, 2.5, 2.75] + [3] * 3),
        (4, [1, 1]),
        (1, [*range(1, 17)]),
    ],
)
def test_parts_of_a_stretch_pass_into_one_another_where_the_memory_does_not_suffice(
    room: int, levels: list[float]
):
    calls = 0

    def diffusion(known: Any, tokens: Any, noise: Any) -> Any:
        nonlocal calls
        if known.shape[1] > room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        calls += 1
        return torch.full_like(known[:, :, :4], float(calls))

    windows = Windows(diffusion, CPU, 16, ANY_HARDWARE)
    known, tokens = torch.zeros(1, 16, 8, 2, 2), torch.zeros(1, 16, 50, 8)

    made = windows.run(known, tokens, torch.ones(1, 4, 2, 2))[0, :, 0, 0, 0].tolist()

    assert len(made) == 16
    assert made[: len(levels)] == levels
    assert windows.frames == room


@pytest.mark.parametrize("room", [4, 8])
def test_with_less_memory_no_step_is_larger_than_before(room: int):
    """A still face whose sound changes evenly; a network that tells each part its mean and each frame a little of its own."""
    walk = torch.linspace(0, 1, 16)

    def diffusion(known: Any, tokens: Any, noise: Any) -> Any:
        if known.shape[1] > room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        told = tokens[:, :, :1, :1, None]
        return (0.9 * told.mean(dim=1, keepdim=True) + 0.1 * told).expand(-1, -1, 4, 2, 2) + 0

    windows = Windows(diffusion, CPU, 16, ANY_HARDWARE)
    tokens = walk[None, :, None, None].expand(1, 16, 50, 8)

    made = windows.run(torch.zeros(1, 16, 8, 2, 2), tokens, torch.ones(1, 4, 2, 2))

    steps = made[0, :, 0, 0, 0].diff()
    assert (
        float(steps.max()) < 0.2
    )  # without an overlap parts of eight lie 0.45 apart, parts of four 0.22


def test_when_not_even_one_frame_fits_it_is_an_error():
    device: Any = Scarce(0)
    windows = Windows(device, CPU, 2, ANY_HARDWARE)

    with pytest.raises(torch.cuda.OutOfMemoryError):
        windows.run(torch.zeros(1, 2, 8, 2, 2), torch.zeros(1, 2, 50, 8), torch.ones(1, 4, 2, 2))


def test_compiled_are_the_two_ways_through_the_network_and_not_the_loop_around_them(
    models: Models, monkeypatch: pytest.MonkeyPatch
):
    compiled: list[Any] = []
    monkeypatch.setattr(
        torch, "compile", lambda network, **_how: compiled.append(network) or network
    )

    Diffusion(models.unet, models.latent_mask(), Sampling()).compiled()

    assert compiled == [models.unet, models.unet.again]


def test_a_device_that_is_not_here_is_told(weights: Path):
    with pytest.raises(EngineUnavailable, match="no device 'cuda:7'"):
        open_engine("latentsync", Shelf(Path("nowhere"), weights), Hardware(device="cuda:7"))


@pytest.mark.soak
def test_files_of_the_published_width_are_loaded_number_by_number(tmp_path: Path):
    """5.1 GB under the official names."""
    folder = write_latentsync(tmp_path / "weights", FULL)

    models = load_models(weights_in(folder), CPU)

    state = models.unet.state_dict()
    assert len(state) == 1246
    assert sum(p.numel() for p in models.unet.parameters()) == 1_267_099_844
    written = torch.load(folder / "latentsync_unet.pt", weights_only=True, mmap=True)
    assert torch.equal(state["conv_out.weight"], written["state_dict"]["conv_out.weight"])
    assert (models.ear.layers, models.ear.width) == (5, 384)
    shutil.rmtree(folder)  # pytest keeps the last folders
