"""What was ordered: finding a Batch by its code, its state, its links, cancelling and retrying."""

from collections.abc import Callable
from typing import Final

from bot import orders, waivers, words
from bot.desk import Turn
from bot.files import send_files
from bot.links import links_of, still_there
from bot.outcomes import failure_lines
from bot.progress import Pace, progress_text, show_end
from worker.contract.codes import Code
from worker.contract.records import BatchRecord, BatchState, ClipState, Person, Reason

_PAGE: Final = 8
_SEARCHED: Final = 200
"""Newest Batches looked through when no code was typed."""


async def find_batch(
    turn: Turn,
    code: str,
    suits: Callable[[BatchRecord], bool],
    if_none: str = "no-such-batch",
) -> BatchRecord | None:
    """The Batch a command means: by its code, or the newest one that suits; says so if there is none.

    Only Batches of this chat are found, and where we talk alone only the person's own: what others ordered
    elsewhere does not even exist.
    """
    code = code.strip().lstrip("#")
    if not code:
        found = await newest(turn, suits)
        if found is None:
            await turn.answer(turn.say(if_none))
        return found
    batch = await turn.desk.ledger.batch_by_code(code)
    if batch is not None and _visible(turn, batch):
        return batch
    reason = Reason(code=Code.UNKNOWN_BATCH, facts={"code": words.shown_name(code)})
    await turn.answer(turn.reason(reason))
    return None


async def newest(turn: Turn, suits: Callable[[BatchRecord], bool]) -> BatchRecord | None:
    """The newest Batch of this chat that suits, or None."""
    batches = await turn.desk.ledger.history(turn.chat, asking(turn), 0, _SEARCHED)
    return next((batch for batch in batches if suits(batch)), None)


def asking(turn: Turn) -> Person | None:
    """Whose Batches may be seen: in a group everybody's, else the person's own."""
    return turn.person if turn.chat.private else None


def _visible(turn: Turn, batch: BatchRecord) -> bool:
    ordered = batch.order.chat
    here = (ordered.mailbox, ordered.id) == (turn.chat.mailbox, turn.chat.id)
    return here and (not turn.chat.private or batch.order.person.id == turn.person.id)


async def show_status(turn: Turn, code: str) -> None:
    """Answer /status: of a Batch, or of all that run and of the draft."""
    if code.strip():
        batch = await find_batch(turn, code, lambda _: True)
        if batch is not None:
            await turn.answer(await _status(turn, batch))
        return
    batches = await turn.desk.ledger.history(turn.chat, asking(turn), 0, _SEARCHED)
    active = [batch for batch in batches if batch.state.active]
    lines = [await _status(turn, batch) for batch in active[:3]]
    if len(active) > len(lines):
        lines.append(turn.say("status-more", count=len(active) - len(lines)))
    if not active:
        lines.append(turn.say("status-idle"))
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if draft.take_id or draft.picks:
        recording = words.shown_name(draft.take_name) or turn.say("draft-no-recording")
        lines.append(turn.say("status-draft", take=recording, count=len(draft.picks)))
    if active and not await turn.desk.ledger.workers():
        lines.append(turn.say("status-no-workers"))
    await turn.answer(*lines)


async def _status(turn: Turn, batch: BatchRecord) -> str:
    if batch.state is BatchState.EXPIRED:
        take = words.shown_name(batch.order.take_name)
        return turn.say("status-expired", code=batch.code, take=take, when=_expiry(batch))
    ahead = 0
    if batch.state is BatchState.QUEUED:
        ahead = await turn.desk.ledger.place(batch.id)
    return await progress_text(turn.desk, batch, turn.language, Pace(ahead=ahead))


async def cancel(turn: Turn, code: str) -> None:
    """Answer /cancel: end a running Batch; what is done is kept and sent."""
    batch = await find_batch(
        turn, code, lambda batch: batch.state.active and not batch.cancelled, "status-idle"
    )
    if batch is not None:
        await _cancel(turn, batch)


async def files_by_choice(turn: Turn, batch_id: str) -> None:
    """The button below the Links."""
    batch = await turn.desk.ledger.batch(batch_id)
    if batch is not None and _visible(turn, batch):
        await send_files(turn, batch)


async def cancel_by_choice(turn: Turn, batch_id: str) -> None:
    """The button below the progress."""
    batch = await turn.desk.ledger.batch(batch_id)
    if batch is not None and _visible(turn, batch):
        await _cancel(turn, batch)


