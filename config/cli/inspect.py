"""``chorus inspect``: measures a finished video, anyone's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from config.cli.output import json_option, last_line, progress_bar, refuse_unwritable

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command(short_help="Measure a finished video, anyone's.")
@click.argument("clip", type=FILE)
@click.option(
    "--voice",
    type=FILE,
    help="The recording it was made from; without it the Clip's own sound is taken.",
)
@click.option(
    "--template",
    type=FILE,
    help="The video it was made from; needed for texture and for what changed outside the face.",
)
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw a contact sheet of consecutive frames (PNG).",
)
@json_option
def inspect(
    clip: Path, voice: Path | None, template: Path | None, sheet: Path | None, as_json: bool
) -> None:
    """Measure a finished video: does the mouth follow the sound, is it shut in silence, what changed elsewhere?"""
    from config.cli.rejections import told
    from config.cli.render import CHILD_TIMEOUT_S
    from pipeline.sandbox import run_in_child

    if sheet is not None:
        refuse_unwritable(sheet.parent)
        sheet.parent.mkdir(parents=True, exist_ok=True)
    request = {
        "do": "inspect",
        "name": clip.name,
        **{
            name: str(path.absolute()) if path else None
            for name, path in {
                "clip": clip,
                "voice": voice,
                "template": template,
                "sheet": sheet,
            }.items()
        },
    }
    with told(advice=False), progress_bar() as report:
        figures = run_in_child(request, timeout_s=CHILD_TIMEOUT_S, progress=report)
    if as_json:
        last_line(figures)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    label = _label_rows(figures.pop("label"))
    for name, value in [*_flat(figures), *label]:
        table.add_row(name, "–" if value is None else str(value))
    Console(highlight=False).print(table)
    if sheet is not None:
        click.echo(f"The contact sheet is {sheet}.")


def _label_rows(label: Mapping[str, Any]) -> list[tuple[str, object]]:
    """What was found of the AI label: in the picture, and in the file."""
    seen = {True: "yes", False: "no", None: "cannot be told"}[label["visible"]]
    if label["box"] is not None:
        left_px, top_px, width_px, height_px = label["box"]
        seen += f", {width_px}×{height_px} px at {left_px}, {top_px}"
    rows: list[tuple[str, object]] = [("label visible", seen)]
    if label["implicit"] is None:
        return [*rows, ("label embedded", "no")]
    return [*rows, ("label embedded", "yes"), *_flat(label["implicit"], "label ")]


def _flat(figures: dict[str, object], above: str = "") -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{above}{name} ")
        else:
            rows.append((f"{above}{name}", value))
    return rows
