"""Where updates come from: the long poll of one front end that leads, or a webhook at all of them.

An update is acknowledged only when it lies in the inbox: the offset that confirms it goes out with the next poll, and the
webhook answers 200 afterwards. Telegram sends again what is not acknowledged; its number makes the copy harmless.
"""

import asyncio
import contextlib
import hmac
import json
import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import hdrs, web
from telegram import WebhookInfo
from telegram.error import Conflict
from telegram.ext import ExtBot

from adapters.chats.persistence import persist
from adapters.chats.telegram.client import KeptAnswer
from adapters.chats.telegram.decoding import ALLOWED
from adapters.chats.telegram.errors import ours
from adapters.chats.telegram.rates import Kind
from bot.ports import Memory, MemoryUnavailable
from worker.contract.figures import FIGURES
from worker.contract.operations import note

_LOG = logging.getLogger(__name__)

SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
_LONGEST_S: Final = 30.0
_RECENT: Final = timedelta(minutes=5)
"""What was not taken is posted again, so a failure that lasts is never older than some minutes."""
_AT_ONCE: Final = 40
"""Updates posted to the webhook side by side: Telegram's default."""


@dataclass(frozen=True)
class Timing:
    """How long things may take, in seconds."""

    answer_s: float = 20.0
    """One request to Telegram."""
    poll_s: int = 30
    """One long poll without news."""
    lead_s: float = 10.0
    """A poller that shows no sign of life for so long is replaced."""
    renew_s: float = 3.0
    look_s: float = 60.0
    """Whether Telegram still posts to our webhook is looked at so often."""
    again_s: float = 1.0
    """First pause after an outage; the later ones grow."""
    album_s: float = 1.0
    """An album is whole when nothing of it has come for so long."""


class Inbox:
    """Puts raw updates into the Memory."""

    def __init__(self, memory: Memory, mailbox: str) -> None:
        self._memory = memory
        self._mailbox = mailbox

    async def put(self, update: dict[str, Any]) -> None:
        """Keep an update, once for each number. Raises MemoryUnavailable; ValueError if it has no number."""
        number = update.get("update_id")
        if not isinstance(number, int):
            raise ValueError("an update without a number")  # noqa: TRY004 - what came is wrong, not its type
        raw = _storable(json.dumps(update, ensure_ascii=False))
        key = f"{self._mailbox}:{number}"
        await self._memory.receive(self._mailbox, key, raw, _sender(update))


