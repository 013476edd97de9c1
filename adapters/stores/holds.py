"""Which objects somebody downloads through this machine: a lock on an empty file for each, that other processes see.

A process that dies lets go by itself. Files that nobody holds are cleared away now and then (``clear``).
"""

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from adapters.stores import disk
from worker.contract.ports import StoreUnavailable


class Holds:
    """Locks in one folder, by key."""

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Args:
            folder: The same for all processes of this machine; only they see each other.
        """
        self._folder = folder
        with disk.writing(str(folder)):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def hold(self, key: str) -> BinaryIO:
        """Open the lock of a key; closing it, or dying, lets go. Blocks shortly; raises StoreUnavailable."""
        path = self._path(key)
        with disk.writing(f"the lock of {key}"):
            while True:
                file = path.open("ab")
                fcntl.flock(file, fcntl.LOCK_SH)
                if os.fstat(file.fileno()).st_nlink:
                    return file
                file.close()  # cleared away between opening and locking

    def is_held(self, key: str) -> bool:
        """Whether some process of this machine holds it."""
        return not _is_free(self._path(key))

    def clear(self) -> None:
        """Remove the files that nobody holds."""
        for path in self._folder.iterdir():
            _is_free(path, remove=True)

    def _path(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()


def _is_free(path: Path, *, remove: bool = False) -> bool:
    """Whether nobody holds a lock; removed, if wanted, while nobody else can."""
    try:
        with (
            disk.writing(str(path)),
            contextlib.suppress(FileNotFoundError),
            path.open("rb") as file,
        ):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if remove:
                path.unlink(missing_ok=True)
    except StoreUnavailable as error:
        if isinstance(error.__cause__, BlockingIOError):
            return False
        raise
    return True
