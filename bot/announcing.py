"""That a Batch has begun: said in the message that will show its progress."""

from bot import words
from bot.desk import Turn
from bot.links import links_so_far
from bot.progress import (
    is_over,
    note_progress,
    progress_choices,
    progress_text,
    show_end,
    size_text,
)
from worker.contract.records import BatchRecord, MessageRef


async def announce(turn: Turn, batch: BatchRecord, *remarks: str) -> None:
    """Say that a Batch has begun, in the message that will show its progress."""
    turn.notice, notice = None, await _notice_of(turn, batch)
    if not turn.desk.adapter.limits.can_revise:
        await _say_accepted(turn, batch, *remarks)
        return
    if any(remarks):
        await turn.answer(*remarks, name="remarks")
        turn.fresh = False
    message = await _say_progress(turn, batch, notice)
    if message is not None:
        await note_progress(turn.desk, batch, message)
        await catch_up(turn, batch.id)


async def _say_progress(
    turn: Turn, batch: BatchRecord, notice: MessageRef | None
) -> MessageRef | None:
    """The message that will show the progress; None where it would stand still: then only that it begins is said."""
    links = await links_so_far(turn.desk, batch)  # after /retry some are done
    text = await progress_text(turn.desk, batch, turn.language, links=links)
    choices = progress_choices(turn.desk, batch, turn.language, links)
    if notice is not None and await turn.say_in_place_of(notice, text, choices):
        return notice
    if not turn.can_revise:
        await _say_accepted(turn, batch)
        return None
    return await turn.desk.post(
        turn.chat,
        text,
        # One message, whichever hand says it: who heard the recording, or who had said "go" before.
        key=f"{batch.order.key if batch.round == 1 else turn.receipt}:progress",
        reply_to=turn.reply_to or (None if turn.chat.private else batch.order.reply_to),
        choices=choices,
        person=turn.person,
    )


async def _say_accepted(turn: Turn, batch: BatchRecord, *remarks: str) -> None:
    accepted = turn.say(
        "accepted",
        code=batch.code,
        count=len(batch.clips),
        take=words.shown_name(batch.order.take_name),
    )
    await turn.answer(
        *remarks, accepted, size_text(turn.desk, batch, turn.language), name="progress"
    )


async def catch_up(turn: Turn, batch_id: str) -> None:
    """A Batch may have ended while its announcement waited: then nobody else would bring that into its last form."""
    batch = await turn.desk.ledger.batch(batch_id)
    if batch is not None and is_over(batch):
        await show_end(turn.desk, batch, turn.language)


async def _notice_of(turn: Turn, batch: BatchRecord) -> MessageRef | None:
    """The message whose place the progress takes, also if somebody died or had to wait before it did."""
    if batch.round > 1:
        return None
    kept = await turn.desk.memory.load("notice", batch.order.key)
    return None if kept is None else MessageRef.model_validate_json(kept)
