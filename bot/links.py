"""Signed links: made when the message is written, so that their time begins when somebody can read them."""

from bot import words
from bot.desk import Desk
from bot.texts.catalogue import Language, Texts
from worker.contract.names import clip_name
from worker.contract.ports import ObjectMissing
from worker.contract.records import BatchRecord, ClipRecord, ClipResult, ClipState


async def link_lines(desk: Desk, batch: BatchRecord, language: Language) -> list[str]:
    """The Archive's Link, one for each Clip that is done, and how long they last. Raises StoreUnavailable."""
    texts, lifetime_s = desk.texts, desk.policy.link_lifetime_s
    lines = []
    if batch.archive_key:
        name = batch.archive_name or f"chorus_{batch.code}.zip"
        url = await desk.store.sign(batch.archive_key, lifetime_s, name)
        size = words.size(batch.archive_size_bytes)
        lines.append(texts.say(language, "link-archive", size=size, url=url))
        take = await desk.ledger.take(batch.order.take_id)
        if take is not None and batch.order.options.captioned(take):
            lines.append(texts.say(language, "archive-captions"))
    for clip in batch.clips:
        if clip.state is not ClipState.DONE or clip.result is None:
            continue
        name = clip_name(clip.number, clip.template_name)
        url = await desk.store.sign(clip.result.key, lifetime_s, name)
        lines.append(_clip_line(texts, clip, clip.result, language, url))
    kept = [
        f"{clip.number}. {words.shown_name(clip.template_name)}"
        for clip in batch.clips
        if clip.state is ClipState.DONE and clip.result and clip.result.background_kept
    ]
    if kept:
        names = words.listing(language, kept)
        lines.append(texts.say(language, "background-kept", names=names))
    lasting = words.lifetime(texts, language, lifetime_s)
    lines.append(texts.say(language, "links-last", lifetime=lasting, code=batch.code))
    return lines


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
