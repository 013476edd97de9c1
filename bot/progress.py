"""How far a Batch is, as one message says it."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot import words
from bot.desk import Desk
from bot.ports import ChatUnreachable, Choice
from bot.texts.catalogue import Language
from worker.contract.records import (
    BatchRecord,
    BatchState,
    ClipRecord,
    ClipState,
    MessageRef,
    TakeState,
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
"""Clips told one by one; of longer Batches only what moves, failed or is flagged, and what is done as far as its Link finds room."""
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
    """Measured: what remains."""
    ahead: int = 0
    """Clips of others that are drawn first, or Archives that are packed first."""


async def pace_of(desk: Desk, batch: BatchRecord, measured_s: float | None = None) -> Pace:
    """Who comes first, and what remains by what others took; else ``measured_s``, by the Batch's own pace so far."""
    outlook = await desk.ledger.outlook(batch.id)
    left_s = measured_s if outlook.left_s is None else outlook.left_s
    return Pace(left_s=left_s, ahead=outlook.ahead)


def is_over(batch: BatchRecord) -> bool:
    """Whether a Batch makes nothing any more: all that is left is to tell how it ended."""
    return batch.state not in _WORKING


def share_done(batch: BatchRecord) -> float:
    """How much of a Batch is done, 0.0-1.0, by frames where they are known."""
    if not batch.clips:
        return 0.0
    return sum(_share(clip) for clip in batch.clips) / len(batch.clips)


def share_packed(batch: BatchRecord) -> float:
    """How much of the Archive lies in the store, 0.0-1.0."""
    if not batch.archive_size_bytes:
        return 0.0
    return min(batch.packed_bytes / batch.archive_size_bytes, 1.0)


def _share(clip: ClipRecord) -> float:
    if clip.state in {ClipState.DONE, ClipState.FAILED, ClipState.CANCELLED, ClipState.STORING}:
        return 1.0
    return min(clip.done / clip.total, 1.0) if clip.total else 0.0


async def progress_text(
    desk: Desk,
    batch: BatchRecord,
    language: Language,
    pace: Pace | None = None,
    links: Mapping[int, str] | None = None,
) -> str:
    """The whole message: head, bar with counts and time, a line for each Clip, what one can do.

    Args:
        desk: Tells what the platform can carry.
        batch: How far it is.
        language: Of who reads it.
        pace: What is known beside the record.
        links: To Clips that are done, by number; they stand behind their lines where there are no buttons for them.
    """
    pace = pace or Pace()
    texts = desk.texts
    head = texts.say(
        language,
        "progress-head",
        code=batch.code,
        take=words.shown_name(batch.order.take_name),
        count=len(batch.clips),
    )
    if not is_over(batch) and not batch.cancelled:
        foot = texts.say(language, "progress-foot", code=batch.code)
    else:
        foot = ""
    if batch.order.urgent and not is_over(batch):
        head = f"{head} · {texts.say(language, 'progress-urgent')}"
    if (about := size_text(desk, batch, language)) and not is_over(batch):
        head = f"{head} · {about}"
    lines = [head, _bar_line(desk, batch, language, pace)]
    told = await _clip_lines(desk, batch, language)
    rest = _rest_line(desk, batch, language, len(told))
    room = desk.adapter.limits.text_length - len("\n".join([*lines, *told.values(), rest, foot]))
    in_text = {} if desk.adapter.limits.link_buttons else links or {}
    lines += _linked(desk, batch, told, in_text, language, room)
    lines += [rest] if rest else []
    return "\n".join([*lines, foot] if foot else lines)


def size_text(desk: Desk, batch: BatchRecord, language: Language) -> str:
    """How large an order may become, and in how many ZIPs it comes; empty where that does not matter."""
    expected, most_bytes = batch.order.about_bytes, desk.policy.most_archive_bytes
    if expected <= words.LARGE_BYTES:
        return ""
    size = words.about(expected)
    if expected > most_bytes and batch.order.options.zip == "parts":
        count = words.parts(expected, most_bytes)
        return desk.texts.say(language, "progress-size-parts", size=size, count=count)
    return desk.texts.say(language, "progress-size", size=size)


