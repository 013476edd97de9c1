"""How fast we may speak: counted in the Memory, so for all front ends together.

Telegram's figures: about one message a second to a chat, 20 a minute to a group, edits too, 30 a second altogether. It does
not promise them, so whatever 429 says is kept in the Memory as well, and everybody waits. Who ignores it is shut out for
hours. A short wait is waited here; a longer one is the caller's, as ``Throttled``.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Literal

from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter
from typing_extensions import override

from adapters.chats.telegram.errors import seconds_of
from bot.ports import Memory, Throttled

_LOG = logging.getLogger(__name__)

Kind = Literal["message", "revision"]
_EVERYWHERE: Final = "everywhere"
_MARGIN_S: Final = 0.1
"""Waited on top of what a 429 asks for; its seconds are whole ones."""
_UNCOUNTED: Final = frozenset({"answerCallbackQuery", "getFile", "getChatMember", "getChat"})


@dataclass(frozen=True)
class Rates:
    """What we allow ourselves: a little less than Telegram does, because clocks and networks differ."""

    chat: int = 3
    chat_window_s: float = 3.3
    group: int = 18
    group_window_s: float = 61.0
    group_revisions: int = 10
    """Of those in a group, so many may be progress: people's answers and results always find room."""
    group_pace: int = 2
    group_pace_s: float = 12.0
    """And these are spread over the minute: a bar that moves for half of it and stands still for the rest looks stuck."""
    overall: int = 25
    overall_window_s: float = 1.05
    patience_s: float = 3.5
    """Up to here we wait ourselves."""
    revise_every_s: float = 3.0
    """One message is changed no more often than that."""

    def faster(self, times: float) -> "Rates":
        """The same in a world where time runs faster."""
        return Rates(
            chat=self.chat,
            chat_window_s=self.chat_window_s / times,
            group=self.group,
            group_window_s=self.group_window_s / times,
            group_revisions=self.group_revisions,
            group_pace=self.group_pace,
            group_pace_s=self.group_pace_s / times,
            overall=self.overall,
            overall_window_s=self.overall_window_s / times,
            patience_s=self.patience_s / times,
            revise_every_s=self.revise_every_s / times,
        )


class SharedRates(BaseRateLimiter[Kind]):
    """The library asks it before each request; ``rate_limit_args`` tells which kind it is."""

    def __init__(self, memory: Memory, mailbox: str, rates: Rates) -> None:
        self._memory = memory
        self._mailbox = mailbox
        self._rates = rates
        self._next_s: dict[tuple[str, int], float] = {}
        """When the next of those who wait for a budget may come again."""
        self._refused_until: dict[str, float] = {}
        """Which places refused us ourselves: known at once, while the Memory is still being told."""

    @override
    async def initialize(self) -> None:
        """Nothing to prepare."""

    @override
    async def shutdown(self) -> None:
        """Nothing to let go of."""

    @override
    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Any]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: Kind | None,
    ) -> Any:
        """Make a request when there is room for it. Raises Throttled, MemoryUnavailable."""
        chat = str(data.get("chat_id", ""))
        if chat and endpoint not in _UNCOUNTED:
            await self._wait_out_floods(chat)
            await self._spend(chat, rate_limit_args or "message")
        return await self.watched(chat, callback, *args, **kwargs)

    async def watched(
        self, chat: str, ask: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any
    ) -> Any:
        """Ask something when no flood forbids it, and let everybody know of one that comes.

        The library hands out files without asking us, so who fetches one has to.
        Raises Throttled, MemoryUnavailable.
        """
        await self._wait_out_floods(chat)
        while self._refused_s(chat) > 0:  # one may have come while we asked the Memory
            await self._wait_out_floods(chat)
        try:
            return await ask(*args, **kwargs)
        except RetryAfter as error:
            await self._note_flood(chat, seconds_of(error))
            raise

    async def _spend(self, chat: str, kind: Kind) -> None:
        """The scarcest first: what is spent there is lost when another one is empty."""
        rates = self._rates
        if chat.startswith("-") and kind == "revision":
            await self._take(f"pace:{chat}", rates.group_pace, rates.group_pace_s)
        if chat.startswith("-"):
            limit = rates.group_revisions if kind == "revision" else rates.group
            await self._take(f"group:{chat}", limit, rates.group_window_s)
        await self._take(f"chat:{chat}", rates.chat, rates.chat_window_s)
        await self._take("overall", rates.overall, rates.overall_window_s)

    async def _take(self, budget: str, limit: int, window_s: float) -> None:
        while wait_s := await self._memory.spend(f"{self._mailbox}:{budget}", limit, window_s):
            await self._wait(self._appointment((budget, limit), wait_s, window_s))

    def _appointment(self, budget: tuple[str, int], wait_s: float, window_s: float) -> float:
        """Seconds until this one may come again: one after the other, or fifty would ask anew for each place that gets free."""
        now_s = asyncio.get_running_loop().time()
        soonest_s = now_s + wait_s
        at_s = min(max(soonest_s, self._next_s.get(budget, 0.0)), soonest_s + window_s)
        self._next_s[budget] = at_s + window_s / budget[1]
        return at_s - now_s

    async def _wait(self, wait_s: float) -> None:
        if wait_s > self._rates.patience_s:
            raise Throttled(wait_s)
        await asyncio.sleep(wait_s)

    async def _wait_out_floods(self, chat: str) -> None:
        """Until there is none: another one may have come while we waited for the first."""
        waited_s = 0.0
        while (left_s := await self._flooded_s(chat)) > 0:
            if waited_s + left_s > self._rates.patience_s:
                raise Throttled(left_s)
            await asyncio.sleep(left_s)
            waited_s += left_s

    async def _flooded_s(self, chat: str) -> float:
        """Seconds that the chat still has to be left alone, or everybody."""
        kept = [await self._memory.load("flood", self._mailbox, where) for where in _places(chat)]
        known = [float(until) - time.time() for until in kept if until is not None]
        return max([*known, self._refused_s(chat)])

    def _refused_s(self, chat: str) -> float:
        """The same, as far as we ourselves were refused."""
        now_s = asyncio.get_running_loop().time()
        return max(self._refused_until.get(where, 0.0) - now_s for where in _places(chat))

    async def _note_flood(self, chat: str, after_s: float) -> None:
        """A second chat refused while the first one still is: it is the whole bot that is meant."""
        where = chat or _EVERYWHERE
        self._refuse(where, after_s + _MARGIN_S)
        other = await self._memory.load("flood", self._mailbox, "last")
        if other not in {None, where}:
            where = _EVERYWHERE
            self._refuse(where, after_s + _MARGIN_S)
        _LOG.warning("Telegram asks %s to wait %.0f s", where, after_s)
        after_s = max(after_s + _MARGIN_S, await self._flooded_s(where))
        ttl_s = math.ceil(after_s) + 1
        until = str(time.time() + after_s)
        await self._memory.keep("flood", self._mailbox, where, value=until, ttl_s=ttl_s)
        await self._memory.keep("flood", self._mailbox, "last", value=where, ttl_s=ttl_s)

    def _refuse(self, where: str, after_s: float) -> None:
        now_s = asyncio.get_running_loop().time()
        self._refused_until = {  # those that are over go
            place: until_s for place, until_s in self._refused_until.items() if until_s > now_s
        }
        until_s = max(now_s + after_s, self._refused_until.get(where, 0.0))
        self._refused_until[where] = until_s


def _places(chat: str) -> list[str]:
    """Where a flood would concern a chat."""
    return [where for where in (chat, _EVERYWHERE) if where]
