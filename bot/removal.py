"""Deleting what was made: asked first, then done in the store and in the ledger."""

from typing import Final

from bot.desk import Desk, Turn
from bot.drafts import Question
from bot.history import asking, find_batch
from bot.questions import ask
from worker.contract import keys
from worker.contract.records import BatchRecord

_PAGE: Final = 100
_MOST: Final = 1000


async def ask_delete(turn: Turn, code: str) -> None:
    """Answer /delete: ask before a Batch is deleted; one that runs has to be cancelled first."""
    batch = await find_batch(turn, code, lambda batch: not batch.state.active)
    if batch is None:
        return
    if batch.state.active:
        await turn.answer(turn.say("delete-running", code=batch.code))
        return
    question = Question(kind="delete", id=turn.receipt, batch_ids=(batch.id,))
    await ask(turn, question, turn.say("delete-sure", code=batch.code, count=batch.done))


async def ask_clear(turn: Turn) -> None:
    """Answer /clear: ask before all ended Batches are deleted."""
    ended: list[str] = []
    for offset in range(0, _MOST, _PAGE):
        batches = await turn.desk.ledger.history(turn.chat, asking(turn), offset, _PAGE)
        ended += [batch.id for batch in batches if not batch.state.active]
        if len(batches) < _PAGE:
            break
    if not ended:
        await turn.answer(turn.say("clear-nothing"))
        return
    question = Question(kind="clear", id=turn.receipt, batch_ids=tuple(ended))
    await ask(turn, question, turn.say("clear-sure", count=len(ended)))


async def settle(turn: Turn, question: Question, *, agreed: bool) -> None:
    """The person answered whether to delete."""
    if agreed:
        deleted = [await _delete(turn.desk, batch_id) for batch_id in question.batch_ids]
        codes = [batch.code for batch in deleted if batch]
        if question.kind == "delete":
            answer = turn.say("deleted", code=codes[0]) if codes else turn.say("deleted-already")
        else:
            answer = turn.say("cleared", count=len(codes))
    else:
        answer = turn.say("kept")
    await turn.answer(answer)


async def _delete(desk: Desk, batch_id: str) -> BatchRecord | None:
    """Remove an ended Batch with all its objects; None if it is gone or runs (again)."""
    batch = await desk.ledger.batch(batch_id)
    if batch is None or batch.state.active:
        return None
    doomed = []
    for prefix in (f"clips/{batch_id}/", f"archives/{batch_id}/"):
        doomed += [facts.key async for facts in desk.store.list(prefix)]
    for key in doomed:
        await desk.store.delete(key)
    await desk.ledger.forget_batch(batch_id)
    await desk.store.delete(keys.batch(batch_id))  # last: a foreman may still be writing it before
    return batch
