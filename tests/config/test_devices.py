"""Where engines compute: one worker process for each GPU, as many Clips at a time as its memory holds."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pynvml
import pytest

from config import nvml
from config.back_end import start_s
from config.devices import Device, DeviceRefused, device_for, devices_for, slots_of
from config.nvml import Busy, Gpu, gpu_memory, gpus
from config.settings import Settings
from tests.system.commands import chorus
from worker.engine_link import EngineLink


class Driver:
    """NVML as a driver of two GPUs that can be used answers, and of one that is failing."""

    CARDS = (
        ("GPU-aa", 16_376, "NVIDIA RTX A4000"),
        ("GPU-bb", 143_771, "NVIDIA H200"),
        ("GPU-cc", None, "a card that is failing"),
    )

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.looked = threading.Semaphore(0)
        answers = {
            "nvmlInit": lambda: None,
            "nvmlDeviceGetCount": lambda: len(self.CARDS),
            "nvmlDeviceGetHandleByIndex": lambda index: self.CARDS[index],
            "nvmlDeviceGetHandleByUUID": self.of,
            "nvmlDeviceGetUUID": lambda card: card[0],
            "nvmlDeviceGetName": lambda card: card[2],
            "nvmlDeviceGetMemoryInfo": self.memory,
            "nvmlDeviceGetUtilizationRates": self.busy,
        }
        for name, answer in answers.items():
            monkeypatch.setattr(pynvml, name, answer)

    def of(self, uuid: str) -> tuple[str, int | None, str]:
        found = [card for card in self.CARDS if card[0] == uuid]
        if not found:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return found[0]

    def busy(self, card: tuple[str, int | None, str]) -> SimpleNamespace:
        if card[1] is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        self.asked += 1
        self.looked.release()
        return SimpleNamespace(gpu=90 if self.asked % 2 else 70, memory=5)

    @staticmethod
    def memory(card: tuple[str, int | None, str]) -> SimpleNamespace:
        if card[1] is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return SimpleNamespace(total=card[1] << 20, used=5 << 20)


@pytest.fixture
def fresh() -> Iterator[None]:
    """Whether there is a driver is asked anew, before and after."""
    nvml._has_driver.cache_clear()
    yield
    nvml._has_driver.cache_clear()


@pytest.fixture
def two_gpus(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    Driver(monkeypatch)


@pytest.fixture
def no_driver(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)


def names(devices) -> list[str]:
    return [device.name for device in devices]


@pytest.mark.usefixtures("two_gpus")
def test_an_engine_that_wants_a_gpu_gets_a_process_on_each_and_viseme_none() -> None:
    assert names(devices_for("musetalk", ())) == ["cuda:0", "cuda:1"]
    assert names(devices_for("viseme", ())) == ["cpu"]
    assert names(devices_for("musetalk", ("cuda:1",))) == ["cuda:1"]
    assert device_for("musetalk", "cuda").name == "cuda:0"
    assert names(devices_for("latentsync-1.6", ())) == ["cuda:0", "cuda:1"]


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("engine", "asked", "sentence"),
    [
        (
            "musetalk",
            ("cuda:7",),
            "There is no cuda:7 here, but cuda:0 (NVIDIA RTX A4000)",
        ),
        ("musetalk", ("cpu",), "computes on a GPU only"),
        ("latentsync", ("cpu",), "a single video is, by chorus render."),
        ("musetalk", ("cuda:0", "cuda:0"), "cuda:0 was named twice"),
        ("viseme", ("cuda:0",), "The engine viseme computes on cpu only, not on cuda:0."),
        ("viseme", ("tpu",), "'tpu' is no device; name cpu, or a GPU as cuda:0"),
        ("viseme", ("cpu:1",), "is no device"),
    ],
)
def test_a_wrong_device_is_a_sentence(engine: str, asked: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(DeviceRefused) as refused:
        devices_for(engine, asked)

    assert sentence in str(refused.value)


@pytest.mark.usefixtures("no_driver")
def test_without_a_driver_there_is_no_gpu_and_who_wants_one_reads_what_to_do() -> None:
    assert gpus() == ()
    with pytest.raises(DeviceRefused, match="Install the driver, or choose another engine"):
        devices_for("musetalk", ())


@pytest.mark.usefixtures("two_gpus")
def test_how_full_a_gpu_is_is_told_by_its_name_that_never_shifts() -> None:
    assert gpu_memory("GPU-bb") == (5 << 20, 143_771 << 20)
    assert gpu_memory("GPU-cc") is None
    assert gpu_memory("GPU-zz") is None


def gpu(memory_mib: int) -> Device:
    return Device(Gpu(0, "GPU-aa", memory_mib, "a card"))


def test_slots_grow_with_the_memory_of_the_gpu_and_a_card_that_is_too_small_is_a_sentence(
    tmp_path: Path,
) -> None:
    assert slots_of("musetalk", gpu(16_376), tmp_path) == 3
    assert slots_of("musetalk", gpu(143_771), tmp_path) == 8
    assert slots_of("latentsync", gpu(24_576), tmp_path) == 1
    assert (
        slots_of("latentsync-1.5", gpu(24_576), tmp_path) == 1
    )  # by the name of its weights as well
    with pytest.raises(DeviceRefused, match="has 8192 MiB; the engine latentsync needs 16000 MiB"):
        slots_of("latentsync", gpu(8_192), tmp_path)


def test_a_whisper_that_is_installed_has_its_room_on_the_gpu_but_no_engine_is_refused_for_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "faster-whisper"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    with (folder / "model.bin").open("wb") as weights:
        weights.truncate(3_000 << 20)  # a hole: it takes no room here

    assert slots_of("musetalk", gpu(24_576), tmp_path / "none") == 6
    assert slots_of("musetalk", gpu(24_576), tmp_path) == 4
    assert slots_of("latentsync", gpu(16_376), tmp_path) == 1


def test_on_the_processor_a_clip_has_two_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)))

    assert slots_of("viseme", Device(), tmp_path) == 6


async def test_the_engine_process_sees_its_own_gpu_and_no_other(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    tell = f"import os; open({str(seen)!r}, 'w').write(os.environ['CUDA_VISIBLE_DEVICES'])"
    link = EngineLink([sys.executable, "-c", tell], quiet_s=5, environment=gpu(16_376).environment)

    await link._live()

    assert seen.read_text() == "GPU-aa"


def test_how_busy_a_gpu_is_is_the_mean_of_the_times_it_is_watched(
    monkeypatch: pytest.MonkeyPatch, fresh: None
):
    driver = Driver(monkeypatch)
    busy = Busy("GPU-bb", every_s=0.001)

    for _ in range(2):
        with busy.watched():
            for _ in range(4):
                assert driver.looked.acquire(timeout=60)

    assert busy.percent == pytest.approx(80, abs=2.5)
    assert "gpu" not in {thread.name for thread in threading.enumerate()}  # nobody looks any more


@pytest.mark.parametrize("uuid", ["GPU-cc", "GPU-none", None])
def test_of_a_gpu_that_cannot_be_asked_or_is_none_nothing_is_told(
    uuid: str | None, monkeypatch: pytest.MonkeyPatch, fresh: None
):
    Driver(monkeypatch)
    busy = Busy(uuid, every_s=0.001)

    with busy.watched():
        pass

    assert busy.percent is None


def test_an_engine_that_is_compiled_may_take_ten_times_as_long_to_start():
    usual, compiled = (
        start_s(Settings(speedup=speedup, _env_file=None)) for speedup in ("graphs", "compile")
    )

    assert compiled >= 10 * usual


def test_the_command_says_so_before_anything_starts(tmp_path: Path) -> None:
    done = chorus("worker", "--device", "cuda:0", data_dir=tmp_path / "data")

    assert done.returncode == 1
    assert "The engine viseme computes on cpu only, not on cuda:0." in done.stderr
    assert not (tmp_path / "data").exists()
