"""Steps on the disk, each one short and blocking, with the system's errors in the words of the port."""

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from worker.contract.ports import ObjectMissing, StoreUnavailable

_RENAMES: Final = 100
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_LINKS: Final = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EACCES})


@contextlib.contextmanager
def writing(key: str) -> Iterator[None]:
    """Every error of the system means that the store cannot be written: StoreUnavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreUnavailable(
                f"the disk of the local store is full ({key} could not be written): make room, "
                "move CHORUS_DATA_DIR, or set CHORUS_STORE_QUOTA_GB"
            ) from error
        raise StoreUnavailable(f"{key} could not be written: {error.strerror}") from error


@contextlib.contextmanager
def reading(key: str) -> Iterator[None]:
    """What is not there is ObjectMissing, every other error StoreUnavailable."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise ObjectMissing(key) from error
    except OSError as error:
        raise StoreUnavailable(f"{key}: {error.strerror}") from error


def append(path: Path, chunk: bytes, key: str) -> None:
    """Put bytes at the end of a file, made if absent."""
    with writing(key), path.open("ab") as file:
        file.write(chunk)


def read(path: Path, key: str) -> bytes:
    """Read a file that may be replaced meanwhile: all of the old or all of the new one."""
    with reading(key):
        return path.read_bytes()


def read_at(path: Path, start: int, size_bytes: int, key: str) -> bytes:
    """Read exactly ``size_bytes`` bytes from ``start``.

    Raises:
        ObjectMissing: The file is gone or ends before.
    """
    with reading(key), path.open("rb") as file:
        file.seek(start)
        content = file.read(size_bytes)
    if len(content) != size_bytes:
        raise ObjectMissing(f"{key} ends before byte {start + size_bytes}")
    return content


def settle(draft: Path, path: Path, key: str) -> None:
    """Give a finished file its name, so that a power cut leaves all of it or nothing."""
    with writing(key):
        _flush(draft)
        for _ in range(_RENAMES):
            # Somebody's delete may take the empty folder away between any two of these steps.
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                path.parent.mkdir(parents=True, exist_ok=True)
                draft.replace(path)
                break
        else:
            raise StoreUnavailable(f"{key}: its folder cannot be made")
        with contextlib.suppress(FileNotFoundError):  # deleted again, folder and all
            _flush(path.parent)


def link_or_copy(source: Path, path: Path, key: str) -> None:
    """Have ``path`` show what ``source`` holds: a hard link, or a copy where links do not reach."""
    draft = beside(path)
    try:
        with reading(key):
            try:
                os.link(source, draft)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                shutil.copyfile(source, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)  # a link renamed over the same file stays: rename(2)


def beside(path: Path) -> Path:
    """A name for a draft in the same folder."""
    return path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}")


def _flush(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
