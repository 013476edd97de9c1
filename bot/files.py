"""Clips as files in the chat, for those who ask: whoever forwards them needs no Link."""

import asyncio
import secrets
from typing import Final

from bot import words
from bot.desk import Desk, Turn
from bot.incoming import PREFIX
from bot.ports import Choice
from bot.texts.catalogue import Language
from worker.contract.names import clip_name
from worker.contract.ports import ObjectMissing
from worker.contract.records import BatchRecord, ClipRecord, ClipState

FILES: Final = "files:"


def files_choice(desk: Desk, batch: BatchRecord, language: Language) -> list[Choice]:
    """A choice that asks for the files, where the platform takes some of them."""
    if not any(_fits(desk, clip) for clip in batch.clips):
        return []
    label = desk.texts.say(language, "button-files")
    return [Choice(f"{FILES}{batch.id}", label, section="files")]


async def send_files(turn: Turn, batch: BatchRecord) -> None:
    """Send the Clips that are small enough; say which are not, and which are no longer kept."""
    left = []
    for clip in batch.clips:
        if clip.state is not ClipState.DONE or clip.result is None:
            continue
        if not (_fits(turn.desk, clip) and await _send(turn, clip)):
            left.append(f"{clip.number}. {words.shown_name(clip.template_name)}")
    if left:
        limit = words.size(turn.desk.adapter.limits.send_bytes)
        names = words.listing(turn.language, left)
        await turn.answer(turn.say("files-left", names=names, limit=limit, code=batch.code))


async def _send(turn: Turn, clip: ClipRecord) -> bool:
    """Send one; False if the store has it no more."""
    assert clip.result is not None  # noqa: S101 - the caller looked
    path = turn.desk.policy.scratch / f"{PREFIX}{secrets.token_hex(8)}"
    try:
        await turn.desk.store.get_file(clip.result.key, path)
        await turn.desk.adapter.send_file(
            turn.chat,
            path,
            clip_name(clip.number, clip.template_name),
            key=f"{turn.receipt}:file:{clip.number}",
        )
    except ObjectMissing:
        return False
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return True


def _fits(desk: Desk, clip: ClipRecord) -> bool:
    """Whether the platform takes a Clip as a file."""
    result = clip.result
    return result is not None and result.size_bytes <= desk.adapter.limits.send_bytes
