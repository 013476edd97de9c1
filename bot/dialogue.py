"""One message of a person, from the door to its answer."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from bot import (
    admission,
    backgrounds,
    guide,
    history,
    keeping,
    library,
    makers,
    offering,
    orders,
    preferences,
    questions,
    recordings,
    removal,
    words,
)
from bot.commands import SYNONYMS, Command, UnknownCommand, plain, read_command
from bot.desk import Desk, Turn
from bot.drafts import Draft, Question
from bot.files import CLIPS, ZIP
from bot.incoming import fetched
from bot.offers import PRESET
from bot.options import OFFERED, SET
from bot.permissions import entry_to_add
from bot.picks import NO, YES
from bot.ports import Inbound, Media
from bot.progress import CANCEL
from worker.contract.codes import Code
from worker.contract.records import Reason

_LOG = logging.getLogger(__name__)

_REFUSAL_EVERY_S: Final = 3600.0


async def converse(desk: Desk, inbound: Inbound) -> None:
    """Answer one message; may be called again for the same one, and then asks for nothing twice.

    Raises what the platform, the store and the memory raise when they are away.
    """
    if not await admission.lets_in(desk.policy, desk.memory, inbound.chat, inbound.person):
        await _refuse(desk, inbound)
        return
    turn = await turn_for(desk, inbound)
    if await orders.placed_before(turn):
        return
    if inbound.media is not None:
        command = read_command(inbound.text)
        if isinstance(command, Command) and command.name == "template":
            await makers.template(turn, command.argument, inbound.media)
            return
        if not inbound.text and await makers.takes_video(turn, inbound.media):
            return
        if not await _receive(turn, inbound.media, inbound):
            return
        # A caption may hold picks; the recording may have been heard, and ordered with, while we took it in.
        if inbound.text.strip() and not await orders.placed_before(turn):
            await _keep_offer(turn)
            await orders.pick_by_text(turn, inbound.text)
    elif inbound.form is not None:
        await preferences.change_by_form(turn, inbound.form)
    elif inbound.choice is not None:
        await _choose(turn, inbound.choice)
    else:
        await _answer_text(turn, inbound.text)


async def _receive(turn: Turn, media: Media, inbound: Inbound) -> bool:
    """Take in a file: a picture or a recording. False for one that was not meant for us."""
    if media.kind == "picture" and not turn.spoken_to and not await _is_ordering(turn):
        if media.message_id or await orders.is_whole_order(turn, inbound.text):
            facts: dict[str, str | float] = {"name": words.shown_name(media.name)}
            reason = Reason(code=Code.NOT_A_RECORDING, facts=facts | {"found": "picture"})
            await turn.answer(turn.reason(reason))
        return False  # in a group people also show each other photos
    if media.beside:
        others = library.few(turn, [words.shown_name(other.name) for other in media.beside])
        taken = turn.say("album-one", name=words.shown_name(media.name), names=others)
        await turn.answer(taken, name="album")
    async with fetched(turn, media) as file:
        if file is None:
            return True
        if media.kind == "picture" or backgrounds.is_picture(file.head):
            await backgrounds.receive_picture(turn, file)
        else:
            await recordings.receive_recording(turn, file, inbound.message_id)
    return True


async def _keep_offer(turn: Turn) -> None:
    """The recording was heard so fast that its notice is the offer already: that stays."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if draft.offer is not None and draft.offer == turn.notice:
        turn.notice = None


async def _is_ordering(turn: Turn) -> bool:
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    return bool(draft.take_id or draft.picks)


async def turn_for(desk: Desk, inbound: Inbound) -> Turn:
    """How this message is answered; in a group as a reply, so that people see whom we mean."""
    language = await desk.language_of(inbound.chat, inbound.person)
    return Turn(
        desk=desk,
        chat=inbound.chat,
        person=inbound.person.model_copy(update={"language": language}),
        language=language,
        receipt=inbound.key,
        reply_to=None if inbound.chat.private else inbound.message_id or None,
        addressed=inbound.addressed,
        fresh=inbound.fresh,
    )


async def _refuse(desk: Desk, inbound: Inbound) -> None:
    """One polite sentence an hour, naming what an operator would add; in a group only if we were addressed."""
    meant = inbound.media or inbound.text.lstrip().startswith("/")
    addressed = inbound.chat.private or meant or not desk.adapter.limits.hears_all
    if not addressed:
        return
    budget = f"refused:{inbound.chat.mailbox}:{inbound.chat.id}"
    if await desk.memory.spend(budget, 1, _REFUSAL_EVERY_S) > 0:
        return
    entry = entry_to_add(inbound.chat, inbound.person)
    _LOG.info("Not admitted: %s", entry)
    reason = Reason(code=Code.NOT_ADMITTED, facts={"who": entry})
    text = desk.texts.reason(inbound.person.language, reason)
    await desk.post(inbound.chat, text, key=f"{inbound.key}:refused")


