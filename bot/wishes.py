"""What a person in a chat asks of all their orders from now on, and how it is said."""

import contextlib
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from bot import waivers, words
from bot.colours import shown_colour
from bot.desk import Desk, Turn
from bot.options import CAPTIONS, Option, differing, value_of
from worker.contract.records import OrderOptions, SentPicture, TakeRecord

_WISHES: Final = "wishes"


class Wishes(BaseModel):
    """Kept for a person in a chat, for good."""

    model_config = ConfigDict(frozen=True)

    options: OrderOptions = OrderOptions()
    engine: str | None = None
    """None: the operator's."""
    picture: SentPicture | None = None
    """The one sent last; the background may be another one by now."""


async def load_wishes(turn: Turn) -> Wishes:
    """What was asked for; the defaults if nothing was."""
    kept = await turn.desk.memory.load(*_name(turn))
    return Wishes() if kept is None else Wishes.model_validate_json(kept)


async def keep_wishes(turn: Turn, wishes: Wishes) -> None:
    """Keep what is asked for from now on."""
    await turn.desk.memory.keep(*_name(turn), value=wishes.model_dump_json())


async def pictures_wished(desk: Desk) -> frozenset[str]:
    """SHA-256 of the pictures that anybody's next order will show."""
    found = set[str]()
    async for kept in desk.memory.kept(_WISHES):
        with contextlib.suppress(
            ValidationError
        ):  # no version of ours wrote it: nobody orders by it
            if (picture := Wishes.model_validate_json(kept).options.picture) is not None:
                found.add(picture.sha256)
    return frozenset(found)


async def options_now(turn: Turn) -> OrderOptions:
    """The options that an order placed now has: without the visible label only while an acceptance counts."""
    options = (await load_wishes(turn)).options
    waived = not options.label and await waivers.acceptance_of(turn) is not None
    # Where there is no choice, what was wished when there was one would only be told in vain.
    cloud = options.cloud or turn.desk.policy.cloud != "on"
    return options.model_copy(
        update={"label": not waived, "cloud": cloud, "language": turn.language}
    )


async def label_is_back(turn: Turn, options: OrderOptions) -> bool:
    """Whether an order has the visible label although its absence was asked for; that wish ends with it."""
    wishes = await load_wishes(turn)
    if wishes.options.label or not options.label:
        return False
    back = wishes.options.model_copy(update={"label": True})
    await keep_wishes(turn, wishes.model_copy(update={"options": back}))
    return True


def meaning(turn: Turn, option: Option, options: OrderOptions) -> str:
    """What the value of an option means, as a list says it."""
    return turn.say(f"value-{option.name}-{value_of(option, options)}", **_details(turn, options))


def wishes_line(
    turn: Turn, options: OrderOptions, take: TakeRecord | None, engine: str | None = None
) -> str:
    """What differs from the defaults, on one line; empty for nothing.

    Args:
        turn: Tells the language.
        options: Of the order to come.
        take: The recording, if it is heard already; without words it gets no captions.
        engine: The one that was chosen, if it is not the usual one.
    """
    wordless = take is not None and not take.words
    said = []
    for option in differing(options):
        value = value_of(option, options)
        if option is CAPTIONS and wordless:
            if value == "burned":
                said.append(turn.say("with-captions-none"))
            continue
        said.append(turn.say(f"with-{option.name}-{value}", **_details(turn, options)))
    if engine is not None:
        said.append(turn.say("with-engine", engine=engine))
    return turn.say("offer-with", wishes=" · ".join(said)) if said else ""


def _details(turn: Turn, options: OrderOptions) -> dict[str, str | float]:
    """What texts about backgrounds and sizes name."""
    background = options.background
    colour = background.colour if background else None
    picture = background.picture if background else None
    return {
        "colour": shown_colour(colour, chinese=turn.language == "zh") if colour else "",
        "name": words.shown_name(picture.name) if picture else "",
        "limit": words.size_limit(turn.desk.policy.most_archive_bytes),
    }


def _name(turn: Turn) -> tuple[str, ...]:
    return (_WISHES, turn.chat.mailbox, turn.chat.id, turn.person.id)
