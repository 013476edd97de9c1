"""What only those may do whom the operator named: adding to the library, looking at the whole."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot import words
from bot.desk import Turn
from bot.incoming import fetched
from bot.permissions import is_admin, person_entry
from bot.picks import means_something
from bot.ports import Media
from bot.stock import add_to_library, name_of_file
from worker.contract.figures import median_s
from worker.contract.records import ClipState, TemplateState

_ADD: Final = frozenset({"add", "添加", "新增"})
_RECEIPT_TTL_S: Final = 86_400
_NAME: Final = 60
_AWAITED_S: Final = 600
"""So long after ``/template add NAME`` the next video is taken for it, where files come without words."""


async def template(turn: Turn, argument: str, media: Media | None = None) -> None:
    """Answer ``/template add NAME``, which comes with a video or points at one."""
    if not await _may(turn):
        return
    verb, _, name = argument.partition(" ")
    captions = turn.desk.adapter.limits.captions
    if verb.casefold() not in _ADD or (media is None and captions):
        await turn.answer(turn.say("template-how" if captions else "template-how-next"))
        return
    name = " ".join(name.split())[:_NAME]
    if name and means_something(name):
        await turn.answer(turn.say("template-name-means", name=words.shown_name(name)))
    elif media is None:
        await turn.desk.memory.keep(*_awaited(turn), value=name, ttl_s=_AWAITED_S)
        shown = words.shown_name(name) if name else "none"
        await turn.answer(turn.say("template-send-now", name=shown))
    else:
        await _add(turn, media, name)


async def takes_video(turn: Turn, media: Media) -> bool:
    """Whether this video is the one that somebody announced with ``/template add NAME``; then it is added."""
    if media.kind not in {"video", "document"} or turn.desk.adapter.limits.captions:
        return False
    if await turn.desk.memory.load("added", f"{turn.receipt}#1") is not None:  # it comes again
        await _add(turn, media, "")
        return True
    name = await turn.desk.memory.load(*_awaited(turn))
    if name is None or not is_admin(turn.desk.policy, turn.chat, turn.person):
        return False
    await _add(turn, media, name)
    await turn.desk.memory.drop(*_awaited(turn))
    return True


def _awaited(turn: Turn) -> tuple[str, ...]:
    return ("template-next", turn.chat.mailbox, turn.chat.id, turn.person.id)


async def _add(turn: Turn, media: Media, name: str) -> None:
    """Put the video, and those that came together with it, into the library."""
    videos = [replace(media, beside=()), *media.beside]
    added = [
        known
        for number, video in enumerate(videos, 1)
        if (known := await _added(turn, video, name, number, len(videos))) is not None
    ]
    if added:
        listed = words.listing(turn.language, [words.shown_name(each) for each in added])
        await turn.answer(turn.say("template-added", names=listed, count=len(added)), name="added")


async def stats(turn: Turn, _: str) -> None:
    """Answer /stats: how much there is to do, who does it, and what became of the last orders."""
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
        *await _counted(turn),
    )


async def _counted(turn: Turn) -> list[str]:
    """What all processes counted, today by this machine's clock and in seven days."""
    now = turn.desk.clock().astimezone()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = await turn.desk.ledger.counted(midnight)
    week = await turn.desk.ledger.counted(now - timedelta(days=7))
    lines = [
        turn.say(
            name,
            orders=_sum(counted, "orders"),
            done=_sum(counted, "clips done"),
            failed=_sum(counted, "clips failed"),
        )
        for name, counted in (("stats-today", today), ("stats-week", week))
    ]
    waited_s, rendered_s = median_s(week, "waited"), median_s(week, "rendered")
    if waited_s is not None and rendered_s is not None:
        waited, rendered = _duration(turn, waited_s), _duration(turn, rendered_s)
        lines.append(turn.say("stats-medians", waited=waited, rendered=rendered))
    codes = {
        name.partition(" ")[2]: round(n) for name, n in week.items() if name.startswith("failures ")
    }
    if codes:
        most_first = sorted(codes.items(), key=lambda pair: (-pair[1], pair[0]))
        lines.append(
            turn.say("stats-failures", codes=", ".join(f"{code} {n}" for code, n in most_first))
        )
    return lines


def _sum(counted: Mapping[str, float], what: str) -> int:
    return round(
        sum(n for name, n in counted.items() if name == what or name.startswith(f"{what} "))
    )


def _duration(turn: Turn, seconds: float) -> str:
    return words.duration(turn.desk.texts, turn.language, max(seconds, 1.0))


async def _added(turn: Turn, media: Media, name: str, number: int, count: int) -> str | None:
    """What a video is called in the library, which it enters once however often its message comes; None: refused.

    Several that came together are told apart by their numbers, and without a name by their files.
    """
    if count > 1 and name:
        name = f"{name} {number}"
    memory, receipt = turn.desk.memory, f"{turn.receipt}#{number}"
    known = await memory.load("added", receipt)
    if known is None:
        too_large = "template-too-large" if count == 1 else "template-too-large-one"
        async with fetched(turn, media, too_large) as file:
            if file is None:
                return None
            added = await add_to_library(
                turn.desk.ledger,
                turn.desk.store,
                file.path,
                name or name_of_file(media.name),
                file_name=media.name,
            )
        known = added.name
        await memory.keep("added", receipt, value=known, ttl_s=_RECEIPT_TTL_S)
    return known


async def _may(turn: Turn) -> bool:
    """Whether the operator named this person; says so if not."""
    if is_admin(turn.desk.policy, turn.chat, turn.person):
        return True
    await turn.answer(turn.say("admins-only", who=person_entry(turn.chat, turn.person)))
    return False
