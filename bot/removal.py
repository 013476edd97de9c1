"""Deleting what was made: asked first, then done in the store and in the ledger."""

from typing import Final

from pydantic import BaseModel, ConfigDict

from bot.desk import Desk, Turn
from bot.disposal import dispose, dispose_pictures
from bot.drafts import Question
from bot.history import asking, find_batch
from bot.links import forget_link
from bot.questions import ask
from worker.contract import keys
from worker.contract.records import BatchRecord

_PAGE: Final = 100
_MOST: Final = 1000
_KNOWN_S: Final = 86_400
"""So long a message may be answered again."""


async def ask_delete(turn: Turn, code: str) -> None:
    """Answer /delete: ask before a Batch is deleted; one that runs has to be cancelled first."""
    if await _told_to_wait(turn):
        return
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
    if await _told_to_wait(turn):
        return
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
    if agreed and await _told_to_wait(turn):
        return
    if agreed and (batch := await _running_again(turn, question)) is not None:
        answer = turn.say("delete-running", code=batch.code)
    elif agreed:
        answer = await _delete_all(turn, question)
    else:
        answer = turn.say("kept")
    await turn.answer(answer)


async def _told_to_wait(turn: Turn) -> bool:
    """Whether orders may be missing that the store remembers, in which case nothing goes; says so."""
    if not await turn.desk.ledger.is_blank():
        return False
    await turn.answer(turn.say("delete-not-now"))
    return True


async def _running_again(turn: Turn, question: Question) -> BatchRecord | None:
    """The Batch that was to be deleted, if somebody has its failed videos made again meanwhile; of many those stay silently."""
    if question.kind != "delete":
        return None
    batch = await turn.desk.ledger.batch(question.batch_ids[0])
    return batch if batch is not None and batch.state.active else None


async def _delete_all(turn: Turn, question: Question) -> str:
    """Delete the Batches, and the recordings that nobody else uses; what to say of it."""
    deleted = [await _delete(turn.desk, question, each) for each in question.batch_ids]
    known = [each for each in deleted if each is not None]
    if question.kind == "delete":
        said = turn.say("deleted", code=known[0].code) if known else turn.say("deleted-already")
    else:
        said = turn.say("cleared", count=len(known))
    took = await dispose(turn.desk, {each.take_id for each in known})
    await dispose_pictures(turn.desk, {each.picture for each in known if each.picture})
    lines = [
        turn.say(message, count=count)
        for message, count in (
            ("recordings-gone", took.gone),
            ("recordings-ordered", took.ordered),
            ("recordings-drafted", took.drafted),
            ("recordings-heard", took.heard),
            ("recordings-unsure", took.unsure),
        )
        if count
    ]
    return turn.desk.texts.join(turn.language, said, *lines)


class _Deleted(BaseModel):
    """What is said of a deleted Batch, should the answer have to be tried again."""

    model_config = ConfigDict(frozen=True)

    code: str
    take_id: str
    picture: str | None = None
    """SHA-256 of the one behind the presenters."""


async def _delete(desk: Desk, question: Question, batch_id: str) -> _Deleted | None:
    """Remove an ended Batch with all its objects; None if it was gone before or runs (again).

    The ledger forgets it after the store did: should the store be away halfway, whoever tries again finds the Batch, and
    what is left of it. What is said of it is kept, since the answer may be tried again when nothing is left.
    """
    asked = ("deleted", question.id, batch_id)
    batch = await desk.ledger.batch(batch_id)
    if batch is not None and batch.state.active:
        return None
    if batch is not None:
        await _remove_objects(desk, batch)
        picture = batch.order.options.picture
        deleted = _Deleted(
            code=batch.code,
            take_id=batch.order.take_id,
            picture=picture.sha256 if picture else None,
        )
        await desk.memory.keep(*asked, value=deleted.model_dump_json(), ttl_s=_KNOWN_S)
        await desk.ledger.forget_batch(batch_id)
    # Once more: a foreman may have been writing it until the ledger forgot the Batch.
    await desk.store.delete(keys.batch(batch_id))
    kept = await desk.memory.load(*asked)
    return None if kept is None else _Deleted.model_validate_json(kept)


async def _remove_objects(desk: Desk, batch: BatchRecord) -> None:
    """Remove what the store has of a Batch, at last what it would be brought back from."""
    doomed = []
    for prefix in (f"clips/{batch.id}/", f"archives/{batch.id}/"):
        doomed += [facts.key async for facts in desk.store.list(prefix)]
    for key in (*doomed, keys.batch(batch.id)):
        await desk.store.delete(key)
    for clip in batch.clips:
        if clip.result is not None:
            await forget_link(desk, clip.result)
