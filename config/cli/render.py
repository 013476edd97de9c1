"""``chorus render``: one Clip straight through the pipeline, without a queue."""

import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from config.cli.asked import Asked, clip_flags
from config.cli.output import (
    Failed,
    Report,
    errors_console,
    json_option,
    language,
    last_line,
    progress_bar,
    refuse_unwritable,
)
from config.cli.weights import refuse_missing_engine, unverified_option, with_unverified
from config.paths import models_folder
from config.settings import Settings, load_settings
from worker.asked import LabelRules
from worker.contract.codes import Code
from worker.contract.records import Reason, Remark

if TYPE_CHECKING:
    from pipeline.measure.check import Check
    from pipeline.options import Background, ClipOptions
    from pipeline.types import Hear

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

CHILD_TIMEOUT_S = 3600.0
"""Longer than the longest Template takes to prepare; the child has limits of its own."""
_NO_SCREEN = "no green screen and no transparency was found"


@click.command(short_help="Render one video, without chat and queue.")
@click.option("--voice", required=True, type=FILE, help="The recording.")
@click.option("--template", required=True, type=FILE, help="The presenter's video.")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The MP4 to write.",
)
@click.option(
    "--engine",
    default=None,
    help="viseme, unless CHORUS_ENGINE names another; musetalk and latentsync want weights, and without a GPU much patience.",
)
@unverified_option
@clip_flags
@json_option
def render(
    voice: Path,
    template: Path,
    out: Path,
    engine: str | None,
    unverified: Path | None,
    asked: Asked,
    as_json: bool,
) -> None:
    """Render one Clip: the presenter of TEMPLATE speaks the recording VOICE.

    With --captions files or burned, SRT and VTT files are written beside OUT.
    """
    from config.cli.rejections import told

    settings = with_unverified(load_settings(), unverified)
    refuse_unwritable(out.parent)
    asked.refuse_wrong_picture()
    order = Order(voice, template, out, engine or settings.engine, asked)
    refuse_missing_engine(settings.model_copy(update={"engine": order.engine}))
    with told(), progress_bar() as report:
        facts, remarks = render_once(order, settings, report)
    for remark in remarks:
        errors_console().print(remark, soft_wrap=True)
    if as_json:
        last_line(facts)
    else:
        click.echo(
            f"{out}: {facts['frames']} frames at {facts['fps']:g} fps, {facts['duration_s']:.2f} s, "
            f"{facts['realtime']:.1f} x real time"
        )


@dataclass(frozen=True)
class Order:
    """What one command renders."""

    voice: Path
    template: Path
    out: Path
    engine: str
    asked: Asked


@dataclass
class Course:
    """What became known on the way, and when."""

    started: float = field(default_factory=time.perf_counter)
    seconds: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    """Sentences for people."""

    def passed(self, stage: str) -> None:
        """Note how long the stage took that ends now."""
        since = sum(self.seconds.values())
        self.seconds[stage] = time.perf_counter() - self.started - since


def render_once(
    order: Order, settings: Settings, report: Report
) -> tuple[dict[str, object], Sequence[str]]:
    """Analyse, prepare, render, check; the JSON of ``render --json``, and what people should know.

    All inputs are decoded to their end in a disposable child first. Raises InputRejected, EngineUnavailable.
    """
    from config.shelf import hardware_of, shelf_of
    from pipeline.engines.registry import open_engine
    from pipeline.measure.check import Check
    from pipeline.render import render_clip
    from pipeline.takes import load_take
    from pipeline.templates import load_template

    engine = open_engine(order.engine, shelf_of(settings), hardware_of(settings))
    course, out = Course(), order.out
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chorus-render-") as scratch:
        take, template = Path(scratch, "take"), Path(scratch, "template")
        options = _options(
            order.asked, settings, Path(scratch), report
        )  # what is wrong is told first
        heard = _listen(order, take, settings, report)
        course.remarks += _notes("take", heard)
        course.passed("speech")
        course.remarks += _notes(
            "template", _in_child("template", order.template, template, report)
        )
        prepared = engine.prepare(load_template(template, order.template), report, template)
        course.passed("template")
        speech = load_take(take, options.sound, report)
        check = Check(engine, prepared, speech, options)
        clip = render_clip(check.engine, prepared, speech, out, report, options)
        course.passed("clip")
        if clip.background_kept:
            course.remarks.append(f"⚠ {out}: the background stayed as it is: {_NO_SCREEN}.")
        course.remarks += _captions(order, take, words=int(heard["words"]))
        course.remarks += checked(check, out, report)
        course.passed("check")
    facts: dict[str, object] = {
        "frames": clip.frames,
        "fps": float(clip.fps),
        "duration_s": clip.duration_s,
        "engine": order.engine,
        "seconds": {
            "speech": course.seconds["speech"],
            "template": course.seconds["template"],
            "render": clip.seconds["generate"] + clip.seconds["render"],
            "encode": clip.seconds["encode"],
            "total": sum(course.seconds.values()),
        },
        "realtime": clip.duration_s / course.seconds["clip"],
    }
    return facts, course.remarks


