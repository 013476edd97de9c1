"""The foreman process: draws work and has it done. ``python -m config.back_end [--device DEVICE]``.

Says ``{"event": "ready"}`` on stdout once it takes work. SIGTERM drains: the Clip in work is finished or handed back;
a second SIGTERM stops at once.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys

from config.logs import configure_logging
from config.paths import models_folder, work_folder
from config.settings import Settings, SettingsRefused, load_settings
from config.wiring import wires
from worker.asked import LabelRules
from worker.foreman import Foreman
from worker.janitor import Keeping

log = logging.getLogger(__name__)


async def _announce(foreman: Foreman) -> None:
    await foreman.ready.wait()
    sys.stdout.write(json.dumps({"event": "ready", "worker": foreman.name}) + "\n")
    sys.stdout.flush()


def keeping_of(settings: Settings) -> Keeping:
    """How long things are kept where they are, and how much of them."""
    if settings.store == "s3":
        return Keeping(settings.s3_retention_days)
    quota = settings.store_quota_gb
    return Keeping(settings.retention_days, round(quota * 1e9) if quota else None)


async def serve(settings: Settings) -> None:
    """Work until told to stop."""
    assert settings.redis_url is not None  # noqa: S101 - the command that starts us sets it
    loop = asyncio.get_running_loop()
    async with wires(settings) as hand, asyncio.TaskGroup() as group:
        foreman = Foreman(
            redis_url=settings.redis_url.get_secret_value(),
            ledger=hand.ledger,
            store=hand.store,
            folder=work_folder(settings),
            engine=settings.engine,
            limits={"take": {"max_s": settings.max_take_s}},
            models=models_folder(settings),
            keeping=keeping_of(settings),
            label=LabelRules(
                producer=settings.label_producer,
                text=settings.label_text,
                seconds=settings.label_seconds,
            ),
        )
        work = group.create_task(foreman.run(), name="foreman")
        announcing = group.create_task(_announce(foreman), name="announce")
        asked: list[asyncio.Task[None]] = []

        def stop() -> None:
            if asked:
                log.info("stopping at once")
                work.cancel()
            else:
                log.info("draining")
                asked.append(group.create_task(foreman.drain(), name="drain"))

        loop.add_signal_handler(signal.SIGTERM, stop)
        await asyncio.wait([work])
        announcing.cancel()
    log.info("stopped")


def main() -> None:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(prog="config.back_end")
    parser.add_argument("--device", default="cpu", choices=["cpu"])
    parser.parse_args()
    configure_logging("worker")
    try:
        asyncio.run(serve(load_settings()))
    except SettingsRefused as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
