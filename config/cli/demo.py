"""``chorus demo``: the whole product on this machine, from a recording to the videos."""

import asyncio
import re
import secrets
import time
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console

from bot.stock import add_to_library, remove_from_library, sha256_of
from config.cli.asked import Asked, clip_flags
from config.cli.output import (
    DONE,
    FAILED,
    PARTIAL,
    Failed,
    ending,
    errors_console,
    json_option,
    language,
    last_line,
    progress_bar,
    refuse_unwritable,
)
from config.cli.starting import run, system_started
from config.cli.terminal import Message, Terminal
from config.cli.weights import (
    device_names,
    engine_option,
    refuse_missing_engine,
    unverified_option,
    with_unverified,
)
from config.settings import Settings, load_settings
from config.system import System, Wanted
from config.wiring import Wires, wires
from worker.contract.names import clip_name
from worker.contract.records import (
    BatchRecord,
    BatchState,
    Chat,
    Person,
    TakeRecord,
    TakeState,
    TemplateRecord,
    TemplateState,
)

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_LINK = re.compile(r"https?://\S+")
_BAR = re.compile(r"[▰▱]")
_LOOK_S = 0.1
_ANSWER_S = 60.0
_TAKE_S = 1800.0
_BATCH_S = 6 * 3600.0
_PERSON = "demo"


@dataclass
class Course:
    """What the demo did, and when."""

    started: float = field(default_factory=time.perf_counter)
    seconds: dict[str, float] = field(default_factory=dict)
    batch: BatchRecord | None = None
    take: TakeRecord | None = None
    archive: Path | None = None
    link: str | None = None

    def passed(self, stage: str) -> None:
        """Note how long the stage took that ends now."""
        since = sum(self.seconds.values())
        self.seconds[stage] = time.perf_counter() - self.started - since


@click.command(short_help="Show the whole product, on this machine.")
@click.option("--voice", type=FILE, help="The recording; Chorus's own sample if not given.")
@click.option(
    "--template",
    "templates",
    type=FILE,
    multiple=True,
    help="A presenter's video; may be repeated. Chorus's own samples if not given.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out"),
    show_default=True,
    help="Where the Archive is downloaded to.",
)
@engine_option
@unverified_option
@clip_flags
@json_option
def demo(
    voice: Path | None,
    templates: tuple[Path, ...],
    out: Path,
    engine: str | None,
    unverified: Path | None,
    asked: Asked,
    as_json: bool,
) -> None:
    """Show the whole product on this machine: nothing needs to be installed or running.

    Starts an embedded Redis, a local store, the worker and the bot; sends the recording into a console chat, picks
    the templates, shows the conversation, and downloads the Archive through its Link.
    """
    settings = with_unverified(load_settings(), unverified)
    told = {"engine": engine, "label_text": asked.label_text}
    settings = settings.model_copy(update={name: value for name, value in told.items() if value})
    refuse_unwritable(out)
    asked.refuse_wrong_picture()
    refuse_missing_engine(settings)
    course = Course()
    run(_demo(settings, voice, templates, out, asked, course, quiet=as_json))
    course.seconds["total"] = time.perf_counter() - course.started
    if as_json:
        last_line(_as_json(course))
    ending(_exit_code(course))


async def _demo(
    settings: Settings,
    voice: Path | None,
    templates: Sequence[Path],
    out: Path,
    asked: Asked,
    course: Course,
    *,
    quiet: bool,
) -> None:
    devices = device_names(settings)  # what cannot be is told before anything starts
    voice, templates = await _inputs(settings, voice, templates)
    course.passed("samples")
    account = f"demo-{secrets.token_hex(3)}"
    wanted = Wanted(front_end=True, worker=True, console=account, devices=devices)
    async with (
        system_started(settings, wanted) as system,
        wires(system.settings) as hand,
    ):
        course.passed("start")
        records = [await add_to_library(hand.ledger, hand.store, path) for path in templates]
        course.passed("templates")
        try:
            await _converse(system, hand, account, voice, records, asked, course, quiet=quiet)
            if course.link is not None:
                course.archive = await _fetch(course.link, out)
                course.passed("download")
        finally:
            await _tidy(hand, account, records)


async def _inputs(
    settings: Settings, voice: Path | None, templates: Sequence[Path]
) -> tuple[Path, Sequence[Path]]:
    """What was given, and our own samples for what was not."""
    from config.cli.samples import make_samples

    if voice is not None and templates:
        return voice, templates
    with progress_bar() as report:
        samples = await asyncio.to_thread(make_samples, settings, report)
    return voice or samples.voice, templates or samples.templates


