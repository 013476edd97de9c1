"""Chorus on one machine: an embedded Redis where none is configured, and the parts a command needs, supervised."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from config.devices import CPU
from config.embedded_redis import EmbeddedRedis
from config.paths import log_folder, private_folder, socket_path
from config.settings import Settings
from config.supervisor import Part, Supervisor

_WATCH_REDIS_S = 1.0
WORKER_NICENESS = 10
"""On one machine people are answered first: a video that takes a little longer is noticed by nobody."""
_SOON_S = 5.0
_STOP_S = 10.0
"""What a worker gets on top of its time with the Clips in work, to end the engine and hand back."""


@dataclass(frozen=True)
class Wanted:
    """Which parts a command runs."""

    front_end: bool = False
    worker: bool = False
    platforms: bool = False
    """Whether the front end talks on the chat platforms that are set: what is tried out must not take their messages."""
    console: str | None = None
    """The console account to serve; its socket is ``System.console_socket``."""
    logs_to_files: bool = True
    """False: the parts' logs are the command's stderr."""
    devices: Sequence[str] = (CPU,)
    """One worker process for each."""
    patient: bool = False
    """Whether workers that are told to stop go on with Clips in work for DRAIN_S; a command that somebody tries out ends sooner."""


@dataclass(frozen=True)
class System:
    """What runs."""

    settings: Settings
    """With the Redis that is used."""
    supervisor: Supervisor
    console_socket: Path | None

    @property
    def redis_url(self) -> str:
        """Where Redis is."""
        assert self.settings.redis_url is not None  # noqa: S101 - running_system fills it
        return self.settings.redis_url.get_secret_value()

    @property
    def door(self) -> str:
        """The web door's own address."""
        part = next(part for part in self.supervisor.parts if part.name == "front end")
        return str(part.said.get("door", ""))


def _parts(settings: Settings, redis_url: str, wanted: Wanted, console: Path | None) -> list[Part]:
    environment = {
        "CHORUS_DATA_DIR": str(settings.data_dir.absolute()),
        "CHORUS_REDIS_URL": redis_url,
        "CHORUS_ENGINE": settings.engine,  # a command's options may have changed it, and the next one
    }
    if settings.unverified_weights is not None:
        environment["CHORUS_UNVERIFIED_WEIGHTS"] = str(settings.unverified_weights.absolute())
    if settings.label_text is not None:
        environment["CHORUS_LABEL_TEXT"] = settings.label_text

    def log_file(name: str) -> Path | None:
        return log_folder(settings) / name if wanted.logs_to_files else None

    parts = []
    if wanted.front_end:
        arguments = ["--console", wanted.console, str(console)] if wanted.console else []
        arguments += ["--platforms"] if wanted.platforms else []
        parts.append(
            Part("front end", "config.front_end", arguments, environment, log_file("bot.log"))
        )
    if wanted.worker:
        drain_s = settings.drain_s if wanted.patient else min(settings.drain_s, _SOON_S)
        environment = {**environment, "CHORUS_DRAIN_S": str(drain_s)}
        for device in wanted.devices:
            name = "worker" if len(wanted.devices) == 1 else f"worker on {device}"
            parts.append(
                Part(
                    name,
                    "config.back_end",
                    ["--device", device],
                    environment,
                    log_file("worker.log"),
                    stop_s=drain_s + _STOP_S,
                    niceness=WORKER_NICENESS,
                )
            )
    return parts


async def _watch_redis(server: EmbeddedRedis) -> None:
    while True:
        await asyncio.sleep(_WATCH_REDIS_S)
        await asyncio.to_thread(server.ensure)


@contextlib.asynccontextmanager
async def running_system(settings: Settings, wanted: Wanted) -> AsyncIterator[System]:
    """Run the wanted parts; the body starts once all are up. On leaving, all are stopped, Redis last.

    Raises RedisNotStarted or PartFailed.
    """
    private_folder(settings.data_dir)
    console = socket_path(settings.data_dir, f"{wanted.console}.sock") if wanted.console else None
    with contextlib.ExitStack() as stack:
        server: EmbeddedRedis | None = None
        if settings.redis_url is None:
            server = stack.enter_context(EmbeddedRedis(settings.data_dir))
            settings = settings.model_copy(update={"redis_url": SecretStr(server.url)})
        assert settings.redis_url is not None  # noqa: S101 - set just above
        redis_url = settings.redis_url.get_secret_value()
        supervisor = Supervisor(_parts(settings, redis_url, wanted, console))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(supervisor.run())]
                if server is not None:
                    tasks.append(group.create_task(_watch_redis(server)))
                await supervisor.ready()
                yield System(settings, supervisor, console)
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as group_error:
            raise _alone(group_error) from None


def _alone(error: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error people should see."""
    while len(error.exceptions) == 1:
        inner = error.exceptions[0]
        if not isinstance(inner, BaseExceptionGroup):
            return inner
        error = inner
    return error
