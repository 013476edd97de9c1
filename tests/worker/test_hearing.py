"""Words of Takes: a foreman with fakes, its child asks, its engine replies; whatever goes wrong costs words, no Take."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.speech.scribe import FILES, WEIGHTS
from tests.fakes.foreman import CHILD
from tests.worker import ledger_things
from tests.worker.foreman_things import PATIENCE_S, Workplace, open_workplace
from tests.worker.ledger_things import drawn
from worker import whisper
from worker.child import Child, Refused
from worker.contract import keys
from worker.contract.records import ClipState, TakeRecord, TakeState
from worker.desk import Verdict


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Weights as the foreman sees them: files."""
    (tmp_path / "models" / WEIGHTS).mkdir(parents=True)
    for name in FILES:
        (tmp_path / "models" / WEIGHTS / name).write_text(name)
    return tmp_path / "models"


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Gets a line for all that the fake engine is asked about Whisper."""
    (tmp_path / "heard").touch()
    monkeypatch.setenv("HEARD", str(tmp_path / "heard"))
    return tmp_path / "heard"


def lines(heard: Path) -> list[str]:
    return heard.read_text().splitlines()


async def send(place: Workplace, recording: str) -> str:
    record = ledger_things.take(recording.encode())
    await place.put(keys.take(record.id, "source"), recording.encode())
    await place.ledger.open_take(record)
    return record.id


async def settled(place: Workplace, take_id: str) -> TakeRecord:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            take = await place.ledger.take(take_id)
            if take is not None and take.state is not TakeState.ANALYSING:
                return take
            await asyncio.sleep(0.02)


async def analysed(place: Workplace, recording: str) -> TakeRecord:
    return await settled(place, await send(place, recording))


def test_the_foreman_looks_for_the_files_that_whisper_opens(models: Path) -> None:
    assert tuple(f"{WEIGHTS}/{name}" for name in FILES) == whisper.FILES


def test_weights_that_changed_are_others_and_some_are_none(models: Path) -> None:
    first = whisper.stamp(models)
    (models / WEIGHTS / "model.bin").write_text("mended")
    second = whisper.stamp(models)
    (models / WEIGHTS / "tokenizer.json").unlink()

    assert first is not None
    assert second is not None
    assert first != second
    assert whisper.stamp(models) is None
    assert whisper.stamp(None) is None


def asked(folder: Path, recording: str) -> dict[str, object]:
    (folder / "source").write_text(recording)
    (folder / "made").mkdir()
    names = {"source": folder / "source", "folder": folder / "made", "samples": folder / "samples"}
    return {"do": "take", "name": "voice.ogg", **{key: str(path) for key, path in names.items()}}


def an_hour_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock of the loop: what is due within it is due."""
    clock = asyncio.get_running_loop().time
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock() + 3600.0)


async def test_a_child_that_waits_for_words_is_not_taken_for_one_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hear() -> dict[str, object]:
        with monkeypatch.context() as patch:
            an_hour_passes(patch)
            await asyncio.sleep(0.01)  # whatever is due comes before
        return {"language": "en", "words": [["so", 0.0, 0.1, 1.0]]}

    told = await Child(CHILD, PATIENCE_S).run(asked(tmp_path, "hear"), asyncio.Event(), hear)

    assert told["words"] == 1


async def test_a_child_that_hangs_when_it_has_its_words_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hear() -> dict[str, object]:
        asyncio.get_running_loop().call_later(0.1, an_hour_passes, monkeypatch)
        return {"language": "en", "words": []}

    with pytest.raises(Refused):
        await Child(CHILD, PATIENCE_S).run(asked(tmp_path, "hear stuck"), asyncio.Event(), hear)


async def test_words_are_heard_by_the_engine_which_opened_whisper_ahead(
    place: Workplace, models: Path, heard: Path
) -> None:
    async with place.working(models=models):
        take = await analysed(place, "hear well")

    assert (take.state, take.words) == (TakeState.READY, 3)
    assert lines(heard) == ["open", "hear well"]
    stored = [facts.key async for facts in place.store.list(keys.take(take.id, ""))]
    assert not [key for key in stored if "samples" in key]
    assert list((place.folder / "work" / "scratch").iterdir()) == []


async def test_without_weights_nothing_is_asked_until_they_are_installed(
    place: Workplace, models: Path, heard: Path
) -> None:
    (models / WEIGHTS / "model.bin").rename(models / "elsewhere")
    async with place.working(models=models):
        before = await analysed(place, "hear nothing yet")
        asked = lines(heard)
        (models / "elsewhere").rename(models / WEIGHTS / "model.bin")
        after = await analysed(place, "hear well")

    assert (before.state, before.words, asked) == (TakeState.READY, 0, [])
    assert (after.state, after.words) == (TakeState.READY, 3)


