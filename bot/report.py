"""``report.txt`` in an Archive: what became of an order, for people, in the language of who ordered."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from bot import words
from bot.texts.catalogue import Language, Texts
from worker.contract.names import clip_name
from worker.contract.records import BatchRecord, ClipRecord, ClipResult, ClipState, TakeRecord

_INDENT: Final = "   "


def reporter(
    texts: Texts, kept_days: int
) -> Callable[[BatchRecord, TakeRecord | None, Mapping[str, str]], str]:
    """What writes reports; ``kept_days`` says how long an order is kept for download."""
    return lambda batch, take, archives: report_text(texts, batch, take, kept_days, archives)


def report_text(
    texts: Texts,
    batch: BatchRecord,
    take: TakeRecord | None,
    kept_days: int,
    archives: Mapping[str, str],
) -> str:
    """The whole report; the same for the same Batch, by the time zone of this machine.

    Args:
        texts: The catalogues.
        batch: What was ordered, and what became of it.
        take: The recording; None if it is no longer known.
        kept_days: How long the order is kept for download.
        archives: By the name of a video the name of the ZIP it is in, where there are several.
    """
    language = batch.order.options.language
    blocks = [
        _head_lines(texts, batch, take, kept_days),
        _notice_lines(texts, batch, language),
        *(_clip_lines(texts, clip, language, archives) for clip in batch.clips),
        [texts.say(language, "report-manifest")],
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _head_lines(
    texts: Texts, batch: BatchRecord, take: TakeRecord | None, kept_days: int
) -> list[str]:
    language = batch.order.options.language
    last_day = (batch.created_at + timedelta(days=kept_days)).astimezone()
    name = words.shown_name(batch.order.take_name)
    length = words.duration(texts, language, take.duration_s) if take else "–"
    return [
        texts.say(language, "report-head", code=batch.code),
        "",
        texts.say(language, "report-take", name=name, length=length),
        texts.say(
            language,
            "report-ordered",
            when=_moment(batch.created_at.astimezone()),
        ),
        texts.say(language, "report-result", done=batch.done, count=len(batch.clips)),
        texts.say(language, "report-kept", days=kept_days, day=f"{last_day:%Y-%m-%d}"),
    ]


def _moment(local: datetime) -> str:
    """A time with its zone, because nobody knows where the report is read."""
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M} (UTC{offset[:3]}:{offset[3:]})"


def _notice_lines(texts: Texts, batch: BatchRecord, language: Language) -> list[str]:
    label = "report-label" if batch.order.options.label else "report-no-label"
    return [
        texts.join(language, texts.say(language, "report-made-by-ai"), texts.say(language, label))
    ]


def _clip_lines(
    texts: Texts, clip: ClipRecord, language: Language, archives: Mapping[str, str]
) -> list[str]:
    head = f"{clip.number}. {words.shown_name(clip.template_name)}"
    if clip.state is ClipState.DONE and clip.result is not None:
        lines = _done_lines(texts, clip, clip.result, language)
        archive = archives.get(clip_name(clip.number, clip.template_name))
        if archive is not None:
            lines.insert(1, texts.say(language, "report-archive", archive=archive))
        return [head, *(_INDENT + line for line in lines)]
    if clip.reason is not None:
        reason = texts.reason(language, clip.reason)
        return [head, _INDENT + texts.say(language, "report-failed", reason=reason)]
    return [head, _INDENT + texts.say(language, "report-cancelled")]


def _done_lines(
    texts: Texts, clip: ClipRecord, result: ClipResult, language: Language
) -> list[str]:
    lines = [
        texts.say(
            language,
            "report-file",
            file=clip_name(clip.number, clip.template_name),
            length=words.duration(texts, language, result.duration_s),
            size=words.size(result.size_bytes),
            engine=result.engine,
        ),
        _check(texts, result, language),
    ]
    if result.background_kept:
        lines.append(texts.say(language, "report-background-kept"))
    return lines


def _check(texts: Texts, result: ClipResult, language: Language) -> str:
    """What the check said."""
    if result.flags is None:
        return texts.say(language, "report-unchecked")
    if not result.flags:
        return texts.say(language, "report-checked")
    found = words.listing(language, [texts.say(language, f"flag-{flag}") for flag in result.flags])
    return texts.say(language, "report-flagged", found=found)