def checked(check: "Check", clip: Path, report: Report) -> Sequence[str]:
    """What the check has against a Clip, for people; a check that cannot be made costs no Clip."""
    from bot.texts.catalogue import Texts
    from pipeline.faces.mesh import FaceMesh
    from worker.contract.codes import Flag

    try:
        with FaceMesh() as mesh:
            flags = check.measure(clip, mesh, report).flags
    except Exception as error:  # noqa: BLE001 - whatever it is, the Clip is written, and that is what was asked for
        return [f"⚠ {clip}: it is written, but could not be checked: {error!r}"]
    if not flags:
        return []
    remarks = "; ".join(Texts().remark("en", [Flag(flag)]) for flag in flags)
    return [f"⚠ {clip}: {remarks}. Have a look before you use it."]


def _listen(order: Order, folder: Path, settings: Settings, report: Report) -> dict[str, Any]:
    from pipeline.speech.scribe import hearing

    limits = {"max_s": float(settings.max_take_s)}
    hear = hearing(models_folder(settings))
    return _in_child("take", order.voice, folder, report, limits, hear)


def _in_child(
    do: str,
    source: Path,
    folder: Path,
    report: Report,
    limits: Mapping[str, float] | None = None,
    hear: "Hear | None" = None,
) -> dict[str, Any]:
    """Analyse a recording, prepare a video or decode a picture, in a disposable child."""
    from pipeline.sandbox import run_in_child

    folder.mkdir()
    request = {
        "do": do,
        "source": str(source.absolute()),
        "name": source.name,
        "folder": str(folder),
        "limits": dict(limits or {}),
    }
    return run_in_child(request, timeout_s=CHILD_TIMEOUT_S, progress=report, hear=hear)


def _options(asked: Asked, settings: Settings, scratch: Path, report: Report) -> "ClipOptions":
    """The flags as the pipeline takes them."""
    from pipeline.options import ClipOptions, LabelOptions, Playing, SoundOptions

    rules = LabelRules(settings.label_producer, settings.label_text, settings.label_seconds)
    return ClipOptions(
        playing=Playing(asked.playing or "bounce"),
        sound=SoundOptions(asked.loudness, asked.trim, asked.denoise),
        background=_background(asked, scratch, report),
        captions=asked.captions == "burned",
        label=LabelOptions(
            text=asked.label_text or rules.text_in(language()),
            seconds=rules.seconds,
            producer=rules.producer,
            produce_id=f"render-{secrets.token_hex(8)}",
        ),
    )


def _background(asked: Asked, scratch: Path, report: Report) -> "Background | None":
    from bot.texts.catalogue import Texts
    from pipeline.errors import InputRejected
    from pipeline.options import Background
    from worker.pictures import PICTURE

    wanted = asked.background
    if wanted is None:
        return None
    if isinstance(wanted, str):
        return Background(blur=True) if wanted == "blur" else Background(colour=wanted)
    try:
        _in_child("picture", wanted, scratch / "picture", report)
    except InputRejected:
        reason = Reason(code=Code.BACKGROUND_UNREADABLE, facts={"name": wanted.name})
        raise Failed(Texts().short(language(), reason), reason.code, reason.facts) from None
    return Background(picture=scratch / "picture" / PICTURE)


def _notes(of: Literal["take", "template"], told: Mapping[str, Any]) -> Sequence[str]:
    """What there is to say about a recording or a video."""
    from bot.texts.catalogue import Texts

    texts = Texts()
    return [
        texts.note(language(), of, Remark.model_validate(remark))
        for remark in told.get("remarks", ())
    ]


def _captions(order: Order, take: Path, *, words: int) -> Sequence[str]:
    """Write the captions beside the Clip, if they are wanted; what to say if there are none."""
    wanted = order.asked.captions not in {None, "off"}
    if not wanted:
        return []
    if not words:
        return ["No captions: no words are known of this recording. See: chorus check"]
    made = "captions-trimmed" if order.asked.trim else "captions"
    for suffix in (".srt", ".vtt"):
        shutil.copyfile(take / f"{made}{suffix}", order.out.with_suffix(suffix))
    return []
