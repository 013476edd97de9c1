"""Whisper of random weights, resident in the real engine process, and Takes that real children hand it."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.media import read_sound
from pipeline.speech.analyse import Listened, listen
from pipeline.speech.dictation import as_reply, write_samples
from pipeline.speech.loudness import RATE_HZ
from pipeline.speech.scribe import WEIGHTS, Scribe
from pipeline.types import Said, Samples
from tests.corpora.speech import AH, EE, OO, SHUT, babble
from tests.corpora.whisper import write_whisper
from tests.worker import ledger_things
from tests.worker.foreman_things import Workplace, open_workplace, running_link
from worker import whisper
from worker.contract import keys
from worker.contract.figures import FIGURES
from worker.contract.records import TakeRecord, TakeState
from worker.engine_link import EngineLink
from worker.errands import RenderStopped, Unheard
from worker.listening import Listening

PATIENCE_S = 120.0
"""A real engine is started, and much of a machine may be busy otherwise."""
SOUNDS = (AH, EE, OO, SHUT, AH)
LONG = np.tile(babble([AH, SHUT, EE, SHUT, AH, EE, SHUT, AH] * 2), 80)
"""Nearly three minutes: six windows of Whisper's."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    write_whisper(folder / WEIGHTS)
    return folder


@pytest.fixture
def models(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path / "models")
    return tmp_path / "models"


@contextlib.asynccontextmanager
async def open_link(models: Path) -> AsyncIterator[EngineLink]:
    engine = [sys.executable, "-m", "worker.engine", "--device", "cpu", "--models", str(models)]
    link = EngineLink(engine, quiet_s=PATIENCE_S, whisper=lambda: whisper.stamp(models))
    async with running_link(link):
        yield link


def put(samples: Samples, path: Path) -> Path:
    write_samples(path, samples)
    return path


def said(models: Path, samples: Samples) -> Any:
    """What Whisper itself says, as JSON."""
    told = as_reply(Scribe(models / WEIGHTS).transcribe(samples))
    return json.loads(json.dumps(told))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.02)


async def test_whisper_is_opened_once_and_ahead_of_the_first_take(
    models: Path, tmp_path: Path
) -> None:
    short = LONG[: 3 * RATE_HZ]
    FIGURES.take()
    async with open_link(models) as link:
        await until(lambda: "whisper" in link.residents)
        for _ in range(3):
            heard = await link.hear(put(short, tmp_path / "samples"), asyncio.Event())
        residents = link.residents

    assert heard == said(models, short)
    assert heard["words"]
    held = {"loads": 1, "device": "cpu", "window_frames": 0, "memory_bytes": 0, "notes": []}
    assert residents["whisper"] == held
    assert residents["viseme"]["loads"] == 1
    assert FIGURES.take()["loads whisper"] == 1


