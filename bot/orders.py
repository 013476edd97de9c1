"""From picks to a Batch: picking, ordering."""

from collections.abc import Sequence

from bot import library, waivers, words
from bot.desk import Turn
from bot.drafts import Draft, Page
from bot.offering import close_offer, last_picks, picked_line, revise_offer, wishes_now
from bot.offers import ALL, DROP, EMPTY, LAST, PAGE, PICK, is_go, start_choices, starts
from bot.picks import Picks, read_picks
from bot.progress import note_progress, progress_choices, progress_text
from bot.wishes import label_is_back, options_now
from worker.contract import keys
from worker.contract.codes import Code
from worker.contract.ports import ObjectMissing
from worker.contract.records import (
    BatchRecord,
    MessageRef,
    Order,
    OrderOptions,
    Reason,
    TakeState,
    TemplateRecord,
)

_RECEIPT_TTL_S = 86_400  # longer than any platform sends a message again
_CHOICES = frozenset({EMPTY, ALL, LAST})
_PREFIXES = (PICK, DROP, PAGE)


async def pick_by_choice(turn: Turn, token: str) -> None:
    """A button of the offer: pick, drop or start. Each says what shall be, so a second press changes nothing."""
    if is_go(token):
        await _start_by_choice(turn, token)
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
    elif not await revise_offer(turn, page.draft, new_page=token.startswith(PAGE)):
        await turn.answer(picked_line(turn, page.draft), _next_step(turn, page.draft))


async def _start_by_choice(turn: Turn, token: str) -> None:
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if not starts(token, draft):
        await turn.answer(turn.say("offer-outdated", take=words.shown_name(draft.take_name)))
        return
    ordered = draft.model_dump_json()
    await turn.desk.memory.keep("closing", turn.receipt, value=ordered, ttl_s=_RECEIPT_TTL_S)
    await start(turn)
    await _close_what_was_ordered(turn)


def is_choice(token: str) -> bool:
    """Whether a token is one of the offer's."""
    return token in _CHOICES or is_go(token) or token.startswith(_PREFIXES)


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
    draft = page.draft
    await turn.answer(
        _warning(turn, template),
        picked_line(turn, draft),
        _next_step(turn, draft),
        choices=start_choices(turn, draft),
    )


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
    elif not (revise and await revise_offer(turn, draft)):
        await turn.answer(
            *remarks,
            *(_warning(turn, template) for template in templates),
            picked_line(turn, draft),
            _next_step(turn, draft),
            choices=start_choices(turn, draft),
        )
    elif remarks:
        await turn.answer(*remarks)


