"""The front end process: chats, bot and web door. ``python -m config.front_end [--console ACCOUNT SOCKET] [--platforms]``.

Says ``{"event": "ready", "door": URL}`` on stdout once it listens; ends, in order, on SIGTERM.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from redis.exceptions import RedisError

from adapters.chats.console import ConsoleChat
from adapters.web.door import Door, DoorClosed, make_door
from bot.bot import Bot
from bot.memory import RedisMemory
from bot.policy import BotPolicy
from bot.ports import ChatAdapter
from bot.texts.catalogue import Texts
from config.chats import Chats, make_chats
from config.logs import configure_logging
from config.paths import private_folder
from config.settings import Settings, SettingsRefused, load_settings
from config.wiring import Wires, wires
from worker.contract.ports import StoreUnavailable

log = logging.getLogger(__name__)


def policy_of(settings: Settings) -> BotPolicy:
    """What the bot may decide by itself, out of the settings."""
    return BotPolicy(
        admins=settings.admins,
        allow=settings.allow,
        label_waiver=settings.label_waiver,
        max_clips_per_batch=settings.max_clips_per_batch,
        max_take_s=settings.max_take_s,
        link_lifetime_s=settings.link_lifetime_s,
        engine=settings.engine,
        scratch=private_folder(settings.data_dir / "incoming"),
    )


async def open_door(settings: Settings, hand: Wires, routes: Sequence[web.RouteDef] = ()) -> Door:
    """The web door at its address, with the hooks of the chats; a default port that is taken gives way to a free one."""

    async def ready() -> dict[str, bool]:
        return {"redis": await _answers(hand), "store": await _stores(hand)}

    application = make_door(hand.store, hand.codec, ready=ready, accel_prefix=settings.accel_prefix)
    application.add_routes(routes)
    door = Door(application, settings.http_host, settings.http_port)
    try:
        await door.start()
    except DoorClosed:
        if "http_port" in settings.model_fields_set:
            raise  # asked for by name: whoever sent people there must know
        door = Door(application, settings.http_host, 0)
        await door.start()
    return door


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
        memory = RedisMemory(settings.redis_url.get_secret_value())
        texts = Texts()
        chats = make_chats(settings, memory, texts) if platforms else Chats([], [])
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
            policy=policy_of(settings),
        )
        try:
            sys.stdout.write(json.dumps({"event": "ready", "door": door.url}) + "\n")
            sys.stdout.flush()
            await bot.run()
        finally:
            await door.stop()
            await memory.close()


async def _until_terminated(
    settings: Settings, console: tuple[str, Path] | None, *, platforms: bool
) -> None:
    task = asyncio.ensure_future(serve(settings, console, platforms=platforms))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
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
    configure_logging("bot")
    console = (options.console[0], Path(options.console[1])) if options.console else None
    try:
        asyncio.run(_until_terminated(load_settings(), console, platforms=options.platforms))
    except (SettingsRefused, DoorClosed) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