@pytest.mark.slow
async def test_an_engine_that_is_killed_while_it_hears_costs_no_words(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []

    def kill(stage: str, done: int, total: int) -> None:
        if done and not killed and link.pid:
            killed.append(link.pid)
            os.kill(link.pid, signal.SIGKILL)

    monkeypatch.setattr("worker.engine_link._nobody", kill)
    async with open_link(models) as link:
        heard = await link.hear(put(LONG, tmp_path / "samples"), asyncio.Event())
        after = link.pid

    assert killed
    assert after not in killed
    assert heard == said(models, LONG)


@pytest.mark.alone
async def test_who_stops_the_hearing_is_heeded_at_once_and_the_engine_stays(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, stopped_at = asyncio.Event(), 0.0

    def end(stage: str, done: int, total: int) -> None:
        nonlocal stopped_at
        if done and not stop.is_set():
            stop.set()
            stopped_at = time.monotonic()

    monkeypatch.setattr("worker.engine_link._nobody", end)
    async with open_link(models) as link:
        await link.started.wait()
        pid = link.pid
        with pytest.raises(RenderStopped):
            await link.hear(put(LONG, tmp_path / "samples"), stop)
        took_s = time.monotonic() - stopped_at
        short = put(LONG[: 3 * RATE_HZ], tmp_path / "others")
        heard = await link.hear(short, asyncio.Event())
        after = link.pid

    assert took_s < 2.0
    assert pid == after
    assert heard["words"]


@pytest.mark.parametrize("content", [b"", b"abc", b"\x00\x00\xc0\x7f"])
async def test_what_is_no_sound_is_refused_and_the_engine_stays(
    models: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "samples").write_bytes(content)
    async with open_link(models) as link:
        await link.started.wait()
        pid = link.pid
        with pytest.raises(Unheard, match="samples"):
            await link.hear(tmp_path / "samples", asyncio.Event())
        assert link.pid == pid


async def test_weights_that_are_mended_or_others_are_opened_anew(
    models: Path, tmp_path: Path
) -> None:
    short = put(LONG[: 3 * RATE_HZ], tmp_path / "samples")
    model = models / WEIGHTS / "model.bin"
    whole = model.read_bytes()
    model.write_bytes(whole[:1000])
    async with open_link(models) as link:
        for _ in range(2):
            with pytest.raises(Unheard, match="weights cannot be used"):
                await link.hear(short, asyncio.Event())
        assert "whisper" not in link.residents
        model.write_bytes(whole)
        mended = await link.hear(short, asyncio.Event())
        (tmp_path / "new").write_bytes(whole)
        (tmp_path / "new").replace(model)
        again = await link.hear(short, asyncio.Event())
        loads = link.residents["whisper"]["loads"]
        model.unlink()
        with pytest.raises(Unheard, match="no longer installed"):
            await link.hear(short, asyncio.Event())

    assert mended == again
    assert loads == 2


class Slow:
    """A Whisper that is at one window until the test ends; then it has found no words."""

    loads, device, notes = 1, "cpu", ()
    begun, goes_on = threading.Event(), threading.Event()

    def __init__(self, weights: Path, device: str) -> None:
        self.begun.clear()
        self.goes_on.clear()

    def transcribe(self, samples: Samples, heard_until: Callable[[float], None]) -> Said:
        self.begun.set()
        self.goes_on.wait(PATIENCE_S)
        heard_until(30.0)
        return Said("en", ())


def test_a_take_stops_at_once_whatever_whisper_is_at(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.listening.Scribe", Slow)
    told: list[tuple[str, str]] = []
    listening = Listening(models, "cpu", lambda event, **facts: told.append((event, facts["id"])))
    samples = str(put(LONG[:RATE_HZ], tmp_path / "samples"))

    listening.hear({"id": "a", "samples": samples})
    assert Slow.begun.wait(PATIENCE_S)
    listening.hear({"id": "b", "samples": samples})
    listening.cancel("a")
    listening.cancel("b")
    listening.cancel("c")
    before = list(told)
    Slow.goes_on.set()
    listening.close()

    assert before == told == [("progress", "a"), ("stopped", "a"), ("stopped", "b")]


def test_a_defect_is_told_with_its_trace(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.listening.as_reply", lambda said: said.defect)
    told: list[tuple[str, Any]] = []
    listening = Listening(models, "cpu", lambda event, **facts: told.append((event, facts)))

    listening.hear({"id": "a", "samples": str(put(LONG[:RATE_HZ], tmp_path / "samples"))})
    listening._thread.shutdown()

    event, facts = told[-1]
    assert (event, facts["id"]) == ("fault", "a")
    assert "AttributeError" in facts["trace"]


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        yield opened


def recording(folder: Path, number: int) -> Path:
    sounds = [SOUNDS[(number * step + step) % len(SOUNDS)] for step in range(12)]
    path = folder / f"{number}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes((babble([AH, SHUT, *sounds]) * 32767).astype("<i2").tobytes())
    return path


async def analysed(place: Workplace, content: bytes) -> TakeRecord:
    record = ledger_things.take(content)
    await place.put(keys.take(record.id, "source"), content)
    await place.ledger.open_take(record)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            take = await place.ledger.take(record.id)
            if take is not None and take.state is not TakeState.ANALYSING:
                return take
            await asyncio.sleep(0.05)


def heard_directly(path: Path, scribe: Scribe) -> Listened:
    samples = read_sound(path, RATE_HZ)
    return listen(samples, len(samples) / RATE_HZ, hear=scribe.transcribe)


REAL: dict[str, Any] = {"engine_command": None, "child_command": None}


@pytest.mark.slow
async def test_five_takes_have_the_words_of_one_whisper(place: Workplace, models: Path) -> None:
    paths = [recording(place.folder, number) for number in range(5)]
    FIGURES.take()
    async with place.working(models=models, **REAL) as foreman:
        takes = await asyncio.gather(*(analysed(place, path.read_bytes()) for path in paths))
        loads = foreman._link.residents["whisper"]["loads"]

    scribe = Scribe(models / WEIGHTS)
    directly = [heard_directly(path, scribe).words for path in paths]
    stored = [
        json.loads(await place.store.get_bytes(keys.take(take.id, "words.json"))) for take in takes
    ]
    assert loads == FIGURES.take()["loads whisper"] == 1
    assert [[word["text"] for word in words] for words in stored] == [
        [word.text for word in words] for words in directly
    ]
    assert [take.words for take in takes] == [len(words) for words in directly]
    assert all(take.state is TakeState.READY and take.words for take in takes)


@pytest.mark.slow
async def test_broken_weights_cost_takes_their_words_and_are_told(
    place: Workplace, models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (models / WEIGHTS / "model.bin").write_bytes(b"broken")
    paths = [recording(place.folder, number) for number in range(2)]
    async with place.working(models=models, **REAL):
        takes = [await analysed(place, path.read_bytes()) for path in paths]

    assert {(take.state, take.words) for take in takes} == {(TakeState.READY, 0)}
    assert caplog.text.count("Whisper's weights cannot be used") == 1
