"""``chorus models``: weights, by revision and hash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.table import Table

from config.cli.output import (
    FAILED,
    Failed,
    ending,
    json_option,
    last_line,
    progress_bar,
)
from config.paths import models_folder
from config.settings import load_settings

if TYPE_CHECKING:
    from config.hub import Hub
    from config.pulling import Pulled
    from pipeline.engines.weights.catalogue import ModelSet, Source
    from pipeline.engines.weights.checking import State
    from pipeline.engines.weights.lock import Lock

_GB: Final = 10**9
_STATES: Final = {
    "absent": "–",
    "foreign": "there, but not pulled",
    "broken": "not as pulled",
    "unchecked": "pulled, touched since: chorus models verify",
    "verified": "✓ as pulled",
}


@click.group(short_help="Weights: what there is, bringing it, checking it.")
def models() -> None:
    """Weights of the neural engines and of Whisper, held to revisions and hashes in MODELS_DIR/models.lock."""


@models.command("list", short_help="What there is to have, and what is here.")
@json_option
def list_(as_json: bool) -> None:
    """List what there is to have, for what, under which licence, and whether it is here and as pulled."""
    folder = models_folder(load_settings())
    lock = _lock(folder)
    rows = [_Row(each, _state(folder, each, lock)) for each in _sets()]
    if as_json:
        last_line({"folder": str(folder), "models": [row.as_json(folder, lock) for row in rows]})
        return
    table = Table("name", "for", "size", "licences", "here", box=None, pad_edge=False)
    for row in rows:
        licences = ", ".join(dict.fromkeys(each.licence.name for each in row.set.sources))
        size = _size(row.set.size_bytes)
        table.add_row(row.set.name, row.set.purpose, size, licences, _STATES[row.state])
    Console(highlight=False).print(table)
    click.echo(f"They are kept in {folder}. To bring one: chorus models pull NAME", err=True)


@models.command(short_help="Bring weights, or mend them.")
@click.argument("names", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Accept the licences without being asked.")
@json_option
def pull(names: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Bring weights from the Hugging Face hub, or from CHORUS_HUB_ENDPOINT; what is right already stays.

    The first pull takes the newest revision and writes it to models.lock, with hashes; later ones hold to it. What broke
    off goes on where it was.
    """
    from config.hub import Hub

    settings = load_settings()
    folder, wanted = models_folder(settings), _named(names)
    lock = _lock(folder)
    there = ("verified", "unchecked")
    to_bring = [each for each in wanted if _state(folder, each, lock) not in there]
    if to_bring:
        _show_licences(to_bring)
        if not yes:
            _ask(to_bring)
    pulled = _pull(wanted, folder, Hub(settings.hub_endpoint))
    for each in pulled:
        brought = f"fetched {_size(each.fetched_bytes)}" if each.fetched_bytes else "all was here"
        click.echo(f"✓ {each.name}: {brought}. It is in {each.folder}", err=as_json)
        for repository, commit in each.revisions.items():
            click.echo(f"  {repository} at {commit[:12]}", err=as_json)
    if as_json:
        last_line({"models": [_as_json(each) for each in pulled]})


@models.command(short_help="Compare every byte with what was pulled.")
@click.argument("names", nargs=-1)
@json_option
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Compare every byte with models.lock, and name what is missing, altered, or was put in; all sets if none is named."""
    folder = models_folder(load_settings())
    lock = _lock(folder)
    wanted = _named(names) if names else [each for each in _sets() if each.name in lock]
    for each in wanted:
        if each.name not in lock:
            raise Failed(
                f"{each.name} was not pulled, so there is nothing to compare it with: chorus models pull {each.name}"
            )
    states = _examined(folder, wanted, lock)
    for state in states:
        for line in _verdict(state):
            click.echo(line, err=as_json)
    if not states:
        click.echo("Nothing was pulled yet.", err=as_json)
    ok = all(_clean(state) for state in states)
    if as_json:
        last_line({"ok": ok, "models": [_state_as_json(state) for state in states]})
    if not ok:
        ending(FAILED)


@models.command(short_help="Print the folder of a set.")
@click.argument("name")
def path(name: str) -> None:
    """Print the folder of a set that is here."""
    (wanted,) = _named((name,))
    folder = models_folder(load_settings()) / wanted.name
    if not folder.is_dir():
        raise Failed(
            f"{wanted.name} is not here; chorus models pull {wanted.name} brings it to {folder}"
        )
    click.echo(str(folder))


@dataclass(frozen=True)
class _Row:
    """One set, as it is listed."""

    set: "ModelSet"
    state: str

    def as_json(self, folder: Path, lock: "Lock") -> Mapping[str, object]:
        files = lock.get(self.set.name, {}).values()
        return {
            "name": self.set.name,
            "engine": self.set.engine,
            "purpose": self.set.purpose,
            "size_bytes": sum(file.size_bytes for file in files) or self.set.size_bytes,
            "state": self.state,
            "folder": str(folder / self.set.name),
            "licences": [
                {
                    "repository": source.repository,
                    "name": source.licence.name,
                    "link": source.licence.link,
                    "note": source.licence.note,
                }
                for source in self.set.sources
            ],
            "revisions": {file.repository: file.revision for file in files},
        }


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= _GB else f"{size_bytes / 1e6:.1f} MB"


def _sets() -> Sequence["ModelSet"]:
    from pipeline.engines.weights.catalogue import SETS

    return SETS


def _named(names: Sequence[str]) -> list["ModelSet"]:
    """The sets of these names; an engine's name stands for the set it prefers."""
    from pipeline.engines.weights.catalogue import sets_for

    found = {name: sets_for(name) for name in names}
    unknown = [name for name, sets in found.items() if not sets]
    if unknown:
        known = ", ".join(each.name for each in _sets())
        raise click.UsageError(f"There are no weights {', '.join(unknown)}; there are {known}.")
    return list(dict.fromkeys(sets[0] for sets in found.values()))


