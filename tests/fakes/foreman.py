"""A foreman of its own process, with the fake engine and the fake child: ``python -m tests.fakes.foreman REDIS FOLDER [SLOTS]``."""

import asyncio
import signal
import sys
from pathlib import Path

import redis.asyncio

from adapters.stores.local import LocalStore
from worker.contract.tokens import TokenCodec
from worker.foreman import Foreman
from worker.ledger import RedisLedger

ENGINE = [sys.executable, "-m", "tests.fakes.engine"]
CHILD = [sys.executable, "-m", "tests.fakes.child"]


def fake_store(folder: Path) -> LocalStore:
    """The store of a test."""
    return LocalStore(folder / "store", TokenCodec(b"0123456789abcdef"), "http://door")


async def _run(url: str, folder: Path, slots: int) -> None:
    client = redis.asyncio.Redis.from_url(url, decode_responses=True)
    foreman = Foreman(
        redis_url=url,
        ledger=RedisLedger(client),
        store=fake_store(folder),
        folder=folder / "work",
        slots=slots,
        engine_command=ENGINE,
        child_command=CHILD,
    )
    draining: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(
        signal.SIGTERM, lambda: draining.append(loop.create_task(foreman.drain(0.2)))
    )
    await foreman.run()
    await asyncio.gather(*draining)
    await client.aclose()


if __name__ == "__main__":
    slots = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    asyncio.run(_run(sys.argv[1], Path(sys.argv[2]), slots))