async def _choose(turn: Turn, token: str) -> None:
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    for prefix, agreed in ((questions.YES, True), (questions.NO, False)):
        if token.startswith(prefix):
            asked = draft.question is not None and draft.question.id == token.removeprefix(prefix)
            await _settle(turn, draft.question if asked else None, agreed=agreed)
            return
    if token.startswith((SET, OFFERED)):
        await preferences.change_by_choice(turn, token)
    elif token.startswith(guide.HELP):
        await guide.turn_page(turn, token)
    elif token.startswith(CANCEL):
        await history.cancel_by_choice(turn, token.removeprefix(CANCEL))
    elif token.startswith(history.PAGE):
        await history.show_history(turn, token.removeprefix(history.PAGE))
    elif token.startswith((CLIPS, ZIP)):
        await history.files_by_choice(turn, token)
    elif token.startswith(PRESET):
        await keeping.pick_by_choice(turn, token.removeprefix(PRESET))
    elif orders.is_choice(token):
        await orders.pick_by_choice(turn, token)
    else:
        _LOG.info("A choice nobody offered was picked")


async def _settle(turn: Turn, question: Question | None, *, agreed: bool) -> None:
    """The person said yes or no."""
    if question is None:
        await turn.answer(turn.say("question-gone"))
        return
    settle = preferences.settle_waiver if question.kind == "waiver" else removal.settle
    await settle(turn, question, agreed=agreed)
    await questions.forget(turn, question)


async def _answer_text(turn: Turn, text: str) -> None:
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if draft.question is not None:
        word = plain(text).casefold().rstrip("!.。")
        if word in YES or word in NO:
            await _settle(turn, draft.question, agreed=word in YES)
            return
        await questions.forget(turn, draft.question)
    command = read_command(text)
    if isinstance(command, Command):
        await _COMMANDS[command.name](turn, command.argument)
    elif isinstance(command, UnknownCommand):
        await _explain_unknown(turn, command)
    elif turn.spoken_to and await preferences.change_by_phrase(turn, text):
        return
    elif not await orders.pick_by_text(turn, text) and turn.spoken_to:
        await turn.answer(turn.say("hint"))


async def _explain_unknown(turn: Turn, unknown: UnknownCommand) -> None:
    reason = Reason(code=Code.UNKNOWN_COMMAND, facts={"command": unknown.typed})
    sentences = [turn.short(reason)]
    if unknown.nearest:
        slash = "" if unknown.nearest in SYNONYMS else "/"
        sentences.append(turn.say("did-you-mean", command=f"{slash}{unknown.nearest}"))
    else:
        sentences.append(turn.say("reason-unknown_command.advice"))
    await turn.answer(turn.desk.texts.join(turn.language, *sentences))


async def _new(turn: Turn, _: str) -> None:
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        page.draft = Draft()
    if turn.desk.adapter.limits.caption_length:
        await offering.offer_templates(turn, turn.say("fresh-pick"))
    else:
        await turn.answer(turn.say("fresh"))


async def _templates(turn: Turn, _: str) -> None:
    if turn.desk.adapter.limits.caption_length:
        await offering.offer_templates(turn, *await library.head_lines(turn))
    else:
        await library.show_templates(turn)


async def _clear(turn: Turn, _: str) -> None:
    await removal.ask_clear(turn)


async def _dub(turn: Turn, _: str) -> None:
    """Platforms turn it into the recording it answers; what comes here answers none."""
    await turn.answer(turn.say("dub-how"))


async def _start(turn: Turn, payload: str) -> None:
    """The first word on platforms that have one; a link of theirs may carry a presenter or an order."""
    template = await turn.desk.ledger.template(payload) if payload else None
    if template is not None:
        await orders.pick_one(turn, template)
    elif payload and await history.seen_here(turn, payload) is not None:
        await history.show_status(turn, payload)
    else:
        await guide.show_help(turn, "")


_COMMANDS: Final[dict[str, Callable[[Turn, str], Awaitable[None]]]] = {
    "new": _new,
    "templates": _templates,
    "preset": keeping.preset,
    "status": history.show_status,
    "cancel": history.cancel,
    "history": history.show_history,
    "zip": history.renew_links,
    "retry": history.retry,
    "delete": removal.ask_delete,
    "clear": _clear,
    "settings": preferences.settings,
    "help": guide.show_help,
    "start": _start,
    "dub": _dub,
    "template": makers.template,
    "stats": makers.stats,
    "allow": admission.allow,
}
