"""Presets: picks that a person keeps under a name, in one chat, to have them again with one word or one press."""

from collections.abc import Iterable, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from bot.commands import plain
from bot.desk import Turn

MOST: Final = 20
NAME: Final = 40
"""Letters of a name; as many as fit on a button."""


class Preset(BaseModel):
    """Some Templates under a name."""

    model_config = ConfigDict(frozen=True)

    name: str
    template_ids: tuple[str, ...]
    names: dict[str, str] = {}
    """What they are called, should one be removed."""


class _Kept(BaseModel):
    presets: tuple[Preset, ...] = ()


async def load_presets(turn: Turn) -> tuple[Preset, ...]:
    """What the person keeps in this chat, what was used last first."""
    kept = await turn.desk.memory.load(*_key(turn))
    return () if kept is None else _Kept.model_validate_json(kept).presets


async def keep_presets(turn: Turn, presets: Iterable[Preset]) -> None:
    """Keep them for good."""
    kept = _Kept(presets=tuple(presets))
    if kept.presets:
        await turn.desk.memory.keep(*_key(turn), value=kept.model_dump_json())
    else:
        await turn.desk.memory.drop(*_key(turn))


def find(presets: Sequence[Preset], name: str) -> Preset | None:
    """The one of this name, whatever the case of its letters; None if there is none."""
    folded = folded_name(name)
    return next((preset for preset in presets if folded_name(preset.name) == folded), None)


def folded_name(name: str) -> str:
    """A name as it is compared."""
    return " ".join(plain(name).casefold().split())


def without(presets: Sequence[Preset], name: str) -> list[Preset]:
    """All but the one of this name."""
    return [preset for preset in presets if folded_name(preset.name) != folded_name(name)]


def _key(turn: Turn) -> tuple[str, ...]:
    return ("presets", turn.chat.mailbox, turn.chat.id, turn.person.id)
