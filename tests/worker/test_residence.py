"""Engines are opened once, and the least used one leaves where a device has no room for another."""

import asyncio
import json
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.engines.port import ANY_HARDWARE, Hardware, LipSync, Residents
from pipeline.engines.viseme.engine import VisemeEngine
from pipeline.engines.weights.finding import Shelf
from pipeline.errors import DeviceFull, Stopped
from worker.contract.figures import FIGURES
from worker.engine_link import EngineLink
from worker.residence import Residence

PATIENCE_S = 60.0
SHELF = Shelf(Path("models"), Path("mine"))


class Large(VisemeEngine):
    """An engine with models, as a device sees it."""

    def residents(self) -> Residents:
        return Residents("cuda:0", 8, 5_000_000, ("It is tight here.",))


class Device:
    """Opens engines while there is room; remembers which and from where."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.opened: list[tuple[str, Path | None]] = []
        self.residence: Residence | None = None
        self.alive: list[weakref.ref[LipSync]] = []
        """Engines that take room until they are gone, whoever holds them."""
        self.bare: set[str] = set()
        """Those without models."""

    def open(self, name: str, shelf: Shelf, _hardware: Hardware) -> LipSync:
        self.opened.append((name, shelf.unverified))
        assert self.residence is not None
        if name in self.bare:
            return VisemeEngine()
        held = {id(engine) for engine in self.residence._engines.values()}
        held |= {id(engine) for ref in self.alive if (engine := ref()) is not None}
        if len(held) >= self.room:
            raise DeviceFull("no room")
        return Large()


def resident(room: int) -> tuple[Device, Residence]:
    device = Device(room)
    device.residence = Residence(SHELF, ANY_HARDWARE, device.open)
    return device, device.residence


def test_an_engine_is_loaded_once_for_all_clips():
    _, residence = resident(2)

    engines = [residence.engine("musetalk") for _ in range(5)]

    assert len({id(engine) for engine in engines}) == 1
    assert residence.as_json() == {
        "musetalk": {
            "loads": 1,
            "device": "cuda:0",
            "window_frames": 8,
            "memory_bytes": 5_000_000,
            "notes": ("It is tight here.",),
        }
    }


def test_the_least_used_engine_leaves_for_one_that_does_not_fit_beside_it():
    _, residence = resident(2)
    for name in ("a", "b", "a", "c"):
        residence.engine(name)

    assert list(residence.as_json()) == ["a", "c"]
    residence.engine("b")
    assert residence.as_json()["b"]["loads"] == 2


class Tight:
    """A device with room for two engines that each take few frames at once, or for one that takes many."""

    def __init__(self) -> None:
        self.residence: Residence | None = None
        self.opened: list[tuple[str, int]] = []

    def open(self, name: str, _shelf: Shelf, hardware: Hardware) -> LipSync:
        assert self.residence is not None
        others = [held for held in self.residence._engines if held != name]
        if others and not hardware.alone:
            raise DeviceFull("no room for as many frames")
        self.opened.append((name, 1 if others else 16))
        return Large()


def test_the_least_used_engine_leaves_before_another_one_does_with_fewer_frames():
    device = Tight()
    device.residence = Residence(SHELF, ANY_HARDWARE, device.open)

    for name in ("a", "b"):
        device.residence.engine(name)

    assert device.opened == [("a", 16), ("b", 16)]
    assert list(device.residence.as_json()) == ["b"]


def test_an_engine_that_is_alone_may_do_with_fewer_frames():
    told: list[bool] = []

    def opening(_name: str, _shelf: Shelf, hardware: Hardware) -> LipSync:
        told.append(hardware.alone)
        return Large()

    residence = Residence(SHELF, ANY_HARDWARE, opening)
    for name in ("a", "b"):
        residence.engine(name)

    assert told == [True, False]


def test_an_engine_that_does_not_even_fit_alone_is_told():
    _, residence = resident(0)

    with pytest.raises(DeviceFull):
        residence.engine("a")


def test_an_engine_that_others_need_the_room_of_is_waited_for_while_it_renders(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("worker.residence.LOOK_EVERY_S", 0.0)
    device, residence = resident(2)
    rendering = [residence.engine("a")]  # a Clip holds it
    device.alive = [weakref.ref(rendering[0])]
    looks = 0

    def waiting() -> None:
        nonlocal looks
        told = residence.as_json().keys()  # whoever renders can tell of it meanwhile
        if "a" in told:  # it has not been let go yet
            return
        assert told <= {"b"}
        looks += bool(rendering)
        if looks == 3:
            rendering.clear()

    device.room = 1
    residence.engine("b", waiting)

    assert looks == 3
    assert list(residence.as_json()) == ["b"]


def test_who_waits_for_room_can_be_stopped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("worker.residence.LOOK_EVERY_S", 0.0)
    device, residence = resident(1)
    rendering = residence.engine("a")
    device.alive = [weakref.ref(rendering)]

    def stopped() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        residence.engine("b", stopped)

    assert rendering is not None


def test_who_waits_for_an_engine_that_opens_can_be_stopped_and_it_opens_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("worker.residence.LOOK_EVERY_S", 0.01, raising=False)
    ends, opened = threading.Event(), []

    def opening(name: str, _shelf: Shelf, _hardware: Hardware) -> LipSync:
        opened.append(name)
        assert ends.wait(PATIENCE_S)
        return Large()

    def stopped() -> None:
        if opened:
            raise Stopped

    residence = Residence(SHELF, ANY_HARDWARE, opening)
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(residence.engine, name, stopped) for name in ("a", "b")]
        try:
            for one in asked:
                with pytest.raises(Stopped):
                    one.result(PATIENCE_S)
        finally:
            ends.set()

    assert residence.engine(opened[0]) is residence.engine(opened[0])
    assert len(opened) == 1  # nobody wants the other one any more


def test_an_engine_without_models_makes_no_room_by_leaving():
    device, residence = resident(2)
    device.bare = {"viseme"}

    for name in ("viseme", "a", "b"):
        residence.engine(name)

    assert list(residence.as_json()) == ["viseme", "b"]


def test_unchecked_weights_are_for_the_engine_that_the_worker_was_started_with():
    device, residence = resident(2)

    residence.warm("musetalk")
    residence.engine("latentsync")

    assert device.opened == [("musetalk", Path("mine")), ("latentsync", None)]


def facts(loads: int, device: str = "cuda:0") -> dict[str, object]:
    return {"loads": loads, "device": device, "window_frames": 8, "memory_bytes": 0, "notes": []}


async def test_figures_count_how_often_models_were_loaded_and_nothing_that_has_none():
    told = [
        {"event": "progress", "id": "1", "residents": {"musetalk": facts(1)}},
        {"event": "progress", "id": "1", "residents": {"latentsync": facts(1)}},
        {"event": "progress", "id": "1", "residents": {"musetalk": facts(2)}},
    ]
    residents = {"musetalk": facts(1), "viseme": facts(1, "")}
    ready = {"event": "ready", "engines": [], "unavailable": {}, "residents": residents}
    lines = "".join(json.dumps(line) + "\n" for line in (ready, *told))
    command = [
        sys.executable,
        "-c",
        f"import sys; print({lines!r}, end='', flush=True); sys.stdin.read()",
    ]
    link = EngineLink(command, quiet_s=PATIENCE_S)
    FIGURES.take()

    running = asyncio.create_task(link.run())
    async with asyncio.timeout(PATIENCE_S):
        while link.residents != {"musetalk": facts(2)}:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    counted = {name: n for name, n in FIGURES.take().items() if name.startswith("loads")}
    assert counted == {"loads musetalk": 2, "loads latentsync": 1}
