"""Who may call back: only WeCom, only lately, each callback once. What the callback addresses of app and AI bot do alike."""

import re
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from adapters.chats.callback_crypto import CallbackCipher, CallbackRefused, Sealed
from adapters.chats.callbacks import Refusals, Refused
from adapters.chats.wecom.account import Timing
from bot.ports import Memory

_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_NONCE: Final = re.compile(r"[!-~]{1,128}")


class CallbackGate:
    """Lets the callbacks of one address in."""

    def __init__(
        self,
        memory: Memory,
        mailbox: str,
        cipher: CallbackCipher,
        timing: Timing,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare.

        Args:
            memory: Where it is kept what came already.
            mailbox: Of the door.
            cipher: Knows whose callbacks they are, and for whom.
            timing: What is too old.
            clock: Seconds since 1970.
        """
        self._memory = memory
        self._mailbox = mailbox
        self._cipher = cipher
        self._timing = timing
        self.clock = clock
        self._refusals = Refusals("wecom", "WeCom")

    @property
    def refused(self) -> int:
        """Callbacks that were not WeCom's, or not for us."""
        return self._refusals.count

    async def check_address(self, request: web.Request) -> web.Response:
        """WeCom looks whether the address is ours: answered whatever its age, because nothing follows from it."""
        try:
            sealed = sealed_in(request, request.query.get("echostr", ""))
            return web.Response(text=self.open(sealed))
        except Refused as refused:
            return self.no(refused)

    def no(self, refused: Refused) -> web.Response:
        """The answer to what is refused; counted, and told to the log without what it held."""
        return self._refusals.answer(refused)

    def open(self, sealed: Sealed) -> str:
        """The message inside. Raises Refused."""
        if not _TIMESTAMP.fullmatch(sealed.timestamp) or not _NONCE.fullmatch(sealed.nonce):
            raise Refused(400, "no time or no nonce")
        try:
            return self._cipher.open(sealed)
        except CallbackRefused as refused:
            raise Refused(403, str(refused)) from None

    def open_new(self, sealed: Sealed) -> str:
        """The message inside, if its time is ours. Raises Refused."""
        message = self.open(sealed)
        if abs(self.clock() - int(sealed.timestamp)) > self._timing.window_s:
            raise Refused(403, "too old, or from the future")
        return message

    async def refuse_replays(self, sealed: Sealed) -> None:
        """A copy that comes much later than WeCom's own retries, or a known nonce under something else, is a replay.

        Raises Refused, MemoryUnavailable.
        """
        known = await self._memory.load(*self._nonce(sealed))
        if known is None:
            return
        signature, _, at = known.partition(" ")
        again = signature == sealed.signature
        if not again or self.clock() - float(at) > self._timing.retries_s:
            raise Refused(403, "a replay")

    async def note(self, sealed: Sealed) -> None:
        """Only when it is kept: a copy of what was lost on the way is welcome."""
        name = self._nonce(sealed)
        if await self._memory.load(*name) is None:
            value = f"{sealed.signature} {self.clock()}"
            await self._memory.keep(*name, value=value, ttl_s=int(2 * self._timing.window_s) + 60)

    def _nonce(self, sealed: Sealed) -> tuple[str, ...]:
        return ("nonce", self._mailbox, sealed.timestamp, sealed.nonce)


def sealed_in(request: web.Request, encrypted: str) -> Sealed:
    """What was sent, with the signature that stands in the address."""
    query = request.query
    return Sealed(
        encrypted=encrypted,
        signature=query.get("msg_signature", ""),
        timestamp=query.get("timestamp", ""),
        nonce=query.get("nonce", ""),
    )
