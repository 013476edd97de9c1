"""Files of messages: fetched the moment they come, and named by what is inside where DingTalk tells no name."""

from pathlib import Path, PurePath
from typing import Final

from adapters.chats.dingtalk.account import Timing
from adapters.chats.dingtalk.client import Client
from adapters.chats.spool import Spool, download
from bot.ports import MediaGone

TAKEN_BYTES: Final = 100_000_000
"""Largest file we take; DingTalk itself hands out as much as people may send."""
_HEADS: Final = (
    (0, b"#!AMR-WB", ".awb"),
    (0, b"#!AMR", ".amr"),
    (0, b"OggS", ".ogg"),
    (0, b"ID3", ".mp3"),
    (0, b"RIFF", ".wav"),
    (0, b"fLaC", ".flac"),
    (4, b"ftyp", ".m4a"),
)


def make_spool(folder: Path, client: Client, timing: Timing) -> Spool:
    """A spool for download codes.

    Args:
        folder: A private one.
        client: Knows where the file of a code lies.
        timing: How long a file may take.
    """

    async def fetch_once(code: str, path: Path) -> str:
        url = await client.address_of(code)
        return await download(url, path, TAKEN_BYTES, timing.file_s, timing.stalled_s)

    async def fetch(code: str, path: Path) -> str:
        try:
            return await fetch_once(code, path)
        except MediaGone:  # an address is short-lived: another one may do
            return await fetch_once(code, path)

    return Spool(folder, "dingtalk", fetch, timing.file_s)


def named(name: str, path: Path) -> str:
    """A voice note's name with the ending of what is inside: clients send different kinds."""
    return name if PurePath(name).suffix else f"{name}{_ending(path)}"


def sounds(path: Path) -> bool:
    """Whether what is inside is sound, whatever it is called."""
    return _ending(path) not in {"", ".m4a"}


def _ending(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    for start, mark, ending in _HEADS:
        if head[start:].startswith(mark):
            return ending
    return ".mp3" if head[:1] == b"\xff" and head[1:2] >= b"\xe0" else ""
