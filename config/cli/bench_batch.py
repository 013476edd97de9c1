"""``chorus bench batch``: what a further video of an order costs, and what one order saves against many."""

import asyncio
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.stock import add_to_library
from config.cli.output import Report
from config.cli.starting import run
from config.cli.terminal import Terminal
from config.paths import private_folder
from config.settings import Settings
from config.system import WORKER_NICENESS, System, Wanted, running_system
from config.wiring import Wires, wires
from pipeline.engines.port import LipSync, Prepared, Speech
from pipeline.engines.registry import open_engine
from pipeline.faces.mesh import FaceMesh
from pipeline.measure.check import Check
from pipeline.media import VideoLimits
from pipeline.options import options_from_json
from pipeline.render import render_clip
from pipeline.samples.library import LOOKS, write_presenter, write_voice
from pipeline.takes import TakeLimits, analyse_take, load_take
from pipeline.templates import load_template, prepare_template
from worker.asked import LabelRules, asked_of_clip
from worker.children import stand_back_as_a_session
from worker.contract import keys
from worker.contract.records import BatchRecord, Chat, Order, Person, TakeRecord

_ACCOUNT: Final = "bench"
_VIDEO_S: Final = 10.0
_CLIPS: Final = 10
_PAIR_CLIPS: Final = 3
_SHORT: Final = "short.wav"
"""What the person says who orders twenty videos: nobody shall wait for them longer than it takes."""
_LOOK_S: Final = 0.005
_LIMIT_S: Final = 600.0


@dataclass
class BatchFigures:
    """What was measured; seconds of wall time."""

    further: list[float] = field(default_factory=list)
    """A further Clip of a Batch ÷ the same rendered directly, one for each pair."""
    analyses: int = 0
    """Of the recording, after all orders."""
    first_s: float = 0.0
    """From the first order of a new recording and a new Template until its rendering begins."""
    second_s: float = 0.0
    """Likewise of the second order."""
    one_order_s: float = 0.0
    """Ten videos in one order, from the recording to the result."""
    one_order_actions: int = 0
    """Messages that a person sends for it."""
    ten_orders_s: float = 0.0
    """The same videos in an order each, one after the other."""
    ten_orders_actions: int = 0

    def as_json(self) -> dict[str, object]:
        """For other programs."""
        return asdict(self)


@dataclass(frozen=True)
class _Direct:
    """What a Clip is made of without a queue, all of it warm, and checked as ``chorus render`` and workers do."""

    engine: LipSync
    prepared: Prepared
    speech: Speech
    out: Path
    mesh: FaceMesh

    def render_s(self, batch: BatchRecord) -> float:
        """Seconds of one Clip, as the order asks for it."""
        options = options_from_json(asked_of_clip(batch, 1, LabelRules(), None))
        begun = time.perf_counter()
        check = Check(self.engine, self.prepared, self.speech, options)
        render_clip(check.engine, self.prepared, self.speech, self.out, _unwatched, options)
        check.measure(self.out, self.mesh, _unwatched)
        return time.perf_counter() - begun


def _unwatched(_stage: str, _done: int, _total: int) -> None:
    pass


def bench_batch(settings: Settings, pairs: int, report: Report) -> BatchFigures:
    """Measure with a whole system of its own; nothing of it is left."""
    with tempfile.TemporaryDirectory(
        prefix="bench-", dir=private_folder(settings.data_dir)
    ) as scratch:
        folder = Path(scratch)
        video, voice = folder / "sample.mp4", folder / "sample.wav"
        write_presenter(LOOKS[0], video, _VIDEO_S, report)
        write_voice(voice, repeats=2)
        write_voice(folder / _SHORT, repeats=1)
        own = {"data_dir": folder / "data", "redis_url": None, "store": "local", "http_port": 0}
        changed = settings.model_copy(update={**own, "public_url": None})
        return run(_measured(changed, folder, video, voice, pairs, report))


async def _measured(
    settings: Settings, folder: Path, video: Path, voice: Path, pairs: int, report: Report
) -> BatchFigures:
    figures = BatchFigures()
    wanted = Wanted(front_end=True, worker=True, console=_ACCOUNT)
    async with running_system(settings, wanted) as system, wires(system.settings) as hand:
        bench = _Bench(hand, settings.engine, video, voice)
        figures.first_s, batch = await bench.until_rendering("first", new=True)
        await bench.ended(batch)
        figures.second_s, batch = await bench.until_rendering("second", new=False)
        await bench.ended(batch)
        report("preparation", 1, 1)
        os.nice(
            WORKER_NICENESS
        )  # as the worker: both get the same of a machine that others use too
        stand_back_as_a_session()
        with FaceMesh() as mesh:
            direct = _directly(settings.engine, folder, video, voice, mesh)
            direct.render_s(batch)
            for pair in range(pairs):
                report("in a batch and directly", pair, pairs)
                further_s = await bench.further_s(f"pair {pair}")
                figures.further.append(further_s / direct.render_s(batch))
            report("in a batch and directly", pairs, pairs)
        await _as_a_person(system, folder / _SHORT, figures, report)
        take = await hand.ledger.take(bench.take.id)
        figures.analyses = take.analyses if take else 0
    return figures