async def _cancel(turn: Turn, batch: BatchRecord) -> None:
    ended = not batch.state.active or batch.state is BatchState.READY
    if ended and not batch.cancelled:
        state = turn.say(f"state-{batch.state}")
        await turn.answer(turn.say("cancel-too-late", code=batch.code, state=state))
        return
    ending = await turn.desk.ledger.cancel(batch.id)
    if ending is not None and not ending.state.active:  # nothing was running: no fact will follow
        await show_end(turn.desk, ending, turn.language)
    message = "cancel-some" if batch.done and batch.state.active else "cancelled"
    await turn.answer(turn.say(message, code=batch.code, done=batch.done))


async def retry(turn: Turn, code: str) -> None:
    """Answer /retry: have the failed Clips of an ended Batch made again."""
    again = await turn.desk.memory.load("retried", turn.receipt)
    if again is not None:  # the same message came twice
        batch = await turn.desk.ledger.batch(again)
    else:
        found = await find_batch(turn, code, _retriable, "retry-none")
        if found is None:
            return
        if found.state.active:
            await turn.answer(turn.say("retry-running", code=found.code))
            return
        if not await waivers.covers(turn, found):
            await turn.answer(_not_covered(turn, found))
            return
        batch = await turn.desk.ledger.retry(found.id)
        if batch is None:
            await turn.answer(turn.say("retry-nothing", code=found.code))
            return
        await turn.desk.memory.keep("retried", turn.receipt, value=found.id, ttl_s=86_400)
    if batch is not None:
        left = sum(clip.state.open for clip in batch.clips)
        await orders.announce(turn, batch, turn.say("retrying", code=batch.code, count=left))


def _not_covered(turn: Turn, batch: BatchRecord) -> str:
    """Why this person cannot have an order without the visible label made again."""
    if batch.order.person.id == turn.person.id:
        return turn.say("retry-waiver-ended", code=batch.code)
    name = words.shown_name(batch.order.person.name or batch.order.person.id)
    return turn.say("retry-waiver-of", code=batch.code, name=name)


def _retriable(batch: BatchRecord) -> bool:
    broken = {ClipState.FAILED, ClipState.CANCELLED}
    return not batch.state.active and any(clip.state in broken for clip in batch.clips)


async def renew_links(turn: Turn, code: str) -> None:
    """Answer /zip: new Links to what is there."""
    batch = await find_batch(turn, code, lambda batch: batch.archive_key is not None)
    if batch is None:
        return
    if batch.archive_key is None:
        if batch.state.active:
            await turn.answer(turn.say("zip-not-yet", code=batch.code))
        else:
            failures = failure_lines(turn.desk, batch, turn.language)
            await turn.answer(turn.say("zip-nothing", code=batch.code), *failures)
        return
    if not await still_there(turn.desk, batch):
        await turn.answer(turn.say("zip-expired", code=batch.code))
        return
    head = turn.say(
        "zip-head", code=batch.code, take=words.shown_name(batch.order.take_name), done=batch.done
    )
    links = await links_of(turn.desk, batch, turn.language)
    await turn.answer(head, *links.lines, choices=links.choices)


async def show_history(turn: Turn, page: str) -> None:
    """Answer /history: newest first, a page at a time."""
    number = int(page) if page.isdecimal() and len(page) < 6 else 1
    offset = (max(number, 1) - 1) * _PAGE
    batches = await turn.desk.ledger.history(turn.chat, asking(turn), offset, _PAGE + 1)
    if not batches:
        await turn.answer(turn.say("history-empty" if offset == 0 else "history-end"))
        return
    lines = [_history_line(turn, batch) for batch in batches[:_PAGE]]
    more = turn.say("history-more", page=number + 1) if len(batches) > _PAGE else ""
    await turn.answer(turn.say("history-head"), *lines, more)


def _history_line(turn: Turn, batch: BatchRecord) -> str:
    return turn.say(
        "history-line",
        code=batch.code,
        when=batch.created_at.astimezone().strftime("%Y-%m-%d %H:%M"),
        take=words.shown_name(batch.order.take_name),
        done=str(batch.done),
        count=str(len(batch.clips)),
        state=_state(turn, batch),
    )


def _state(turn: Turn, batch: BatchRecord) -> str:
    if batch.state is BatchState.EXPIRED and batch.expired_at is not None:
        return turn.say("state-expired-on", when=_expiry(batch))
    return turn.say(f"state-{batch.state}")


def _expiry(batch: BatchRecord) -> str:
    return batch.expired_at.astimezone().strftime("%Y-%m-%d") if batch.expired_at else "–"
