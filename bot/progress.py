"""How far a Batch is, as one message says it."""

import contextlib
from dataclasses import dataclass
from typing import Final

from bot import words
from bot.desk import Desk
from bot.ports import ChatError, Choice
from bot.texts.catalogue import Language
from worker.contract.records import (
    BatchRecord,
    BatchState,
    ClipRecord,
    ClipState,
    MessageRef,
    TakeState,
    TemplateState,
)

MARKS: Final = {
    ClipState.WAITING: "·",
    ClipState.RENDERING: "▸",
    ClipState.STORING: "↑",
    ClipState.DONE: "✓",
    ClipState.FAILED: "✗",
    ClipState.CANCELLED: "–",
}
CANCEL: Final = "cancel:"
_PREPARING_MARK: Final = "◌"
_FLAGGED_MARK: Final = "⚠"
_LINES: Final = 12
"""Clips told one by one; of longer Batches only what moves, failed or is flagged."""
_UNDERWAY: Final = {ClipState.RENDERING, ClipState.STORING, ClipState.FAILED}
_WORKING: Final = {
    BatchState.QUEUED,
    BatchState.PREPARING,
    BatchState.RENDERING,
    BatchState.PACKING,
}


@dataclass(frozen=True)
class Pace:
    """What is known beside the record."""

    left_s: float | None = None
    """Measured: what remains at the pace so far."""
    ahead: int = 0
    """Clips of others that are drawn first."""


def share_done(batch: BatchRecord) -> float:
    """How much of a Batch is done, 0.0-1.0, by frames where they are known."""
    if not batch.clips:
        return 0.0
    return sum(_share(clip) for clip in batch.clips) / len(batch.clips)


def _share(clip: ClipRecord) -> float:
    if clip.state in {ClipState.DONE, ClipState.FAILED, ClipState.CANCELLED, ClipState.STORING}:
        return 1.0
    return min(clip.done / clip.total, 1.0) if clip.total else 0.0


async def progress_text(
    desk: Desk, batch: BatchRecord, language: Language, pace: Pace | None = None
) -> str:
    """The whole message: head, bar with counts and time, a line for each Clip, what one can do."""
    pace = pace or Pace()
    texts = desk.texts
    head = texts.say(
        language,
        "progress-head",
        code=batch.code,
        take=words.shown_name(batch.order.take_name),
        count=len(batch.clips),
    )
    if batch.state in _WORKING and not batch.cancelled:
        foot = texts.say(language, "progress-foot", code=batch.code)
    else:
        foot = ""
    lines = [
        head,
        _bar_line(desk, batch, language, pace),
        *await _clip_lines(desk, batch, language),
    ]
    return "\n".join([*lines, foot] if foot else lines)


def progress_choices(desk: Desk, batch: BatchRecord, language: Language) -> list[Choice]:
    """What can be done with a Batch that runs, where the platform has buttons."""
    if batch.state not in _WORKING or batch.cancelled or not desk.adapter.limits.choices:
        return []
    return [Choice(f"{CANCEL}{batch.id}", desk.texts.say(language, "button-cancel"))]


def _bar_line(desk: Desk, batch: BatchRecord, language: Language, pace: Pace) -> str:
    stage = _stage(desk, batch, language, pace)
    under_way = batch.state in _WORKING and not batch.cancelled
    share = share_done(batch) if under_way else batch.done / max(len(batch.clips), 1)
    return f"{words.bar(share)} {batch.done}/{len(batch.clips)} · {stage}"


def _stage(desk: Desk, batch: BatchRecord, language: Language, pace: Pace) -> str:
    texts = desk.texts
    if batch.state not in _WORKING:
        return texts.say(language, _end_of(batch))
    if batch.cancelled:
        return texts.say(language, "stage-cancelling")
    if batch.state is BatchState.QUEUED and pace.ahead > 0:
        return texts.say(language, "stage-ahead", count=pace.ahead)
    if pace.left_s is not None and batch.state is not BatchState.PACKING:
        left = words.duration(texts, language, max(round(pace.left_s), 1))
        return texts.say(language, "stage-left", left=left)
    return texts.say(language, f"stage-{batch.state}")


def _end_of(batch: BatchRecord) -> str:
    """The last form, the same before and after the Outcome was told."""
    if batch.cancelled:
        return "stage-cancelled"
    if batch.done == len(batch.clips):
        return "stage-done"
    return "stage-partial" if batch.done else "stage-failed"


async def _clip_lines(desk: Desk, batch: BatchRecord, language: Language) -> list[str]:
    shown = [c for c in batch.clips if len(batch.clips) <= _LINES or _is_news(c)]
    hearing = await _still_hearing(desk, batch)
    lines = [await _clip_line(desk, clip, language, hearing=hearing) for clip in shown[:_LINES]]
    rest = len(batch.clips) - len(lines)
    if rest:
        waiting = sum(clip.state is ClipState.WAITING for clip in batch.clips)
        lines.append(desk.texts.say(language, "clips-rest", done=batch.done, waiting=waiting))
    return lines


def _is_news(clip: ClipRecord) -> bool:
    return clip.state in _UNDERWAY or bool(clip.result and clip.result.flags)


async def _still_hearing(desk: Desk, batch: BatchRecord) -> bool:
    if batch.state not in {BatchState.QUEUED, BatchState.PREPARING}:
        return False
    take = await desk.ledger.take(batch.order.take_id)
    return take is not None and take.state is TakeState.ANALYSING


async def _clip_line(desk: Desk, clip: ClipRecord, language: Language, *, hearing: bool) -> str:
    mark = MARKS[clip.state]
    if clip.state is ClipState.RENDERING and clip.total:
        state = desk.texts.say(language, "clip-rendering", percent=int(100 * _share(clip)))
    elif clip.state is ClipState.FAILED and clip.reason:
        state = desk.texts.short(language, clip.reason)
    elif clip.state is ClipState.WAITING and (hearing or await _preparing(desk, clip)):
        mark, state = _PREPARING_MARK, desk.texts.say(language, "clip-preparing")
    elif clip.state is ClipState.RENDERING:
        state = desk.texts.say(language, "clip-starting")
    elif clip.result and clip.result.flags:
        remark = desk.texts.remark(language, clip.result.flags)
        mark, state = _FLAGGED_MARK, desk.texts.say(language, "clip-flagged", remark=remark)
    else:
        state = desk.texts.say(language, f"clip-{clip.state}")
    return f"{mark} {clip.number}. {words.shown_name(clip.template_name)} · {state}"


async def _preparing(desk: Desk, clip: ClipRecord) -> bool:
    template = await desk.ledger.template(clip.template_id)
    return template is not None and template.state is TemplateState.PREPARING


async def note_progress(desk: Desk, batch: BatchRecord, message: MessageRef) -> None:
    """Remember which message shows the progress of a Batch."""
    await desk.ledger.note_progress_message(batch.id, message)


async def show_end(desk: Desk, batch: BatchRecord, language: Language) -> None:
    """Bring the progress message of an ended Batch into its last form, if the platform lets us."""
    if batch.progress_message is None or not desk.adapter.limits.can_revise:
        return
    text = await progress_text(desk, batch, language)
    with contextlib.suppress(ChatError):
        await desk.adapter.revise(batch.progress_message, text)
