"""How a Batch ended: told once for each round, then closed."""

import logging
from collections.abc import Sequence
from typing import Final

from structlog.contextvars import bind_contextvars

from bot import words
from bot.desk import Desk
from bot.follow import Follower
from bot.links import Links, links_of
from bot.ports import ChatUnreachable, Choice
from bot.texts.catalogue import Language
from worker.contract.codes import Code
from worker.contract.records import BatchRecord, BatchState, ClipState, Reason, Utterance

_LOG = logging.getLogger(__name__)

_TOLD_TTL_S: Final = 30 * 86_400
_PASSING: Final = frozenset({Code.INCIDENT, Code.ENGINE_UNAVAILABLE, Code.CLIP_GONE})
"""Reasons that the same order may not meet again."""


async def tell_outcome(desk: Desk, follower: Follower, utterance: Utterance) -> None:
    """Tell a chat how a round of a Batch ended, unless it was told; may be called again after any failure.

    Raises Throttled, PlatformDown, StoreUnavailable, MemoryUnavailable: to be tried again. Any other ChatError is a refusal
    of these words, and nothing was told.
    """
    batch = await _ended(desk, utterance)
    if batch is None:
        return
    if not await _is_told(desk, batch):
        await follower.finish(batch)
        await _post(desk, batch)
    await desk.ledger.close_batch(batch.id, utterance.round)
    await follower.settle(batch.id)


async def tell_plainly(desk: Desk, utterance: Utterance, incident: str) -> None:
    """The same in words alone, which hold the Links, with the incident that kept it from being told as usual."""
    batch = await _ended(desk, utterance)
    if batch is None:
        return
    if not await _is_told(desk, batch):
        await _post_plainly(desk, batch, incident)
    await desk.ledger.close_batch(batch.id, utterance.round)


async def _ended(desk: Desk, utterance: Utterance) -> BatchRecord | None:
    """The Batch of which this is to be told; None if it was deleted or cleared away, or reopened: a newer Outcome will come."""
    batch = await desk.ledger.batch(utterance.subject)
    if batch is None or utterance.round < batch.round or batch.state is BatchState.EXPIRED:
        return None
    bind_contextvars(batch=batch.code)
    return batch


async def _is_told(desk: Desk, batch: BatchRecord) -> bool:
    return await desk.memory.load(*_told(batch)) is not None


def _told(batch: BatchRecord) -> tuple[str, ...]:
    return ("told", batch.id, str(batch.round))


async def _post(desk: Desk, batch: BatchRecord) -> None:
    language = await desk.language_of(batch.order.chat, batch.order.person)
    links = await _links(desk, batch, language)
    text = "\n".join(outcome_lines(desk, batch, language, links.lines))
    await _say(desk, batch, text, f"outcome:{batch.id}:{batch.round}", links.choices)


async def _post_plainly(desk: Desk, batch: BatchRecord, incident: str) -> None:
    language = await desk.language_of(batch.order.chat, batch.order.person)
    reason = Reason(code=Code.INCIDENT, incident=incident)
    count = len(batch.clips)
    plain = desk.texts.say(language, "outcome-plain", code=batch.code, done=batch.done, count=count)
    links = await _links(desk, batch, language)
    on_buttons = [f"{choice.label}: {choice.url}" for choice in links.choices if choice.url]
    lines = [desk.texts.short(language, reason), plain, *links.lines[:-1], *on_buttons]
    text = "\n".join(line for line in [*lines, links.lines[-1]] if line)
    await _say(desk, batch, text, f"outcome:{batch.id}:{batch.round}:plain")


async def _links(desk: Desk, batch: BatchRecord, language: Language) -> Links:
    return await links_of(desk, batch, language, asked=False) if batch.done else Links([""], [])


async def _say(
    desk: Desk, batch: BatchRecord, text: str, key: str, choices: Sequence[Choice] = ()
) -> None:
    """Say it, and remember that; a chat that refuses us for good has heard all it ever will."""
    order = batch.order
    try:
        await desk.post(order.chat, text, key=key, reply_to=order.reply_to, choices=choices)
    except ChatUnreachable:
        _LOG.warning("Batch %s: its chat refuses the Outcome for good", batch.id)
    await desk.memory.keep(*_told(batch), value="1", ttl_s=_TOLD_TTL_S)


def outcome_lines(
    desk: Desk, batch: BatchRecord, language: Language, links: Sequence[str]
) -> list[str]:
    """The Outcome: what is there with its Links, what is not with its reasons."""
    lines = [_head(desk, batch, language)]
    if batch.reason:
        lines.append(desk.texts.reason(language, batch.reason))
    failures = failure_lines(desk, batch, language)
    lines += [*links[:-1], *failures]
    if _may_work_next_time(batch):
        lines.append(desk.texts.say(language, "outcome-retry", code=batch.code))
    return [line for line in [*lines, links[-1]] if line]


def _may_work_next_time(batch: BatchRecord) -> bool:
    """Whether something failed that was not the material's fault: only then trying again is worth a word."""
    reasons = [batch.reason, *(clip.reason for clip in batch.clips)]
    return any(reason is not None and reason.code in _PASSING for reason in reasons)


def _head(desk: Desk, batch: BatchRecord, language: Language) -> str:
    if batch.cancelled:
        message = "outcome-cancelled-some" if batch.done else "outcome-cancelled"
    elif batch.done == len(batch.clips):
        message = "outcome-ready"
    else:
        message = "outcome-partial" if batch.done else "outcome-failed"
    return desk.texts.say(
        language,
        message,
        code=batch.code,
        take=words.shown_name(batch.order.take_name),
        count=len(batch.clips),
        done=batch.done,
    )


def failure_lines(desk: Desk, batch: BatchRecord, language: Language) -> list[str]:
    """A line for each Clip that failed: which, and why."""
    return [
        desk.texts.say(
            language,
            "outcome-failure",
            number=clip.number,
            name=words.shown_name(clip.template_name),
            reason=desk.texts.reason(language, clip.reason),
        )
        for clip in batch.clips
        if clip.state is ClipState.FAILED and clip.reason
    ]
