"""``chorus chat``: a terminal chat with the real bot."""

import asyncio
import contextlib
import getpass
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import click
from rich.console import Console

from bot.drafts import Drafts
from bot.memory import RedisMemory
from bot.stock import add_to_library
from config.cli.output import errors_console, language, progress_bar
from config.cli.starting import run, system_started
from config.cli.weights import device_names
from config.redis_client import connections_of
from config.settings import Settings, load_settings
from config.system import System, Wanted
from config.wiring import wires
from worker.contract.ports import Ledger
from worker.contract.records import Chat, Person, TakeState


@click.command(short_help="Talk to the real bot in this terminal.")
@click.option(
    "--as",
    "name",
    default=None,
    help="Who you are; terminals open at the same time need different names. Your login name if not given.",
)
def chat(name: str | None) -> None:
    """Talk to Chorus in this terminal: the real bot, worker and store, every command.

    Send a recording by typing its path (or dragging the file into the window), pick templates by number, then
    type "go". /help lists the commands. An empty library gets Chorus's own sample presenters.
    """
    run(_chat(load_settings(), person_of(name or getpass.getuser())))


def person_of(name: str) -> Person:
    """A person of the console, by a name that can be part of a file name."""
    account = re.sub(r"[^\w-]", "-", name)[:40] or "me"
    return Person(id=account, name=name, language=language())


async def _chat(settings: Settings, person: Person) -> None:
    from bot.texts.catalogue import Texts
    from config.cli.terminal_view import chat_in_terminal

    wanted = Wanted(front_end=True, worker=True, console=person.id, devices=device_names(settings))
    async with system_started(settings, wanted) as system:
        await _stock(system)
        assert system.console_socket is not None  # noqa: S101 - a console was wanted
        console = Console(highlight=False)
        async with _orders(system, person) as orders:
            await chat_in_terminal(
                system.console_socket, person.id, person, console, Texts(), orders
            )


@dataclass(frozen=True)
class _Orders:
    """What a person ordered in their own console."""

    chat: Chat
    person: Person
    ledger: Ledger
    drafts: Drafts

    async def making(self) -> bool:
        """Whether something is being listened to or made, or begins as soon as it was listened to."""
        draft = await self.drafts.load(self.chat, self.person)
        take = await self.ledger.take(draft.take_id) if draft.take_id else None
        if take is not None and (take.state is TakeState.ANALYSING or draft.go_key):
            return True
        return bool(await self.ledger.active_batches(self.chat.mailbox))

    async def told(self) -> bool:
        """Whether Templates were offered for the recording, if there is one."""
        draft = await self.drafts.load(self.chat, self.person)
        return draft.take_id is None or draft.offer is not None


@contextlib.asynccontextmanager
async def _orders(system: System, person: Person) -> AsyncIterator[_Orders]:
    chat = Chat(platform="console", account=person.id, id=person.id)
    memory = RedisMemory(system.redis_url, connections_of(system.settings))
    try:
        async with wires(system.settings) as hand:
            yield _Orders(chat, person, hand.ledger, Drafts(memory))
    finally:
        await memory.close()


async def _stock(system: System) -> None:
    """Put the sample presenters into a library that has none."""
    from config.cli.samples import make_samples

    async with wires(system.settings) as hand:
        if await hand.ledger.templates():
            return
        with progress_bar() as report:
            samples = await asyncio.to_thread(make_samples, system.settings, report)
        for path in samples.templates:
            await add_to_library(hand.ledger, hand.store, path)
        errors_console().print(
            f"The library was empty; it has Chorus's own presenters now. A recording to try: {samples.voice}",
            soft_wrap=True,
        )
