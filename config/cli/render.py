"""``chorus render``: one Clip straight through the pipeline, without a queue."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click

from config.cli.output import (
    Report,
    errors_console,
    json_option,
    last_line,
    progress_bar,
    refuse_unwritable,
)
from config.paths import models_folder
from config.settings import Settings, load_settings

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

CHILD_TIMEOUT_S = 3600.0
"""Longer than the longest Template takes to prepare; the child has limits of its own."""


@click.command(short_help="Render one video, without chat and queue.")
@click.option("--voice", required=True, type=FILE, help="The recording.")
@click.option("--template", required=True, type=FILE, help="The presenter's video.")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The MP4 to write.",
)
@click.option("--engine", default=None, help="viseme, unless CHORUS_ENGINE names another.")
@json_option
def render(voice: Path, template: Path, out: Path, engine: str | None, as_json: bool) -> None:
    """Render one Clip: the presenter of TEMPLATE speaks the recording VOICE."""
    from config.cli.rejections import told

    settings = load_settings()
    refuse_unwritable(out.parent)
    with told(), progress_bar() as report:
        facts, flags = render_once(
            voice, template, out, engine or settings.engine, settings, report
        )
    _warn(out, flags)
    if as_json:
        last_line(facts)
    else:
        click.echo(
            f"{out}: {facts['frames']} frames at {facts['fps']:g} fps, {facts['duration_s']:.2f} s, "
            f"{facts['realtime']:.1f} x real time"
        )


def _warn(out: Path, flags: Sequence[str]) -> None:
    """Say what the check has against the Clip, if anything."""
    from bot.texts.catalogue import Texts
    from worker.contract.codes import Flag

    if flags:
        remarks = "; ".join(Texts().remark("en", [Flag(flag)]) for flag in flags)
        errors_console().print(
            f"⚠ {out}: {remarks}. Have a look before you use it.", soft_wrap=True
        )


def _checked(
    do: str,
    source: Path,
    folder: Path,
    limits: dict[str, float],
    report: Report,
    models: Path | None = None,
) -> None:
    """Analyse a recording, or prepare a video, in a disposable child."""
    from pipeline.sandbox import run_in_child

    folder.mkdir()
    request = {
        "do": do,
        "source": str(source.absolute()),
        "name": source.name,
        "folder": str(folder),
        "limits": limits,
        "models": str(models) if models else None,
    }
    run_in_child(request, timeout_s=CHILD_TIMEOUT_S, progress=report)


def render_once(
    voice: Path,
    template: Path,
    out: Path,
    engine_name: str,
    settings: Settings,
    report: Report,
) -> tuple[dict[str, object], Sequence[str]]:
    """Analyse, prepare, render, check; the JSON of ``render --json``, and the check's flags, worst first.

    Both inputs are decoded to their end in a disposable child first. Raises InputRejected, EngineUnavailable.
    """
    from pipeline.engines.registry import open_engine
    from pipeline.faces.mesh import FaceMesh
    from pipeline.measure.check import Check
    from pipeline.render import render_clip
    from pipeline.takes import load_take
    from pipeline.templates import load_template

    engine = open_engine(engine_name)
    out.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="chorus-render-") as scratch:
        take_folder, template_folder = Path(scratch, "take"), Path(scratch, "template")
        limits = {"max_s": float(settings.max_take_s)}
        _checked("take", voice, take_folder, limits, report, models_folder(settings))
        listened = time.perf_counter()
        _checked("template", template, template_folder, {}, report)
        prepared = engine.prepare(load_template(template_folder, template), report)
        looked = time.perf_counter()
        speech = load_take(take_folder)
        check = Check(engine, prepared, speech)
        clip = render_clip(check.engine, prepared, speech, out, report)
        rendered = time.perf_counter()
        with FaceMesh() as mesh:
            verdict = check.measure(out, mesh, report)
        finished = time.perf_counter()
    facts: dict[str, object] = {
        "frames": clip.frames,
        "fps": float(clip.fps),
        "duration_s": clip.duration_s,
        "engine": engine_name,
        "seconds": {
            "speech": listened - started,
            "template": looked - listened,
            "render": clip.seconds["render"],
            "encode": clip.seconds["encode"],
            "total": finished - started,
        },
        "realtime": clip.duration_s / (rendered - looked),
    }
    return facts, verdict.flags