def _directly(engine_name: str, folder: Path, video: Path, voice: Path, mesh: FaceMesh) -> _Direct:
    engine, made = open_engine(engine_name), folder / "direct"
    made.mkdir()
    analyse_take(voice, voice.name, made, TakeLimits(), _unwatched)
    prepare_template(video, video.name, made, VideoLimits(), _unwatched)
    prepared = engine.prepare(load_template(made, video))
    return _Direct(engine, prepared, load_take(made), folder / "direct.mp4", mesh)


class _Bench:
    """Orders, straight to the ledger, of one recording with one video under ten names."""

    def __init__(self, hand: Wires, engine: str, video: Path, voice: Path) -> None:
        self.hand = hand
        self.voice = voice
        self._engine = engine
        self._video = video
        content = voice.read_bytes()
        self.take = TakeRecord(
            id=hashlib.sha256(content).hexdigest(),
            name=voice.name,
            size_bytes=len(content),
            created_at=datetime.now(UTC),
        )
        self.templates: list[str] = []

    async def until_rendering(self, key: str, *, new: bool) -> tuple[float, BatchRecord]:
        """Seconds from an order until its rendering begins; ``new``: recording and video come with it."""
        begun = time.perf_counter()
        if new:
            source = keys.take(self.take.id, "source")
            await self.hand.store.put_file(source, self.voice)
            await self.hand.ledger.open_take(self.take)
            await self._add_template(1)
        batch = await self._order(key, 1)
        await self._until(batch, lambda seen: seen.clips[0].total > 0)
        return time.perf_counter() - begun, batch

    async def further_s(self, key: str) -> float:
        """Seconds of each further Clip of an order."""
        while len(self.templates) < _CLIPS:
            await self._add_template(len(self.templates) + 1)
        ended = await self.ended(await self._order(key, _PAIR_CLIPS))
        moments = sorted(clip.ended_at.timestamp() for clip in ended.clips if clip.ended_at)
        return (moments[-1] - moments[0]) / (len(moments) - 1)

    async def ended(self, batch: BatchRecord) -> BatchRecord:
        """Once nothing is left to make."""
        return await self._until(batch, lambda seen: bool(seen.finished_at))

    async def _add_template(self, number: int) -> None:
        added = await add_to_library(
            self.hand.ledger, self.hand.store, self._video, f"presenter-{number}"
        )
        self.templates.append(added.id)

    async def _order(self, key: str, clips: int) -> BatchRecord:
        return await self.hand.ledger.open_batch(
            Order(
                key=f"bench:{key}",
                chat=Chat(platform="console", account="nobody", id="bench"),
                person=Person(id="bench"),
                take_id=self.take.id,
                take_name=self.take.name,
                template_ids=tuple(self.templates[:clips]),
                engine=self._engine,
            )
        )

    async def _until(self, batch: BatchRecord, true: Callable[[BatchRecord], bool]) -> BatchRecord:
        async with asyncio.timeout(_LIMIT_S):
            while True:
                seen = await self.hand.ledger.batch(batch.id)
                if seen is not None and true(seen):
                    return seen
                await asyncio.sleep(_LOOK_S)


async def _as_a_person(system: System, voice: Path, figures: BatchFigures, report: Report) -> None:
    assert system.console_socket is not None  # noqa: S101 - the console was asked for
    person = Person(id=_ACCOUNT, name="Bench")
    async with Terminal(system.console_socket, _ACCOUNT, person) as terminal:
        chat = _Person(terminal, voice)
        begun = time.perf_counter()
        await chat.order("all go")
        figures.one_order_s = time.perf_counter() - begun
        figures.one_order_actions = chat.actions
        report("one order, ten orders", 1, 1 + _CLIPS)
        chat.actions, begun = 0, time.perf_counter()
        for number in range(1, _CLIPS + 1):
            await chat.order(f"{number} go")
            report("one order, ten orders", 1 + number, 1 + _CLIPS)
        figures.ten_orders_s = time.perf_counter() - begun
        figures.ten_orders_actions = chat.actions


class _Person:
    """Somebody who orders, waits for the result, and orders again."""

    def __init__(self, terminal: Terminal, voice: Path) -> None:
        self._terminal = terminal
        self._voice = voice
        self.actions = 0

    async def order(self, picks: str) -> None:
        """Send the recording and the picks, then wait for the Links."""
        before = len(self._terminal.transcript)
        await self._terminal.send_file(self._voice)
        await self._terminal.answered()
        await self._terminal.send_text(picks)
        self.actions += 2
        await self._terminal.wait_for(
            lambda message: "http" in message.text and "▰" not in message.text,
            _LIMIT_S,
            after=before,
        )


def further_ratio(figures: BatchFigures) -> float:
    """The median of the pairs."""
    return statistics.median(figures.further)