def _lock(folder: Path) -> "Lock":
    from pipeline.engines.weights.lock import read_lock
    from pipeline.errors import WeightsAltered

    try:
        return read_lock(folder)
    except WeightsAltered as damaged:
        raise Failed(str(damaged), "weights_altered") from None


def _state(folder: Path, wanted: "ModelSet", lock: "Lock") -> str:
    """What a glance tells, as a key of ``_STATES``; nothing is hashed."""
    from pipeline.engines.weights.checking import Depth, examine

    files = lock.get(wanted.name)
    if files is None:
        there = (folder / wanted.name).is_dir() and any((folder / wanted.name).iterdir())
        return "foreign" if there else "absent"
    state = examine(folder, wanted.name, files, Depth.SIZES)
    if state.missing or state.altered or any(file.path not in files for file in wanted.files):
        return "broken"
    return "unchecked" if state.unread else "verified"


def _sources(wanted: Sequence["ModelSet"]) -> list["Source"]:
    """Each repository once."""
    return list({source.repository: source for each in wanted for source in each.sources}.values())


def _show_licences(wanted: Sequence["ModelSet"]) -> None:
    click.echo("What is brought comes under these licences:", err=True)
    for source in _sources(wanted):
        licence = source.licence
        note = f" ({licence.note})" if licence.note else ""
        click.echo(f"  {source.repository}: {licence.name}{note}\n    {licence.link}", err=True)


def _ask(wanted: Sequence["ModelSet"]) -> None:
    """Go on only if the licences are accepted."""
    size = _size(sum(source.size_bytes for source in _sources(wanted)))
    try:
        accepted = click.confirm(f"Accept them, and bring about {size}?", err=True)
    except click.Abort:  # nobody there to answer
        accepted = False
    if not accepted:
        raise Failed(
            "Nothing was brought, since the licences were not accepted; in scripts, --yes accepts them.",
            "licence",
        )


def _pull(wanted: Sequence["ModelSet"], folder: Path, hub: "Hub") -> list["Pulled"]:
    from config.pulling import PullFailed, alone, pull
    from pipeline.errors import WeightsAltered

    def waiting() -> None:
        click.echo(f"Another pull is at work in {folder}; this one waits for it.", err=True)

    try:
        with alone(folder, waiting), progress_bar() as report:
            return [pull(each, folder, hub, report) for each in wanted]
    except PullFailed as failed:
        raise Failed(str(failed), "pull_failed") from None
    except WeightsAltered as damaged:
        raise Failed(str(damaged), "weights_altered") from None


def _as_json(pulled: "Pulled") -> Mapping[str, object]:
    return {
        "name": pulled.name,
        "folder": str(pulled.folder),
        "fetched_bytes": pulled.fetched_bytes,
        "revisions": dict(pulled.revisions),
    }


def _examined(folder: Path, wanted: Sequence["ModelSet"], lock: "Lock") -> list["State"]:
    from pipeline.engines.weights.checking import Depth, examine

    with progress_bar() as report:
        return [examine(folder, each.name, lock[each.name], Depth.ALL, report) for each in wanted]


def _clean(state: "State") -> bool:
    return state.usable and not state.extra


def _verdict(state: "State") -> list[str]:
    lines = [f"✗ {state.name}: {state.complaint()}. This mends it: chorus models pull {state.name}"]
    if state.usable:
        lines = [f"✓ {state.name}: {len(state.whole)} files, all as pulled"]
    if state.extra:
        lines.append(
            f"✗ {state.name}: nobody pulled {', '.join(state.extra)}; remove what is not yours"
        )
    return lines


def _state_as_json(state: "State") -> Mapping[str, object]:
    return {
        "name": state.name,
        "ok": _clean(state),
        "missing": list(state.missing),
        "altered": list(state.altered),
        "extra": list(state.extra),
    }
