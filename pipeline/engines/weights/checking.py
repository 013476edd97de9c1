"""Whether weights are what was pulled: every byte is compared with ``models.lock``, again as soon as a file was touched.

Hashing some gigabytes takes seconds, so what was found right is remembered (``.models.checked`` in MODELS_DIR) with
size, times and inode of the file; whoever writes to a file changes one of them.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final

from pipeline.engines.weights.lock import LockedFile, write_json

CHECKED: Final = ".models.checked"
PARTIAL: Final = ".partial"
"""How names of files end that are still being fetched; they are hidden, too."""
_CHUNK_BYTES: Final = 1 << 20

Hashed = Callable[[str, int, int], None]
"""Told (path, bytes done, bytes of the file)."""


class Depth(IntEnum):
    """How closely one looks."""

    SIZES = 0
    """Sizes only; nothing is read."""
    TOUCHED = 1
    """What was touched since it was last found right is hashed."""
    ALL = 2
    """Everything is hashed."""


@dataclass(frozen=True)
class State:
    """What was found of one set. Paths are below its folder."""

    name: str
    whole: Sequence[str] = ()
    """As pulled."""
    unread: Sequence[str] = ()
    """The size is right, and nothing was read."""
    missing: Sequence[str] = ()
    altered: Sequence[str] = ()
    extra: Sequence[str] = ()
    """Nobody pulled these."""

    @property
    def usable(self) -> bool:
        """Whether every file was found as it was pulled; extra ones are not loaded and do not matter."""
        return not (self.unread or self.missing or self.altered)

    def complaint(self) -> str:
        """What is wrong, for people: ``a is altered, b is missing``."""
        wrong = [f"{path} is altered" for path in self.altered]
        return ", ".join(wrong + [f"{path} is missing" for path in self.missing])


def untold(_path: str, _done: int, _total: int) -> None:
    """Be the ``Hashed`` of what nobody watches."""


def sha256_of(path: Path, told: Callable[[int], None] = lambda _done: None) -> str:
    """Hash a file. Raises OSError."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            told(done)
    return digest.hexdigest()


def examine(
    models: Path,
    name: str,
    files: Mapping[str, LockedFile],
    depth: Depth = Depth.TOUCHED,
    told: Hashed = untold,
) -> State:
    """Compare a set with what was pulled.

    Args:
        models: MODELS_DIR.
        name: The set, and its folder there.
        files: What was pulled, by path below that folder.
        depth: How closely to look.
        told: Called while a file is read; what it raises is passed on.
    """
    look = _Look(models, name, depth, told)
    for path, file in files.items():
        look.at(path, file)
    look.remember()
    found = _files_in(models / name)
    return State(
        name,
        *(look.whole, look.unread, look.missing, look.altered),
        extra=sorted(found - files.keys()),
    )


def remember(models: Path, name: str, path: str, file: LockedFile) -> None:
    """Note that a file was just found right by whoever hashed it. Raises OSError."""
    key = f"{name}/{path}"
    write_json(models / CHECKED, {**_remembered(models), key: _mark(models / key, file)})


@dataclass
class _Look:
    models: Path
    name: str
    depth: Depth
    told: Hashed
    whole: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    found: dict[str, object] = field(default_factory=dict)
    """What is to be remembered, by path below MODELS_DIR; None: to be forgotten."""

    def __post_init__(self) -> None:
        self.known = _remembered(self.models)

    def at(self, path: str, file: LockedFile) -> None:
        key = f"{self.name}/{path}"
        try:
            self._sort(path, key, file)
        except FileNotFoundError:
            self.missing.append(path)
            self.found[key] = None
        except (
            OSError
        ):  # not ours to read, a folder, a disk that fails: whatever it is, not what was pulled
            self.altered.append(path)
            self.found[key] = None

    def _sort(self, path: str, key: str, file: LockedFile) -> None:
        where = self.models / key
        mark = _mark(where, file)
        if where.stat().st_size != file.size_bytes:
            self.altered.append(path)
        elif self.depth is not Depth.ALL and self.known.get(key) == mark:
            self.whole.append(path)
            return
        elif self.depth is Depth.SIZES:
            self.unread.append(path)
            return
        elif sha256_of(where, lambda done: self.told(path, done, file.size_bytes)) == file.sha256:
            self.whole.append(path)
            self.found[key] = mark
            return
        else:
            self.altered.append(path)
        self.found[key] = None

    def remember(self) -> None:
        """Keep what was found; a folder that is not ours to write in is hashed again next time."""
        kept = {key: mark for key, mark in {**self.known, **self.found}.items() if mark is not None}
        if kept != self.known:
            with contextlib.suppress(OSError):
                write_json(self.models / CHECKED, kept)


def _mark(where: Path, file: LockedFile) -> list[object]:
    """What a file looks like from outside; taken before it is read, so that a change meanwhile shows."""
    facts = where.stat()
    return [file.sha256, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]


def _remembered(models: Path) -> dict[str, object]:
    try:
        told = json.loads((models / CHECKED).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _files_in(folder: Path) -> set[str]:
    """Every file in a set's folder but those that are still being fetched."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() and not (path.name.startswith(".") and path.suffix == PARTIAL)
    }
