"""Which engine makes the videos: those that all workers have, and the one that a person chose among them."""

from typing import Final

from bot import words
from bot.desk import Turn
from bot.options import SET
from bot.ports import Choice
from bot.wishes import keep_wishes, load_wishes

NAMES: Final = frozenset({"engine", "引擎"})
"""What is typed for it."""
TOKEN: Final = f"{SET}engine="
"""Of a button that chooses one; its name follows."""


async def engines_here(turn: Turn) -> tuple[str, ...]:
    """Those that can be chosen, the operator's first."""
    found = await turn.desk.ledger.engines()
    return tuple(dict.fromkeys((turn.desk.policy.engine, *found)))


async def engine_now(turn: Turn) -> str:
    """The one that an order placed now gets: the operator's, once the chosen one is no longer there."""
    wished = (await load_wishes(turn)).engine
    return wished if wished in await engines_here(turn) else turn.desk.policy.engine


async def choose_engine(turn: Turn, name: str) -> str:
    """Have the videos from now on made by one; returns what to say."""
    if name not in await engines_here(turn):
        unknown = turn.say("settings-value-unknown", typed=words.shown_name(name)) if name else ""
        return "\n".join(line for line in (unknown, await engine_line(turn)) if line)
    wishes = await load_wishes(turn)
    chosen = None if name == turn.desk.policy.engine else name
    await keep_wishes(turn, wishes.model_copy(update={"engine": chosen}))
    return turn.say("settings-engine-set", engine=name)


async def engine_line(turn: Turn) -> str:
    """The engine, and which others there are."""
    now = await engine_now(turn)
    others = [name for name in await engines_here(turn) if name != now]
    if not others:
        return turn.say("settings-engine-only", engine=now)
    listed = turn.say("settings-others", values=words.listing(turn.language, others))
    return turn.desk.texts.join(turn.language, turn.say("settings-engine", engine=now), listed)


async def engine_choices(turn: Turn) -> list[Choice]:
    """A button for the next one; none where there is no other."""
    here, now = await engines_here(turn), await engine_now(turn)
    if len(here) < 2:
        return []
    following = here[(here.index(now) + 1) % len(here)]
    label = turn.say("button-engine", engine=following)
    return [Choice(f"{TOKEN}{following}", label)]