def _storable(text: str) -> str:
    """The same without halves of letters, which JSON can carry and nothing can store, show or send."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _sender(update: dict[str, Any]) -> str:
    """Chat and person; of updates that no person sent, nobody."""
    parts = [part for part in update.values() if isinstance(part, dict)]
    for part in parts:
        spot, person = part.get("message", part), part.get("from")
        chat = spot.get("chat") if isinstance(spot, dict) else None
        if isinstance(chat, dict) and isinstance(person, dict):
            return f"{chat.get('id')}/{person.get('id')}"
    return ""


class Polling:
    """The long poll, by whichever front end leads."""

    def __init__(
        self,
        bot: ExtBot[Kind],
        answers: KeptAnswer,
        memory: Memory,
        inbox: Inbox,
        mailbox: str,
        timing: Timing,
    ) -> None:
        self._bot = bot
        self._answers = answers
        self._memory = memory
        self._inbox = inbox
        self._role = f"poll:{mailbox}"
        self._holder = secrets.token_hex(8)
        self._timing = timing
        self._passed_over = False

    async def run(self) -> None:
        """Poll while we lead, stand by while somebody else does, until cancelled."""
        try:
            while True:
                if await self._leads():
                    await self._while_leading()
                await asyncio.sleep(self._timing.renew_s)
        finally:
            with contextlib.suppress(MemoryUnavailable):
                await self._memory.step_down(self._role, self._holder)

    async def _leads(self) -> bool:
        try:
            return await self._memory.lead(self._role, self._holder, self._timing.lead_s)
        except MemoryUnavailable:
            return False

    async def _while_leading(self) -> None:
        _LOG.info("Polling Telegram")
        polling = asyncio.create_task(self._poll(), name=self._role)
        try:
            while not polling.done() and await self._leads():
                await asyncio.wait([polling], timeout=self._timing.renew_s)
        finally:
            polling.cancel()
            await asyncio.wait([polling])
        if not polling.cancelled():
            polling.result()  # it ends by itself only by a fault

    async def _poll(self) -> None:
        await persist(self._without_webhook, "Telegram, preparing to poll", self._timing.again_s)
        offset: int | None = None
        while True:
            taken: list[int | None] = [offset]

            async def once(offset: int | None = offset, taken: list[int | None] = taken) -> None:
                found = await self._next(offset)
                for update in found:
                    if await self._put(update):
                        taken[0] = update["update_id"] + 1
                if found and taken[0] == offset:  # none can be confirmed: they come again at once
                    await asyncio.sleep(self._timing.again_s)

            await persist(once, "Telegram, polling", self._timing.again_s)
            offset = taken[0]

    async def _put(self, update: dict[str, Any]) -> bool:
        """Keep an update; False for one that cannot be confirmed either, of which the log hears once."""
        try:
            await self._inbox.put(update)
        except ValueError as error:
            if not self._passed_over:
                _LOG.warning("Passed over: %s", error)
            self._passed_over = True
            return False
        return True

    async def _without_webhook(self) -> None:
        """Telegram refuses to be polled while a webhook is set; what waits there is kept."""
        with ours():
            await self._bot.delete_webhook(drop_pending_updates=False)

    async def _next(self, offset: int | None) -> list[dict[str, Any]]:
        """What came, as it came: one update that the library cannot read would hide the others."""
        with ours():
            try:
                await self._bot.get_updates(
                    offset=offset, timeout=self._timing.poll_s, allowed_updates=ALLOWED
                )
            except Conflict:
                _LOG.warning("Somebody else polls with the same CHORUS_TELEGRAM_TOKEN")
                raise
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                _LOG.warning("An update is of a form unknown to the library: %r", error)
        found: list[dict[str, Any]] = json.loads(self._answers.payload)["result"]
        return found


def _refused(status: int, why: str) -> web.Response:
    FIGURES.count("refused_callbacks", "telegram")
    note("callback.refused", platform="telegram", why=why)
    return web.Response(status=status)


class Webhook:
    """Telegram posts updates to the web door; each front end takes what comes to it."""

    def __init__(
        self, bot: ExtBot[Kind], inbox: Inbox, url: str, secret: str, timing: Timing
    ) -> None:
        """Prepare.

        Args:
            bot: To tell Telegram where to post.
            inbox: Where updates go.
            url: Of the hook, as Telegram reaches it.
            secret: What Telegram has to show; 1 to 256 letters, digits, ``_`` and ``-``.
            timing: How often to look after it.
        """
        self._bot = bot
        self._inbox = inbox
        self._url = url
        self._secret = secret
        self._timing = timing
        self._set = False
        self._trouble: datetime | None = None

    async def run(self) -> None:
        """See to it that Telegram posts to us, until cancelled."""
        while True:
            await persist(self._settle, "Telegram, setting the webhook", self._timing.again_s)
            await asyncio.sleep(self._timing.look_s)

    async def answer(self, request: web.Request) -> web.Response:
        """The hook: 200 once an update is kept, 403 without the secret, 503 to get it again."""
        shown = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(shown.encode(errors="surrogateescape"), self._secret.encode()):
            _LOG.warning("Somebody posts to the hook of Telegram without the secret")
            return _refused(403, "without the secret")
        if request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0] != "application/json":
            return _refused(415, "not JSON")
        try:
            update = await request.json()
            await self._inbox.put(update if isinstance(update, dict) else {})
        except (ValueError, LookupError):  # no JSON, no number, or of a charset nobody knows
            _LOG.warning("Telegram's hook got what is no update")
            return _refused(400, "no update")
        except MemoryUnavailable:
            return web.Response(status=503)
        return web.Response()

    async def _settle(self) -> None:
        """Once for each front end that starts, because the secret may be new; then only if it was changed."""
        with ours():
            info = await self._bot.get_webhook_info()
            self._tell_trouble(info)
            if self._set and info.url == self._url:
                return
            await self._bot.set_webhook(
                self._url,
                secret_token=self._secret,
                allowed_updates=ALLOWED,
                max_connections=_AT_ONCE,
            )
        self._set = True
        _LOG.info("Telegram posts to our webhook now")

    def _tell_trouble(self, info: WebhookInfo) -> None:
        """Once for each failure: Telegram tells of the last one until the next."""
        if is_recent(info) and info.last_error_date != self._trouble:
            _LOG.warning("Telegram could not post to us: %s", info.last_error_message)
        self._trouble = info.last_error_date


def is_recent(info: WebhookInfo) -> bool:
    """Whether posting failed lately, so that it may fail still."""
    if not info.last_error_message or info.last_error_date is None:
        return False
    return datetime.now(UTC) - info.last_error_date < _RECENT