async def _converse(
    system: System,
    hand: Wires,
    account: str,
    voice: Path,
    records: Sequence[TemplateRecord],
    asked: Asked,
    course: Course,
    *,
    quiet: bool,
) -> None:
    from bot.texts.catalogue import Texts
    from config.cli.terminal_view import TerminalView

    assert system.console_socket is not None  # noqa: S101 - a console was wanted
    person = Person(id=account, name=_PERSON, language=language())
    chat = Chat(platform="console", account=account, id=account)
    console = Console(stderr=quiet, highlight=False)  # stdout's last line is the JSON object
    with TerminalView(console, Texts(), person.language, _PERSON) as view:
        async with Terminal(system.console_socket, account, person, on_event=view.show) as terminal:
            await terminal.send_file(voice)
            course.take = await _heard(hand, voice)
            await _said_after(terminal, 2)  # behind the file and "listening"
            if course.take.state is not TakeState.READY:
                return
            await _set(terminal, asked)
            said = len(terminal.transcript)
            await terminal.send_text(", ".join(record.name for record in records))
            await _said_after(terminal, said)
            course.passed("conversation")
            await terminal.send_text("go")
            course.batch = await _ended(hand, chat)
            course.passed("batch")
            await _tell(terminal, course)


async def _set(terminal: Terminal, asked: Asked) -> None:
    """Ask for what the flags ask for, as a person would."""
    phrases = [
        *asked.phrases(),
        *([f"/settings captions {asked.captions}"] if asked.captions else []),
    ]
    for phrase in phrases:
        said = len(terminal.transcript)
        await terminal.send_text(phrase)
        await _said_after(terminal, said)
    if isinstance(asked.background, Path):
        said = len(terminal.transcript)
        await terminal.send_file(asked.background)
        await _said_after(terminal, said)


async def _until(look: Callable[[], Awaitable[bool]], limit_s: float, waiting_for: str) -> None:
    try:
        async with asyncio.timeout(limit_s):
            while not await look():  # noqa: ASYNC110 - what is waited for happens in another process
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise Failed(
            f"Nothing came within {limit_s:.0f} s while waiting for {waiting_for}."
        ) from None


async def _heard(hand: Wires, voice: Path) -> TakeRecord:
    """The Take, once it is settled."""
    take_id = await asyncio.to_thread(sha256_of, voice)

    async def settled() -> bool:
        take = await hand.ledger.take(take_id)
        return take is not None and take.state is not TakeState.ANALYSING

    await _until(settled, _TAKE_S, "the recording to be analysed")
    take = await hand.ledger.take(take_id)
    assert take is not None  # noqa: S101 - just seen
    return take


async def _ended(hand: Wires, chat: Chat) -> BatchRecord:
    """The Batch of this chat, once nothing more is to be told of it."""
    found: list[BatchRecord] = []

    async def ended() -> bool:
        found[:] = await hand.ledger.history(chat, None, 0, 1)
        return bool(found) and not found[0].state.active

    await _until(ended, _BATCH_S, "the videos")
    return found[0]


async def _said_after(terminal: Terminal, count: int) -> Message:
    """The newest message, once the bot has said something after the first ``count`` messages."""
    return await terminal.wait_for(lambda _: True, _ANSWER_S, after=count)


async def _tell(terminal: Terminal, course: Course) -> None:
    """Take the Archive's Link from the message that brought it, as a person would."""
    batch = course.batch
    if batch is None or batch.archive_key is None:
        return
    outcome = await terminal.wait_for(
        # Not the message with the bar, which links single videos while the others are made.
        lambda message: bool(_LINK.search(message.text)) and not _BAR.search(message.text),
        _ANSWER_S,
    )
    found = _LINK.search(outcome.text)
    course.link = found.group() if found else None


async def _fetch(link: str, out: Path) -> Path:
    from config.cli.download import download

    with progress_bar() as report:
        archive = await download(link, out, report)
    with zipfile.ZipFile(archive) as opened:
        broken = await asyncio.to_thread(opened.testzip)
    if broken is not None:
        raise Failed(f"{archive}: {broken} is damaged.")
    errors_console().print(f"Downloaded: {archive}", soft_wrap=True)
    return archive


async def _tidy(hand: Wires, account: str, records: Sequence[TemplateRecord]) -> None:
    """However the demo ended: its order does not go on without it, and the library keeps only what can be used."""
    for batch_id in await hand.ledger.active_batches(f"console:{account}"):
        await hand.ledger.cancel(batch_id)
    for record in records:
        template = await hand.ledger.template(record.id)
        if template is not None and template.state is not TemplateState.READY:
            await remove_from_library(hand.ledger, hand.store, template)


def _as_json(course: Course) -> dict[str, object]:
    batch = course.batch
    reason = course.take.reason if course.take else None
    return {
        "batch": batch.code if batch else None,
        "state": batch.state if batch else BatchState.FAILED,
        "reason": reason.model_dump() if reason else None,
        "clips": [
            {
                "name": clip_name(clip.number, clip.template_name) if clip.result else None,
                "template": clip.template_name,
                "state": clip.state,
                "reason": clip.reason.model_dump() if clip.reason else None,
                "frames": clip.result.frames if clip.result else 0,
                "seconds": clip.result.duration_s if clip.result else 0.0,
                "flags": clip.result.flags if clip.result else None,
            }
            for clip in (batch.clips if batch else ())
        ],
        "archive": str(course.archive) if course.archive else None,
        "link": course.link,
        "seconds": {stage: round(value, 3) for stage, value in course.seconds.items()},
    }


def _exit_code(course: Course) -> int:
    states = {BatchState.DELIVERED: DONE, BatchState.PARTIAL: PARTIAL}
    return states.get(course.batch.state, FAILED) if course.batch else FAILED