def _linked(
    desk: Desk,
    batch: BatchRecord,
    told: Mapping[int, str],
    links: Mapping[int, str],
    language: Language,
    room: int,
) -> list[str]:
    """Lines of Clips with their Links, as many as there is room for: a message that is revised stays one."""
    lines, left_out = [], False
    for clip in batch.clips:
        line = told.get(clip.number)
        linked = line
        if clip.number in links:
            plain = line or _clip_line(desk, clip, language, unready=False)
            linked = desk.texts.say(language, "clip-linked", line=plain, url=links[clip.number])
        if linked is None:
            continue
        more = len(linked) - (-1 if line is None else len(line))  # a line of its own has an end
        if more > room:
            linked, more, left_out = line, 0, True
        room -= more
        lines += [linked] if linked is not None else []
    way = desk.texts.say(language, "clips-unlinked", code=batch.code)
    if left_out and len(told) == len(batch.clips) and len(way) < room:  # else the last line says so
        lines.append(way)
    return lines


def progress_choices(
    desk: Desk, batch: BatchRecord, language: Language, links: Mapping[int, str] | None = None
) -> list[Choice]:
    """What can be done with a Batch that runs, where the platform has buttons: see what is done, stop the rest."""
    limits = desk.adapter.limits
    if is_over(batch) or batch.cancelled or not limits.choices:
        return []
    # Behind the others, which grow in number: who aims at Cancel may get a video, never the other way round.
    cancel = Choice(
        f"{CANCEL}{batch.id}", desk.texts.say(language, "button-cancel"), section="cancel"
    )
    if not limits.link_buttons:
        return [cancel]
    videos = [
        Choice("", f"{clip.number}. {words.shown_name(clip.template_name)}", url=links[clip.number])
        for clip in batch.clips
        if links and clip.number in links
    ]
    return [*videos[: limits.choices - 1], cancel]


def _bar_line(desk: Desk, batch: BatchRecord, language: Language, pace: Pace) -> str:
    stage = _stage(desk, batch, language, pace)
    under_way = not is_over(batch) and not batch.cancelled
    share = share_done(batch) if under_way else batch.done / max(len(batch.clips), 1)
    return f"{words.bar(share)} {batch.done}/{len(batch.clips)} · {stage}"


def _stage(desk: Desk, batch: BatchRecord, language: Language, pace: Pace) -> str:
    texts = desk.texts
    if is_over(batch):
        return texts.say(language, _end_of(batch))
    if batch.cancelled:
        return texts.say(language, "stage-cancelling")
    if batch.state is BatchState.PACKING:
        return _packing(desk, batch, language, pace)
    if batch.state is BatchState.QUEUED and pace.ahead > 0:
        if pace.left_s is None:
            return texts.say(language, "stage-ahead", count=pace.ahead)
        left = _left(desk, language, pace.left_s)
        return texts.say(language, "stage-ahead-left", count=pace.ahead, left=left)
    if pace.left_s is not None:
        return texts.say(language, "stage-left", left=_left(desk, language, pace.left_s))
    return texts.say(language, f"stage-{batch.state}")


def _packing(desk: Desk, batch: BatchRecord, language: Language, pace: Pace) -> str:
    """How far the Archive is: whose come first, what lies in the store already, how long the rest takes."""
    texts = desk.texts
    if pace.ahead > 0:
        return texts.say(language, "stage-archives-ahead", count=pace.ahead)
    if not batch.packed_bytes:
        return texts.say(language, "stage-packing")
    percent = int(100 * share_packed(batch))
    if pace.left_s is None:
        return texts.say(language, "stage-packing-share", percent=percent)
    left = _left(desk, language, pace.left_s)
    return texts.say(language, "stage-packing-left", percent=percent, left=left)


def _left(desk: Desk, language: Language, left_s: float) -> str:
    return words.duration(desk.texts, language, max(round(left_s), 1))


