"""What a file is, told from its first bytes alone."""

import codecs
import re
from pathlib import Path
from typing import Final

from pipeline.errors import EmptyFile

_HEAD_BYTES: Final = 4096

_MAGICS: Final = (
    (b"%PDF", "PDF"),
    (b"\x89PNG\r\n", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"BM", "picture"),
    (b"II*\x00", "picture"),
    (b"MM\x00*", "picture"),
    (b"8BPS", "picture"),
    (b"PK\x03\x04", "archive"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"\xd0\xcf\x11\xe0", "document"),
    (b"\x7fELF", "program"),
    (b"MZ", "program"),
    (b"#EXTM3U", "playlist"),
    (b"ffconcat", "playlist"),
    (b"[playlist]", "playlist"),
)
_STILL_BRANDS: Final = {b"heic", b"heix", b"mif1", b"avif"}
"""Still pictures in the container of MP4 (ISO/IEC 23008-12)."""
_SILK: Final = (b"#!SILK_V3", b"\x02#!SILK_V3")
"""WeChat's voice notes begin with one byte more than the codec's own files."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def read_head(path: Path, name: str) -> bytes:
    """Read a file's first bytes; raises EmptyFile if it has none."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise EmptyFile(name=name)
    return head


def recognise(head: bytes) -> str | None:
    """Tell what a file is that holds neither sound nor moving pictures.

    Returns:
        ``text``, ``picture``, ``PDF``, ``archive``, ``document``, ``program`` or ``playlist``; None where only a
        demuxer can tell.
    """
    for magic, found in _MAGICS:
        if head.startswith(magic):
            return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "picture"
    if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS:
        return "picture"
    return "text" if _is_text(head) else None


def is_silk(head: bytes) -> bool:
    """Whether this is Skype's SILK, for which FFmpeg has no decoder."""
    return head.startswith(_SILK)


def _is_text(head: bytes) -> bool:
    utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8", "gb18030"):
        try:
            # Incremental, because the head may end inside a character.
            text = codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        return _CONTROL.search(text) is None
    return False
