"""A ZIP that need not exist: any byte range of it is computed from its entries.

Entries are stored, not deflated (finished videos do not get smaller), and their sizes and checksums are known
beforehand. So the local headers carry both (no data descriptors, which readers that go from the front refuse for
stored entries), every offset is known before a byte is written, and the same entries always give the same bytes.

Layout and field names follow PKWARE's APPNOTE.TXT 6.3.10: local header 4.3.7, central directory 4.3.12, Zip64 records
4.3.14 and 4.3.15, end record 4.3.16, UTF-8 names (flag bit 11) 4.4.4 and appendix D, Zip64 extra field 4.5.3.
The extra field 0x5455 (Info-ZIP's extended timestamp, listed in 4.6.1) tells the moment in UTC, because the DOS
time beside it has no time zone and two-second steps.
"""

import bisect
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from worker.contract.ports import ArchiveEntry

_FULL_16 = 0xFFFF
_FULL_32 = 0xFFFFFFFF  # this value in a 32-bit field means: look into the Zip64 record
_VERSION_STORED = 20
_VERSION_ZIP64 = 45
_MADE_BY_UNIX = 3 << 8
_UTF8_NAME = 1 << 11
_REGULAR_FILE = 0o100644 << 16  # external attributes: a Unix mode in the upper half
_EXTRA_ZIP64 = 0x0001
_EXTRA_TIMESTAMP = 0x5455
_NEITHER_FOLDERS_NOR_DRIVES = frozenset('/\\:*?"<>|')  # Windows refuses these in names


@dataclass(frozen=True)
class Piece:
    """Consecutive bytes of the ZIP: either literally here, or a range of a stored object."""

    size_bytes: int
    content: bytes | None = None
    key: str | None = None
    start: int = 0
    """Where the range begins in the object."""


class VirtualZip:
    """The ZIP of some entries, as segments: header, data, header, data, …, directory."""

    def __init__(self, entries: Sequence[ArchiveEntry], modified_at: datetime) -> None:
        """Lay the ZIP out.

        Args:
            entries: In the order they shall have; names flat, unique whatever the case of their letters.
            modified_at: With a time zone; stands at every entry.

        Raises:
            ValueError: A name no system could unpack, the same name twice, or content that is not what its
                size and checksum say.
        """
        if modified_at.tzinfo is None:
            raise ValueError("modified_at needs a time zone")
        self.entries = tuple(entries)
        _check_names(self.entries)
        moment = _Moment.of(modified_at)
        self.segments: list[Piece] = []
        self._starts: list[int] = []
        self.size_bytes = 0
        directory = b"".join([self._lay(entry, moment) for entry in self.entries])
        ending = _ending(len(self.entries), len(directory), self.size_bytes)
        self._append(Piece(len(directory) + len(ending), content=directory + ending))

    def pieces(self, start: int, size_bytes: int) -> Iterator[Piece]:
        """Yield what makes up ``size_bytes`` bytes from ``start``.

        Raises:
            ValueError: The range does not lie within the ZIP.
        """
        if start < 0 or size_bytes < 0 or start + size_bytes > self.size_bytes:
            raise ValueError(f"{start}+{size_bytes} is outside a ZIP of {self.size_bytes} bytes")
        index = max(bisect.bisect_right(self._starts, start) - 1, 0)
        end = start + size_bytes
        while start < end:
            segment, begins = self.segments[index], self._starts[index]
            upto = min(end, begins + segment.size_bytes)
            if upto > start:
                yield _cut(segment, start - begins, upto - start)
            start = max(start, upto)
            index += 1

    def _lay(self, entry: ArchiveEntry, moment: "_Moment") -> bytes:
        """Append an entry's header and data; returns its record in the directory."""
        offset = self.size_bytes
        header = _local_header(entry, moment)
        self._append(Piece(len(header), content=header))
        self._append(_data_of(entry))
        return _central_header(entry, moment, offset)

    def _append(self, segment: Piece) -> None:
        self.segments.append(segment)
        self._starts.append(self.size_bytes)
        self.size_bytes += segment.size_bytes


@dataclass(frozen=True)
class _Moment:
    """A time as ZIP writes it: DOS fields (4.4.6) and the extra field with seconds since 1970."""

    time: int
    date: int
    extra_local: bytes
    extra_central: bytes

    @classmethod
    def of(cls, moment: datetime) -> "_Moment":
        year = min(max(moment.year, 1980), 2107)  # all that seven bits from 1980 can say
        date = (year - 1980) << 9 | moment.month << 5 | moment.day
        time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
        seconds = int(moment.astimezone(UTC).timestamp())
        if not 0 <= seconds < 1 << 31:  # the field is a signed 32-bit number
            return cls(time, date, b"", b"")
        extra = struct.pack("<HHBi", _EXTRA_TIMESTAMP, 5, 1, seconds)
        return cls(time, date, extra, extra)


