"""What /settings shows: a line for each setting, and below them what can be pressed, or chosen in a form.

A form has few fields. Where the settings have more, it holds some of them and one more field, which leads to the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot import engines, words
from bot.allowance import allowance_of, most_clips
from bot.colours import shown_colour
from bot.desk import Turn
from bot.options import (
    BACKGROUND,
    CAPTIONS,
    CLOUD,
    LABEL,
    OPTIONS,
    SET,
    Option,
    value_of,
)
from bot.permissions import may_waive
from bot.ports import Choice
from bot.texts.catalogue import LANGUAGES
from bot.wishes import load_wishes, meaning, options_now
from worker.contract import keys
from worker.contract.records import OrderOptions, TakeRecord

SPEAK: Final = f"{SET}language="
"""The token of what changes the language goes on with it."""
MORE: Final = f"{SET}more="
"""The token of a value that leads to other settings goes on with the number of their form."""


@dataclass(frozen=True)
class _Field:
    """One setting in a form."""

    name: str
    values: Sequence[Choice]


async def panel_lines(turn: Turn) -> list[str]:
    """The settings in words, and the limits people should know."""
    policy, texts, options = turn.desk.policy, turn.desk.texts, await options_now(turn)
    return [
        turn.say("settings-head"),
        turn.say("settings-language"),
        turn.say("settings-options"),
        *(option_line(turn, option, options) for option in await _offered(turn)),
        turn.say("settings-how"),
        turn.say("settings-take", limit=words.duration(texts, turn.language, policy.max_take_s)),
        turn.say("settings-file", limit=words.size(turn.desk.adapter.limits.file_size_bytes)),
        turn.say("settings-clips", limit=most_clips(turn)),
        *_allowance_lines(turn),
        turn.say(
            "settings-links", lifetime=words.lifetime(texts, turn.language, policy.links_last_s)
        ),
        await engines.engine_line(turn),
    ]


async def panel_choices(turn: Turn, page: int = 0) -> list[Choice]:
    """What stands below them: a form, or a button for each setting that changes it to its next value."""
    if turn.desk.adapter.limits.fields > 1:
        return _form(turn, await _fields(turn), page)
    options, picture = await options_now(turn), await has_picture(turn)
    choices = [
        choice
        for option in await _offered(turn)
        if (choice := _next_choice(turn, option, options, picture=picture)) is not None
    ]
    other = next(each for each in LANGUAGES if each != turn.language)
    choices.append(Choice(f"{SPEAK}{other}", turn.say("button-language")))
    return choices + await engines.engine_choices(turn)


def _form(turn: Turn, fields: Sequence[_Field], page: int) -> list[Choice]:
    limits = turn.desk.adapter.limits
    if len(fields) <= limits.fields:
        return [value for field in fields for value in field.values]
    step = limits.fields - 1
    pages = [fields[start : start + step] for start in range(0, len(fields), step)]
    page = min(page, len(pages) - 1)
    more = turn.say("field-more")
    stay = Choice(f"{MORE}{page}", turn.say("field-stay"), picked=True, field=more)
    others = [
        Choice(
            f"{MORE}{number}",
            words.listing(turn.language, [field.name for field in fields_]),
            field=more,
        )
        for number, fields_ in enumerate(pages)
        if number != page
    ]
    shown = [value for field in pages[page] for value in field.values]
    return [*shown, stay, *others[: limits.values - 1]]


async def _fields(turn: Turn) -> list[_Field]:
    options, picture = await options_now(turn), await has_picture(turn)
    found = [
        _option_field(turn, option, options, picture=picture)
        for option in await _offered(turn)
        if option is not LABEL or may_waive(turn.desk.policy, turn.chat, turn.person)
    ]
    spoken = [
        (f"{SPEAK}{each}", turn.desk.texts.say(each, "language-name"), each == turn.language)
        for each in LANGUAGES
    ]
    found.append(_field(turn, turn.say("field-language"), spoken))
    here, now = await engines.engines_here(turn), await engines.engine_now(turn)
    if len(here) > 1:
        makers = [(f"{engines.TOKEN}{name}", name, name == now) for name in here]
        found.append(_field(turn, turn.say("field-engine"), makers))
    return found


def _option_field(turn: Turn, option: Option, options: OrderOptions, *, picture: bool) -> _Field:
    current = value_of(option, options)
    values = [
        (f"{SET}{option.name}={value.name}", value.word(turn.language), value.name == current)
        for value in option.values
        if value.name != "picture" or picture or current == "picture"
    ]
    colour = options.background.colour if options.background else None
    if option is BACKGROUND and colour:
        name = shown_colour(colour, chinese=turn.language == "zh")
        values.append((f"{SET}{option.name}={colour}", name, True))
    return _field(turn, option.word(turn.language), values)


def _field(turn: Turn, name: str, values: Sequence[tuple[str, str, bool]]) -> _Field:
    """A field of token, label and whether it is so, for each value; what is so is always among them."""
    choices = [Choice(token, label, picked, field=name) for token, label, picked in values]
    most = turn.desk.adapter.limits.values
    kept = [each for each in choices if each.picked]
    others = [each for each in choices if not each.picked][: most - len(kept)]
    return _Field(name, [each for each in choices if each in kept or each in others])


async def has_picture(turn: Turn) -> bool:
    """Whether the picture that was sent last is still kept."""
    picture = (await load_wishes(turn)).picture
    if picture is None:
        return False
    return await turn.desk.has(keys.picture(picture.sha256))


async def heard_last(turn: Turn) -> TakeRecord | None:
    """The recording that was heard last."""
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    return await turn.desk.ledger.take(draft.heard) if draft.heard else None


def _allowance_lines(turn: Turn) -> list[str]:
    """The limits that this person meets."""
    allowance = allowance_of(turn)
    limits = {
        "settings-batches": allowance.batches_per_person,
        "settings-minutes": allowance.minutes_per_person,
    }
    return [turn.say(name, limit=f"{limit:g}") for name, limit in limits.items() if limit]


async def _offered(turn: Turn) -> list[Option]:
    """All options, but captions only where the recording heard last has words, and the cloud only where there is a choice."""
    take = await heard_last(turn)
    useless = set()
    if take is None or not take.words:
        useless.add(CAPTIONS)
    if turn.desk.policy.cloud != "on":
        useless.add(CLOUD)
    return [option for option in OPTIONS if option not in useless]


def option_line(turn: Turn, option: Option, options: OrderOptions) -> str:
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
