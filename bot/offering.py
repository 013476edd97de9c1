"""The message that asks for Templates: their picture or a numbered list, what is asked for besides, and what can be pressed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bot import library, lineups, words
from bot.desk import Turn
from bot.drafts import Draft
from bot.offers import offer_choices, on_page
from bot.outages import OUTAGES
from bot.ports import ChatUnreachable, Choice, Picture, Throttled
from bot.presets import load_presets
from bot.wishes import options_now, wishes_line
from worker.contract.records import TakeRecord, TakeState, TemplateRecord, TemplateState

_TRIES: Final = 5
_PAUSE_S: Final = 3.0


@dataclass(frozen=True)
class _Offer:
    """The message as it is to look."""

    text: str
    choices: Sequence[Choice]
    picture: Picture | None


async def offer_templates(turn: Turn, *heads: str) -> None:
    """Ask for Templates: the numbered list, and buttons where the platform has them."""
    templates = list(await turn.desk.ledger.templates())
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        page.change(listed=tuple(template.id for template in templates), page=0)
    draft = page.draft
    shown = on_page(turn, draft, templates)
    if not templates:
        await turn.answer(*heads, turn.say("library-empty"))
        return
    offer = await _compose(turn, draft, templates, heads, wait=True)
    message = await turn.answer(
        offer.text, choices=offer.choices, picture=offer.picture, name="offer"
    )
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        if page.draft.take_id == draft.take_id:
            page.change(offer=message, notice=None)
    following = range(shown.stop, min(shown.stop + len(shown), len(templates)))
    await lineups.prepare(turn, lineups.page_of(templates, following))


async def prepare_offer(turn: Turn) -> None:
    """Have the picture of the first page drawn while the recording is listened to."""
    templates = list(await turn.desk.ledger.templates())
    first = on_page(turn, Draft(), templates)
    await lineups.prepare(turn, lineups.page_of(templates, first))


async def last_picks(turn: Turn) -> tuple[str, ...]:
    """What the person ordered here the last time."""
    found = await turn.desk.ledger.history(turn.chat, turn.person, 0, 1)
    return found[0].order.template_ids if found else ()


async def refresh_offer(turn: Turn) -> None:
    """Have an open offer tell what is asked for now, where the platform lets us change it."""
    with contextlib.suppress(ChatUnreachable):  # somebody deleted it
        await revise_offer(turn, await turn.desk.drafts.load(turn.chat, turn.person))


async def revise_offer(turn: Turn, draft: Draft, *, new_page: bool = False) -> bool:
    """Bring the open offer up to date; False if there is none, or it cannot be changed."""
    if draft.offer is None or not turn.desk.adapter.limits.can_revise:
        return False
    templates = await library.listed_templates(turn, draft.listed)
    heads = await _heard_heads(turn, draft)
    offer = await _compose(turn, draft, templates, heads, wait=new_page)
    await turn.desk.adapter.revise(
        draft.offer, offer.text, offer.choices, person=turn.person, picture=offer.picture
    )
    return True


async def close_offer(turn: Turn, done: Draft) -> None:
    """What was ordered with a button cannot be picked any more: the buttons go, where the platform lets us."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    offer = done.offer
    if offer is None or draft.offer == offer or not turn.desk.adapter.limits.can_revise:
        return
    line = turn.say("offer-closed", take=words.shown_name(done.take_name))
    with contextlib.suppress(*OUTAGES, ChatUnreachable):  # only a nicety
        await _soon(lambda: turn.desk.adapter.revise(offer, f"{line}\n{picked_line(turn, done)}"))


async def replace_offer(turn: Turn, earlier: Draft, name: str) -> None:
    """Another recording came: the offer of the one before cannot be mistaken for it, where the platform lets us."""
    if earlier.offer is None or not turn.desk.adapter.limits.can_revise:
        return
    line = turn.say("offer-replaced", take=words.shown_name(name))
    with contextlib.suppress(*OUTAGES, ChatUnreachable):  # only a nicety
        await turn.desk.adapter.revise(earlier.offer, line, patient=True)


async def _soon(attempt: Callable[[], Awaitable[None]]) -> None:
    """Try now, and again when the platform asks for a short pause only."""
    for _ in range(_TRIES):
        try:
            await attempt()
        except Throttled as error:
            if error.after_s > _PAUSE_S:
                raise
            await asyncio.sleep(error.after_s)
        else:
            return


async def _compose(
    turn: Turn,
    draft: Draft,
    templates: list[TemplateRecord],
    heads: tuple[str, ...],
    *,
    wait: bool,
) -> _Offer:
    shown = on_page(turn, draft, templates)
    listed = library.list_lines(turn, templates, draft.picks)[shown.start : shown.stop]
    wishes = await wishes_now(turn, draft)
    count = len(draft.picks)
    how = turn.say("pick-go", count=count) if count else turn.say("pick-how")
    tap = turn.say("pick-go-tap", count=count) if count else turn.say("pick-tap")
    text = _joined(*heads, *listed, wishes, how)
    # The picture shows who there is: only what it does not tell stands below it.
    unready = [
        line
        for line, number in zip(listed, shown, strict=True)
        if templates[number].state is not TemplateState.READY
    ]
    caption = _fitted(turn.desk.adapter.limits.caption_length, heads, unready, (wishes, tap))
    return _Offer(
        text,
        offer_choices(turn, draft, templates, await last_picks(turn), await load_presets(turn)),
        await lineups.picture_of(turn, lineups.page_of(templates, shown), caption, wait=wait),
    )


def _fitted(limit: int, heads: Sequence[str], lines: Sequence[str], foot: Sequence[str]) -> str:
    """A caption, with as many of the lines as there is room for."""
    caption = _joined(*heads, *lines, *foot)
    while len(caption) > limit and lines:
        lines = lines[:-1]
        caption = _joined(*heads, *lines, "…", *foot)
    return caption


def _joined(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


async def wishes_now(turn: Turn, draft: Draft) -> str:
    """What is asked for besides, for people to see before they start."""
    take = await turn.desk.ledger.take(draft.take_id) if draft.take_id else None
    heard = take if take and take.state is TakeState.READY else None
    return wishes_line(turn, await options_now(turn), heard)


def picked_line(turn: Turn, draft: Draft) -> str:
    """What is picked, by name."""
    if not draft.picks:
        return turn.say("picked-none")
    names = [words.shown_name(draft.names[id_]) for id_ in draft.picks]
    return turn.say("picked", count=len(names), names=words.listing(turn.language, names))


async def _heard_heads(turn: Turn, draft: Draft) -> tuple[str, ...]:
    take = await turn.desk.ledger.take(draft.take_id) if draft.take_id else None
    if take is None:
        return (turn.say("pick-templates"),)
    return heard_lines(turn, take.model_copy(update={"name": draft.take_name or take.name}))


def heard_lines(turn: Turn, take: TakeRecord) -> tuple[str, ...]:
    """What was heard in a recording, what there is to say about it, and the question for Templates."""
    texts, language = turn.desk.texts, turn.language
    heard = turn.say(
        "take-heard",
        name=words.shown_name(take.name),
        speech=words.duration(texts, language, take.speech_s),
        length=words.duration(texts, language, take.duration_s),
    )
    question, remarks = turn.say("pick-templates"), remark_lines(turn, take)
    if not remarks:
        return (texts.join(language, heard, question),)
    return (heard, *remarks, question)


def remark_lines(turn: Turn, take: TakeRecord) -> tuple[str, ...]:
    """What people should know of a recording before they order."""
    return tuple(turn.desk.texts.note(turn.language, "take", remark) for remark in take.remarks)