def _end_of(batch: BatchRecord) -> str:
    """The last form, the same before and after the Outcome was told."""
    if batch.cancelled:
        return "stage-cancelled"
    if batch.done == len(batch.clips):
        return "stage-done"
    return "stage-partial" if batch.done else "stage-failed"


async def _clip_lines(desk: Desk, batch: BatchRecord, language: Language) -> dict[int, str]:
    """A line for each Clip that is told one by one whatever the room, by its number."""
    shown = [c for c in batch.clips if len(batch.clips) <= _LINES or _is_news(c)]
    shown = shown[:_LINES]
    hearing = await _still_hearing(desk, batch)
    preparing = frozenset[str]() if hearing else await _preparing(desk, batch, shown)
    return {
        clip.number: _clip_line(
            desk, clip, language, unready=hearing or clip.template_id in preparing
        )
        for clip in shown
    }


def _rest_line(desk: Desk, batch: BatchRecord, language: Language, told: int) -> str:
    """What stands for Clips that are not told one by one, with the way to those that are done; empty if all are."""
    if told == len(batch.clips):
        return ""
    under_way = batch.done and not is_over(batch) and not batch.cancelled
    name = "clips-rest-linked" if under_way else "clips-rest"
    waiting = sum(clip.state is ClipState.WAITING for clip in batch.clips)
    return desk.texts.say(language, name, done=batch.done, waiting=waiting, code=batch.code)


def _is_news(clip: ClipRecord) -> bool:
    return clip.state in _UNDERWAY or bool(clip.result and clip.result.flags)


async def _still_hearing(desk: Desk, batch: BatchRecord) -> bool:
    if (
        batch.state is not BatchState.PREPARING
    ):  # queued: everything is there, and nobody has drawn yet
        return False
    take = await desk.ledger.take(batch.order.take_id)
    return take is not None and take.state is TakeState.ANALYSING


def _clip_line(desk: Desk, clip: ClipRecord, language: Language, *, unready: bool) -> str:
    mark = MARKS[clip.state]
    if clip.state is ClipState.RENDERING and clip.total:
        state = desk.texts.say(language, "clip-rendering", percent=int(100 * _share(clip)))
    elif clip.state is ClipState.FAILED and clip.reason:
        state = desk.texts.short(language, clip.reason)
    elif clip.state is ClipState.WAITING and unready:
        mark, state = _PREPARING_MARK, desk.texts.say(language, "clip-preparing")
    elif clip.state is ClipState.RENDERING:
        state = desk.texts.say(language, "clip-starting")
    elif clip.result and clip.result.flags:
        remark = desk.texts.remark(language, clip.result.flags)
        mark, state = _FLAGGED_MARK, desk.texts.say(language, "clip-flagged", remark=remark)
    else:
        state = desk.texts.say(language, f"clip-{clip.state}")
    return f"{mark} {clip.number}. {words.shown_name(clip.template_name)} · {state}"


async def _preparing(desk: Desk, batch: BatchRecord, clips: Sequence[ClipRecord]) -> frozenset[str]:
    """Which Templates of Clips that wait are still being prepared."""
    if batch.state is BatchState.QUEUED:
        return frozenset()
    wanted = {clip.template_id for clip in clips if clip.state is ClipState.WAITING}
    return await desk.ledger.preparing(wanted)


async def note_progress(desk: Desk, batch: BatchRecord, message: MessageRef) -> None:
    """Remember which message shows the progress of a Batch."""
    await desk.ledger.note_progress_message(batch.id, message)


async def show_end(desk: Desk, batch: BatchRecord, language: Language) -> None:
    """Bring the progress message of an ended Batch into its last form, if the platform lets us. Raises OUTAGES."""
    if batch.progress_message is None or not desk.adapter.limits.can_revise:
        return
    text = await progress_text(desk, batch, language)
    with contextlib.suppress(ChatUnreachable):  # somebody deleted it
        await desk.adapter.revise(batch.progress_message, text)