async def pick_by_text(turn: Turn, text: str) -> bool:
    """Typed picks; False if the text was about something else."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    templates = await library.listed_templates(turn, draft.listed)
    picks = read_picks(text, templates)
    if not turn.addressed and not _is_order_talk(picks, draft):
        return False
    if not picks.meant and not _names_something(picks, draft):
        return False
    remarks = _remarks(turn, picks, templates)
    if not picks.meant:
        await turn.answer(*remarks)
        return True
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        before = page.draft
        again = [id_ for id_ in picks.add if id_ in before.picks]
        _pick(page, picks.add, templates)
        _drop(page, picks.drop)
        page.change(listed=tuple(template.id for template in templates))
        if refused := _too_many(turn, page.draft):
            page.draft = before
    if refused:
        await turn.answer(*remarks, refused)
        return True
    names = {template.id: template.name for template in templates}
    if again and not picks.go:
        twice = [names[id_] for id_ in again if names[id_] not in picks.twice]
        remarks += [turn.reason(_twice(name)) for name in twice]
    if picks.go and not picks.unknown:
        await start(turn, *remarks)
        return True
    draft = page.draft
    await turn.answer(
        *remarks,
        picked_line(turn, draft),
        await wishes_now(turn, draft),
        _next_step(turn, draft),
        choices=start_choices(turn, draft),
    )
    return True


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


async def order(turn: Turn, draft: Draft, *remarks: str) -> None:
    """Make the draft a Batch; the same receipt never makes two."""
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
    placed = Order(
        key=key,
        chat=turn.chat,
        person=turn.person,
        reply_to=draft.take_message,
        take_id=draft.take_id,
        take_name=draft.take_name,
        template_ids=tuple(template.id for template in known),
        engine=turn.desk.policy.engine,
        options=options,
    )
    # Kept first: if we die from here on, the message comes again and finds what it had asked for. So does the one that
    # said "go" before the recording was heard, if its answer is still being tried.
    for receipt in {key, turn.receipt}:
        await turn.desk.memory.keep(
            "order", receipt, value=placed.model_dump_json(), ttl_s=_RECEIPT_TTL_S
        )
    if turn.notice is not None:
        notice = turn.notice.model_dump_json()
        await turn.desk.memory.keep("notice", key, value=notice, ttl_s=_RECEIPT_TTL_S)
    await _place(turn, placed, gone)


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
    """The offer whose button this was, if it was one."""
    kept = await turn.desk.memory.load("closing", turn.receipt)
    if kept is not None:
        await close_offer(turn, Draft.model_validate_json(kept))


async def announce(turn: Turn, batch: BatchRecord, *remarks: str) -> None:
    """Say that a Batch has begun, in the message that will show its progress."""
    turn.notice, notice = None, await _notice_of(turn, batch)
    if any(remarks):
        await turn.answer(*remarks, name="remarks")
    if not turn.desk.adapter.limits.can_revise:
        await turn.answer(
            turn.say(
                "accepted",
                code=batch.code,
                count=len(batch.clips),
                take=words.shown_name(batch.order.take_name),
            ),
            name="progress",
        )
        return
    text = await progress_text(turn.desk, batch, turn.language)
    choices = progress_choices(turn.desk, batch, turn.language)
    if notice is not None and await turn.say_in_place_of(notice, text, choices):
        await note_progress(turn.desk, batch, notice)
        return
    message = await turn.desk.post(
        turn.chat,
        text,
        # One message, whichever hand says it: who heard the recording, or who had said "go" before.
        key=f"{batch.order.key if batch.round == 1 else turn.receipt}:progress",
        reply_to=turn.reply_to or (None if turn.chat.private else batch.order.reply_to),
        choices=choices,
        person=turn.person,
    )
    await note_progress(turn.desk, batch, message)


async def _notice_of(turn: Turn, batch: BatchRecord) -> MessageRef | None:
    """The message whose place the progress takes, also if somebody died or had to wait before it did."""
    if batch.round > 1:
        return None
    kept = await turn.desk.memory.load("notice", batch.order.key)
    return None if kept is None else MessageRef.model_validate_json(kept)


async def _place(turn: Turn, placed: Order, remarks: list[str]) -> None:
    batch = await turn.desk.ledger.open_batch(placed)
    if not placed.options.label:
        await waivers.record_batch(turn, batch)
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        if page.draft.take_id == placed.take_id:
            page.draft = Draft(listed=page.draft.listed, heard=page.draft.heard)
    if batch.progress_message is None:  # else it is told already, perhaps by another hand
        await announce(turn, batch, *remarks)


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
    return ordering or (picks.go and bool(picks.add))


def _names_something(picks: Picks, draft: Draft) -> bool:
    """Whether words that fit nothing were meant as picks: numbers are, and a single word while a list is open."""
    if any(word.lstrip("#-")[:1].isdecimal() for word in picks.unknown):
        return len(picks.unknown) <= 3 or bool(draft.listed)
    return bool(draft.take_id or draft.picks) and len(picks.unknown) == 1


def _remarks(turn: Turn, picks: Picks, templates: list[TemplateRecord]) -> list[str]:
    remarks = [
        turn.reason(Reason(code=Code.UNKNOWN_TEMPLATE, facts={"name": words.shown_name(word)}))
        for word in picks.unknown[:5]
    ]
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
    limit = turn.desk.policy.max_clips_per_batch
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
