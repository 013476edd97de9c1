"""The front end process: chats, bot and web door. ``python -m config.front_end [--console ACCOUNT SOCKET] [--platforms]``.

Says ``{"event": "ready", "door": URL}`` on stdout once it listens; ends, in order, on SIGTERM.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Awaitable, Sequence
from functools import partial
from pathlib import Path

from aiohttp import web
from redis.exceptions import RedisError

from adapters.chats.console import ConsoleChat
from adapters.web.door import Door, DoorClosed, make_door
from adapters.web.metrics import MetricsPage
from bot.admission import lets_in
from bot.bot import Bot
from bot.memory import RedisMemory
from bot.policy import BotPolicy, Cloud
from bot.ports import ChatAdapter
from bot.texts.catalogue import Texts
from config.card import card_maker
from config.chats import Chats, make_chats
from config.keeping import DAY_S, kept_days
from config.logs import configure_logging
from config.metrics import CONTENT_TYPE, Metrics
from config.paths import private_folder
from config.redis_client import connections_of
from config.settings import Settings, SettingsRefused, load_settings
from config.tracing import traced
from config.wiring import Wires, door_links, wires
from worker.contract.ports import StoreUnavailable

log = logging.getLogger(__name__)

_PART_WITHIN_S = 4.0
"""For the answer of Redis, and that of the store; the door waits a second longer for both."""


def policy_of(settings: Settings, *, platforms: bool = False) -> BotPolicy:
    """What the bot may decide by itself, out of the settings; ``platforms``: people are not on this machine."""
    return BotPolicy(
        cloud=_cloud(settings, platforms=platforms),
        admins=settings.admins,
        allow=settings.allow,
        label_waiver=settings.label_waiver,
        max_clips_per_batch=settings.max_clips_per_batch,
        max_clips_per_chat_batch=settings.max_clips_per_chat_batch,
        batches_per_person=settings.max_batches_per_person,
        batches_per_chat=settings.max_batches_per_chat,
        minutes_per_person=settings.max_minutes_per_person,
        minutes_per_chat=settings.max_minutes_per_chat,
        queue=settings.max_waiting_clips,
        chat_weights={
            chat: float(weight)
            for chat, _, weight in (entry.rpartition("=") for entry in settings.chat_weights)
        },
        max_take_s=settings.max_take_s,
        link_lifetime_s=settings.link_lifetime_s,
        retention_s=DAY_S * kept_days(settings),
        engine=settings.engine,
        scratch=private_folder(settings.data_dir / "incoming"),
    )


def _cloud(settings: Settings, *, platforms: bool) -> Cloud:
    if settings.store == "local":
        return "none"
    if not settings.cloud_delivery:
        return "off"
    return "only" if platforms and settings.public_url is None else "on"


async def open_door(settings: Settings, hand: Wires, routes: Sequence[web.RouteDef] = ()) -> Door:
    """The web door at its address, with the hooks of the chats; a default port that is taken gives way to a free one."""

    async def ready() -> dict[str, bool]:
        redis, store = await asyncio.gather(_in_time(_answers(hand)), _in_time(_stores(hand)))
        return {"redis": redis, "store": store}

    application = make_door(
        hand.store,
        hand.codec,
        ready=ready,
        hold=hand.ledger.hold,
        accel_prefix=settings.accel_prefix,
    )
    application.add_routes(routes)
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    public = settings.public_url is not None
    metrics = MetricsPage(
        Metrics(hand.ledger, hand.roster).text, CONTENT_TYPE, token, public=public
    )
    application.router.add_get("/metrics", metrics.answer)
    door = Door(application, settings.http_host, settings.http_port)
    try:
        await door.start()
    except DoorClosed:
        if "http_port" in settings.model_fields_set:
            raise  # asked for by name: whoever sent people there must know
        door = Door(application, settings.http_host, 0)
        await door.start()
    return door


async def _in_time(answer: Awaitable[bool]) -> bool:
    """Each part by itself: one that hangs must not hide which it is."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PART_WITHIN_S):
            return await answer
    return False


async def _answers(hand: Wires) -> bool:
    try:
        return bool(await hand.redis.ping())
    except RedisError:
        return False


async def _stores(hand: Wires) -> bool:
    try:
        async for _ in hand.store.list("templates/"):
            break
    except StoreUnavailable:
        return False
    return True


async def serve(
    settings: Settings, console: tuple[str, Path] | None, *, platforms: bool = False
) -> None:
    """Run until cancelled; ``platforms``: on the chat platforms that are set, too."""
    address: list[str] = []
    async with wires(settings, lambda: address[0]) as hand:
        assert settings.redis_url is not None  # noqa: S101 - the command that starts us sets it
        memory = RedisMemory(settings.redis_url.get_secret_value(), connections_of(settings))
        texts = Texts()
        admits = partial(lets_in, policy_of(settings), memory)
        chats = make_chats(settings, memory, texts, admits) if platforms else Chats([], [])
        door = await open_door(settings, hand, chats.routes)
        address.append(door.url)
        adapters: list[ChatAdapter] = [*chats.adapters]
        if console is not None:
            account, socket = console
            adapters.append(ConsoleChat(memory, socket, account))
        bot = Bot(
            adapters=adapters,
            ledger=hand.ledger,
            store=hand.store,
            memory=memory,
            texts=texts,
            policy=policy_of(settings, platforms=bool(chats.adapters)),
            own_link=door_links(settings, hand.codec, lambda: address[0]).sign,
        )
        card = card_maker(settings, "front end", platforms=settings.platforms if platforms else ())
        showing = asyncio.create_task(hand.roster.keep(card))
        try:
            sys.stdout.write(json.dumps({"event": "ready", "door": door.url}) + "\n")
            sys.stdout.flush()
            await bot.run()
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
            await door.stop()
            await memory.close()


async def _until_terminated(
    settings: Settings, console: tuple[str, Path] | None, *, platforms: bool
) -> None:
    task = asyncio.ensure_future(serve(settings, console, platforms=platforms))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")


def main() -> None:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(prog="config.front_end")
    parser.add_argument("--console", nargs=2, metavar=("ACCOUNT", "SOCKET"))
    parser.add_argument("--platforms", action="store_true")
    options = parser.parse_args()
    console = (options.console[0], Path(options.console[1])) if options.console else None
    try:
        settings = load_settings()
        configure_logging("bot", settings)
        with traced("bot"):
            asyncio.run(_until_terminated(settings, console, platforms=options.platforms))
    except (SettingsRefused, DoorClosed) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
