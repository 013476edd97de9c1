"""What stands below the list of Templates: a choice for each, pages of them, and what picks many at once."""

from collections.abc import Sequence
from typing import Final

from bot import library, words
from bot.allowance import most_clips
from bot.desk import Turn
from bot.drafts import Draft
from bot.ports import Choice
from bot.presets import Preset
from worker.contract.records import TemplateRecord

PICK, DROP, GO, EMPTY, ALL, LAST, PAGE = "pick:", "drop:", "go", "empty", "all", "last", "page:"
GIVE_UP = "give-up"
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
    """Which of the Templates are shown: all where they fit, or where a list in words holds them all."""
    size, limits = _page_size(turn), turn.desk.adapter.limits
    if size < 1 or len(templates) <= size or not (limits.can_revise or limits.caption_length):
        return range(len(templates))
    page = min(max(draft.page, 0), (len(templates) - 1) // size)
    return range(page * size, min((page + 1) * size, len(templates)))


def page_count(turn: Turn, templates: Sequence[TemplateRecord]) -> int:
    """How many pages they fill, one at least."""
    shown = len(on_page(turn, Draft(), templates))
    return -(-len(templates) // shown) if shown else 1


def _page_size(turn: Turn) -> int:
    limits = turn.desk.adapter.limits
    if limits.caption_length and not limits.choices:  # shown as a picture, picked by typing
        return _PICTURED
    size = limits.choices - _CONTROLS
    return min(size, _PICTURED) if limits.caption_length else size


def offer_choices(
    turn: Turn,
    draft: Draft,
    templates: Sequence[TemplateRecord],
    last: Sequence[str],
    presets: Sequence[Preset] = (),
    sizes: Sequence[Choice] = (),
) -> list[Choice]:
    """Templates first; those that find no room are picked by their number.

    Args:
        turn: Of the person.
        draft: What is picked, and which page is open.
        templates: The library, as listed.
        last: Ids of what the person ordered the last time.
        presets: What the person keeps; a few of them are offered where there is room.
        sizes: What else can become of a large order.
    """
    limit = turn.desk.adapter.limits.choices
    shown, numbers = on_page(turn, draft, templates), library.numbers(templates, draft.listed)
    buttons = [
        Choice(
            f"{DROP if template.id in draft.picks else PICK}{template.id}",
            f"{number} {words.shown_name(template.name)}",
            picked=template.id in draft.picks,
        )
        for number, template in list(zip(numbers, templates, strict=True))[shown.start : shown.stop]
    ]
    start = [Choice(_go(draft), turn.say("button-start"), section="start")] if draft.picks else []
    controls = [*_pages(turn, shown, numbers), *_many(turn, draft, templates, last)]
    if start and len(buttons) + len(controls) + len(start) < limit:  # else it is typed
        start.append(_give_up(turn, draft))
    if len(controls) + len(sizes) + len(start) < limit:  # likewise
        controls += sizes
    room = max(limit - len(controls) - len(start), 0)
    kept = _kept(draft, templates, presets[:_PRESETS])[: max(room - len(buttons), 0)]
    return [*buttons[:room], *kept, *controls, *start]


def start_choices(turn: Turn, draft: Draft, sizes: Sequence[Choice] = ()) -> list[Choice]:
    """Below what was picked by typing."""
    if not (draft.take_id and draft.picks):
        return []
    start, empty = turn.say("button-start"), turn.say("button-empty")
    return [Choice(_go(draft), start), Choice(EMPTY, empty), _give_up(turn, draft), *sizes]


def is_go(token: str) -> bool:
    """Whether a token starts."""
    return token.partition(":")[0] == GO


def is_give_up(token: str) -> bool:
    """Whether a token gives up what is being put together."""
    return token.partition(":")[0] == GIVE_UP


def is_meant(token: str, draft: Draft) -> bool:
    """Whether a token that starts or gives up was offered for the recording that is there now, or for none yet."""
    take = token.partition(":")[2]
    return not (take and draft.take_id) or draft.take_id.startswith(take)


def _go(draft: Draft) -> str:
    return _for_take(GO, draft)


def _give_up(turn: Turn, draft: Draft) -> Choice:
    return Choice(_for_take(GIVE_UP, draft), turn.say("button-cancel"), section="cancel")


def _for_take(token: str, draft: Draft) -> str:
    """It names the recording: an offer further up must not decide about one that came since."""
    return f"{token}:{draft.take_id[:_TAKE]}" if draft.take_id else token


def _pages(turn: Turn, shown: range, numbers: Sequence[int]) -> list[Choice]:
    size = _page_size(turn)
    found = []
    if shown.start > 0:
        label = turn.say(
            "button-before", first=numbers[shown.start - size], last=numbers[shown.start - 1]
        )
        found.append(Choice(f"{PAGE}{shown.start // size - 1}", label, section="controls"))
    if shown.stop < len(numbers):
        last = numbers[min(shown.stop + size, len(numbers)) - 1]
        label = turn.say("button-after", first=numbers[shown.stop], last=last)
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
    limit = most_clips(turn)
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
