"""What only those may do whom the operator named: adding to the library, looking at the whole."""

from typing import Final

from bot import words
from bot.desk import Turn
from bot.incoming import fetched
from bot.permissions import is_admin, person_entry
from bot.ports import Media
from bot.stock import add_to_library
from worker.contract.records import ClipState, TemplateState

_ADD: Final = frozenset({"add", "添加", "新增"})
_RECEIPT_TTL_S: Final = 86_400
_NAME: Final = 60


async def template(turn: Turn, argument: str, media: Media | None = None) -> None:
    """Answer ``/template add NAME``, which comes with a video or points at one."""
    if not await _may(turn):
        return
    verb, _, name = argument.partition(" ")
    if verb.casefold() not in _ADD or media is None:
        await turn.answer(turn.say("template-how"))
        return
    limit = turn.desk.adapter.limits.file_size_bytes
    if media.size_bytes is not None and media.size_bytes > limit:
        large, most = words.size(media.size_bytes), words.size(limit)
        await turn.answer(turn.say("template-too-large", size=large, limit=most))
        return
    await _add(turn, media, " ".join(name.split())[:_NAME])


async def stats(turn: Turn, _: str) -> None:
    """Answer /stats: how much there is to do, and who does it."""
    if not await _may(turn):
        return
    ledger = turn.desk.ledger
    ids = await ledger.active_batches(turn.chat.mailbox)
    batches = [batch for id_ in ids if (batch := await ledger.batch(id_)) is not None]
    left = sum(clip.state.open for batch in batches for clip in batch.clips)
    running = sum(c.state is ClipState.RENDERING for batch in batches for c in batch.clips)
    templates = await ledger.templates()
    ready = sum(each.state is TemplateState.READY for each in templates)
    await turn.answer(
        turn.say("stats-orders", orders=len(batches), left=left, running=running),
        turn.say("stats-templates", ready=ready, others=len(templates) - ready),
        turn.say("stats-workers", workers=await ledger.workers()),
    )


async def _add(turn: Turn, media: Media, name: str) -> None:
    """Once for each message, however often it comes."""
    memory = turn.desk.memory
    known = await memory.load("added", turn.receipt)
    if known is None:
        async with fetched(turn, media) as file:
            if file is None:
                return
            added = await add_to_library(
                turn.desk.ledger,
                turn.desk.store,
                file.path,
                name or media.name.rpartition(".")[0] or media.name,
                file_name=media.name,
            )
        known = added.name
        await memory.keep("added", turn.receipt, value=known, ttl_s=_RECEIPT_TTL_S)
    await turn.answer(turn.say("template-added", name=words.shown_name(known)))


async def _may(turn: Turn) -> bool:
    """Whether the operator named this person; says so if not."""
    if is_admin(turn.desk.policy, turn.chat, turn.person):
        return True
    await turn.answer(turn.say("admins-only", who=person_entry(turn.chat, turn.person)))
    return False