def _check_names(entries: Sequence[ArchiveEntry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        name = entry.name
        if (
            not name
            or name != name.strip()
            or name.endswith(".")
            or any(letter in _NEITHER_FOLDERS_NOR_DRIVES or ord(letter) < 32 for letter in name)
            or len(name.encode()) > _FULL_16
        ):
            raise ValueError(f"no system unpacks a file named {name!r}")
        if name.casefold() in seen:
            raise ValueError(f"two entries are named {name!r}")
        seen.add(name.casefold())


def _data_of(entry: ArchiveEntry) -> Piece:
    if entry.content is None:
        if entry.key is None:
            raise ValueError(f"entry {entry.name!r} has neither key nor content")
        return Piece(entry.size_bytes, key=entry.key)
    if len(entry.content) != entry.size_bytes or zlib.crc32(entry.content) != entry.crc32:
        raise ValueError(f"entry {entry.name!r} is not what its size and checksum say")
    return Piece(entry.size_bytes, content=entry.content)


def _cut(segment: Piece, start: int, size_bytes: int) -> Piece:
    if segment.content is not None:
        return Piece(size_bytes, content=segment.content[start : start + size_bytes])
    return Piece(size_bytes, key=segment.key, start=segment.start + start)


def _local_header(entry: ArchiveEntry, moment: _Moment) -> bytes:
    name = entry.name.encode()
    extra, version, size = b"", _VERSION_STORED, entry.size_bytes
    if size >= _FULL_32:  # 4.5.3: in a local header both sizes, always
        extra = struct.pack("<HHQQ", _EXTRA_ZIP64, 16, size, size)
        version, size = _VERSION_ZIP64, _FULL_32
    extra += moment.extra_local
    fixed = struct.pack(
        "<4s5H3I2H",
        b"PK\3\4",
        version,
        _UTF8_NAME,
        0,  # stored
        moment.time,
        moment.date,
        entry.crc32,
        size,
        size,
        len(name),
        len(extra),
    )
    return fixed + name + extra


def _central_header(entry: ArchiveEntry, moment: _Moment, offset: int) -> bytes:
    name = entry.name.encode()
    large: list[int] = []  # 4.5.3: only those whose 32-bit field is full, in this order
    if entry.size_bytes >= _FULL_32:
        large += [entry.size_bytes, entry.size_bytes]
    if offset >= _FULL_32:
        large.append(offset)
    extra = b""
    if large:
        extra = struct.pack(f"<HH{len(large)}Q", _EXTRA_ZIP64, 8 * len(large), *large)
    extra += moment.extra_central
    version = _VERSION_ZIP64 if large else _VERSION_STORED
    size = min(entry.size_bytes, _FULL_32)
    fixed = struct.pack(
        "<4s6H3I5H2I",
        b"PK\1\2",
        _MADE_BY_UNIX | version,
        version,
        _UTF8_NAME,
        0,  # stored
        moment.time,
        moment.date,
        entry.crc32,
        size,
        size,
        len(name),
        len(extra),
        0,  # comment
        0,  # disk
        0,  # internal attributes: not known to be text
        _REGULAR_FILE,
        min(offset, _FULL_32),
    )
    return fixed + name + extra


def _ending(entries: int, directory_bytes: int, offset: int) -> bytes:
    """The records behind the directory, which begins at ``offset``."""
    zip64 = b""
    if entries >= _FULL_16 or directory_bytes >= _FULL_32 or offset >= _FULL_32:
        record = struct.pack(
            "<4sQ2H2I4Q",
            b"PK\6\6",
            44,  # what follows this field
            _MADE_BY_UNIX | _VERSION_ZIP64,
            _VERSION_ZIP64,
            0,
            0,
            entries,
            entries,
            directory_bytes,
            offset,
        )
        locator = struct.pack("<4sIQI", b"PK\6\7", 0, offset + directory_bytes, 1)
        zip64 = record + locator
    count = min(entries, _FULL_16)
    return zip64 + struct.pack(
        "<4s4H2IH",
        b"PK\5\6",
        0,
        0,
        count,
        count,
        min(directory_bytes, _FULL_32),
        min(offset, _FULL_32),
        0,
    )
