"""Signed links: made when the message is written, so that their time begins when somebody can read them."""

from dataclasses import dataclass

from bot import words
from bot.desk import Desk
from bot.files import files_choice
from bot.ports import Choice
from bot.texts.catalogue import Language, Texts
from worker.contract.names import clip_name
from worker.contract.ports import ObjectMissing
from worker.contract.records import BatchRecord, ClipRecord, ClipResult, ClipState


@dataclass(frozen=True)
class Links:
    """What a message says of what can be fetched: in its text, or as buttons where the platform has such."""

    lines: list[str]
    choices: list[Choice]


async def links_of(desk: Desk, batch: BatchRecord, language: Language) -> Links:
    """The Archive's Link, one for each Clip that is done, and how long they last. Raises StoreUnavailable."""
    texts, links = desk.texts, Links([], [])
    if batch.archive_key:
        name = batch.archive_name or f"chorus_{batch.code}.zip"
        url = await desk.store.sign(batch.archive_key, desk.policy.link_lifetime_s, name)
        size = words.size(batch.archive_size_bytes)
        line = texts.say(language, "link-archive", size=size, url=url)
        _add(desk, links, line, texts.say(language, "button-archive", size=size), url, "archive")
        take = await desk.ledger.take(batch.order.take_id)
        if take is not None and batch.order.options.captioned(take):
            links.lines.append(texts.say(language, "archive-captions"))
    for clip in batch.clips:
        if clip.state is not ClipState.DONE or clip.result is None:
            continue
        name = clip_name(clip.number, clip.template_name)
        url = await desk.store.sign(clip.result.key, desk.policy.link_lifetime_s, name)
        line = _clip_line(texts, clip, clip.result, language, url)
        _add(desk, links, line, f"{clip.number}. {words.shown_name(clip.template_name)}", url)
    links.lines.extend(_closing_lines(desk, batch, language))
    links.choices.extend(files_choice(desk, batch, language))
    return links


def _add(desk: Desk, links: Links, line: str, label: str, url: str, section: str = "") -> None:
    """A Link on a button, or at the end of its line where there are none, or no more."""
    limits = desk.adapter.limits
    if limits.link_buttons and len(links.choices) < limits.choices - 1:
        links.choices.append(Choice(token="", label=label, url=url, section=section))
        line = line.removesuffix(url).rstrip(" :：")
    links.lines.append(line)


def _closing_lines(desk: Desk, batch: BatchRecord, language: Language) -> list[str]:
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
    lasting = words.lifetime(desk.texts, language, desk.policy.link_lifetime_s)
    return [*lines, desk.texts.say(language, "links-last", lifetime=lasting, code=batch.code)]


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


async def still_there(desk: Desk, batch: BatchRecord) -> bool:
    """Whether the store still has the Archive. Raises StoreUnavailable."""
    if batch.archive_key is None:
        return False
    try:
        await desk.store.stat(batch.archive_key)
    except ObjectMissing:
        return False
    return True
