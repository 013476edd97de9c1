"""The server: HTTP in front of the platform, and the hands of the people in it.

Use it as a context: ``async with FakeTelegram() as telegram``. Leaving it fails the test if the bot broke a limit, left a
pressed button unanswered or let its token into the log.
"""

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

import aiohttp
from aiohttp import web

from tests.fakes.log import Log
from tests.fakes.telegram.faults import Fault
from tests.fakes.telegram.limits import LOCAL_UPLOAD_BYTES, Refused
from tests.fakes.telegram.methods import CHARGED, Arguments, Methods
from tests.fakes.telegram.people import People
from tests.fakes.telegram.platform import Platform
from tests.fakes.telegram.rates import Clock, Flood, Meter, Rates
from tests.fakes.telegram.transcript import Transcript
from tests.fakes.telegram.watch import NUMBER, REFUSAL, Watch
from tests.fakes.telegram.world import File, Person

TOKEN: Final = "4242:a-token-of-tests-that-must-not-be-seen"  # noqa: S105 - it opens nothing
_RESEND_S: Final = 0.02
_POSTED_AT_ONCE: Final = 40
"""Updates that wait are posted side by side: max_connections."""


class FakeTelegram(People):
    """One bot's Telegram."""

    def __init__(
        self,
        *,
        rates: Rates | None = None,
        clock: Clock = time.monotonic,
        privacy: bool = False,
        token: str = TOKEN,
    ) -> None:
        """Prepare; nothing listens before it is entered.

        Args:
            rates: How much passes; None is Telegram's own.
            clock: What rates and waiting are measured by.
            privacy: Whether the bot is blind in groups to what is not meant for it.
            token: The bot's.
        """
        bot = Person(
            int(token.partition(":")[0]), "Chorus", None, is_bot=True, username="chorus_bot"
        )
        meter = Meter(rates or Rates(), clock)
        super().__init__(Platform(bot, meter, privacy, Transcript(bot.name)))
        self.token = token
        self.down = False
        """True: every connection breaks at once."""
        self.targets: dict[str, Sequence[str]] = {}
        """Where a public address leads: one after the other of several front ends."""
        self.watch = Watch()
        """Of clients in this process: what they knew when they asked."""
        self._refusals = itertools.count(1)
        self._methods = Methods(self.platform)
        self._runner: web.AppRunner | None = None
        self._polling: asyncio.Event | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._log = Log()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=LOCAL_UPLOAD_BYTES + 1_000_000)
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        app.router.add_get("/file/bot{token}/{path:.*}", self._hand_out)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._tasks.append(asyncio.create_task(self._push()))
        self._log.begin()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._log.end()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._polling is not None:
            self._polling.set()
        if self._runner is not None:
            await self._runner.cleanup()
        if kind is None:
            self.check()

    @property
    def url(self) -> str:
        """For TELEGRAM_API_BASE."""
        assert self._runner is not None
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    def check(self) -> None:
        """Fail on what the bot should not have done."""
        breaches = list(self.platform.breaches)
        breaches += [
            f"{query.who.name} pressed a button and was not answered"
            for query in self.platform.queries.values()
            if query.answer is None and not query.stale
        ]
        breaches += [
            f"the token is in the log: {line}" for line in self._log.lines if self.token in line
        ]
        assert not breaches, "\n".join(breaches)

    def fault(self, *faults: Fault) -> None:
        """Let the next requests that fit meet trouble."""
        self.platform.faults += faults

    def forgive(self, part: str) -> None:
        """Take breaches of this kind off the list: say why where you call it."""
        breaches = self.platform.breaches
        breaches[:] = [breach for breach in breaches if part not in breach]

    def calls(self, method: str) -> list[dict[str, Any]]:
        """What was asked for with this method."""
        return [args for name, args in self.platform.calls if name == method.lower()]

    async def wait_until(self, seen: Callable[[], bool], limit_s: float = 60) -> None:
        """Wait until something is so."""
        try:
            await self.platform.wait_for(seen, limit_s)
        except TimeoutError:
            raise AssertionError(f"it never came true; the chats:\n{self.read()}") from None

    async def wait_for_answers(self) -> None:
        """Wait until every button that was pressed is answered: that comes beside what the press brings about."""
        queries = self.platform.queries
        await self.wait_until(lambda: all(q.answer or q.stale for q in queries.values()))

    # HTTP

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"].casefold()
        if request.match_info["token"] != self.token:
            return _no(Refused("Unauthorized", 401))
        args = await _arguments(request)
        if self.down:
            return _cut(request)
        self.platform.calls.append((method, args.plain()))
        try:
            return await self._carry_out(request, method, args)
        except Refused as refusal:
            if refusal.breach:
                self.platform.note_breach(f"{method}: {refusal.description}")
            return _no(refusal)
        finally:
            await self.platform.tell()

    async def _carry_out(
        self, request: web.Request, method: str, args: Arguments
    ) -> web.StreamResponse:
        room = _room_of(args)
        fault = self.platform.find_fault(method, room)
        if fault is not None and not fault.executed:
            return await self._meet(request, fault, room)
        if method in CHARGED and room is not None:
            self._charge(request, method, room)
        if method == "getupdates":
            return await self._updates(request, args)
        do = self._methods.find(method)
        if do is None:
            raise Refused("Not Found", 404, breach=True)
        result = do(args)
        if fault is not None and fault.kind == "late":
            await self.platform.tell()
            await fault.release.wait()
        elif fault is not None:
            self._methods.doubt(args)
            return await self._meet(request, fault, room)
        return web.json_response({"ok": True, "result": result})

    async def _meet(
        self, request: web.Request, fault: Fault, room: int | None
    ) -> web.StreamResponse:
        match fault.kind:
            case "flood":
                where = None if fault.everywhere else room
                flood = self.platform.meter.flood(where, fault.retry_after_s)
                raise self._too_many(fault.retry_after_s, [flood])
            case "status":
                return web.Response(status=fault.status, text="<html>Bad Gateway</html>")
            case "refuse":
                raise Refused(fault.description, fault.status)
            case "hang":
                await self.platform.tell()
                await fault.release.wait()
        return _cut(request)

    def _charge(self, request: web.Request, method: str, room: int) -> None:
        meter = self.platform.meter
        if floods := meter.floods(room):
            known = [meter.left_s(flood) for flood in floods if self._knew(request, flood)]
            if known:
                left_s = max(known)
                self.platform.note_breach(f"{method} {left_s:.2f} s before retry_after was over")
            raise self._too_many(max(map(meter.left_s, floods)), floods)
        found = self.platform.rooms.get(room)
        wait_s, limit = meter.charge(room, group=found is not None and found.is_group)
        if wait_s:
            self.platform.note_breach(f"{method} in {room}: more than {limit}")
            raise self._too_many(wait_s)

    def _knew(self, request: web.Request, flood: Flood) -> bool:
        knew = self.watch.knew(request.query.get(NUMBER), flood.refusals)
        return self.platform.meter.had_time(flood) if knew is None else knew

    def _too_many(self, wait_s: float, floods: Sequence[Flood] = ()) -> Refused:
        self.platform.throttled += 1
        refusal, seconds = next(self._refusals), max(round(wait_s), 1)
        for flood in floods:
            flood.refusals.append(refusal)
        return Refused(
            f"Too Many Requests: retry after {seconds}",
            429,
            parameters={"retry_after": seconds, REFUSAL: refusal},
        )

    async def _updates(self, request: web.Request, args: Arguments) -> web.StreamResponse:
        """A long poll; a second consumer ends the first one's."""
        platform = self.platform
        if platform.webhook.url:
            raise Refused(
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
                409,
            )
        self._methods._allow(args)
        if self._polling is not None:
            self._polling.set()
        mine = self._polling = asyncio.Event()
        offset = args.number("offset")
        if offset is not None:
            platform.pending = [u for u in platform.pending if u["update_id"] >= offset]
        await platform.tell()
        try:
            with contextlib.suppress(TimeoutError):
                await platform.wait_for(
                    lambda: (
                        bool(platform.pending)
                        or platform.nameless is not None
                        or mine.is_set()
                        or self.down
                    ),
                    args.number("timeout") or 0,
                )
        finally:
            if self._polling is mine:
                self._polling = None
        if self.down:
            return _cut(request)
        if mine.is_set():
            raise Refused(
                "Conflict: terminated by other getUpdates request; "
                "make sure that only one bot instance is running",
                409,
            )
        nameless = [platform.nameless] if platform.nameless is not None else []
        return web.json_response({"ok": True, "result": [*nameless, *platform.pending[:100]]})

    async def _hand_out(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return _cut(request)
        file = self.platform.files.get(request.match_info["path"].rpartition("/")[2])
        if request.match_info["token"] != self.token or file is None:
            return _no(Refused("Not Found", 404))
        fault = self.platform.find_fault("file", None)
        if fault is not None:
            try:
                return await self._meet(request, fault, None)
            except Refused as refusal:
                return _no(refusal)
        return web.Response(body=file.content)

    async def _push(self) -> None:
        """Post what is pending to the webhook, again until it is taken."""
        async with aiohttp.ClientSession() as session:
            while True:
                await self._something_to_push()
                some = self.platform.pending[:_POSTED_AT_ONCE]
                taken = await asyncio.gather(*(self._push_one(session, update) for update in some))
                await self.platform.tell()
                if not all(taken):
                    await asyncio.sleep(_RESEND_S)

    async def _push_one(self, session: aiohttp.ClientSession, update: dict[str, Any]) -> bool:
        """Post an update to the next door; it stays where it is if that does not take it."""
        platform, webhook = self.platform, self.platform.webhook
        base = next((b for b in self.targets if webhook.url.startswith(b)), "")
        doors = self.targets.get(base) or [base]
        url = webhook.url.replace(base, doors[webhook.tries % len(doors)], 1)
        webhook.tries += 1
        if await _posted(session, url, webhook.secret, update):
            if update in platform.pending:
                platform.pending.remove(update)
            return True
        webhook.last_error = "Wrong response from the webhook"
        webhook.last_error_at = time.time()
        return False

    async def _something_to_push(self) -> None:
        platform = self.platform
        async with platform.changed:
            await platform.changed.wait_for(
                lambda: bool(platform.webhook.url and platform.pending) and not self.down
            )


async def _posted(
    session: aiohttp.ClientSession, url: str, secret: str, update: dict[str, Any]
) -> bool:
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
    try:
        async with session.post(url, json=update, headers=headers) as answer:
            return 200 <= answer.status < 300
    except aiohttp.ClientError:
        return False


async def _arguments(request: web.Request) -> Arguments:
    values: dict[str, Any] = {k: v for k, v in request.query.items() if k != NUMBER}
    files: dict[str, File] = {}
    if request.content_type == "application/json":
        values |= await request.json()
    elif request.can_read_body:
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                content = value.file.read()
                files[name] = File("document", content, value.filename, value.content_type)
            else:
                values[name] = value
    return Arguments(values, files)


def _room_of(args: Arguments) -> int | None:
    chat_id = args.text("chat_id")
    return int(chat_id) if chat_id.lstrip("-").isdecimal() else None


def _no(refusal: Refused) -> web.Response:
    body: dict[str, Any] = {
        "ok": False,
        "error_code": refusal.code,
        "description": refusal.description,
    }
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return web.Response(status=refusal.code, text=json.dumps(body), content_type="application/json")


def _cut(request: web.Request) -> web.Response:
    """Break the connection."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
