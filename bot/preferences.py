"""The command /settings: what a person may set for themselves, and the limits they should know."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot import engines, library, offering, questions, waivers, words
from bot.desk import Turn
from bot.drafts import Question
from bot.options import (
    BACKGROUND,
    CAPTIONS,
    CLOUD,
    LABEL,
    OFFERED,
    SET,
    Change,
    Option,
    Unread,
    changed,
    is_bare,
    read_change,
)
from bot.panel import MORE, SPEAK, has_picture, heard_last, option_line, panel_choices, panel_lines
from bot.permissions import may_waive, person_entry
from bot.texts.catalogue import Language
from bot.wishes import Wishes, keep_wishes, load_wishes, meaning, options_now
from worker.contract.records import TakeState

_SPELLINGS: Final[dict[str, Language]] = {
    "en": "en",
    "english": "en",
    "英文": "en",
    "英语": "en",
    "zh": "zh",
    "cn": "zh",
    "chinese": "zh",
    "中文": "zh",
    "汉语": "zh",
}
_LANGUAGE: Final = {"language", "语言"}
_RESET: Final = {"reset", "default", "defaults", "默认", "恢复默认", "重置", "还原"}


async def settings(turn: Turn, argument: str) -> None:
    """Answer /settings: show them, or change one."""
    asked = argument.casefold().split()
    if asked and asked[0] in _LANGUAGE:
        asked = asked[1:]
    if not asked:
        await _show(turn)
    elif asked[0] in _SPELLINGS:
        await _set_language(turn, _SPELLINGS[asked[0]])
    elif asked[0] in engines.NAMES:
        said = await engines.choose_engine(turn, " ".join(asked[1:]))
        await offering.refresh_offer(turn)
        await turn.answer(said)
    elif asked[0] in _RESET:
        await _reset(turn)
    else:
        await _change(turn, read_change(argument), argument)


async def change_by_phrase(turn: Turn, text: str) -> bool:
    """A change typed without the command, such as 字幕烧录; False if the text is about something else."""
    read = read_change(text)
    if isinstance(read, Unread) and not is_bare(read, text):
        return False
    await _change(turn, read, text)
    return True


async def change_by_choice(turn: Turn, token: str) -> None:
    """A button of the settings, or of the offer: the message changes in place where the platform lets us."""
    if token.startswith((SPEAK, engines.TOKEN)):
        await _set_by_choice(turn, token)
        return
    offered = token.startswith(OFFERED)
    read = _read_token(token)
    if isinstance(read, Unread):
        await _show(turn)
        return
    if not await _apply(turn, read):
        return
    if offered and turn.can_revise:
        return
    if not await _show_anew(turn):
        await turn.answer(*await _set_lines(turn, read.option))


async def change_by_form(turn: Turn, tokens: Sequence[str]) -> None:
    """A form of the settings came back: make its changes, tell them together, and go on to where it leads."""
    chosen = [token for token in tokens if token.startswith((SPEAK, engines.TOKEN))]
    pages = [int(token.removeprefix(MORE)) for token in tokens if token.startswith(MORE)]
    said = [await _chosen(turn, token) for token in chosen]
    set_: list[Option] = []
    asks = False
    for change in (_read_token(token) for token in tokens):
        if isinstance(change, Unread):
            continue
        if refused := await _why_not(turn, change):
            said.append(refused)
        elif await _must_agree(turn, change):
            asks = True
        else:
            await _keep(turn, change)
            set_.append(change.option)
    said += await _set_lines(turn, *set_) if set_ else []
    if said:
        await offering.refresh_offer(turn)
        await turn.answer(*said)
    for page in pages:
        await turn.answer(turn.say("settings-more"), choices=await panel_choices(turn, page))
    if asks:
        await _ask_to_agree(turn)
    elif not (said or pages):
        await turn.answer(turn.say("settings-same"))


async def _set_by_choice(turn: Turn, token: str) -> None:
    """A button of the language, or of the engine."""
    said = await _chosen(turn, token)
    await offering.refresh_offer(turn)
    if not await _show_anew(turn):
        await turn.answer(said)


async def _chosen(turn: Turn, token: str) -> str:
    """Keep to a language or an engine; returns what to say."""
    if token.startswith(engines.TOKEN):
        return await engines.choose_engine(turn, token.removeprefix(engines.TOKEN))
    return await _speak(turn, _SPELLINGS.get(token.removeprefix(SPEAK), turn.language))


def _read_token(token: str) -> Change | Unread:
    return read_change(token.removeprefix(OFFERED).removeprefix(SET).replace("=", " "))


async def _show_anew(turn: Turn) -> bool:
    """Have the message that shows the settings show them as they are now; False if there is none that can."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if draft.settings is None or not turn.desk.adapter.limits.can_revise:
        return False
    lines, choices = await panel_lines(turn), await panel_choices(turn)
    return await turn.say_in_place_of(draft.settings, "\n".join(lines), choices)


