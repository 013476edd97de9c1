"""The message that asks for Templates: their picture or a numbered list, what is asked for besides, and what can be pressed."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot import library, lineups, words
from bot.desk import Turn
from bot.drafts import Draft, Tally
from bot.engines import engine_now
from bot.offers import offer_choices, on_page, page_count
from bot.options import OFFERED
from bot.outages import OUTAGES, GaveUp, insist
from bot.ports import ChatUnreachable, Choice, MessageRef, Picture, Throttled
from bot.presets import load_presets
from bot.sizes import expected_bytes, size_choices, size_line
from bot.wishes import options_now, wishes_line
from worker.contract.records import Lineup, TakeRecord, TakeState, TemplateRecord, TemplateState

_CLOSING_S: Final = 60.0
"""So long it is tried to take the buttons away; meanwhile who pressed is not heard."""


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
    await _offer(turn, page.draft, templates, heads)


async def show_page(turn: Turn, draft: Draft) -> None:
    """Show the page that is open now: in its message, or in a new one where that stays as it is."""
    if await shows(turn, draft, new_page=True):
        return
    templates = await library.listed_templates(turn, draft.listed)
    heads = [picked_line(turn, draft)] if draft.picks else []
    await _offer(turn, draft, templates, (*heads, turn.say("pick-templates")))


async def turn_pages(turn: Turn, pages: int, remarks: Sequence[str]) -> bool:
    """Typed: the next page, or the one before; False if there is only one."""
    count = page_count(turn, list(await turn.desk.ledger.templates()))
    if count == 1:
        return False
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        page.change(page=min(max(page.draft.page + pages, 0), count - 1))
    if any(remarks):
        await turn.answer(*remarks)
    await show_page(turn, page.draft)
    return True


async def _offer(
    turn: Turn, draft: Draft, templates: list[TemplateRecord], heads: Sequence[str]
) -> None:
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
    await lineups.prepare(turn, _page_of(draft, templates, following))


async def prepare_offer(turn: Turn) -> None:
    """Have the picture of the first page drawn while the recording is listened to."""
    templates = list(await turn.desk.ledger.templates())
    first = on_page(turn, Draft(), templates)
    await lineups.prepare(turn, _page_of(Draft(), templates, first))


def _page_of(draft: Draft, templates: Sequence[TemplateRecord], shown: range) -> Lineup:
    return lineups.page_of(templates, library.numbers(templates, draft.listed), shown)


async def last_picks(turn: Turn) -> tuple[str, ...]:
    """What the person ordered here the last time."""
    found = await turn.desk.ledger.history(turn.chat, turn.person, 0, 1)
    return found[0].order.template_ids if found else ()


async def refresh_offer(turn: Turn) -> None:
    """Have an open offer tell what is asked for now, where the platform lets us change it."""
    with contextlib.suppress(ChatUnreachable):  # somebody deleted it
        await revise_offer(turn, await turn.desk.drafts.load(turn.chat, turn.person))


async def tick_offer(turn: Turn, draft: Draft) -> None:
    """Have an open offer show what was picked by typing; that was answered, so nothing is waited for."""
    with contextlib.suppress(*OUTAGES, ChatUnreachable):
        await revise_offer(turn, draft)


async def shows(turn: Turn, draft: Draft, *, new_page: bool = False) -> bool:
    """Have the open offer show what was pressed; False if it cannot, or is gone: then it is answered."""
    try:
        return await revise_offer(turn, draft, new_page=new_page)
    except ChatUnreachable:
        return False


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


async def note_tally(turn: Turn, tally: Tally) -> None:
    """Typed picks were answered with what starts them; the answer before does not start them any more."""
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        before = page.draft.tally
        page.change(tally=tally)
    if before is None or before.message == tally.message or not turn.desk.adapter.limits.can_revise:
        return
    with contextlib.suppress(*OUTAGES, ChatUnreachable):  # only a nicety
        await turn.desk.adapter.revise(before.message, before.text, patient=True)


async def close_offer(turn: Turn, done: Draft) -> None:
    """What was ordered cannot be picked or started any more: the buttons go, where the platform lets us.

    Raises OUTAGES; but a platform that wants to hear less for long keeps nobody waiting for it.
    """
    if not turn.desk.adapter.limits.can_revise:
        return
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if done.offer is not None and draft.offer != done.offer:
        head = turn.say("offer-closed", take=words.shown_name(done.take_name))
        picked = picked_line(turn, done)
        await _close(turn, done.offer, _joined(head, picked, await wishes_now(turn, done)))
    if done.tally is not None and draft.tally != done.tally:
        await _close(turn, done.tally.message, done.tally.text)


async def give_up_offer(turn: Turn, given_up: Draft) -> bool:
    """What was given up cannot be picked or started any more; False if the offer does not say so. Raises OUTAGES."""
    if not turn.desk.adapter.limits.can_revise:
        return False
    if given_up.tally is not None:
        await turn.say_in_place_of(given_up.tally.message, given_up.tally.text)
    message = given_up.offer or given_up.notice
    return message is not None and await turn.say_in_place_of(message, turn.say("given-up"))


async def _close(turn: Turn, message: MessageRef, text: str) -> None:
    async def close() -> None:
        with contextlib.suppress(ChatUnreachable):  # somebody deleted it
            await turn.desk.adapter.revise(message, text, patient=True)

    try:
        await insist(close, "closing what was ordered", _CLOSING_S)
    except GaveUp as error:
        if error.__cause__ is not None and not isinstance(error.__cause__, Throttled):
            raise error.__cause__ from None


async def replace_offer(turn: Turn, earlier: Draft, name: str) -> None:
    """Another recording came: the offer of the one before cannot be mistaken for it, where the platform lets us."""
    if earlier.offer is None or not turn.desk.adapter.limits.can_revise:
        return
    line = turn.say("offer-replaced", take=words.shown_name(name))
    with contextlib.suppress(*OUTAGES, ChatUnreachable):  # only a nicety
        await turn.desk.adapter.revise(earlier.offer, line, patient=True)


async def _compose(
    turn: Turn,
    draft: Draft,
    templates: list[TemplateRecord],
    heads: Sequence[str],
    *,
    wait: bool,
) -> _Offer:
    shown = on_page(turn, draft, templates)
    listed = library.list_lines(turn, templates, draft)[shown.start : shown.stop]
    wishes = await wishes_now(turn, draft)
    expected = await expected_bytes(turn, draft)
    size = await size_line(turn, expected)
    count = len(draft.picks)
    how = turn.say("pick-go", count=count) if count else turn.say("pick-how")
    tap = how
    if turn.desk.adapter.limits.choices:
        tap = turn.say("pick-go-tap", count=count) if count else turn.say("pick-tap")
    page = _page_line(turn, templates, shown)
    text = _joined(*heads, *listed, page, wishes, size, how)
    # The picture shows who there is: only what it does not tell stands below it.
    unready = [
        line
        for line, place in zip(listed, shown, strict=True)
        if templates[place].state is not TemplateState.READY
    ]
    caption = _fitted(
        turn.desk.adapter.limits.caption_length, heads, unready, (page, wishes, size, tap)
    )
    return _Offer(
        text,
        offer_choices(
            turn,
            draft,
            templates,
            await last_picks(turn),
            await load_presets(turn),
            await size_choices(turn, expected, OFFERED),
        ),
        await lineups.picture_of(turn, _page_of(draft, templates, shown), caption, wait=wait),
    )


def _page_line(turn: Turn, templates: Sequence[TemplateRecord], shown: range) -> str:
    """Which page it is, where people cannot turn pages in place and type for it."""
    limits = turn.desk.adapter.limits
    if len(shown) == len(templates) or (limits.can_revise and not limits.answers_only):
        return ""
    return turn.say("page-of", first=shown.start + 1, last=shown.stop, count=len(templates))


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
    engine = await engine_now(turn)
    other = engine if engine != turn.desk.policy.engine else None
    return wishes_line(turn, await options_now(turn), heard, other)


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
