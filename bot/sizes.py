"""How large an order will be, said before it starts where that matters."""

from collections.abc import Iterable
from typing import Final

from bot import words
from bot.desk import Turn
from bot.drafts import Draft
from bot.options import SET, ZIP
from bot.ports import Choice
from bot.wishes import options_now
from worker.contract.records import TakeRecord, TakeState, TemplateRecord

_BITS_PER_PIXEL: Final = 0.033
"""Of a frame. Clips of three filmed presenters have 0.015 (still), 0.032 (talking) and 0.051 (hair before green)."""
_SOUND_BITS_PER_S: Final = 256_000
_MOST_PIXELS: Final = 1080 * 1920
"""Larger Templates are scaled down."""
_UNKNOWN_PIXELS, _UNKNOWN_FPS = 1280 * 720, 25.0
"""Of a Template that is still being prepared."""


def about_bytes(take: TakeRecord, templates: Iterable[TemplateRecord]) -> int:
    """Roughly what the Clips of these Templates will have together: a half to twice of it."""
    return round(sum(take.duration_s * _bits_per_s(each) / 8 for each in templates))


def _bits_per_s(template: TemplateRecord) -> float:
    pixels = min(template.width_px * template.height_px, _MOST_PIXELS) or _UNKNOWN_PIXELS
    return pixels * (template.fps or _UNKNOWN_FPS) * _BITS_PER_PIXEL + _SOUND_BITS_PER_S


async def expected_bytes(turn: Turn, draft: Draft) -> int:
    """What a draft would become; 0 while the recording is not heard or nothing is picked."""
    if not (draft.take_id and draft.picks):
        return 0
    take = await turn.desk.ledger.take(draft.take_id)
    if take is None or take.state is not TakeState.READY:
        return 0
    found = [await turn.desk.ledger.template(id_) for id_ in draft.picks]
    return about_bytes(take, [template for template in found if template is not None])


async def size_line(turn: Turn, expected: int) -> str:
    """What to know of the size before the start; empty where it does not matter."""
    if expected <= words.LARGE_BYTES:
        return ""
    size, most_bytes = words.about(expected), turn.desk.policy.most_archive_bytes
    wish = (await options_now(turn)).zip
    if expected <= most_bytes or wish == "none":
        return turn.say("size-about", size=size)
    limit = words.size_limit(most_bytes)
    if wish == "one":
        return turn.say("size-one", size=size, limit=limit)
    return turn.say("size-parts", size=size, limit=limit, count=words.parts(expected, most_bytes))


async def size_choices(turn: Turn, expected: int, kind: str = SET) -> list[Choice]:
    """What else can become of an order that is too large for one ZIP; ``kind`` begins the tokens."""
    if expected <= turn.desk.policy.most_archive_bytes:
        return []
    wish = (await options_now(turn)).zip
    return [
        Choice(
            f"{kind}{ZIP.name}={value.name}", turn.say(f"button-zip-{value.name}"), section="zip"
        )
        for value in ZIP.values
        if value.name != wish
    ]
