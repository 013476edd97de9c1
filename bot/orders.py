"""From picks to a Batch: picking, ordering."""

from collections.abc import Sequence

from bot import library, waivers, words
from bot.allowance import allowance_of, may_be_urgent, most_clips, weight_of
from bot.announcing import announce, catch_up
from bot.desk import Turn
from bot.drafts import Draft, Page, Tally
from bot.engines import engine_now
from bot.offering import (
    close_offer,
    give_up_offer,
    last_picks,
    note_tally,
    picked_line,
    show_page,
    shows,
    tick_offer,
    turn_pages,
    wishes_now,
)
from bot.offers import (
    ALL,
    DROP,
    EMPTY,
    LAST,
    PAGE,
    PICK,
    is_give_up,
    is_go,
    is_meant,
    start_choices,
)
from bot.picks import Picks, read_picks
from bot.sizes import about_bytes, expected_bytes, size_choices, size_line
from bot.wishes import label_is_back, options_now
from worker.contract import keys
from worker.contract.codes import Code
from worker.contract.ports import LimitReached, ObjectMissing
from worker.contract.records import (
    BatchRecord,
    Order,
    OrderOptions,
    Reason,
    TakeState,
    TemplateRecord,
)

_ANNOUNCED_WITHIN_S = 5.0
"""Longer than a platform takes to show a message, shorter than it takes until what a killed bot left is taken over."""
_RECEIPT_TTL_S = 86_400  # longer than any platform sends a message again
_CHOICES = frozenset({EMPTY, ALL, LAST})
_PREFIXES = (PICK, DROP, PAGE)


async def pick_by_choice(turn: Turn, token: str) -> None:
    """A button of the offer: pick, drop or start. Each says what shall be, so a second press changes nothing."""
    if is_go(token):
        await _start_by_choice(turn, token)
        return
    if is_give_up(token):
        await _give_up_by_choice(turn, token)
        return
    before = await turn.desk.drafts.load(turn.chat, turn.person)
    templates = await library.listed_templates(turn, before.listed)
    last = await last_picks(turn) if token == LAST else ()
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        before = page.draft
        _apply(page, token, templates, last)
        if refused := _too_many(turn, page.draft):
            page.draft = before
    if refused:
        await turn.answer(refused)
    elif token.startswith(PAGE):
        await show_page(turn, page.draft)
    elif not await shows(turn, page.draft):
        await turn.answer(picked_line(turn, page.draft), _next_step(turn, page.draft))


async def _start_by_choice(turn: Turn, token: str) -> None:
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if not is_meant(token, draft):
        await turn.answer(turn.say("offer-outdated", take=words.shown_name(draft.take_name)))
        return
    await start(turn)


async def _give_up_by_choice(turn: Turn, token: str) -> None:
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if not is_meant(token, draft):
        await turn.answer(turn.say("give-up-outdated", take=words.shown_name(draft.take_name)))
        return
    if not await give_up_offer(turn, draft):
        await turn.answer(turn.say("given-up"))
    await _empty(turn)


async def give_up(turn: Turn) -> bool:
    """Typed: give up what is being put together; False if there is nothing."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if not (draft.take_id or draft.picks):
        return False
    await give_up_offer(turn, draft)
    await turn.answer(turn.say("given-up"))
    await _empty(turn)
    return True


async def _empty(turn: Turn) -> None:
    """At last: should the same message come again, it finds what it was about."""
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        page.draft = Draft(listed=page.draft.listed, heard=page.draft.heard)


def is_choice(token: str) -> bool:
    """Whether a token is one of the offer's."""
    decides = is_go(token) or is_give_up(token)
    return decides or token in _CHOICES or token.startswith(_PREFIXES)


def _apply(page: Page, token: str, templates: list[TemplateRecord], last: Sequence[str]) -> None:
    """What a button does to the draft."""
    if token == EMPTY:
        page.change(picks=(), go_key=None)
    elif token == ALL:
        _pick(page, [template.id for template in templates], templates)
    elif token == LAST:
        page.change(picks=())
        _pick(page, list(last), templates)
    elif token.startswith(PAGE):
        number = token.removeprefix(PAGE)
        page.change(page=int(number) if number.isdecimal() else 0)
    elif token.startswith(PICK):
        _pick(page, [token.removeprefix(PICK)], templates)
    else:
        _drop(page, [token.removeprefix(DROP)])


