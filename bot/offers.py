"""What stands below the list of Templates: a choice for each, pages of them, and what picks many at once."""

from collections.abc import Sequence
from typing import Final

from bot import words
from bot.desk import Turn
from bot.drafts import Draft
from bot.ports import Choice
from bot.presets import Preset
from worker.contract.records import TemplateRecord

PICK, DROP, GO, EMPTY, ALL, LAST, PAGE = "pick:", "drop:", "go", "empty", "all", "last", "page:"
PRESET = "preset:"
"""Tokens. Each says what shall be, so that a second press changes nothing."""

_TAKE: Final = 16
"""So many letters of a recording's id tell it from the person's others."""
_CONTROLS: Final = 6
"""Most choices beside those of Templates."""
_PRESETS: Final = 3
"""Most presets offered: one row."""
_PICTURED: Final = 12
"""Most Templates of a page that is shown as a picture: more would be too small on a phone."""


def on_page(turn: Turn, draft: Draft, templates: Sequence[TemplateRecord]) -> range:
    """Which of the Templates are shown: all where they fit, or where there is no way to turn pages."""
    size = _page_size(turn)
    if size < 1 or len(templates) <= size or not turn.desk.adapter.limits.can_revise:
        return range(len(templates))
    page = min(max(draft.page, 0), (len(templates) - 1) // size)
    return range(page * size, min((page + 1) * size, len(templates)))


def _page_size(turn: Turn) -> int:
    limits = turn.desk.adapter.limits
    size = limits.choices - _CONTROLS
    return min(size, _PICTURED) if limits.caption_length else size


def offer_choices(
    turn: Turn,
    draft: Draft,
    templates: Sequence[TemplateRecord],
    last: Sequence[str],
    presets: Sequence[Preset] = (),
) -> list[Choice]:
    """Templates first; those that find no room are picked by their number.

    Args:
        turn: Of the person.
        draft: What is picked, and which page is open.
        templates: The library, as listed.
        last: Ids of what the person ordered the last time.
        presets: What the person keeps; a few of them are offered where there is room.
    """
    limit = turn.desk.adapter.limits.choices
    shown = on_page(turn, draft, templates)
    buttons = [
        Choice(
            f"{DROP if template.id in draft.picks else PICK}{template.id}",
            f"{number} {words.shown_name(template.name)}",
            picked=template.id in draft.picks,
        )
        for number, template in list(enumerate(templates, 1))[shown.start : shown.stop]
    ]
    start = [Choice(_go(draft), turn.say("button-start"), section="start")] if draft.picks else []
    controls = [*_pages(turn, shown, len(templates)), *_many(turn, draft, templates, last)]
    room = max(limit - len(controls) - len(start), 0)
    kept = _kept(draft, templates, presets[:_PRESETS])[: max(room - len(buttons), 0)]
    return [*buttons[:room], *kept, *controls, *start]


def start_choices(turn: Turn, draft: Draft) -> list[Choice]:
    """Below what was picked by typing."""
    if not (draft.take_id and draft.picks):
        return []
    return [Choice(_go(draft), turn.say("button-start")), Choice(EMPTY, turn.say("button-empty"))]


def is_go(token: str) -> bool:
    """Whether a token starts."""
    return token.partition(":")[0] == GO


def starts(token: str, draft: Draft) -> bool:
    """Whether a token that starts was offered for the recording that is there now, or for none yet."""
    take = token.partition(":")[2]
    return not (take and draft.take_id) or draft.take_id.startswith(take)


def _go(draft: Draft) -> str:
    """It names the recording: an offer further up must not start with one that came since."""
    return f"{GO}:{draft.take_id[:_TAKE]}" if draft.take_id else GO


def _pages(turn: Turn, shown: range, count: int) -> list[Choice]:
    size = _page_size(turn)
    found = []
    if shown.start > 0:
        label = turn.say("button-before", first=shown.start - size + 1, last=shown.start)
        found.append(Choice(f"{PAGE}{shown.start // size - 1}", label, section="controls"))
    if shown.stop < count:
        label = turn.say("button-after", first=shown.stop + 1, last=min(shown.stop + size, count))
        found.append(Choice(f"{PAGE}{shown.stop // size}", label, section="controls"))
    return found


def _kept(
    draft: Draft, templates: Sequence[TemplateRecord], presets: Sequence[Preset]
) -> list[Choice]:
    """Presets of which anything is left."""
    ids = {template.id for template in templates}
    return [
        Choice(
            f"{PRESET}{preset.name}",
            f"★ {words.shown_name(preset.name)}",
            picked=set(preset.template_ids) == set(draft.picks),
            section="presets",
        )
        for preset in presets
        if ids & set(preset.template_ids)
    ]


def _many(
    turn: Turn, draft: Draft, templates: Sequence[TemplateRecord], last: Sequence[str]
) -> list[Choice]:
    """All, none, the same as the last time: where there is more than one to choose from."""
    if len(templates) < 2:
        return []
    limit = turn.desk.policy.max_clips_per_batch
    ids = {template.id for template in templates}
    again = [id_ for id_ in last if id_ in ids]
    found = []
    if len(draft.picks) < len(templates) <= limit:
        found.append(Choice(ALL, turn.say("button-all"), section="controls"))
    if again and set(again) != set(draft.picks):
        found.append(Choice(LAST, turn.say("button-last"), section="controls"))
    if draft.picks:
        found.append(Choice(EMPTY, turn.say("button-empty"), section="controls"))
    return found
