"""``chorus bench queue``: what the queue costs, how it scales, whether it is fair, and whether anything is lost in it."""

import asyncio
import contextlib
import io
import itertools
import random
import statistics
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from config.cli.bench_fleet import Fleet
from config.cli.bench_worker import bench_store
from config.cli.output import Report
from config.cli.starting import run
from config.cli.terminal import Terminal
from config.paths import private_folder
from config.settings import Settings
from config.system import Wanted, running_system
from config.wiring import wires
from worker.contract.records import (
    BatchRecord,
    BatchState,
    Chat,
    ClipState,
    MessageRef,
    Person,
    TakeRecord,
    TemplateRecord,
)

_ACCOUNT: Final = "bench"
_QUIET: Final = "nobody"
"""An account that no front end serves."""
_CHATS: Final = 20
_PEOPLE: Final = (1, 2, 10)
"""In the first chat, the second, the third, and so on in turns."""
_CLIPS: Final = 5
_WINDOW: Final = 5
"""Draws of each chat, or of each person in one, in a window in which fairness is measured."""
_ROUNDS: Final = 5
_ROUND_ORDERS: Final = 40
_SLEEP_S: Final = 0.5
_ASK_EVERY_S: Final = 0.2
_SETTLED_S: Final = 6.0
_DRAIN_S: Final = 1800.0
_MIB: Final = 1 << 20


@dataclass
class QueueFigures:
    """What was measured."""

    overhead_ms: float = 0.0
    """Of each Clip, with one worker whose engine does nothing; the median of some rounds."""
    scaling: list[float] = field(default_factory=list)
    """Clips a second of four workers ÷ of one, with an engine that sleeps; one for each pair."""
    eta_error: float = 0.0
    """Median of |said - true| ÷ true time left, after the first Clip of each order."""
    lost: int = 0
    doubled: int = 0
    told_twice: int = 0
    fairness: float = 0.0
    """Least Jain index over all windows in which all chats have work waiting."""
    fairness_within: float = 0.0
    """Likewise of the persons in a chat, in whichever chat it is least."""
    status_p99_ms: float = 0.0
    bot_mib: float = 0.0
    """Of the front end above idle, with all orders waiting."""
    redis_mib: float = 0.0
    """Likewise of Redis, what it uses."""
    drained_s: float = 0.0

    def as_json(self) -> dict[str, object]:
        """For other programs."""
        return asdict(self)


def bench_queue(settings: Settings, batches: int, pairs: int, report: Report) -> QueueFigures:
    """Measure with a Redis, a store, workers and a front end of its own; nothing of them is left."""
    with tempfile.TemporaryDirectory(
        prefix="bench-", dir=private_folder(settings.data_dir)
    ) as folder:
        own = settings.model_copy(
            update={
                "data_dir": Path(folder),
                "redis_url": None,
                "store": "local",
                "http_port": 0,
                "public_url": None,
            }
        )
        return run(_measured(own, batches, pairs, report))


async def _measured(settings: Settings, batches: int, pairs: int, report: Report) -> QueueFigures:
    figures = QueueFigures()
    wanted = Wanted(front_end=True, console=_ACCOUNT)
    async with running_system(settings, wanted) as system, wires(system.settings) as hand:
        fleet = Fleet(system.settings, system.redis_url, hand.ledger)
        take = await fleet.stock_take(8.0)
        templates = [await fleet.stock_template(number) for number in range(_CLIPS)]
        figures.overhead_ms = await _overhead_ms(fleet, take, templates)
        report("overhead", 1, 1)
        for pair in range(pairs):
            report("one worker and four", pair, pairs)
            figures.scaling.append(await _scaling(fleet, take, templates, pair))
        report("one worker and four", pairs, pairs)
        figures.eta_error = await _eta_error(fleet)
        report("time left", 1, 1)
        pid = next(part.pid for part in system.supervisor.parts if part.name == "front end")
        assert pid is not None  # noqa: S101 - running_system waited until it was up
        assert system.console_socket is not None  # noqa: S101 - the console was asked for
        drain = _Drain(fleet, system.console_socket, pid, figures, report)
        await drain.run(batches, take, templates)
    return figures


def _chat(account: str, number: int) -> Chat:
    return Chat(platform="console", account=account, id=f"chat-{number}")


def _people(number: int) -> list[Person]:
    """Of a chat; the first sits at its terminal."""
    more = [Person(id=f"chat-{number}-{who}") for who in range(1, _PEOPLE[number % len(_PEOPLE)])]
    return [Person(id=f"chat-{number}"), *more]