async def pick_one(turn: Turn, template: TemplateRecord) -> None:
    """A Template that somebody came with."""
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        _pick(page, [template.id], [template])
    await _tell_picks(turn, page.draft, _warning(turn, template))


async def pick_instead(
    turn: Turn,
    templates: Sequence[TemplateRecord],
    remarks: Sequence[str] = (),
    *,
    go: bool = False,
    revise: bool = False,
) -> None:
    """Pick these and no others; ``go`` starts, ``revise`` lets an open offer show it."""
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        before = page.draft
        page.change(picks=())
        _pick(page, [template.id for template in templates], list(templates))
        if refused := _too_many(turn, page.draft):
            page.draft = before
    draft = page.draft
    if refused or not templates:
        await turn.answer(*remarks, refused)
    elif go:
        await start(turn, *remarks)
    elif not (revise and await shows(turn, draft)):
        warnings = [_warning(turn, template) for template in templates]
        await _tell_picks(turn, draft, *remarks, *warnings)
    elif remarks:
        await turn.answer(*remarks)


async def pick_by_text(turn: Turn, text: str) -> bool:
    """Typed picks; False if the text was about something else."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    templates = list(await turn.desk.ledger.templates())
    picks = read_picks(text, templates, draft.listed)
    if not turn.addressed and not _is_order_talk(picks, draft):
        return False
    if not picks.meant and not _names_something(picks, draft):
        return False
    remarks = _remarks(turn, picks, templates)
    urgent = picks.urgent and may_be_urgent(turn)
    if picks.urgent and picks.meant:
        remarks.append(turn.say("urgent" if urgent else "urgent-admins"))
    if not picks.meant:
        await turn.answer(*remarks)
        return True
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        before = page.draft
        told_again = before.picked_by == turn.receipt
        again = [] if told_again else [id_ for id_ in picks.add if id_ in before.picks]
        page.change(picked_by=turn.receipt)
        _pick(page, picks.add, templates)
        _drop(page, picks.drop)
        if urgent:
            page.change(urgent=True)
        if refused := _too_many(turn, page.draft):
            page.draft = before.model_copy(update={"urgent": before.urgent or urgent})
    if refused:
        await turn.answer(*remarks, refused)
        return True
    names = {template.id: template.name for template in templates}
    if again and not picks.go:
        twice = [names[id_] for id_ in again if names[id_] not in picks.twice]
        remarks += [turn.reason(_twice(name)) for name in twice]
    if picks.go and picks.understood:
        await start(turn, *remarks)
    else:
        await _tell_picks(turn, page.draft, *remarks, pages=picks.turn)
    return True


async def _tell_picks(turn: Turn, draft: Draft, *remarks: str, pages: int = 0) -> None:
    """Answer with the next page, or what is picked now, and let an open offer show it as a press would."""
    if pages and await turn_pages(turn, pages, remarks):
        return
    expected = await expected_bytes(turn, draft)
    lines = (
        *remarks,
        picked_line(turn, draft),
        await wishes_now(turn, draft),
        await size_line(turn, expected),
        _next_step(turn, draft),
    )
    choices = start_choices(turn, draft, await size_choices(turn, expected))
    message = await turn.answer(*lines, choices=choices)
    if choices:
        await note_tally(turn, Tally(message=message, text="\n".join(filter(None, lines))))
    await tick_offer(turn, draft)


async def is_whole_order(turn: Turn, text: str) -> bool:
    """Whether a text says whom to make videos with, and to begin, and nothing else."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    picks = read_picks(text, list(await turn.desk.ledger.templates()), draft.listed)
    return picks.order and not picks.unknown


