"""The bot: listens to every chat, tells what is to be told, keeps progress up to date, until it is cancelled."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from structlog.contextvars import bind_contextvars

from bot.closing import closing
from bot.counting import CountedChat
from bot.delays import Delays
from bot.desk import Desk, Turn, utc_now
from bot.dialogue import converse
from bot.drafts import Drafts
from bot.faults import guarded, succeeds
from bot.follow import Follower
from bot.incoming import clear_scratch
from bot.outages import insist
from bot.outcomes import tell_outcome, tell_plainly
from bot.policy import BotPolicy
from bot.ports import (
    Chat,
    ChatAdapter,
    Inbound,
    Memory,
    MemoryUnavailable,
)
from bot.recordings import tell_take
from bot.sendings import Sendings
from bot.texts.catalogue import Texts
from worker.contract.ports import Ledger, ObjectStore
from worker.contract.records import Utterance

_LOG = logging.getLogger(__name__)

_AT_ONCE: Final = 256
"""Messages, and utterances, being dealt with at once for each mailbox; most of them only wait."""
_ANSWER_LIMIT_S: Final = 600.0
"""Who asked ten minutes ago is told that it did not work; only if that can be said it is given up. Outcomes are kept."""
_OUTCOME_PAUSES_S: Final = (2.0, 10.0, 60.0)
"""After these an Outcome that was refused for unknown reasons is told once more; then as plainly as can be."""
_PLAIN_AGAIN_S: Final = 600.0
"""So often it is tried again if even that is refused."""
_TURN_FIRST_S: Final = 0.05
_TURN_LAST_S: Final = 0.5
"""How often is looked whether the message before is dealt with, which another front end may have."""


class Bot:
    """One front end: the dialogue on all its platforms."""

    def __init__(
        self,
        *,
        adapters: Sequence[ChatAdapter],
        ledger: Ledger,
        store: ObjectStore,
        memory: Memory,
        texts: Texts,
        policy: BotPolicy,
        clock: Callable[[], datetime] = utc_now,
        own_link: Callable[[str, int, str], str] | None = None,
    ) -> None:
        """Set a desk up for each adapter.

        Args:
            adapters: The chats, one mailbox each.
            ledger: Who ordered what.
            store: Where recordings go and links point.
            memory: Drafts, preferences, leaderships.
            texts: What is said.
            policy: What the operator decided.
            clock: The time.
            own_link: Signs a Link through our own door; None: those of the store lead there anyway, or there is no door.
        """
        self._ledger = ledger
        self._scratch = policy.scratch
        self._name = f"bot-{secrets.token_hex(4)}"
        drafts = Drafts(memory)
        self._desks = [
            Desk(
                CountedChat(adapter), ledger, store, memory, texts, policy, drafts, clock, own_link
            )
            for adapter in adapters
        ]
        self._followers = {desk.adapter.mailbox: Follower(desk, self._name) for desk in self._desks}

    async def run(self) -> None:
        """Run until cancelled; what was not finished then comes again to the next one."""
        await asyncio.to_thread(clear_scratch, self._scratch)
        async with asyncio.TaskGroup() as tasks:
            for desk in self._desks:
                mailbox = desk.adapter.mailbox
                tasks.create_task(desk.adapter.run(), name=f"connection {mailbox}")
                tasks.create_task(self._listen(desk), name=f"listen {mailbox}")
                tasks.create_task(self._tell(desk), name=f"tell {mailbox}")
                tasks.create_task(self._followers[mailbox].run(), name=f"progress {mailbox}")
                delays = Delays(desk, self._name)
                tasks.create_task(delays.run(), name=f"delays {mailbox}")
                sendings = Sendings(desk, self._name)
                tasks.create_task(sendings.run(), name=f"files {mailbox}")
            tasks.create_task(self._hear_facts(), name="facts")

    async def _listen(self, desk: Desk) -> None:
        """Answer messages: those of one person in one chat one after the other, the rest side by side."""
        tails: dict[tuple[Chat, str], asyncio.Task[None]] = {}
        slots = asyncio.Semaphore(_AT_ONCE)
        async with (
            closing(desk.adapter.messages()) as messages,
            asyncio.TaskGroup() as tasks,
        ):
            async for inbound in messages:
                await slots.acquire()
                whose = (inbound.chat, inbound.person.id)
                if inbound.in_line:
                    task = tasks.create_task(_in_turn(desk, inbound))
                else:
                    task = tasks.create_task(_after(tails.get(whose), desk, inbound))
                    tails[whose] = task

                def done(task: asyncio.Task[None], whose: tuple[Chat, str] = whose) -> None:
                    slots.release()
                    if tails.get(whose) is task:
                        del tails[whose]

                task.add_done_callback(done)

    async def _tell(self, desk: Desk) -> None:
        """Tell what stands in the outbox, each for itself: a chat that is slow holds up no other."""
        under_way: set[str] = set()
        slots = asyncio.Semaphore(_AT_ONCE)
        async with (
            closing(self._ledger.outbox(desk.adapter.mailbox, self._name)) as outbox,
            asyncio.TaskGroup() as tasks,
        ):
            async for entry, utterance in outbox:
                if entry in under_way:  # it comes again because telling it takes long
                    continue
                await slots.acquire()
                under_way.add(entry)
                task = tasks.create_task(self._utter(desk, entry, utterance))

                def done(_: asyncio.Task[None], entry: str = entry) -> None:
                    slots.release()
                    under_way.discard(entry)

                task.add_done_callback(done)

    async def _utter(self, desk: Desk, entry: str, utterance: Utterance) -> None:
        bind_contextvars(platform=utterance.chat.platform)
        chat, person = utterance.chat, utterance.person

        async def attempt() -> None:
            language = await desk.language_of(chat, person)
            receipt = f"{desk.adapter.mailbox}:outbox:{entry}"
            await tell_take(Turn(desk, chat, person, language, receipt), utterance.subject)

        what = f"{utterance.kind} {utterance.subject[:12]}"
        if utterance.kind == "outcome":
            await self._tell_outcome(desk, utterance, what)
        else:
            await guarded(desk, chat, person, entry, what, attempt)
        await insist(lambda: self._ledger.told(desk.adapter.mailbox, entry), what)

    async def _tell_outcome(self, desk: Desk, utterance: Utterance, what: str) -> None:
        """Tell how a Batch ended, in the end as plainly as can be: one of which nothing was told stays open."""
        follower = self._followers[desk.adapter.mailbox]
        for pause_s in (0.0, *_OUTCOME_PAUSES_S):
            await asyncio.sleep(pause_s)
            if await succeeds(lambda: tell_outcome(desk, follower, utterance), what):
                return
        incident = secrets.token_hex(4)
        _LOG.error("%s: told plainly: incident %s", what, incident, extra={"incident": incident})
        while True:
            if await succeeds(lambda: tell_plainly(desk, utterance, incident), what):
                return
            await asyncio.sleep(_PLAIN_AGAIN_S)

    async def _hear_facts(self) -> None:
        async with closing(self._ledger.facts()) as facts:
            async for fact in facts:
                follower = self._followers.get(fact.mailbox)
                if follower is not None:
                    follower.notice(fact.batch_id)


async def _after(earlier: asyncio.Task[None] | None, desk: Desk, inbound: Inbound) -> None:
    """Answer a message once the one before it is answered."""
    if earlier is not None:
        await asyncio.wait([earlier])
    await _answer(desk, inbound)


async def _in_turn(desk: Desk, inbound: Inbound) -> None:
    """Answer a message once those before it are answered, wherever; a front end that died is taken over from soon."""
    wait_s = _TURN_FIRST_S
    while not await _is_next(desk, inbound):
        await asyncio.sleep(wait_s)
        wait_s = min(wait_s * 2, _TURN_LAST_S)
    await _answer(desk, inbound)


async def _is_next(desk: Desk, inbound: Inbound) -> bool:
    with contextlib.suppress(MemoryUnavailable):
        return await desk.memory.is_next(desk.adapter.mailbox, inbound.entry)
    return False


async def _answer(desk: Desk, inbound: Inbound) -> None:
    bind_contextvars(platform=inbound.chat.platform)
    what = f"message {inbound.key}"
    await guarded(
        desk,
        inbound.chat,
        inbound.person,
        inbound.key,
        what,
        lambda: converse(desk, inbound),
        limit_s=_ANSWER_LIMIT_S,
    )
    await insist(lambda: desk.adapter.settle(inbound), what)