async def _overhead_ms(
    fleet: Fleet, take: TakeRecord, templates: Sequence[TemplateRecord]
) -> float:
    async with fleet.workers(1, 0.0):
        await fleet.made([await fleet.order("warm", _chat(_QUIET, 0), take, templates)])
        rounds_s = []
        for turn in range(_ROUNDS):
            begun = time.perf_counter()
            ordered = [
                await fleet.order(
                    f"overhead:{turn}:{number}", _chat(_QUIET, number % 4), take, templates
                )
                for number in range(_ROUND_ORDERS)
            ]
            await fleet.made(ordered)
            rounds_s.append(time.perf_counter() - begun)
    return statistics.median(rounds_s) * 1000 / (_ROUND_ORDERS * len(templates))


async def _scaling(
    fleet: Fleet, take: TakeRecord, templates: Sequence[TemplateRecord], pair: int
) -> float:
    async def clips_per_s(workers: int) -> float:
        async with fleet.workers(workers, _SLEEP_S):
            begun = time.perf_counter()
            ordered = [
                await fleet.order(
                    f"scaling:{pair}:{workers}:{number}", _chat(_QUIET, number), take, templates
                )
                for number in range(2 * workers)
            ]
            await fleet.made(ordered)
            return len(ordered) * len(templates) / (time.perf_counter() - begun)

    one = await clips_per_s(1)
    return await clips_per_s(4) / one


async def _eta_error(fleet: Fleet) -> float:
    """Orders of recordings and Templates of many lengths and sizes come in two waves, to three workers."""
    chance = random.Random(2)  # noqa: S311 - the same orders each time
    sizes = [(640, 360), (1280, 720), (720, 1280), (1920, 1080)]
    takes = [await fleet.stock_take(length_s) for length_s in (6.0, 15.0, 31.0, 60.0)]
    templates = [
        await fleet.stock_template(100 + number, *chance.choice(sizes), chance.uniform(4, 60))
        for number in range(12)
    ]
    watched: dict[str, list[tuple[float, float]]] = {}
    async with fleet.workers(3, 0.1, 0.0006):
        ordered: list[BatchRecord] = []
        for wave in range(2):
            for number in range(4):
                chosen = chance.sample(templates, chance.randint(4, 9))
                chat = _chat(_QUIET, 100 + number)
                key = f"eta:{wave}:{number}"
                ordered.append(await fleet.order(key, chat, chance.choice(takes), chosen))
            if wave == 0:
                await fleet.made(ordered[:1])
        ends = await _watched(fleet, ordered, watched)
    errors = [
        abs(said_s - (ends[id_] - at_s)) / (ends[id_] - at_s)
        for id_, samples in watched.items()
        for at_s, said_s in samples
        if ends[id_] - at_s > 0.5  # the last half second is no time that anybody is told
    ]
    return statistics.median(errors)


async def _watched(
    fleet: Fleet, batches: Sequence[BatchRecord], samples: dict[str, list[tuple[float, float]]]
) -> dict[str, float]:
    """Ask for the time left until all ended; returns when each was rendered."""
    ends: dict[str, float] = {}
    while len(ends) < len(batches):
        for batch in batches:
            seen = await fleet.ledger.batch(batch.id)
            if seen is None or batch.id in ends:
                continue
            if all(not clip.state.open for clip in seen.clips):
                ends[batch.id] = time.perf_counter()
            elif seen.done:
                outlook = await fleet.ledger.outlook(batch.id)
                if outlook.left_s is not None:
                    samples.setdefault(batch.id, []).append((time.perf_counter(), outlook.left_s))
        await asyncio.sleep(0.1)
    return ends