async def settle_waiver(turn: Turn, question: Question, *, agreed: bool) -> None:
    """The person answered whether they take the duty to label upon themselves."""
    if not agreed:
        await turn.answer(turn.say("waiver-declined"))
        return
    if not may_waive(turn.desk.policy, turn.chat, turn.person):  # the operator changed their mind
        await turn.answer(_not_named(turn))
        return
    accepted = await waivers.accept(turn, question.text)
    wishes = await load_wishes(turn)
    options = wishes.options.model_copy(update={"label": False})
    await keep_wishes(turn, wishes.model_copy(update={"options": options}))
    await offering.refresh_offer(turn)
    await turn.answer(turn.say("waiver-accepted", until=_day(accepted.until)))


async def _set_language(turn: Turn, language: Language) -> None:
    said = await _speak(turn, language)
    await offering.refresh_offer(turn)
    await turn.answer(said)


async def _speak(turn: Turn, language: Language) -> str:
    """Speak a language with this person from now on; returns what to say."""
    await turn.desk.choose_language(turn.chat, turn.person, language)
    turn.language = language
    return turn.say("settings-language-set")


async def _reset(turn: Turn) -> None:
    wishes = await load_wishes(turn)
    await keep_wishes(turn, Wishes(picture=wishes.picture))
    await offering.refresh_offer(turn)
    await turn.answer(turn.say("settings-reset"))


async def _change(turn: Turn, read: Change | Unread, typed: str) -> None:
    if isinstance(read, Change):
        if await _apply(turn, read):
            await turn.answer(*await _set_lines(turn, read.option))
    elif read.option is None:
        await turn.answer(turn.say("settings-unknown", typed=words.shown_name(typed)))
    elif refused := await _why_not(turn, Change(read.option, "")):
        await turn.answer(refused)
    else:
        await turn.answer(
            turn.say("settings-value-unknown", typed=words.shown_name(read.typed))
            if read.typed
            else "",
            option_line(turn, read.option, await options_now(turn)),
        )


async def _apply(turn: Turn, change: Change) -> bool:
    """Make a change; False if something else was answered: why not, or a question."""
    if refused := await _why_not(turn, change):
        await turn.answer(refused)
        return False
    if await _must_agree(turn, change):
        await _ask_to_agree(turn)
        return False
    await _keep(turn, change)
    await offering.refresh_offer(turn)
    return True


async def _must_agree(turn: Turn, change: Change) -> bool:
    """Whether somebody wants no label who has not taken the duty to label upon themselves."""
    off = change.option is LABEL and change.value == "off"
    return off and await waivers.acceptance_of(turn) is None


async def _ask_to_agree(turn: Turn) -> None:
    text = turn.say("waiver-question")
    await questions.ask(turn, Question(kind="waiver", id=turn.receipt, text=text), text)


async def _keep(turn: Turn, change: Change) -> None:
    wishes = await load_wishes(turn)
    options = changed(wishes.options, change, wishes.picture)
    await keep_wishes(turn, wishes.model_copy(update={"options": options}))


async def _why_not(turn: Turn, change: Change) -> str:
    """Why an option cannot have this value now; empty if it can."""
    if change.option is CAPTIONS:
        return await _why_no_captions(turn)
    if change.option is CLOUD and turn.desk.policy.cloud != "on":
        return turn.say(f"cloud-{turn.desk.policy.cloud}")
    if change.option is LABEL and change.value == "off":
        allowed = may_waive(turn.desk.policy, turn.chat, turn.person)
        return "" if allowed else _not_named(turn)
    if change.option is BACKGROUND and change.value == "picture":
        return "" if await has_picture(turn) else turn.say("background-send-picture")
    return ""


def _not_named(turn: Turn) -> str:
    return turn.say("waiver-not-allowed", who=person_entry(turn.chat, turn.person))


async def _why_no_captions(turn: Turn) -> str:
    """Only of a recording that was heard it is known whether it has words."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    sent = await turn.desk.ledger.take(draft.take_id) if draft.take_id else None
    if sent is not None and sent.state is TakeState.ANALYSING:
        return turn.say("captions-listening")
    heard = await heard_last(turn)
    if heard is None:
        return turn.say("captions-no-recording")
    return "" if heard.words else turn.say("captions-no-words")


async def _set_lines(turn: Turn, *set_: Option) -> list[str]:
    """That options are set, and to what."""
    options = await options_now(turn)
    message = "settings-set" if len(set_) == 1 else "settings-option"
    said = [
        turn.say(message, option=option.word(turn.language), meaning=meaning(turn, option, options))
        for option in set_
    ]
    head = [] if len(set_) == 1 else [turn.say("settings-set-several")]
    reach = BACKGROUND in set_ and options.background is not None
    return [*head, *said, await background_reach(turn) if reach else ""]


async def background_reach(turn: Turn) -> str:
    """Which presenters another background is put behind, and how to undo it."""
    templates = await turn.desk.ledger.templates()
    able = [words.shown_name(each.name) for each in templates if each.screen]
    if not able:
        reach = turn.say("background-reach-none")
    elif len(able) == len(templates):
        reach = turn.say("background-reach-all")
    else:
        reach = turn.say("background-reach", names=library.few(turn, able))
    return turn.desk.texts.join(turn.language, reach, turn.say("background-undo"))


async def _show(turn: Turn) -> None:
    message = await turn.answer(*await panel_lines(turn), choices=await panel_choices(turn))
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        page.change(settings=message)


def _day(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d")
