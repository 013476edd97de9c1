"""The foreman process: draws work and has it done. ``python -m config.back_end [--device DEVICE]``.

Says ``{"event": "ready"}`` on stdout once it takes work. SIGTERM drains: the Clip in work is finished or handed back;
a second SIGTERM, or SIGINT, stops at once.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence

from structlog.contextvars import bind_contextvars

from bot.report import reporter
from bot.texts.catalogue import Texts
from config.card import card_maker
from config.devices import CPU, Device, DeviceRefused, device_for, slots_of
from config.keeping import kept_days
from config.logs import configure_logging
from config.paths import models_folder, work_folder
from config.redis_client import connections_of
from config.settings import Settings, SettingsRefused, load_settings
from config.tracing import traced
from config.wiring import wires
from worker.asked import LabelRules
from worker.engine_link import START_S
from worker.foreman import Foreman
from worker.janitor import Keeping

log = logging.getLogger(__name__)


async def _announce(foreman: Foreman) -> None:
    await foreman.ready.wait()
    sys.stdout.write(json.dumps({"event": "ready", "worker": foreman.name}) + "\n")
    sys.stdout.flush()


def keeping_of(settings: Settings) -> Keeping:
    """How long things are kept where they are, and how much of them."""
    quota = settings.store_quota_gb if settings.store == "local" else None
    return Keeping(kept_days(settings), round(quota * 1e9) if quota else None)


def engine_options(settings: Settings) -> Sequence[str]:
    """What the engine process is told of the settings that concern it alone."""
    return (
        *("--speedup", settings.speedup),
        *("--steps", str(settings.latentsync_steps)),
        *("--guidance", str(settings.latentsync_guidance)),
        *("--interval", str(settings.latentsync_interval)),
    )


def start_s(settings: Settings) -> float:
    """How long an engine may take until it is ready: compiling tries many ways through a network."""
    return 10 * START_S if settings.speedup == "compile" else START_S


async def serve(settings: Settings, device: Device) -> None:
    """Work until told to stop. Raises DeviceRefused."""
    assert settings.redis_url is not None  # noqa: S101 - the command that starts us sets it
    loop = asyncio.get_running_loop()
    slots = settings.slots or slots_of(settings.engine, device, models_folder(settings))
    log.info("computing on %s, %d at a time", device.name, slots)
    async with wires(settings) as hand, asyncio.TaskGroup() as group:
        foreman = Foreman(
            redis_url=settings.redis_url.get_secret_value(),
            open_pool=connections_of(settings),
            ledger=hand.ledger,
            store=hand.store,
            folder=work_folder(settings),
            cache_bytes=round(settings.cache_gb * 1e9),
            engine=settings.engine,
            slots=slots,
            device="cuda" if device.gpu else CPU,
            environment=device.environment,
            engine_module="config.engine",
            packers=settings.packers,
            limits={"take": {"max_s": settings.max_take_s}},
            models=models_folder(settings),
            unverified=settings.unverified_weights,
            engine_options=engine_options(settings),
            start_s=start_s(settings),
            keeping=keeping_of(settings),
            report=reporter(Texts(), keeping_of(settings).days),
            label=LabelRules(
                producer=settings.label_producer,
                text=settings.label_text,
                seconds=settings.label_seconds,
            ),
        )
        bind_contextvars(worker=foreman.name)  # of every task below, and of the engine
        gpu = device.gpu.uuid if device.gpu else None
        card = card_maker(
            settings,
            "worker",
            name=foreman.name,
            device=device.name,
            gpu=gpu,
            slots=slots,
            trouble=lambda: foreman.engine_trouble,
        )
        showing = group.create_task(hand.roster.keep(card), name="card")
        work = group.create_task(foreman.run(), name="foreman")
        announcing = group.create_task(_announce(foreman), name="announce")
        asked: list[asyncio.Task[None]] = []

        def stop_at_once() -> None:
            log.info("stopping at once")
            for task in (work, *asked):
                task.cancel()

        def stop() -> None:
            if asked or work.cancelling():
                stop_at_once()
            else:
                log.info("draining")
                drain = foreman.drain(settings.drain_s)
                asked.append(group.create_task(drain, name="drain"))

        loop.add_signal_handler(signal.SIGTERM, stop)
        loop.add_signal_handler(signal.SIGINT, stop_at_once)
        await asyncio.wait([work])
        announcing.cancel()
        showing.cancel()
    log.info("stopped")


def main() -> None:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(prog="config.back_end")
    parser.add_argument("--device", default=CPU)
    options = parser.parse_args()
    try:
        settings = load_settings()
        configure_logging("worker", settings)
        with traced("worker"):
            asyncio.run(serve(settings, device_for(settings.engine, options.device)))
    except (SettingsRefused, DeviceRefused) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