class _Drain:
    """Many orders wait, then four workers make them, while somebody asks how far it is."""

    def __init__(
        self, fleet: Fleet, socket: Path, bot_pid: int, figures: QueueFigures, report: Report
    ) -> None:
        self._fleet = fleet
        self._socket = socket
        self._bot_pid = bot_pid
        self._figures = figures
        self._report = report
        self._answers_ms: list[float] = []

    async def run(self, count: int, take: TakeRecord, templates: Sequence[TemplateRecord]) -> None:
        rendered_before = len(self._fleet.renders())
        terminals = [
            Terminal(self._socket, f"chat-{number}", _people(number)[0]) for number in range(_CHATS)
        ]
        async with _all_connected(terminals):
            await self._ask(terminals[0], 20)  # what loads at the first question is there
            idle = _resident_mib(self._bot_pid), await self._redis_mib()
            batches = await self._ordered(count, take, templates)
            await self._ask(terminals[0], round(_SETTLED_S / _ASK_EVERY_S))
            self._figures.bot_mib = _resident_mib(self._bot_pid) - idle[0]
            self._figures.redis_mib = await self._redis_mib() - idle[1]
            begun = time.perf_counter()
            async with self._fleet.workers(4, 0.0):
                await self._until_told(terminals[0], count)
            self._figures.drained_s = time.perf_counter() - begun
            await self._judge(batches, terminals, rendered_before)
        self._figures.status_p99_ms = _p99(self._answers_ms)

    async def _ordered(
        self, count: int, take: TakeRecord, templates: Sequence[TemplateRecord]
    ) -> list[BatchRecord]:
        """The first chat orders first, and a third of all: who is greedy must not be served more."""
        greedy = count // 3
        rest = itertools.cycle(range(1, _CHATS))
        people = [itertools.cycle(_people(number)) for number in range(_CHATS)]
        batches = []
        for number in range(count):
            place = 0 if number < greedy else next(rest)
            chat, person = _chat(_ACCOUNT, place), next(people[place])
            batch = await self._fleet.order(f"drain:{number}", chat, take, templates, person)
            # As if the bot had announced it, so that its progress is shown and revised.
            await self._fleet.ledger.note_progress_message(
                batch.id, MessageRef(chat=chat, id=f"progress-{number}")
            )
            batches.append(batch)
            self._report("ordering", number + 1, count)
        return batches

    async def _ask(self, terminal: Terminal, times: int) -> None:
        for _ in range(times):
            begun = time.perf_counter()
            await terminal.send_text("/status")
            await terminal.answered()
            self._answers_ms.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(_ASK_EVERY_S)

    async def _until_told(self, terminal: Terminal, count: int) -> None:
        async with asyncio.timeout(_DRAIN_S):
            while left := len(await self._fleet.ledger.active_batches(f"console:{_ACCOUNT}")):
                self._report("draining", count - left, count)
                await self._ask(terminal, 5)
        self._report("draining", count, count)

    async def _redis_mib(self) -> float:
        return (await self._fleet.ledger.used_bytes()) / _MIB

    async def _judge(
        self, batches: Sequence[BatchRecord], terminals: Sequence[Terminal], rendered_before: int
    ) -> None:
        figures, store = self._figures, bench_store(self._fleet.folder)
        served: list[tuple[int, str, str]] = []
        for ordered in batches:
            batch = await self._fleet.ledger.batch(ordered.id)
            packed: Counter[str] = Counter()
            if batch is not None and batch.state is BatchState.DELIVERED:
                for archive in batch.archives:
                    content = await store.get_bytes(archive.key)
                    with zipfile.ZipFile(io.BytesIO(content)) as opened:
                        packed += Counter(n for n in opened.namelist() if n.endswith(".mp4"))
                chat, person = batch.order.chat.id, batch.order.person.id
                served += [
                    (_number_of_draw(clip.result.key), chat, person)
                    for clip in batch.clips
                    if clip.state is ClipState.DONE and clip.result
                ]
            figures.lost += len(ordered.clips) - len(packed)
            figures.doubled += sum(packed.values()) - len(packed)
        renders = self._fleet.renders()[rendered_before:]
        figures.doubled += len(renders) - len(set(renders))
        outcomes = sum(
            not message.ours and "http" in message.text and "▰" not in message.text
            for terminal in terminals
            for message in terminal.transcript
        )
        figures.told_twice = max(outcomes - len(batches), 0)
        figures.lost += max(len(batches) - outcomes, 0)
        turns = [(chat, person) for _, chat, person in sorted(served)]
        figures.fairness = least_fairness([chat for chat, _ in turns], _WINDOW * _CHATS)
        figures.fairness_within = least_fairness_within(turns, _WINDOW)


def _number_of_draw(key: str) -> int:
    """Of the lease under which the Clip of this key was made."""
    return int(key.rpartition("/")[2].split("-")[1])


@contextlib.asynccontextmanager
async def _all_connected(terminals: Sequence[Terminal]) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        for terminal in terminals:
            await stack.enter_async_context(terminal)
        while not all(terminal.connected for terminal in terminals):  # noqa: ASYNC110
            await asyncio.sleep(_ASK_EVERY_S)
        yield


def least_fairness(served: Sequence[str], window: int) -> float:
    """The least Jain index of how often each was served, over all windows that end before anybody is served for the last time."""
    whom = sorted(set(served))
    last = min(len(served) - 1 - list(reversed(served)).index(each) for each in whom)
    counts = Counter(served[:window])
    least = jain([counts[each] for each in whom])
    for end in range(window, last + 1):
        counts[served[end]] += 1
        counts[served[end - window]] -= 1
        least = min(least, jain([counts[each] for each in whom]))
    return least


def least_fairness_within(served: Sequence[tuple[str, str]], draws: int) -> float:
    """The least Jain index of how often each person of a chat was served, in windows of so many draws of each; 1 if all are alone.

    Args:
        served: The chat and the person of each draw.
        draws: Of each person in a window, were all served alike.
    """
    persons: dict[str, list[str]] = {}
    for chat, person in served:
        persons.setdefault(chat, []).append(person)
    return min(least_fairness(each, draws * len(set(each))) for each in persons.values())


def jain(shares: Sequence[float]) -> float:
    """Jain's index: 1 where all have the same, 1 ÷ n where one has everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def _resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
