"""Signed links: made when the message is written, so that their time begins when somebody can read them.

Those to single videos of an order that runs are remembered, in the bot's memory only and for half of their life: they stand
in a message that is revised again and again, and a fresh signature each time would be a revision each time.
"""

import asyncio
import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from bot import words
from bot.desk import Desk
from bot.files import MOST_CHOICES, files_choices, zip_fits
from bot.ports import Choice
from bot.progress import is_over
from bot.texts.catalogue import Language, Texts
from worker.contract.codes import Code
from worker.contract.names import clip_name
from worker.contract.operations import note
from worker.contract.ports import Link, StoreUnavailable
from worker.contract.records import BatchRecord, ClipRecord, ClipResult, ClipState, Reason

_SHORTEST_S: Final = 60
"""What is due to be cleared away may go any minute."""
_UNSURE_S: Final = 60
"""So long a Link is shown again that ends with a session nobody knows the end of; a fresh one would end with it too."""


@dataclass
class Links:
    """What a message says of what can be fetched: in its text, or as buttons where the platform has such."""

    lines: list[str]
    choices: list[Choice]
    lasts_s: int = 0
    """Until the first of them ends; 0 without any."""


async def links_of(
    desk: Desk,
    batch: BatchRecord,
    language: Language,
    gone: Collection[str] = (),
    *,
    asked: bool = True,
) -> Links:
    """The Archive's Link, one for each Clip that is done, and how long they last.

    Args:
        desk: Where they are told.
        batch: What was made.
        language: Of who reads it.
        gone: Keys of what is named without a Link.
        asked: Somebody asked for them; else they come by themselves.

    Raises:
        StoreUnavailable: They cannot be signed now.
    """
    texts, links = desk.texts, Links([], [], desk.policy.link_lifetime_s)
    for part, archive in enumerate(batch.archives, 1):
        if archive.key in gone:
            links.lines.append(_gone_archive(texts, batch, part, language))
            continue
        link = await desk.sign(batch, archive.key, archive.name)
        line, label = _archive_texts(texts, batch, part, language, link.url)
        _add(desk, links, line, label, link, "archive")
    if len(batch.archives) > 1:
        links.lines.append(texts.say(language, "links-parts"))
    if any(archive.key not in gone for archive in batch.archives):
        take = await desk.ledger.take(batch.order.take_id)
        if take is not None and batch.order.options.captioned(take):
            links.lines.append(texts.say(language, "archive-captions"))
    for clip in batch.clips:
        if clip.state is not ClipState.DONE or clip.result is None:
            continue
        if clip.result.key in gone:
            links.lines.append(_gone_clip(texts, clip, language))
            continue
        name = clip_name(clip.number, clip.template_name)
        link = await desk.sign(batch, clip.result.key, name)
        line = _clip_line(texts, clip, clip.result, language, link.url)
        _add(desk, links, line, f"{clip.number}. {words.shown_name(clip.template_name)}", link)
    if not desk.adapter.limits.choices and zip_fits(desk, batch):  # nothing to press: it is typed
        links.lines.append(texts.say(language, "files-typed", code=batch.code))
    lasting_s = _lasting_s(desk, batch, links.lasts_s)
    note("links.issued", batch_id=batch.id, batch=batch.code, lifetime_s=lasting_s)
    links.lines.extend(_closing_lines(desk, batch, language, lasting_s))
    links.choices.extend(files_choices(desk, batch, language, asked=asked))
    return links


async def links_so_far(desk: Desk, batch: BatchRecord) -> dict[int, str]:
    """A Link for each Clip that is done while others are still being made, by number.

    The same at every look, for as long as it surely works: a message that shows it must not change because of it. A store
    that cannot sign now holds up nothing else that is to be said.
    """
    links: dict[int, str] = {}
    if is_over(batch) or batch.cancelled:
        return links
    made = [
        (clip, clip.result)
        for clip in batch.clips
        if clip.state is ClipState.DONE and clip.result is not None
    ]
    kept = await desk.memory.load_all([("link", result.key) for _, result in made])
    with contextlib.suppress(StoreUnavailable):
        for (clip, result), url in zip(made, kept, strict=True):
            links[clip.number] = url or await _new_link(desk, batch, clip, result)
    return links


