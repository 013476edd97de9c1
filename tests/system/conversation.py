"""A person at a terminal, for tests of whole conversations."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bot.stock import add_to_library
from config.cli.terminal import Message, Terminal
from config.settings import Settings
from config.system import System, Wanted, running_system
from config.wiring import Wires, wires
from pipeline.samples.library import LOOKS, write_voice
from tests.presenters import bring_presenter
from worker.contract.keys import LINEUPS
from worker.contract.ports import LedgerUnavailable
from worker.contract.records import BatchRecord, Chat, Person

LIMIT_S = 300.0
ACCOUNT = "ann"


@dataclass
class Scene:
    """Chorus as a person has it before them, and what stands behind it."""

    system: System
    hand: Wires
    terminal: Terminal

    async def ask(self, text: str) -> Message:
        """Say something and wait for the next new message of the bot."""
        before = len(self.terminal.transcript)
        await self.terminal.send_text(text)
        return await self.terminal.wait_for(lambda _: True, LIMIT_S, after=before)

    async def hand_in(self, recording: Path) -> Message:
        """Send a recording and wait for what the bot heard in it."""
        before = len(self.terminal.transcript)
        await self.terminal.send_file(recording)
        await self.terminal.wait_for(lambda _: True, LIMIT_S, after=before)
        return await self.terminal.wait_for(lambda _: True, LIMIT_S, after=before + 2)

    async def newest_batch(self) -> BatchRecord | None:
        chat = Chat(platform="console", account=ACCOUNT, id=ACCOUNT)
        found = await self.hand.ledger.history(chat, None, 0, 1)
        return found[0] if found else None

    async def batch_that(self, is_so) -> BatchRecord:
        """The newest Batch, once something is so; while Redis is killed and starts again, nobody can tell."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                batch = None
                with contextlib.suppress(LedgerUnavailable):
                    batch = await self.newest_batch()
                if batch is not None and is_so(batch):
                    return batch
                await asyncio.sleep(0.01)

    async def ended(self) -> BatchRecord:
        return await self.batch_that(lambda batch: not batch.state.active)

    def told_with_links(self) -> list[Message]:
        return [
            m
            for m in self.terminal.transcript
            if not m.ours and "http" in m.text and "▰" not in m.text
        ]


@contextlib.asynccontextmanager
async def scene(data_dir: Path, language: str = "en") -> AsyncIterator[Scene]:
    """A running system with one person in its console chat."""
    settings = Settings(data_dir=data_dir, http_port=0, _env_file=None)
    person = Person(id=ACCOUNT, name="Ann", language=language)
    wanted = Wanted(front_end=True, worker=True, console=ACCOUNT)
    async with (
        running_system(settings, wanted) as system,
        wires(system.settings) as hand,
        Terminal(system.console_socket, ACCOUNT, person) as terminal,
    ):
        yield Scene(system, hand, terminal)


def recording(folder: Path, repeats: int = 1) -> Path:
    path = folder / "welcome.wav"
    write_voice(path, repeats)
    return path


def presenter(folder: Path, name: str = "mira", seconds: float = 2.0) -> Path:
    path = folder / f"{name}.mp4"
    bring_presenter(next(look for look in LOOKS if look.name == name), path, seconds)
    return path


async def sheet_drawn(hand: Wires) -> None:
    """Wait until the picture of all presenters is there: who looks before may find a list in its place, and has it drawn."""
    async with asyncio.timeout(LIMIT_S):
        while not [facts async for facts in hand.store.list(LINEUPS)]:
            await asyncio.sleep(0.1)


async def stock(hand: Wires, *videos: Path) -> None:
    for video in videos:
        await add_to_library(hand.ledger, hand.store, video)
