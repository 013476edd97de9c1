"""What was ordered: finding a Batch by its code, its state, its links, cancelling and retrying."""

import asyncio
from collections.abc import Callable
from typing import Final

from bot import orders, waivers, words
from bot.allowance import allowance_of
from bot.announcing import announce
from bot.desk import Turn
from bot.files import CLIPS, ZIP, What, ask_for_files, zip_fits
from bot.links import gone_from, kept_keys, links_of, links_so_far
from bot.outcomes import failure_lines
from bot.ports import Choice
from bot.progress import Pace, is_over, progress_text, show_end
from worker.contract.codes import Code
from worker.contract.ports import LimitReached
from worker.contract.records import BatchRecord, BatchState, ClipState, Outlook, Person, Reason

PAGE: Final = "history:"
"""The token of a button that shows a page."""
_PAGE: Final = 8
_TOLD: Final = 3
"""Batches that are told in full when nobody asks for a certain one."""
_AS_FILE: Final = frozenset({"file", "files", "文件"})
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
    if (batch := await seen_here(turn, code)) is not None:
        return batch
    reason = Reason(code=Code.UNKNOWN_BATCH, facts={"code": words.shown_name(code)})
    await turn.answer(turn.reason(reason))
    return None


async def seen_here(turn: Turn, code: str) -> BatchRecord | None:
    """The Batch of a code, if the person may see it here; None for one elsewhere, as if there were none."""
    batch = await turn.desk.ledger.batch_by_code(code)
    return batch if batch is not None and _visible(turn, batch) else None


async def newest(turn: Turn, suits: Callable[[BatchRecord], bool]) -> BatchRecord | None:
    """The newest Batch of this chat that suits, or None."""
    for offset in range(0, _SEARCHED, _PAGE):
        batches = await turn.desk.ledger.history(turn.chat, asking(turn), offset, _PAGE)
        if found := next((batch for batch in batches if suits(batch)), None):
            return found
        if len(batches) < _PAGE:
            break
    return None


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
            await turn.answer(await _status(turn, batch, await turn.desk.ledger.outlook(batch.id)))
        return
    # All that is asked is asked at once: however much is going on, one answer of Redis is waited for, not one after the other.
    under_way, draft, workers = await asyncio.gather(
        turn.desk.ledger.under_way(turn.chat, asking(turn), _SEARCHED, _TOLD),
        turn.desk.drafts.load(turn.chat, turn.person),
        turn.desk.ledger.workers(),
    )
    told = (_status(turn, batch, outlook) for batch, outlook in under_way.newest)
    lines = list(await asyncio.gather(*told))
    if under_way.count > len(lines):
        lines.append(turn.say("status-more", count=under_way.count - len(lines)))
    if not under_way.count:
        lines.append(turn.say("status-idle"))
    if draft.take_id or draft.picks:
        recording = words.shown_name(draft.take_name) or turn.say("draft-no-recording")
        lines.append(turn.say("status-draft", take=recording, count=len(draft.picks)))
    if under_way.count and not workers:
        lines.append(turn.say("status-no-workers"))
    await turn.answer(*lines)


async def _status(turn: Turn, batch: BatchRecord, outlook: Outlook) -> str:
    if batch.state is BatchState.EXPIRED:
        return _expired(turn, batch)
    links = await links_so_far(turn.desk, batch)
    pace = Pace(left_s=outlook.left_s, ahead=outlook.ahead)
    text = await progress_text(turn.desk, batch, turn.language, pace, links)
    return f"{text}\n{_archives(turn, batch)}" if batch.archives else text


def _archives(turn: Turn, batch: BatchRecord) -> str:
    """What can be downloaded of an ended Batch, and how."""
    sizes = [words.size(archive.size_bytes) for archive in batch.archives]
    return turn.say(
        "status-archives",
        code=batch.code,
        count=len(sizes),
        sizes=words.listing(turn.language, sizes),
    )


def _expired(turn: Turn, batch: BatchRecord) -> str:
    take = words.shown_name(batch.order.take_name)
    return turn.say("status-expired", code=batch.code, take=take, when=_expiry(batch))


async def cancel(turn: Turn, code: str) -> None:
    """Answer /cancel: end a running Batch, of which what is done is kept and sent; else give up what is being put together."""
    if not code and await newest(turn, _runs) is None and await orders.give_up(turn):
        return
    batch = await find_batch(turn, code, _runs, "status-idle")
    if batch is not None:
        await _cancel(turn, batch)


def _runs(batch: BatchRecord) -> bool:
    return batch.state.active and not batch.cancelled


async def files_by_choice(turn: Turn, token: str) -> None:
    """A button below the Links."""
    what: What = "files" if token.startswith(CLIPS) else "zipfile"
    batch_id = token.removeprefix(CLIPS).removeprefix(ZIP)
    batch = await turn.desk.ledger.batch(batch_id)
    if batch is not None and _visible(turn, batch):
        await ask_for_files(turn, batch, what)