async def test_a_child_that_asks_twice_is_heard_once(
    place: Workplace, models: Path, heard: Path
) -> None:
    async with place.working(models=models):
        take = await analysed(place, "hear twice")

    assert (take.state, take.words) == (TakeState.READY, 3)
    assert lines(heard) == ["open", "hear twice"]


async def test_a_child_that_asks_uninvited_is_not_heard(place: Workplace, heard: Path) -> None:
    async with place.working():
        take = await analysed(place, "hear uninvited")

    assert (take.state, take.words) == (TakeState.READY, 0)
    assert lines(heard) == []


async def test_broken_weights_are_told_once_and_cost_no_take(
    place: Workplace, models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with place.working(models=models):
        takes = [await analysed(place, f"hear {number} wordless") for number in range(3)]
        mended = await analysed(place, "hear well")

    assert {(take.state, take.words) for take in takes} == {(TakeState.READY, 0)}
    assert caplog.text.count("a model of the fake is broken") == 1
    assert mended.words == 3


async def test_an_engine_that_dies_while_it_hears_is_replaced_and_the_words_come(
    place: Workplace, models: Path, heard: Path
) -> None:
    async with place.working(models=models):
        take = await analysed(place, "hear crash once")

    assert (take.state, take.words) == (TakeState.READY, 3)
    assert lines(heard).count("hear crash once") == 2


@pytest.mark.parametrize("mishap", ["crash", "fault"])
async def test_a_take_that_costs_two_engines_goes_without_words_and_clips_go_on(
    place: Workplace, models: Path, mishap: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with place.working(models=models):
        batch = await place.order("m1", "sleep 1", "ok")
        take = await analysed(place, f"hear {mishap}")
        ended = await place.ended(batch)

    assert (take.state, take.words) == (TakeState.READY, 0)
    assert "Takes go without words" in caplog.text
    assert [clip.state for clip in ended.clips] == [ClipState.DONE] * 2


async def test_an_engine_that_hangs_while_it_hears_is_replaced(
    place: Workplace, models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with place.working(models=models, quiet_s=0.2):
        take = await analysed(place, "hear hang")

    assert (take.state, take.words) == (TakeState.READY, 0)
    assert "no line from the engine for 1 s" in caplog.text


async def test_where_no_engine_starts_takes_go_without_words_in_time(
    place: Workplace,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("worker.engine_link._UNREADY_S", 1.0)
    async with place.working(models=models, engine_command=["/nowhere/engine"]):
        takes = [await analysed(place, f"hear {number}") for number in range(2)]

    assert {(take.state, take.words) for take in takes} == {(TakeState.READY, 0)}
    assert caplog.text.count("Takes go without words: the engine does not start") == 1


async def test_weights_that_kill_whoever_opens_them_are_left_shut_until_they_are_others(
    place: Workplace, models: Path, heard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIES_OPENING", "1")
    async with place.working(models=models):
        async with asyncio.timeout(PATIENCE_S):
            # A Clip that was aboard of both engines that die would fail, as it should.
            while lines(heard).count("open") < 2:
                await asyncio.sleep(0.02)
        batch = await place.ended(await place.order("m1", "ok"))
        take = await analysed(place, "hear well")
        opened = lines(heard).count("open")
        (models / WEIGHTS / "model.bin").write_text("a smaller one")
        mended = await analysed(place, "hear better")

    assert [clip.state for clip in batch.clips] == [ClipState.DONE]
    assert (take.state, take.words) == (TakeState.READY, 0)
    assert opened == 2
    assert mended.words == 3


@pytest.mark.alone
async def test_a_take_that_is_lost_to_another_worker_is_heard_no_longer(
    place: Workplace, models: Path, heard: Path
) -> None:
    async with place.working(models=models) as foreman:
        await send(place, "hear hang")
        async with asyncio.timeout(PATIENCE_S):
            while "hear hang" not in lines(heard):
                await asyncio.sleep(0.02)
        pid, begun = foreman.engine_pid, time.monotonic()
        (held,) = foreman._holdings.held
        held.end(Verdict.LOST)
        async with asyncio.timeout(PATIENCE_S):
            await foreman._holdings.wait_until_none()
        took_s = time.monotonic() - begun
        after = await analysed(place, "hear well")
        same = foreman.engine_pid == pid

    assert took_s < 2.0
    assert (after.words, same) == (3, True)


@pytest.mark.alone
async def test_a_foreman_that_ends_hands_a_take_back_that_is_being_heard(
    place: Workplace, models: Path, heard: Path
) -> None:
    async with place.working(models=models) as foreman:
        take_id = await send(place, "hear hang")
        async with asyncio.timeout(PATIENCE_S):
            while "hear hang" not in lines(heard):
                await asyncio.sleep(0.02)
        begun = time.monotonic()
        await foreman.drain(0.0)
        took_s = time.monotonic() - begun
    again = await drawn(place.ledger, "takes")

    assert took_s < 2.0
    assert again.subject == take_id
