"""What was made as files in the chat, the Clips or the ZIP, once for all who ask: whoever forwards them needs no Link."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict
from structlog.contextvars import bind_contextvars

from bot import words
from bot.desk import Desk, Turn
from bot.incoming import PREFIX
from bot.ports import Chat, ChatUnreachable, Choice, MediaTooLarge, Person
from bot.texts.catalogue import Language
from worker.contract.names import clip_name
from worker.contract.ports import ObjectMissing
from worker.contract.records import BatchRecord, ClipState

CLIPS: Final = "files:"
ZIP: Final = "zipfile:"
"""Tokens of what asks for them go on with the id of the Batch."""
MOST_CHOICES: Final = 2
_SENDING_S: Final = 300.0
"""So long one file may take before somebody else's press may begin anew."""
_SENT_TTL_S: Final = 30 * 86_400

What = Literal["files", "zipfile"]


@dataclass(frozen=True)
class _File:
    """Something in the store that can be sent."""

    key: str
    name: str
    size_bytes: int
    shown: str
    """What it is called in a text."""


class Sending(BaseModel):
    """Files that somebody asked for: kept until they are all there, so that any front end can go on."""

    model_config = ConfigDict(frozen=True)

    chat: Chat
    person: Person
    reply_to: str | None
    receipt: str
    """Names who asks; the same if the message that asked comes again."""
    batch_id: str
    round: int
    what: What

    @property
    def sent(self) -> tuple[str, ...]:
        """The name under which is kept that they are there."""
        return (self.what, self.batch_id, str(self.round))

    @property
    def role(self) -> str:
        """Of who sends them."""
        return ":".join(self.sent)


def files_choices(
    desk: Desk, batch: BatchRecord, language: Language, *, asked: bool
) -> list[Choice]:
    """Choices that ask for the ZIP and for the Clips as files, where the platform takes some of them; Clips are the last.

    Where a button leads to the ZIP already, it is offered as a file only to who ``asked`` for it.
    """
    zipped = asked or not desk.adapter.limits.link_buttons
    videos = desk.adapter.limits.sends_videos
    offered = (
        (ZIP, _archives(batch) if zipped else [], "button-zip-file"),
        (CLIPS, _clips(batch) if videos else [], "button-files"),
    )
    return [
        Choice(f"{prefix}{batch.id}", desk.texts.say(language, label), section="files", stays=True)
        for prefix, files, label in offered
        if any(_fits(desk, file) for file in files)
    ]


def zip_fits(desk: Desk, batch: BatchRecord) -> bool:
    """Whether the platform takes the ZIP, or a part of it, as a file."""
    return any(_fits(desk, file) for file in _archives(batch))


async def ask_for_files(turn: Turn, batch: BatchRecord, what: What = "files") -> None:
    """Have the files of a round sent, beside all else that is said; unless they are there, or on their way."""
    sending = Sending(
        chat=turn.chat,
        person=turn.person,
        reply_to=turn.reply_to,
        receipt=f"{turn.receipt}:files",
        batch_id=batch.id,
        round=batch.round,
        what=what,
    )
    by = await turn.desk.memory.load(*sending.sent)
    if by is not None:
        if by != sending.receipt:
            await turn.answer(turn.say("files-sent", code=batch.code))
    elif not await _may_send(turn.desk, sending):
        await turn.answer(turn.say("files-coming", code=batch.code))
    else:
        raw = sending.model_dump_json()
        await turn.desk.memory.receive(asked_for(turn.desk), sending.receipt, raw)


def asked_for(desk: Desk) -> str:
    """The inbox of what was asked for."""
    return f"{desk.adapter.mailbox}:files"


async def send_files(turn: Turn, sending: Sending) -> None:
    """Send those that are small enough; say which are not, and which are not kept. May be called again after any failure."""
    batch = await turn.desk.ledger.batch(sending.batch_id)
    if batch is None:  # deleted since
        return
    bind_contextvars(batch=batch.code)
    try:
        if await _sent_any(turn, batch, sending):
            await turn.desk.memory.keep(*sending.sent, value=sending.receipt, ttl_s=_SENT_TTL_S)
    finally:
        await turn.desk.memory.step_down(sending.role, sending.receipt)


def _clips(batch: BatchRecord) -> list[_File]:
    return [
        _File(
            clip.result.key,
            clip_name(clip.number, clip.template_name),
            clip.result.size_bytes,
            f"{clip.number}. {words.shown_name(clip.template_name)}",
        )
        for clip in batch.clips
        if clip.state is ClipState.DONE and clip.result is not None
    ]


def _archives(batch: BatchRecord) -> list[_File]:
    return [
        _File(archive.key, archive.name, archive.size_bytes, archive.name)
        for archive in batch.archives
    ]


async def _sent_any(turn: Turn, batch: BatchRecord, sending: Sending) -> bool:
    """Send them, and say what could not be; whether any was."""
    try:
        left, any_sent = await _send_all(turn, batch, sending)
    except ChatUnreachable:  # perhaps only for files; if it takes no words either, that is raised
        await turn.answer(turn.say("files-refused", code=batch.code))
        return False
    await _say_left(turn, batch, left)
    return any_sent


async def _send_all(turn: Turn, batch: BatchRecord, sending: Sending) -> tuple[list[str], bool]:
    """The names of those that were not sent, and whether any was."""
    left, any_sent = [], False
    for file in _clips(batch) if sending.what == "files" else _archives(batch):
        await _may_send(turn.desk, sending)
        if _fits(turn.desk, file) and await _send(turn, file):
            any_sent = True
        else:
            left.append(file.shown)
    return left, any_sent


async def _say_left(turn: Turn, batch: BatchRecord, left: list[str]) -> None:
    if left:
        limit = words.size(turn.desk.adapter.limits.send_bytes)
        names = words.listing(turn.language, left)
        await turn.answer(turn.say("files-left", names=names, limit=limit, code=batch.code))


async def _may_send(desk: Desk, sending: Sending) -> bool:
    """Whether nobody else's press has the files sent just now; ours goes on with this."""
    return await desk.memory.lead(sending.role, sending.receipt, _SENDING_S)


async def _send(turn: Turn, file: _File) -> bool:
    """Send one; False if the store has it no more, or the platform takes none so large after all."""
    path = turn.desk.policy.scratch / f"{PREFIX}{secrets.token_hex(8)}"
    try:
        await turn.desk.store.get_file(file.key, path)
        await turn.desk.adapter.send_file(
            turn.chat,
            path,
            file.name,
            # Of the file, not of who asks: what came before somebody gave up need not come again.
            key=f"file:{file.key}",
        )
    except (ObjectMissing, MediaTooLarge):
        return False
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return True


def _fits(desk: Desk, file: _File) -> bool:
    """Whether the platform takes it as a file."""
    return file.size_bytes <= desk.adapter.limits.send_bytes
