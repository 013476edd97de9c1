"""A recording comes in: kept, and given to be listened to."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from bot import offering, orders, words
from bot.desk import Desk, Turn
from bot.disposal import bringing
from bot.drafts import Draft
from bot.incoming import Fetched
from bot.ports import MessageRef
from worker.contract import keys
from worker.contract.codes import Code
from worker.contract.records import Reason, TakeRecord, TakeState, Utterance

_LOOKING: Final = timedelta(seconds=20)
"""So long somebody who sent a recording still looks at the chat."""

_ECHO: Final = 80
"""Letters of a transcript that is shown."""


async def receive_recording(turn: Turn, file: Fetched, message_id: str) -> None:
    """Keep a recording under its hash, have it listened to, and say so at once."""
    media = file.media
    taken = TakeRecord(
        id=file.sha256, name=media.name, size_bytes=file.size_bytes, created_at=datetime.now(UTC)
    )
    async with bringing(turn.desk, taken.id, turn.receipt):
        await _keep(turn.desk, file)
        async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
            earlier = page.draft
            page.change(
                take_id=taken.id,
                take_name=media.name,
                take_message=media.message_id or message_id or None,
                offer=None,
                notice=None,
            )
    said = await turn.answer(
        turn.say("listening", name=words.shown_name(media.name)), _echo(turn, media.words)
    )
    if turn.desk.adapter.limits.rings:
        turn.notice = said
        async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
            if page.draft.take_id == taken.id:
                page.change(notice=said, noticed_at=turn.desk.clock())
    await offering.prepare_offer(turn)
    teller = Utterance(kind="take", chat=turn.chat, person=turn.person, subject=taken.id)
    await turn.desk.ledger.open_take(taken, teller=teller)
    if earlier.take_id is not None:
        await offering.replace_offer(turn, earlier, media.name)


async def _keep(desk: Desk, file: Fetched) -> None:
    """Have the bytes in the store. Who lost them, or what was made of them, had it all deleted by age: it is listened to anew."""
    known, names = await desk.ledger.take(file.sha256), ["source"]
    if known is not None and known.state is TakeState.READY:
        names += keys.TAKE_MADE
    there = await asyncio.gather(*(desk.has(keys.take(file.sha256, name)) for name in names))
    if all(there):
        return
    if known is not None:
        await desk.ledger.remove_take(file.sha256)  # nothing happens to one that is listened to now
    await desk.store.put_file(keys.take(file.sha256, "source"), file.path)


async def tell_take(turn: Turn, take_id: str) -> None:
    """Say what was heard in a recording; nothing if the person went on to another one."""
    if await orders.placed_before(turn):
        return
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    take = await turn.desk.ledger.take(take_id)
    if draft.take_id != take_id or take is None or take.state is TakeState.ANALYSING:
        return
    turn.notice = _notice(turn, draft)
    if not turn.chat.private:  # so that people see whose recording it is
        turn.reply_to = draft.take_message
    if take.state is not TakeState.READY:
        await _refuse(turn, take)
        return
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        page.change(heard=take_id)
    if draft.go_key and draft.picks:
        heard = "" if turn.notice else _heard(turn, take)
        await orders.order(turn, draft, *offering.remark_lines(turn, take), begins=heard)
    else:
        if turn.desk.adapter.limits.rings:  # it is offered already: we died before that was noted
            turn.notice = turn.notice or draft.offer
        named = take.model_copy(update={"name": draft.take_name or take.name})
        await offering.offer_templates(turn, *offering.heard_lines(turn, named))


def _echo(turn: Turn, heard: str) -> str:
    """What the platform heard, so that people see whose recording was taken; empty if it tells nothing."""
    line = " ".join(heard.split())
    if len(line) > _ECHO:
        line = f"{line[: _ECHO - 1]}…"
    return turn.say("listening-words", words=line) if line else ""


def _notice(turn: Turn, draft: Draft) -> MessageRef | None:
    """The message whose place the answer takes; None if people have waited so long that they shall hear it ring."""
    if draft.notice is None or draft.noticed_at is None:
        return None
    return draft.notice if turn.desk.clock() - draft.noticed_at < _LOOKING else None


def _heard(turn: Turn, take: TakeRecord) -> str:
    speech = words.duration(turn.desk.texts, turn.language, take.speech_s)
    return turn.say("heard-and-started", speech=speech)


async def _refuse(turn: Turn, take: TakeRecord) -> None:
    """The recording is no use; what was picked stays."""
    reason = take.reason or Reason(code=Code.INCIDENT)
    await turn.answer(turn.reason(reason))
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        if page.draft.take_id == take.id:
            page.change(take_id=None, take_name="", take_message=None, offer=None, notice=None)
