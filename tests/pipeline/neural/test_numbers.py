"""Both engines with numbers of 16 bits, on the processor: what they make, and what they do where the narrow range does not suffice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'neural' is not installed")
pytest.importorskip("diffusers", reason="the extra 'neural' is not installed")
pytest.importorskip("transformers", reason="the extra 'neural' is not installed")
pytest.importorskip("soxr", reason="the extra 'neural' is not installed")

from pipeline.engines.latentsync.engine import LatentSyncEngine
from pipeline.engines.latentsync.mask import drawn_mask, mask_for
from pipeline.engines.latentsync.models import load_models as load_latentsync
from pipeline.engines.musetalk.engine import MuseTalkEngine
from pipeline.engines.musetalk.models import load_models as load_musetalk
from pipeline.engines.neural.place import Place
from pipeline.engines.port import Hardware, Sampling
from pipeline.engines.weights.finding import Shelf, find
from tests.corpora.checkpoints import write_latentsync, write_musetalk
from tests.pipeline.neural.things import make_performance, make_speech

HALF, WIDE = torch.float16, torch.bfloat16
QUICK = Hardware(sampling=Sampling(steps=2, guidance=1.5, interval=2))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        "musetalk": write_musetalk(tmp_path_factory.mktemp("musetalk")),
        "latentsync": write_latentsync(tmp_path_factory.mktemp("latentsync")),
    }


def opened(name: str, folder: Path, dtype: Any) -> Any:
    place = Place(torch.device("cpu"), dtype)
    weights = find(name, Shelf(Path("nowhere"), folder))
    if name == "musetalk":
        return MuseTalkEngine(load_musetalk(weights, place), 1)
    models: Any = load_latentsync(weights, place)
    object.__setattr__(models, "mask", mask_for(drawn_mask(), 64))
    return LatentSyncEngine(models, QUICK)


def pictures(engine: Any, folder: Path, frames: int = 2) -> Any:
    prepared = engine.prepare(make_performance(folder, frames))
    windows = engine.windows(prepared, make_speech(folder, frames / 25), range(frames))
    # Several are on their way before the first is looked at, as when a Clip is rendered.
    made = [engine.generate([window])[0] for window in windows]
    return np.array([patch.faces.picture(patch.index) for some in made for patch in some])


@pytest.fixture(scope="module")
def wide(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Pictures made with 32 bits."""
    return {
        name: pictures(opened(name, folder, torch.float32), tmp_path_factory.mktemp(name))
        for name, folder in folders.items()
    }


@pytest.mark.parametrize(
    ("dtype", "levels"), [(HALF, 1), (WIDE, 8)], ids=str
)  # with a wide range numbers are eight times as coarse
@pytest.mark.parametrize("name", ["musetalk", "latentsync"])
def test_16_bits_make_nearly_the_pictures_of_32(
    name: str,
    dtype: Any,
    levels: float,
    folders: dict[str, Path],
    wide: dict[str, Any],
    tmp_path: Path,
):
    engine = opened(name, folders[name], dtype)

    made = pictures(engine, tmp_path).astype(int)

    assert np.abs(made - wide[name]).mean() < levels
    assert engine.residents().notes == ()


def overflow_at_the_end(engine: Any) -> None:
    """What the picture codec is given is beyond 65 504."""
    engine._models.unet.conv_out.bias.fill_(60_000)


def overflow_within(engine: Any) -> None:
    engine._models.unet.conv_in.weight.fill_(30_000)


def overflow_in_the_codec(engine: Any) -> None:
    engine._models.codec.model.encoder.conv_in.weight.fill_(60_000)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("musetalk", overflow_at_the_end),
        ("musetalk", overflow_in_the_codec),
        ("latentsync", overflow_at_the_end),
        ("latentsync", overflow_within),
        ("latentsync", overflow_in_the_codec),
    ],
)
def test_where_the_narrow_range_does_not_suffice_the_wide_one_is_taken_and_told(
    name: str, spoil: Any, folders: dict[str, Path], tmp_path: Path
):
    engines = [opened(name, folders[name], dtype) for dtype in (HALF, torch.float32)]
    for engine in engines:
        spoil(engine)

    made, wanted = (pictures(engine, tmp_path).astype(int) for engine in engines)

    assert np.abs(made - wanted).mean() < 6
    (note,) = engines[0].residents().notes
    assert "overflow" in note
    assert engines[0]._models.codec.place.dtype == WIDE
    assert engines[1].residents().notes == ()


def test_what_is_no_number_in_any_range_is_an_error(folders: dict[str, Path], tmp_path: Path):
    engine = opened("musetalk", folders["musetalk"], HALF)
    engine._models.unet.conv_out.bias.fill_(float("nan"))

    with pytest.raises(FloatingPointError):
        pictures(engine, tmp_path)