async def cancel_by_choice(turn: Turn, batch_id: str) -> None:
    """The button below the progress."""
    batch = await turn.desk.ledger.batch(batch_id)
    if batch is not None and _visible(turn, batch):
        await _cancel(turn, batch)


async def _cancel(turn: Turn, batch: BatchRecord) -> None:
    if is_over(batch) and not batch.cancelled:
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
        if found.state is BatchState.EXPIRED:
            await turn.answer(_expired(turn, found))
            return
        if not await waivers.covers(turn, found):
            await turn.answer(_not_covered(turn, found))
            return
        try:
            batch = await turn.desk.ledger.retry(found.id, allowance_of(turn))
        except LimitReached as limit:
            await turn.answer(turn.short(limit.reason), turn.say("retry-later", code=found.code))
            return
        if batch is None:
            await turn.answer(turn.say("retry-nothing", code=found.code))
            return
        await turn.desk.memory.keep("retried", turn.receipt, value=found.id, ttl_s=86_400)
    if batch is not None:
        left = sum(clip.state.open for clip in batch.clips)
        await announce(turn, batch, turn.say("retrying", code=batch.code, count=left))


def _not_covered(turn: Turn, batch: BatchRecord) -> str:
    """Why this person cannot have an order without the visible label made again."""
    if batch.order.person.id == turn.person.id:
        return turn.say("retry-waiver-ended", code=batch.code)
    name = words.shown_name(batch.order.person.name or batch.order.person.id)
    return turn.say("retry-waiver-of", code=batch.code, name=name)


def _retriable(batch: BatchRecord) -> bool:
    broken = {ClipState.FAILED, ClipState.CANCELLED}
    ended = not batch.state.active and batch.state is not BatchState.EXPIRED
    return ended and any(clip.state in broken for clip in batch.clips)


async def renew_links(turn: Turn, code: str) -> None:
    """Answer /zip: new Links to what is there, or with the word for it the ZIP itself."""
    typed = code.split()
    if typed and typed[-1].casefold() in _AS_FILE and turn.desk.adapter.limits.send_bytes:
        await _send_zip(turn, " ".join(typed[:-1]))
        return
    batch = await find_batch(turn, code, _has_links)
    if batch is None:
        return
    if batch.state is BatchState.EXPIRED:
        await turn.answer(_expired(turn, batch))
        return
    if not _has_links(batch):
        if batch.state.active:
            await _show_so_far(turn, batch)
        else:
            failures = failure_lines(turn.desk, batch, turn.language)
            await turn.answer(turn.say("zip-nothing", code=batch.code), *failures)
        return
    gone = await gone_from(turn.desk, batch)
    if gone.issuperset(kept_keys(batch)):
        await turn.answer(turn.say("zip-expired", code=batch.code))
        return
    head = turn.say(
        "zip-head", code=batch.code, take=words.shown_name(batch.order.take_name), done=batch.done
    )
    links = await links_of(turn.desk, batch, turn.language, gone)
    await turn.answer(head, *links.lines, choices=links.choices)


async def _send_zip(turn: Turn, code: str) -> None:
    batch = await find_batch(turn, code, _has_links)
    if batch is None:
        return
    if zip_fits(turn.desk, batch):
        await ask_for_files(turn, batch, "zipfile")
    else:
        limit = words.size(turn.desk.adapter.limits.send_bytes)
        await turn.answer(turn.say("files-none", code=batch.code, limit=limit))


async def _show_so_far(turn: Turn, batch: BatchRecord) -> None:
    """Links to what is done of an order that runs."""
    if not batch.done:
        await turn.answer(turn.say("zip-not-yet", code=batch.code))
        return
    head = turn.say("zip-so-far", code=batch.code, done=batch.done, count=len(batch.clips))
    links = await links_of(turn.desk, batch, turn.language)
    await turn.answer(head, *links.lines, choices=links.choices)


def _has_links(batch: BatchRecord) -> bool:
    """Whether its work is over, with something to download: the ZIP, or videos of who wanted none."""
    kept = batch.state is not BatchState.EXPIRED
    return kept and (bool(batch.archives) or (is_over(batch) and batch.done > 0))


async def show_history(turn: Turn, page: str) -> None:
    """Answer /history: newest first, a page at a time."""
    number = int(page) if page.isdecimal() and len(page) < 6 else 1
    offset = (max(number, 1) - 1) * _PAGE
    batches = await turn.desk.ledger.history(turn.chat, asking(turn), offset, _PAGE + 1)
    if not batches:
        await turn.answer(turn.say("history-empty" if offset == 0 else "history-end"))
        return
    lines = [_history_line(turn, batch) for batch in batches[:_PAGE]]
    more, choices = "", []
    if len(batches) > _PAGE:
        more = turn.say("history-more", page=number + 1)
        choices.append(Choice(f"{PAGE}{number + 1}", turn.say("button-older")))
    await turn.answer(turn.say("history-head"), *lines, more, choices=choices)


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
