"""A recording comes in: fetched while the platform has it, kept, and given to be listened to."""

import asyncio
import contextlib
import hashlib
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot import orders, words
from bot.desk import Turn
from bot.ports import Media, MediaGone, MediaTooLarge
from worker.contract import keys
from worker.contract.codes import Code
from worker.contract.ports import ObjectMissing
from worker.contract.records import Reason, TakeRecord, TakeState, Utterance

_CHUNK_BYTES: Final = 1 << 20
_MB: Final = 1_000_000
_PREFIX: Final = "in-"
_ABANDONED_S: Final = 3600.0


async def receive_recording(turn: Turn, media: Media, message_id: str) -> None:
    """Check and keep a recording, have it listened to, and say so at once."""
    refused = _refused_unseen(turn, media)
    if refused:
        await turn.answer(refused)
        return
    path = turn.desk.policy.scratch / f"{_PREFIX}{secrets.token_hex(8)}"
    try:
        await turn.desk.adapter.fetch(media, path)
        taken = await _keep(turn, media, path)
    except MediaGone:
        await turn.answer(turn.say("media-gone", name=words.shown_name(media.name)))
        return
    except MediaTooLarge:
        await turn.answer(_too_large(turn, media.size_bytes or 0))
        return
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    if isinstance(taken, str):
        await turn.answer(taken)
        return
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        page.change(
            take_id=taken.id, take_name=media.name, take_message=message_id or None, offer=None
        )
    await turn.answer(turn.say("listening", name=words.shown_name(media.name)))
    teller = Utterance(kind="take", chat=turn.chat, person=turn.person, subject=taken.id)
    await turn.desk.ledger.open_take(taken, teller=teller)


def clear_scratch(folder: Path) -> None:
    """Remove what a killed bot left behind; what is younger may belong to one that runs."""
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                path.unlink()


async def tell_take(turn: Turn, take_id: str) -> None:
    """Say what was heard in a recording; nothing if the person went on to another one."""
    if await orders.placed_before(turn):
        return
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    take = await turn.desk.ledger.take(take_id)
    if draft.take_id != take_id or take is None or take.state is TakeState.ANALYSING:
        return
    if take.state is not TakeState.READY:
        await _refuse(turn, take)
    elif draft.go_key and draft.picks:
        await orders.order(turn, draft, _heard(turn, take))
    else:
        named = take.model_copy(update={"name": draft.take_name or take.name})
        await orders.offer_templates(turn, orders.heard_line(turn, named))


def _heard(turn: Turn, take: TakeRecord) -> str:
    speech = words.duration(turn.desk.texts, turn.language, take.speech_s)
    return turn.say("heard-and-started", speech=speech)


async def _refuse(turn: Turn, take: TakeRecord) -> None:
    """The recording is no use; what was picked stays."""
    reason = take.reason or Reason(code=Code.INCIDENT)
    await turn.answer(turn.reason(reason))
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        if page.draft.take_id == take.id:
            page.change(take_id=None, take_name="", take_message=None, offer=None)


def _refused_unseen(turn: Turn, media: Media) -> str:
    """Why a file is refused without fetching it; empty if it is not."""
    name = words.shown_name(media.name)
    if media.kind == "picture":
        facts: dict[str, str | float] = {"name": name, "found": turn.say("found-picture")}
        return turn.reason(Reason(code=Code.NOT_A_RECORDING, facts=facts))
    if media.size_bytes == 0:
        return turn.reason(Reason(code=Code.EMPTY, facts={"name": name}))
    if media.size_bytes and media.size_bytes > turn.desk.adapter.limits.file_size_bytes:
        return _too_large(turn, media.size_bytes)
    return ""


def _too_large(turn: Turn, size_bytes: int) -> str:
    limit = turn.desk.adapter.limits.file_size_bytes
    facts: dict[str, str | float] = {
        "size_mb": round(max(size_bytes, limit + 1) / _MB, 1),
        "limit_mb": round(limit / _MB, 1),
    }
    return turn.reason(Reason(code=Code.FILE_TOO_LARGE, facts=facts))


async def _keep(turn: Turn, media: Media, path: Path) -> TakeRecord | str:
    """Put a fetched file into the store under its hash; a sentence if it is refused."""
    size_bytes, digest = await asyncio.to_thread(_measure, path)
    if size_bytes == 0:
        facts: dict[str, str | float] = {"name": words.shown_name(media.name)}
        return turn.reason(Reason(code=Code.EMPTY, facts=facts))
    if size_bytes > turn.desk.adapter.limits.file_size_bytes:
        return _too_large(turn, size_bytes)
    key = keys.take(digest, "source")
    try:
        await turn.desk.store.stat(key)
    except ObjectMissing:
        await turn.desk.store.put_file(key, path)
    return TakeRecord(
        id=digest, name=media.name, size_bytes=size_bytes, created_at=datetime.now(UTC)
    )


def _measure(path: Path) -> tuple[int, str]:
    digest, size_bytes = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size_bytes += len(chunk)
    return size_bytes, digest.hexdigest()
