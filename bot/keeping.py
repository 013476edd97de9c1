"""The command /preset: keeping picks under a name, and picking what was kept."""

from collections.abc import Sequence
from typing import Final

from bot import library, orders, words
from bot.desk import Turn
from bot.offering import last_picks
from bot.offers import PRESET
from bot.picks import GO
from bot.ports import Choice
from bot.presets import MOST, NAME, Preset, find, folded_name, keep_presets, load_presets, without
from worker.contract.codes import Code
from worker.contract.records import Reason, TemplateRecord

_SAVE: Final = frozenset({"save", "keep", "保存", "存为"})
_REMOVE: Final = frozenset({"remove", "delete", "删除", "移除"})


async def preset(turn: Turn, argument: str) -> None:
    """Answer /preset: list them, keep one, remove one, or pick one."""
    verb, name = _read(argument)
    if not argument.strip():
        await _list(turn)
    elif verb in _SAVE:
        await _save(turn, name)
    elif verb in _REMOVE:
        await _remove(turn, name)
    else:
        await _pick(turn, argument)


async def pick_by_choice(turn: Turn, name: str) -> None:
    """A button: in the offer, or below the list of presets."""
    found = find(await load_presets(turn), name)
    if found is None:
        await turn.answer(turn.say("preset-unknown", name=words.shown_name(name)))
        return
    templates, gone = await _still_there(turn, found)
    await orders.pick_instead(turn, templates, gone, revise=True)


def _read(argument: str) -> tuple[str, str]:
    """(verb, the rest); in Chinese nothing need stand between them."""
    verb, _, rest = argument.strip().partition(" ")
    for known in ("保存", "存为", "删除", "移除"):
        if verb.startswith(known):
            return known, f"{verb.removeprefix(known)} {rest}".strip()
    return verb.casefold(), rest.strip()


async def _list(turn: Turn) -> None:
    presets = await load_presets(turn)
    if not presets:
        await turn.answer(turn.say("preset-none"), turn.say("preset-how"))
        return
    lines = [
        turn.say(
            "preset-line",
            name=words.shown_name(preset.name),
            names=library.few(turn, [words.shown_name(each) for each in _names(preset)]),
        )
        for preset in presets
    ]
    choices = [
        Choice(f"{PRESET}{preset.name}", f"★ {words.shown_name(preset.name)}", stays=True)
        for preset in presets
    ]
    await turn.answer(turn.say("preset-head"), *lines, turn.say("preset-how"), choices=choices)


async def _save(turn: Turn, name: str) -> None:
    """Keep what is picked, or what was ordered last, in the place of one of the same name."""
    name = words.shown_name(" ".join(name.split()))[:NAME]
    if not name or folded_name(name) in _SAVE | _REMOVE:
        await turn.answer(turn.say("preset-how"))
        return
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    picked = draft.picks or await last_picks(turn)
    known = {template.id: template.name for template in await turn.desk.ledger.templates()}
    ids = tuple(id_ for id_ in picked if id_ in known)
    if not ids:
        await turn.answer(turn.say("preset-nothing"))
        return
    others = without(await load_presets(turn), name)
    if len(others) >= MOST:
        await turn.answer(turn.say("preset-full", limit=MOST))
        return
    kept = Preset(name=name, template_ids=ids, names={id_: known[id_] for id_ in ids})
    await keep_presets(turn, [kept, *others])
    names = library.few(turn, [words.shown_name(each) for each in _names(kept)])
    await turn.answer(turn.say("preset-saved", name=name, names=names))


async def _remove(turn: Turn, name: str) -> None:
    presets = await load_presets(turn)
    found = find(presets, name)
    if found is None:
        await _unknown(turn, name)
        return
    await keep_presets(turn, without(presets, name))
    await turn.answer(turn.say("preset-removed", name=words.shown_name(found.name)))


async def _pick(turn: Turn, name: str) -> None:
    """Pick one; ``go`` behind its name starts."""
    presets = await load_presets(turn)
    found, go = find(presets, name), False
    if found is None:
        shorter, _, last = name.strip().rpartition(" ")
        go = last.casefold() in GO
        found = find(presets, shorter) if go else None
    if found is None:
        await _unknown(turn, name)
        return
    templates, gone = await _still_there(turn, found)
    await orders.pick_instead(turn, templates, gone, go=go)


async def _still_there(
    turn: Turn, preset: Preset
) -> tuple[Sequence[TemplateRecord], Sequence[str]]:
    """The Templates of a preset, and what to say of those removed since: they are told once, and leave it."""
    library_now = {template.id: template for template in await turn.desk.ledger.templates()}
    there = [id_ for id_ in preset.template_ids if id_ in library_now]
    gone = [id_ for id_ in preset.template_ids if id_ not in library_now]
    kept = preset.model_copy(update={"template_ids": tuple(there)})
    others = without(await load_presets(turn), preset.name)
    await keep_presets(turn, [kept, *others] if there else others)
    told = [
        turn.short(Reason(code=Code.TEMPLATE_GONE, facts={"name": words.shown_name(name)}))
        for name in (preset.names.get(id_, id_) for id_ in gone)
    ]
    if gone and not there:
        told.append(turn.say("preset-removed", name=words.shown_name(preset.name)))
    return [library_now[id_] for id_ in there], told


async def _unknown(turn: Turn, name: str) -> None:
    await turn.answer(
        turn.say("preset-unknown", name=words.shown_name(name)), turn.say("preset-how")
    )


def _names(preset: Preset) -> list[str]:
    return [preset.names.get(id_, id_) for id_ in preset.template_ids]
