"""The command /settings: what a person may set for themselves, and the limits they should know."""

from datetime import datetime
from typing import Final

from bot import library, offering, questions, waivers, words
from bot.desk import Turn
from bot.drafts import Question
from bot.options import (
    BACKGROUND,
    CAPTIONS,
    LABEL,
    OPTIONS,
    Change,
    Option,
    Unread,
    changed,
    is_bare,
    read_change,
    value_of,
)
from bot.permissions import may_waive, person_entry
from bot.ports import Choice
from bot.texts.catalogue import Language
from bot.wishes import Wishes, keep_wishes, load_wishes, meaning, options_now
from worker.contract import keys
from worker.contract.ports import ObjectMissing
from worker.contract.records import OrderOptions, TakeRecord, TakeState

SET: Final = "set:"
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
    """A button of the settings: the message changes in place where the platform lets us."""
    read = read_change(token.removeprefix(SET).replace("=", " "))
    if isinstance(read, Unread):
        await _show(turn)
        return
    if not await _apply(turn, read):
        return
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if draft.settings is None or not turn.desk.adapter.limits.can_revise:
        await turn.answer(*await _set_lines(turn, read.option))
        return
    lines, choices = await _shown(turn)
    await turn.desk.adapter.revise(
        draft.settings, "\n".join(lines), choices[: turn.desk.adapter.limits.choices]
    )


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
    await turn.desk.choose_language(turn.chat, turn.person, language)
    turn.language = language
    await turn.answer(turn.say("settings-language-set"))


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
            _option_line(turn, read.option, await options_now(turn)),
        )


async def _apply(turn: Turn, change: Change) -> bool:
    """Make a change; False if something else was answered: why not, or a question."""
    off = change.option is LABEL and change.value == "off"
    if refused := await _why_not(turn, change):
        await turn.answer(refused)
        return False
    if off and await waivers.acceptance_of(turn) is None:
        text = turn.say("waiver-question")
        await questions.ask(turn, Question(kind="waiver", id=turn.receipt, text=text), text)
        return False
    wishes = await load_wishes(turn)
    options = changed(wishes.options, change, wishes.picture)
    await keep_wishes(turn, wishes.model_copy(update={"options": options}))
    await offering.refresh_offer(turn)
    return True


async def _why_not(turn: Turn, change: Change) -> str:
    """Why an option cannot have this value now; empty if it can."""
    if change.option is CAPTIONS:
        return await _why_no_captions(turn)
    if change.option is LABEL and change.value == "off":
        allowed = may_waive(turn.desk.policy, turn.chat, turn.person)
        return "" if allowed else _not_named(turn)
    if change.option is BACKGROUND and change.value == "picture":
        return "" if await _has_picture(turn) else turn.say("background-send-picture")
    return ""


def _not_named(turn: Turn) -> str:
    return turn.say("waiver-not-allowed", who=person_entry(turn.chat, turn.person))


async def _why_no_captions(turn: Turn) -> str:
    """Only of a recording that was heard it is known whether it has words."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    sent = await turn.desk.ledger.take(draft.take_id) if draft.take_id else None
    if sent is not None and sent.state is TakeState.ANALYSING:
        return turn.say("captions-listening")
    heard = await _heard(turn)
    if heard is None:
        return turn.say("captions-no-recording")
    return "" if heard.words else turn.say("captions-no-words")


async def _has_picture(turn: Turn) -> bool:
    picture = (await load_wishes(turn)).picture
    if picture is None:
        return False
    try:
        await turn.desk.store.stat(keys.picture(picture.sha256))
    except ObjectMissing:
        return False
    return True


async def _heard(turn: Turn) -> TakeRecord | None:
    """The recording that was heard last."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    return await turn.desk.ledger.take(draft.heard) if draft.heard else None


async def _set_lines(turn: Turn, option: Option) -> list[str]:
    """That an option is set, and to what."""
    options = await options_now(turn)
    said = turn.say(
        "settings-set", option=option.word(turn.language), meaning=meaning(turn, option, options)
    )
    reach = option is BACKGROUND and options.background is not None
    return [said, await background_reach(turn) if reach else ""]


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
    lines, choices = await _shown(turn)
    message = await turn.answer(*lines, choices=choices)
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        page.change(settings=message)


async def _shown(turn: Turn) -> tuple[list[str], list[Choice]]:
    """The settings, and a button for each option that changes it to its next value."""
    policy, texts, options = turn.desk.policy, turn.desk.texts, await options_now(turn)
    offered = await _offered(turn)
    lines = [
        turn.say("settings-head"),
        turn.say("settings-language"),
        turn.say("settings-options"),
        *(_option_line(turn, option, options) for option in offered),
        turn.say("settings-how"),
        turn.say("settings-take", limit=words.duration(texts, turn.language, policy.max_take_s)),
        turn.say("settings-file", limit=words.size(turn.desk.adapter.limits.file_size_bytes)),
        turn.say("settings-clips", limit=policy.max_clips_per_batch),
        turn.say(
            "settings-links", lifetime=words.lifetime(texts, turn.language, policy.link_lifetime_s)
        ),
        turn.say("settings-engine", engine=policy.engine),
    ]
    picture = await _has_picture(turn)
    choices = [
        choice
        for option in offered
        if (choice := _next_choice(turn, option, options, picture=picture)) is not None
    ]
    return lines, choices


async def _offered(turn: Turn) -> list[Option]:
    """All options, but captions only where the recording heard last has words."""
    take = await _heard(turn)
    wordless = take is None or not take.words
    return [option for option in OPTIONS if option is not CAPTIONS or not wordless]


def _option_line(turn: Turn, option: Option, options: OrderOptions) -> str:
    """An option: what it is, what that means, and what else it can be."""
    current = value_of(option, options)
    others = [value.word(turn.language) for value in option.values if value.name != current]
    if option is BACKGROUND:
        others.append(turn.say("background-colours"))
    if option is LABEL and not may_waive(turn.desk.policy, turn.chat, turn.person):
        others = []
    listed = words.listing(turn.language, others)
    return turn.desk.texts.join(
        turn.language,
        turn.say(
            "settings-option",
            option=option.word(turn.language),
            meaning=meaning(turn, option, options),
        ),
        turn.say("settings-others", values=listed) if others else "",
    )


def _next_choice(
    turn: Turn, option: Option, options: OrderOptions, *, picture: bool
) -> Choice | None:
    """The button that gives an option its next value; None where it has no other."""
    values = [value for value in option.values if value.name != "picture" or picture]
    if option is LABEL and not may_waive(turn.desk.policy, turn.chat, turn.person):
        return None
    names = [value.name for value in values]
    current = value_of(option, options)
    following = values[(names.index(current) + 1) % len(values)] if current in names else values[0]
    label = turn.say(
        "button-set", option=option.word(turn.language), value=following.word(turn.language)
    )
    return Choice(f"{SET}{option.name}={following.name}", label)


def _day(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d")
