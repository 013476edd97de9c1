"""Processes are killed at random while people order: ``python -m tests.system.chaos [KILLS] [BATCHES] [SEED]`` says what became of it.

Front end, chats, Redis with its keeper, supervisors and foremen are the real ones; the engine takes a fraction of a second and
renders nothing.
"""

import asyncio
import contextlib
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from config.cli.bench_fleet import Fleet
from config.cli.bench_worker import bench_store
from config.cli.terminal import Terminal
from config.settings import Settings
from config.supervisor import Part
from config.system import System, Wanted, running_system
from config.wiring import Wires, wires
from pipeline.samples.library import write_voice
from worker.contract.ports import LedgerUnavailable
from worker.contract.records import BatchRecord, BatchState, Chat, Person

_PEOPLE = 5
_WORKERS = 3
_CLIPS = 3
_CLIP_S = 0.3
_PAUSE_S = (0.3, 1.8)
"""Between two kills."""
_LIMIT_S = 900.0


@dataclass
class Toll:
    """What became of it."""

    kills: dict[str, int] = field(default_factory=dict)
    batches: int = 0
    lost: int = 0
    """Clips that are in no Archive, of orders that were placed."""
    doubled: int = 0
    """Clips that are twice in an Archive."""
    untold: int = 0
    """Outcomes that nobody read."""
    told_twice: int = 0
    """Outcomes that stand twice in a chat."""
    posted_again: int = 0
    """Outcomes that were handed to the chat a second time, under the same key: it shows them once."""
    rendered_again: int = 0
    seconds: float = 0.0


class CountingTerminal(Terminal):
    """Counts how often each message was posted, too."""

    def __init__(self, socket: Path, chat: str) -> None:
        super().__init__(socket, chat, Person(id=chat, name=chat))
        self.chat = chat
        self.posts: Counter[str] = Counter()

    async def _take(self, frame: dict[str, object]) -> None:
        if frame["type"] == "post":
            self.posts[str(frame["id"])] += 1
        await super()._take(frame)


async def chaos(folder: Path, kills: int, batches: int, seed: int) -> Toll:
    """Have people order so many times while so many processes are killed."""
    chance, toll, begun = random.Random(seed), Toll(), time.monotonic()  # noqa: S311
    settings = Settings(data_dir=folder / "data", http_port=0, _env_file=None)
    voice = folder / "voice.wav"
    write_voice(voice, repeats=1)
    wanted = Wanted(front_end=True, console="chaos")
    async with running_system(settings, wanted) as system, wires(system.settings) as hand:
        fleet = Fleet(system.settings, system.redis_url, hand.ledger)
        await fleet.stock_take(4.0, voice.read_bytes())
        for number in range(_CLIPS):
            await fleet.stock_template(number)
        async with contextlib.AsyncExitStack() as stack:
            parts = await stack.enter_async_context(fleet.workers(_WORKERS, _CLIP_S))
            people = [
                CountingTerminal(system.console_socket, f"person-{number}")
                for number in range(_PEOPLE)
            ]
            for person in people:
                await stack.enter_async_context(person)
            async with asyncio.timeout(_LIMIT_S), asyncio.TaskGroup() as group:
                group.create_task(_kill(system, parts, kills, chance, toll))
                for person in people:
                    orders = batches // _PEOPLE
                    group.create_task(_order(hand, person, voice, orders, kills, toll))
            await _all_told(hand, people, batches)
        await _count(fleet, people, toll)
    toll.seconds = round(time.monotonic() - begun, 1)
    return toll


async def _order(
    hand: Wires, person: CountingTerminal, voice: Path, orders: int, kills: int, toll: Toll
) -> None:
    """Order again and again, in step with the kills; each order is waited for until it is known."""
    for number in range(1, orders + 1):
        while sum(toll.kills.values()) < kills * (number - 1) / orders:
            await asyncio.sleep(0.05)
        await person.send_file(voice)
        await person.send_text("all go")
        while len(await _history(hand, person.chat)) < number:
            await asyncio.sleep(0.1)


async def _history(hand: Wires, chat: str) -> Sequence[BatchRecord]:
    where = Chat(platform="console", account="chaos", id=chat)
    try:
        return await hand.ledger.history(where, None, 0, 1000)
    except LedgerUnavailable:
        return []


async def _kill(
    system: System, parts: Sequence[Part], kills: int, chance: random.Random, toll: Toll
) -> None:
    while sum(toll.kills.values()) < kills:
        await asyncio.sleep(chance.uniform(*_PAUSE_S))
        kind = chance.choice(
            ["front end", "foreman", "foreman", "engine", "engine", "Redis", "keeper"]
        )
        with contextlib.suppress(LookupError, ProcessLookupError, psutil.Error):
            os.kill(_victim(kind, system, parts, chance), signal.SIGKILL)
            toll.kills[kind] = toll.kills.get(kind, 0) + 1


def _victim(kind: str, system: System, parts: Sequence[Part], chance: random.Random) -> int:
    """A process of this kind that lives. Raises LookupError, psutil.Error."""
    if kind in {"Redis", "keeper"}:
        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or []
            if "config.redis_keeper" in command and str(system.settings.data_dir) in command:
                return process.pid if kind == "keeper" else process.children()[0].pid
        raise LookupError(kind)
    pid = system.supervisor.parts[0].pid if kind == "front end" else chance.choice(parts).pid
    if pid is None:
        raise LookupError(kind)
    if kind == "engine":
        children = psutil.Process(pid).children()
        engines = [child.pid for child in children if "worker.null_engine" in child.cmdline()]
        return engines[0]
    return pid


async def _all_told(hand: Wires, people: Sequence[CountingTerminal], batches: int) -> None:
    """Until every order has ended and is told, or nothing more can be waited for."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LIMIT_S / 3):
            while True:
                found = [batch for person in people for batch in await _history(hand, person.chat)]
                ended = [batch for batch in found if not batch.state.active]
                if len(ended) >= batches // _PEOPLE * _PEOPLE:
                    return
                await asyncio.sleep(0.2)


async def _count(fleet: Fleet, people: Sequence[CountingTerminal], toll: Toll) -> None:
    store = bench_store(fleet.folder)
    for person in people:
        where = Chat(platform="console", account="chaos", id=person.chat)
        for batch in await fleet.ledger.history(where, None, 0, 1000):
            toll.batches += 1
            packed: Counter[str] = Counter()
            for archive in batch.archives if batch.state is BatchState.DELIVERED else ():
                with zipfile.ZipFile(io.BytesIO(await store.get_bytes(archive.key))) as opened:
                    assert opened.testzip() is None
                    packed += Counter(n for n in opened.namelist() if n.endswith(".mp4"))
            toll.lost += len(batch.clips) - len(packed)
            toll.doubled += sum(packed.values()) - len(packed)
            head = f"{batch.code} is ready"
            told = [m for m in person.transcript if not m.ours and m.text.startswith(head)]
            toll.untold += not told
            toll.told_twice += max(len(told) - 1, 0)
            toll.posted_again += sum(person.posts[m.id] - 1 for m in told)
    renders = fleet.renders()
    toll.rendered_again = len(renders) - len(set(renders))


def main() -> None:
    numbers = [int(word) for word in sys.argv[1:]]
    kills, batches, seed = (*numbers, *(100, 200, 1)[len(numbers) :])
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        toll = asyncio.run(chaos(Path(folder), kills, batches, seed))
    sys.stdout.write(json.dumps(asdict(toll)) + "\n")


if __name__ == "__main__":
    main()
