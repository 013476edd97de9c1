"""``chorus templates``: the library."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bot.picks import means_something
from bot.stock import add_to_library, remove_from_library
from config.cli.output import Failed, Report, json_option, language, last_line, progress_bar
from config.cli.starting import run, system_started
from config.settings import Settings, load_settings
from config.system import Wanted, running_system
from config.wiring import Wires, wires
from worker.contract.ports import StoreUnavailable
from worker.contract.records import TemplateRecord, TemplateState
from worker.rebuild import Rebuilt, rebuild

_LOOK_AGAIN_S = 0.2
_SCREENS = {"green": "a green or blue screen", "alpha": "a transparent background"}
_UNSETTLED = TemplateState.PREPARING


@click.group()
def templates() -> None:
    """The library of presenter videos."""


@templates.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--name",
    default=None,
    help="What people type; the file's name if not given. For one file only.",
)
@json_option
def add(files: tuple[Path, ...], name: str | None, as_json: bool) -> None:
    """Check and prepare videos, and put them into the library."""
    if name is not None and len(files) > 1:
        raise click.UsageError("--name goes with one file.")
    if name is not None and means_something(name):
        from bot.texts.catalogue import Texts

        raise click.UsageError(Texts().say(language(), "template-name-means", name=name))
    settled = run(_add(load_settings(), files, name))
    for template in settled:
        if template.reason is not None:
            click.echo(f"✗ {template.file_name}: {_why(template)}", err=True)
        else:
            click.echo(f"✓ {template.name}: {_facts(template)}", err=as_json)
        for note in _notes(template):
            click.echo(f"  {note}", err=True)
    if as_json:
        last_line({"templates": [_as_json(template) for template in settled]})
    if any(template.state is not TemplateState.READY for template in settled):
        raise click.exceptions.Exit(1 if len(files) == 1 else 3)


@templates.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the library."""
    records = run(_list(load_settings()))
    if as_json:
        last_line({"templates": [_as_json(template) for template in records]})
        return
    if not records:
        click.echo("The library is empty. Add a video: chorus templates add FILE")
        return
    columns = ("", "name", "state", "picture", "length", "face", "screen")
    table = Table(*columns, box=None, pad_edge=False)
    for number, template in enumerate(records, 1):
        table.add_row(
            str(number),
            template.name,
            template.state,
            f"{template.width_px}×{template.height_px} {template.fps:g} fps",
            f"{template.duration_s:.1f} s",
            f"{template.face_share:.0%}",
            template.screen or "–",
        )
    Console().print(table)
    for template in records:
        for note in _notes(template):
            click.echo(f"{template.name}: {note}", err=True)


@templates.command()
@click.argument("names", nargs=-1, required=True)
def remove(names: tuple[str, ...]) -> None:
    """Remove videos from the library, with everything computed of them. Finished Clips stay."""
    missing = run(_remove(load_settings(), names))
    if missing:
        raise Failed(f"No template is called {', '.join(missing)}. See: chorus templates list")


@templates.command(short_help="Bring back what Redis lost.")
@json_option
def reindex(as_json: bool) -> None:
    """Bring back templates, recordings and orders that the store remembers and Redis lost.

    What is known stays as it is. A worker does the same when it starts with an empty Redis.
    """
    rebuilt = run(_reindex(load_settings()))
    click.echo(
        f"Back from the store: templates {rebuilt.templates}, recordings {rebuilt.takes}, "
        f"orders {rebuilt.batches}. Templates are ready as soon as a worker has looked at them.",
        err=as_json,
    )
    if as_json:
        last_line(asdict(rebuilt))


async def _reindex(settings: Settings) -> Rebuilt:
    async with running_system(settings, Wanted()) as system, wires(system.settings) as hand:
        try:
            return await rebuild(hand.ledger, hand.store)
        except StoreUnavailable as outage:
            raise Failed(f"The store cannot be read: {outage}.", "store_unavailable") from None


async def _add(
    settings: Settings, files: tuple[Path, ...], name: str | None
) -> list[TemplateRecord]:
    async with (
        system_started(settings, Wanted(worker=True)) as system,
        wires(system.settings) as hand,
    ):
        records = [await add_to_library(hand.ledger, hand.store, file, name) for file in files]
        with progress_bar() as report:
            settled = await _settled(hand, records, report)
        for template in settled:
            if template.state is not TemplateState.READY:
                await remove_from_library(hand.ledger, hand.store, template)
    return settled


async def _settled(
    hand: Wires, records: list[TemplateRecord], report: Report
) -> list[TemplateRecord]:
    while True:
        current = [await hand.ledger.template(record.id) or record for record in records]
        done = sum(template.state is not _UNSETTLED for template in current)
        report("preparing", done, len(current))
        if done == len(current):
            return current
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _list(settings: Settings) -> list[TemplateRecord]:
    async with running_system(settings, Wanted()) as system, wires(system.settings) as hand:
        return list(await hand.ledger.templates())


async def _remove(settings: Settings, names: tuple[str, ...]) -> list[str]:
    async with running_system(settings, Wanted()) as system, wires(system.settings) as hand:
        by_name = {template.name: template for template in await hand.ledger.templates()}
        for name in names:
            if name in by_name:
                await remove_from_library(hand.ledger, hand.store, by_name[name])
    return [name for name in names if name not in by_name]


def _facts(template: TemplateRecord) -> str:
    return (
        f"{template.width_px}×{template.height_px}, {template.fps:g} fps, {template.duration_s:.1f} s, "
        f"a face in {template.face_share:.0%} of it"
        + (f", {_SCREENS[template.screen]}" if template.screen else "")
    )


def _notes(template: TemplateRecord) -> Sequence[str]:
    """What there is to say about a video that is used all the same."""
    from bot.texts.catalogue import Texts

    texts = Texts()
    return [texts.note(language(), "template", remark) for remark in template.remarks]


def _why(template: TemplateRecord) -> str:
    from bot.texts.catalogue import Texts

    assert template.reason is not None  # noqa: S101 - only asked then
    return Texts().reason(language(), template.reason)


def _as_json(template: TemplateRecord) -> dict[str, object]:
    return {
        "name": template.name,
        "state": template.state,
        "reason": template.reason.model_dump() if template.reason else None,
        "width_px": template.width_px,
        "height_px": template.height_px,
        "fps": template.fps,
        "frames": template.frames,
        "duration_s": template.duration_s,
        "face_share": template.face_share,
        "screen": template.screen,
        "remarks": [remark.model_dump(mode="json") for remark in template.remarks],
    }
