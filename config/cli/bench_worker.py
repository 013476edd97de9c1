"""A worker of a bench: the real foreman with an engine that renders nothing. ``python -m config.cli.bench_worker FOLDER SECONDS [PER_MEGAPIXEL]``.

Redis is CHORUS_REDIS_URL; store and log of renders lie in FOLDER and are shared, the cache does not: FOLDER/NAME, by process id.
Says that it is up as the parts of Chorus do; ends on SIGTERM.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from adapters.stores.local import LocalStore
from config.logs import configure_logging
from config.redis_client import connect, connections_of
from config.settings import load_settings
from worker.contract.tokens import TokenCodec
from worker.foreman import Foreman
from worker.ledger import RedisLedger

RENDERS = "renders.log"
"""In FOLDER: a line for every Clip that was rendered, each time it was."""
STORE = "store"


def bench_store(folder: Path) -> LocalStore:
    """The store of a bench; nobody follows its links."""
    return LocalStore(folder / STORE, TokenCodec(os.urandom(16)), "http://bench")


async def _serve(folder: Path, cost: list[str]) -> None:
    settings = load_settings()
    url = settings.redis_url
    assert url is not None  # noqa: S101 - the bench sets it
    client = connect(url.get_secret_value(), connections_of(settings))
    foreman = Foreman(
        redis_url=url.get_secret_value(),
        open_pool=connections_of(settings),
        ledger=RedisLedger(client),
        store=bench_store(folder),
        folder=folder / str(os.getpid()),
        engine_command=[
            *(sys.executable, "-P", "-m", "worker.null_engine"),
            *(str(folder / RENDERS), *cost),
        ],
    )
    work = asyncio.ensure_future(foreman.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    await foreman.ready.wait()
    sys.stdout.write(json.dumps({"event": "ready"}) + "\n")
    sys.stdout.flush()
    await asyncio.wait([work])
    await client.aclose()


def main() -> None:
    """Entry point of the process."""
    configure_logging("bench worker")
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2:]))


if __name__ == "__main__":
    main()
