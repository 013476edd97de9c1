"""The Templates, as people see them: a numbered list, and what each can do."""

from collections.abc import Sequence

from bot import words
from bot.desk import Turn
from bot.drafts import Draft
from worker.contract.records import TemplateRecord, TemplateState

_FEW = 8
_BROKEN = {TemplateState.REJECTED, TemplateState.FAILED}


async def listed_templates(turn: Turn, listed: Sequence[str]) -> list[TemplateRecord]:
    """The Templates as last shown to this person, or the library if no list was shown; without those gone since."""
    library = list(await turn.desk.ledger.templates())
    if not listed:
        return library
    by_id = {template.id: template for template in library}
    return [by_id[id_] for id_ in listed if id_ in by_id]


def numbers(templates: Sequence[TemplateRecord], listed: Sequence[str]) -> list[int]:
    """Under which number each was shown: one that is gone since leaves a gap, so that the others keep theirs."""
    places = {id_: number for number, id_ in enumerate(listed, 1)}
    return [places.get(template.id, number) for number, template in enumerate(templates, 1)]


def list_lines(turn: Turn, templates: Sequence[TemplateRecord], draft: Draft) -> list[str]:
    """A numbered line for each Template: name, length, state, and a mark if it is picked."""
    return [
        _line(turn, number, template, picked=template.id in draft.picks)
        for number, template in zip(numbers(templates, draft.listed), templates, strict=True)
    ]


def _line(turn: Turn, number: int, template: TemplateRecord, *, picked: bool) -> str:
    name = words.shown_name(template.name)
    facts = ""
    if template.state is TemplateState.PREPARING:
        facts = turn.say("template-preparing")
    elif template.state is TemplateState.READY:
        facts = words.duration(turn.desk.texts, turn.language, template.duration_s)
    line = f"{number}. {name}" + (f" · {facts}" if facts else "")
    if template.screen is not None:
        line += f" · {turn.say(f'template-screen-{template.screen}')}"
    if template.state in _BROKEN:
        line += f" ✗ {broken(turn, template)}"
    return f"{line} ✓" if picked else line


def few(turn: Turn, names: Sequence[str]) -> str:
    """Names one after the other, of many only the first."""
    listed = words.listing(turn.language, names[:_FEW])
    return listed if len(names) <= _FEW else f"{listed} …"


def broken(turn: Turn, template: TemplateRecord) -> str:
    """Why a Template cannot be used, in one sentence; empty if it can."""
    if template.state not in _BROKEN:
        return ""
    return turn.short(template.reason) if template.reason else turn.say("template-unusable")


async def show_templates(turn: Turn) -> None:
    """Answer /templates; what was listed gives the numbers their meaning from now on."""
    templates = await turn.desk.ledger.templates()
    if not templates:
        await turn.answer(turn.say("library-empty"))
        return
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        page.change(listed=tuple(template.id for template in templates))
    await turn.answer(
        turn.say("library-head", count=len(templates)),
        *_lines_with_remarks(turn, templates, page.draft),
        turn.say("pick-how") if page.draft.take_id else turn.say("pick-how-without-recording"),
    )


async def head_lines(turn: Turn) -> list[str]:
    """What stands above a picture of the Templates: how many there are, and what there is to say about some."""
    templates = await turn.desk.ledger.templates()
    lines = [turn.say("library-head", count=len(templates))] if templates else []
    for number, template in enumerate(templates, 1):
        notes = [turn.desk.texts.note(turn.language, "template", each) for each in template.remarks]
        lines += [f"{number}. {words.shown_name(template.name)}: {note}" for note in notes[:1]]
    return lines[: 1 + _FEW]


def _lines_with_remarks(turn: Turn, templates: Sequence[TemplateRecord], draft: Draft) -> list[str]:
    """The list, and under a Template what there is to say about it."""
    lines = []
    for line, template in zip(list_lines(turn, templates, draft), templates, strict=True):
        notes = [turn.desk.texts.note(turn.language, "template", each) for each in template.remarks]
        lines += [line, *(f"   {note}" for note in notes)]
    return lines
