"""Files that were sent to the AI bot: fetched and decrypted the moment they come, because their addresses live five minutes."""

import asyncio
from pathlib import Path
from typing import Final

from adapters.chats.callback_crypto import (
    CallbackRefused,
    KeyUnusable,
    decrypt_stream,
    media_key,
)
from adapters.chats.spool import Spool, download
from adapters.chats.wecom.account import Timing
from adapters.chats.wecom.bot_decoding import source_of
from bot.ports import MediaGone

_PADDING_BYTES: Final = 32


def make_spool(folder: Path, limit_bytes: int, timing: Timing, aes_key: str = "") -> Spool:
    """A spool for references as ``Source.ref`` makes them.

    Args:
        folder: A private one.
        limit_bytes: What is larger is not fetched to its end.
        timing: How long a file may take.
        aes_key: Of files that come without one of their own; empty: they are not encrypted.
    """

    async def fetch(ref: str, path: Path) -> str:
        source = source_of(ref)
        given = await download(
            source.url,
            path,
            limit_bytes + _PADDING_BYTES,
            timing.file_s,
            timing.stalled_s,
        )
        await asyncio.to_thread(_decrypt, source.aes_key or aes_key, path)
        return given or source.fallback

    return Spool(folder, "wecom", fetch, timing.file_s)


def _decrypt(aes_key: str, path: Path) -> None:
    """In its place; without a key it is as it is."""
    if not aes_key:
        return
    clear = path.with_suffix(".clear")
    try:
        key = media_key(aes_key)
        with path.open("rb") as encrypted, clear.open("wb") as plain:
            for piece in decrypt_stream(key, encrypted):
                plain.write(piece)
        clear.replace(path)
    except (CallbackRefused, KeyUnusable) as error:
        clear.unlink(missing_ok=True)
        raise MediaGone(f"a file cannot be decrypted: {error}") from None