async def start(turn: Turn, *remarks: str) -> None:
    """Order what is picked, or say what is missing; what only needs time is started by itself later."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if not draft.picks:
        step = "nothing-picked" if draft.take_id else "nothing-to-start"
        await turn.answer(*remarks, turn.say(step))
        return
    take = await turn.desk.ledger.take(draft.take_id) if draft.take_id else None
    if take is None or take.state is TakeState.ANALYSING:
        async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
            page.change(go_key=turn.receipt)
        step = "starts-with-recording" if take is None else "starts-when-heard"
        await turn.answer(*remarks, picked_line(turn, draft), turn.say(step))
        return
    await order(turn, draft, *remarks)


async def order(turn: Turn, draft: Draft, *remarks: str, begins: str = "") -> None:
    """Make the draft a Batch; the same receipt never makes two. ``begins`` is said first, if it does begin."""
    known, gone = [], list(remarks)
    for id_ in draft.picks:
        template = await turn.desk.ledger.template(id_)
        if template is None or template.state == "withdrawn":
            name = words.shown_name(draft.names.get(id_, id_))
            gone.append(turn.reason(Reason(code=Code.TEMPLATE_GONE, facts={"name": name})))
        else:
            known.append(template)
    if not known or draft.take_id is None:
        async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
            page.change(picks=(), go_key=None)
        await turn.answer(*gone, turn.say("nothing-picked"))
        return
    options = await options_now(turn)
    if lost := await _lost_picture(turn, options):
        async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
            page.change(go_key=None)
        await turn.answer(*gone, lost)
        return
    if await label_is_back(turn, options):
        gone.append(turn.say("waiver-ended"))
    key = draft.go_key or turn.receipt
    take = await turn.desk.ledger.take(draft.take_id)
    placed = Order(
        key=key,
        chat=turn.chat,
        person=turn.person,
        reply_to=draft.take_message,
        take_id=draft.take_id,
        take_name=draft.take_name,
        template_ids=tuple(template.id for template in known),
        engine=await engine_now(turn),
        about_bytes=about_bytes(take, known) if take else 0,
        clip_s=take.duration_s if take else 0.0,
        urgent=draft.urgent and may_be_urgent(turn),
        weight=weight_of(turn),
        options=options,
    )
    # Kept first: if we die from here on, the message comes again and finds what it had asked for. So does the one that
    # said "go" before the recording was heard, if its answer is still being tried.
    if draft.offer is not None or draft.tally is not None:
        done = draft.model_dump_json()
        await turn.desk.memory.keep("closing", turn.receipt, value=done, ttl_s=_RECEIPT_TTL_S)
    for receipt in {key, turn.receipt}:
        await turn.desk.memory.keep(
            "order", receipt, value=placed.model_dump_json(), ttl_s=_RECEIPT_TTL_S
        )
    if turn.notice is not None:
        notice = turn.notice.model_dump_json()
        await turn.desk.memory.keep("notice", key, value=notice, ttl_s=_RECEIPT_TTL_S)
    await _place(turn, placed, gone, begins)
    await _close_what_was_ordered(turn)


async def _lost_picture(turn: Turn, options: OrderOptions) -> str:
    """What to say if the picture for the background is no longer kept; empty if it is, or none is asked for."""
    picture = options.background.picture if options.background else None
    if picture is None:
        return ""
    try:
        await turn.desk.store.stat(keys.picture(picture.sha256))
    except ObjectMissing:
        name = words.shown_name(picture.name)
        return turn.reason(Reason(code=Code.BACKGROUND_GONE, facts={"name": name}))
    return ""


async def placed_before(turn: Turn) -> bool:
    """Whether this very message was an order already; then its answer is given again and nothing else happens."""
    kept = await turn.desk.memory.load("order", turn.receipt)
    if kept is None:
        return False
    await _place(turn, Order.model_validate_json(kept), [])
    await _close_what_was_ordered(turn)
    return True


async def _close_what_was_ordered(turn: Turn) -> None:
    """What could be pressed to start, if there was such: what is ordered cannot be picked any more."""
    kept = await turn.desk.memory.load("closing", turn.receipt)
    if kept is not None:
        await close_offer(turn, Draft.model_validate_json(kept))


async def _place(turn: Turn, placed: Order, remarks: list[str], begins: str = "") -> None:
    try:
        batch = await turn.desk.ledger.open_batch(placed, allowance_of(turn))
    except LimitReached as limit:
        await _refuse(turn, placed, turn.reason(limit.reason), remarks)
        return
    if not placed.options.label:
        await waivers.record_batch(turn, batch)
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        if page.draft.take_id == placed.take_id:
            page.draft = Draft(listed=page.draft.listed, heard=page.draft.heard)
    if batch.progress_message is None and await _announces(turn, batch):
        await announce(turn, batch, begins, *remarks)
    else:  # it is told already, or just now by another hand: who heard the recording, or who had said "go" before
        await catch_up(turn, batch.id)


async def _refuse(turn: Turn, placed: Order, why: str, remarks: list[str]) -> None:
    """It is too much now; the draft stays, so that one word orders it later."""
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        page.change(go_key=None)
    await turn.answer(*remarks, why, name="refused")
    # Should this very message come again, it must not order in a better hour what people were told is not ordered.
    for receipt in {placed.key, turn.receipt}:
        for kind in ("order", "closing", "notice"):
            await turn.desk.memory.drop(kind, receipt)


async def _announces(turn: Turn, batch: BatchRecord) -> bool:
    """Whether it is this hand that announces a Batch; if it dies, the message it answers comes again."""
    role = f"announce:{batch.id}:{batch.round}"
    return await turn.desk.memory.lead(role, turn.receipt, _ANNOUNCED_WITHIN_S)


def _pick(page: Page, ids: list[str], templates: list[TemplateRecord]) -> None:
    """Add Templates that exist, each once."""
    names = page.draft.names | {t.id: t.name for t in templates if t.id in ids}
    picks = tuple(dict.fromkeys((*page.draft.picks, *(id_ for id_ in ids if id_ in names))))
    page.change(picks=picks, names=names)


def _drop(page: Page, ids: list[str]) -> None:
    page.change(picks=tuple(id_ for id_ in page.draft.picks if id_ not in ids))


def _is_order_talk(picks: Picks, draft: Draft) -> bool:
    """Whether people who talk to each other mean us: nothing but picks, while an order is being made or as a whole one."""
    if any(not word.lstrip("#-").isdecimal() for word in picks.unknown):
        return False
    ordering = bool(draft.take_id or draft.picks or draft.offer)
    return ordering or picks.order


def _names_something(picks: Picks, draft: Draft) -> bool:
    """Whether words that fit nothing were meant as picks: numbers are, and a single word while a list is open."""
    if picks.gone:
        return True
    if any(word.lstrip("#-")[:1].isdecimal() for word in picks.unknown):
        return len(picks.unknown) <= 3 or bool(draft.listed)
    return bool(draft.take_id or draft.picks) and len(picks.unknown) == 1


def _remarks(turn: Turn, picks: Picks, templates: list[TemplateRecord]) -> list[str]:
    remarks = [
        turn.reason(Reason(code=Code.UNKNOWN_TEMPLATE, facts={"name": words.shown_name(word)}))
        for word in picks.unknown[:5]
    ]
    remarks += [turn.say("number-gone", number=str(number)) for number in picks.gone[:5]]
    remarks += [turn.reason(_twice(name)) for name in picks.twice]
    return remarks + [_warning(turn, t) for t in templates if t.id in picks.add]


def _twice(name: str) -> Reason:
    return Reason(code=Code.TEMPLATE_TWICE, facts={"name": words.shown_name(name)})


def _warning(turn: Turn, template: TemplateRecord) -> str:
    """What to know before a Template that cannot be used is ordered; empty for the others."""
    reason = library.broken(turn, template)
    if not reason:
        return ""
    return turn.say("picked-broken", name=words.shown_name(template.name), reason=reason)


def _too_many(turn: Turn, draft: Draft) -> str:
    limit = most_clips(turn)
    if len(draft.picks) <= limit:
        return ""
    facts: dict[str, str | float] = {"count": len(draft.picks), "limit": limit}
    return turn.reason(Reason(code=Code.TOO_MANY_CLIPS, facts=facts))


def _next_step(turn: Turn, draft: Draft) -> str:
    if not draft.take_id:
        return turn.say("send-recording")
    if not draft.picks:
        return turn.say("pick-how")
    return turn.say("type-go", take=words.shown_name(draft.take_name))