async def _new_link(desk: Desk, batch: BatchRecord, clip: ClipRecord, result: ClipResult) -> str:
    link = await desk.sign(batch, result.key, clip_name(clip.number, clip.template_name))
    kept_s = max(link.lasts_s // 2, 1) if link.sure else _UNSURE_S
    await desk.memory.keep("link", result.key, value=link.url, ttl_s=kept_s)
    return link.url


async def forget_link(desk: Desk, result: ClipResult) -> None:
    """Its Clip is deleted."""
    await desk.memory.drop("link", result.key)


def _archive_texts(
    texts: Texts, batch: BatchRecord, part: int, language: Language, url: str
) -> tuple[str, str]:
    """The line of a part of the Archive, mostly the only one, and what its button says."""
    size, count = words.size(batch.archives[part - 1].size_bytes), len(batch.archives)
    if count == 1:
        line = texts.say(language, "link-archive", size=size, url=url)
        return line, texts.say(language, "button-archive", size=size)
    line = texts.say(language, "link-part", part=part, count=count, size=size, url=url)
    return line, texts.say(language, "button-part", part=part, count=count, size=size)


def _gone_archive(texts: Texts, batch: BatchRecord, part: int, language: Language) -> str:
    count = len(batch.archives)
    if count == 1:
        return texts.say(language, "link-archive-gone")
    return texts.say(language, "link-part-gone", part=part, count=count)


def _gone_clip(texts: Texts, clip: ClipRecord, language: Language) -> str:
    name, why = words.shown_name(clip.template_name), Reason(code=Code.CLIP_GONE)
    reason = texts.short(language, why)
    return texts.say(language, "outcome-failure", number=clip.number, name=name, reason=reason)


def _add(desk: Desk, links: Links, line: str, label: str, link: Link, section: str = "") -> None:
    """A Link on a button, or at the end of its line where there are none, or no more."""
    limits, url = desk.adapter.limits, link.url
    links.lasts_s = min(links.lasts_s, link.lasts_s)
    if limits.link_buttons and len(links.choices) < limits.choices - MOST_CHOICES:
        links.choices.append(Choice(token="", label=label, url=url, section=section))
        line = line.removesuffix(url).rstrip(" :：")
    links.lines.append(line)


def _closing_lines(desk: Desk, batch: BatchRecord, language: Language, lasting_s: int) -> list[str]:
    """Which backgrounds stayed, and how long the Links last; the last line stands below everything else."""
    lines = []
    kept = [
        f"{clip.number}. {words.shown_name(clip.template_name)}"
        for clip in batch.clips
        if clip.state is ClipState.DONE and clip.result and clip.result.background_kept
    ]
    if kept:
        names = words.listing(language, kept)
        lines.append(desk.texts.say(language, "background-kept", names=names))
    lasting = words.lifetime(desk.texts, language, lasting_s)
    return [*lines, desk.texts.say(language, "links-last", lifetime=lasting, code=batch.code)]


def _lasting_s(desk: Desk, batch: BatchRecord, link_s: int) -> int:
    """How long Links made now work: until they end, or what they lead to is cleared away, an age after the newest of it."""
    kept_s = desk.policy.retention_s
    ends = [clip.ended_at for clip in batch.clips] + [batch.finished_at, batch.created_at]
    if kept_s is None:
        return link_s
    newest = max(end for end in ends if end is not None)
    left_s = newest.timestamp() + kept_s - desk.clock().timestamp()
    return max(min(link_s, int(left_s)), _SHORTEST_S)


def _clip_line(
    texts: Texts, clip: ClipRecord, result: ClipResult, language: Language, url: str
) -> str:
    """A Clip's Link; beside one that did not pass its check stands why to look at it first."""
    name = words.shown_name(clip.template_name)
    length = words.duration(texts, language, result.duration_s)
    remark = texts.remark(language, result.flags)
    if remark:
        return texts.say(
            language,
            "link-flagged",
            number=clip.number,
            name=name,
            length=length,
            remark=remark,
            url=url,
        )
    return texts.say(language, "link-clip", number=clip.number, name=name, length=length, url=url)


async def gone_from(desk: Desk, batch: BatchRecord) -> frozenset[str]:
    """Of what the Links lead to, the keys of what the store no longer has. Raises StoreUnavailable."""
    wanted = kept_keys(batch)
    there = await asyncio.gather(*(desk.has(key) for key in wanted))
    return frozenset(key for key, found in zip(wanted, there, strict=True) if not found)


def kept_keys(batch: BatchRecord) -> list[str]:
    """What the Links of a Batch lead to."""
    clips = [clip.result for clip in batch.clips if clip.state is ClipState.DONE and clip.result]
    return [archive.key for archive in batch.archives] + [clip.key for clip in clips]
