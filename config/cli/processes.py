"""``chorus up``, ``chorus bot`` and ``chorus worker``: the processes that serve, until they are told to stop."""

import asyncio
import contextlib
import signal
from pathlib import Path

import click

from config.chats import BUILT
from config.cli.output import Failed, errors_console
from config.cli.starting import run
from config.cli.weights import (
    device_names,
    refuse_missing_engine,
    unverified_option,
    with_unverified,
)
from config.logs import configure_logging
from config.settings import Settings, load_settings
from config.supervisor import Supervisor
from config.system import Wanted, running_system


@click.command(short_help="Front end and worker, on this machine.")
def up() -> None:
    """Front end and worker for the platforms set in the environment, on this machine.

    Redis and store are embedded unless CHORUS_REDIS_URL and CHORUS_STORE name others.
    """
    settings = load_settings()
    _refuse_unservable(settings)
    refuse_missing_engine(settings)
    devices = device_names(settings, ())
    _serve(
        settings,
        Wanted(
            front_end=True,
            platforms=True,
            worker=True,
            devices=devices,
            patient=True,
            logs_to_files=False,
        ),
    )


@click.command()
def bot() -> None:
    """The front end alone: chats, web door, bot. For several machines, with a Redis of your own."""
    settings = load_settings()
    _refuse_unservable(settings)
    _serve(settings, Wanted(front_end=True, platforms=True, logs_to_files=False))


@click.command()
@click.option(
    "--device",
    "devices",
    multiple=True,
    help="Where engines compute: cpu, cuda:0, …; one worker process for each. Every GPU, if the engine wants one: "
    "musetalk and latentsync do, and run on no cpu here.",
)
@unverified_option
def worker(devices: tuple[str, ...], unverified: Path | None) -> None:
    """The working side alone: foreman and engine. For several machines, with a Redis of your own."""
    settings = with_unverified(load_settings(), unverified)
    refuse_missing_engine(settings)
    chosen = device_names(settings, devices)
    _serve(settings, Wanted(worker=True, devices=chosen, patient=True, logs_to_files=False))


def _refuse_unservable(settings: Settings) -> None:
    unbuilt = [name for name in settings.platforms if name not in BUILT]
    if unbuilt:
        raise Failed(
            f"Credentials are set for {', '.join(unbuilt)}, but this version talks on "
            f"{', '.join(sorted(BUILT))} and in the console (chorus chat) only. Unset them to serve the others."
        )
    if settings.platforms and settings.store == "local" and settings.public_url is None:
        raise Failed(
            f"Set CHORUS_PUBLIC_URL: people on {', '.join(settings.platforms)} get links into the local store, "
            "and it has to say how the web door is reached from where they are."
        )


def _serve(settings: Settings, wanted: Wanted) -> None:
    configure_logging("chorus", settings)
    run(_until_stopped(settings, wanted))


async def _until_stopped(settings: Settings, wanted: Wanted) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    console = errors_console()
    supervisors: list[Supervisor] = []

    def asked() -> None:
        if stop.is_set() and supervisors:
            console.print("Stopping at once: the Clip in work is handed back.")
            supervisors[0].hurry()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    async with running_system(settings, wanted) as system:
        supervisors.append(system.supervisor)
        parts = " and ".join(part.name for part in system.supervisor.parts)
        where = f" The web door is {system.door}." if wanted.front_end else ""
        console.print(f"Chorus is up: {parts}.{where} Ctrl-C stops it.", soft_wrap=True)
        if wanted.front_end:
            served = ", ".join(settings.platforms)
            nobody = "No chat platform is configured; talk to it with: chorus chat"
            console.print(f"It talks on {served}." if served else nobody)
        await stop.wait()
        console.print(
            "Stopping: the Clip in work is finished or handed back; once more stops at once."
        )
    with contextlib.suppress(ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
