"""Bringing weights into MODELS_DIR, held to ``models.lock``."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.hub import NEWEST, Hub, HubFile, HubRefused, Revision
from pipeline.engines.weights.catalogue import ModelSet, Source, Wanted
from pipeline.engines.weights.checking import PARTIAL, examine, remember, sha256_of
from pipeline.engines.weights.lock import LockedFile, read_lock, write_lock

_DOOR: Final = ".pulling"
_ROOM_BYTES: Final = 64 << 20
"""Stays free."""

Report = Callable[[str, int, int], None]
"""Called with (path, bytes done, bytes of the file)."""


class PullFailed(Exception):
    """Weights could not be brought; the message says why, and what to do."""


@dataclass(frozen=True)
class Pulled:
    """What a pull came to."""

    name: str
    folder: Path
    fetched_bytes: int
    revisions: Mapping[str, str]
    """Commit by repository."""


@contextlib.contextmanager
def alone(models: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Let one process pull at a time; ``waiting`` is called if another one is at it. Raises PullFailed."""
    try:
        models.mkdir(parents=True, exist_ok=True)
        door = (models / _DOOR).open("a")
    except OSError as error:
        raise PullFailed(
            f"Nothing can be written to {models}: {error.strerror}. CHORUS_MODELS_DIR names another folder."
        ) from None
    with door:
        try:
            fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(door, fcntl.LOCK_EX)
        yield


def pull(wanted: ModelSet, models: Path, hub: Hub, report: Report) -> Pulled:
    """Bring what is missing or altered of a set; call it inside ``alone``.

    What was pulled before keeps its revision; of a repository pulled the first time the newest is taken, and written to
    ``models.lock`` with all hashes before the large files are fetched, so that a pull that broke off goes on with the same.

    Raises:
        PullFailed: It could not be done. Whatever has come is kept for the next time.
        WeightsAltered: ``models.lock`` itself is damaged.
    """
    pulling = _Pulling(wanted, models, hub, report)
    try:
        return pulling.run()
    except HubRefused as refused:
        raise PullFailed(str(refused)) from None
    except OSError as error:
        raise PullFailed(
            f"Writing to {models} failed: {error.strerror or error}. What has come is kept; make room or mend it, and pull again."
        ) from None


class _Pulling:
    """One pull of one set."""

    def __init__(self, wanted: ModelSet, models: Path, hub: Hub, report: Report) -> None:
        self._wanted = wanted
        self._models = models
        self._folder = models / wanted.name
        self._hub = hub
        self._report = report
        self._lock = read_lock(models)
        self._fetched_bytes = 0

    def run(self) -> Pulled:
        known = dict(self._lock.get(self._wanted.name, {}))
        listed = self._listed(known)
        self._refuse_full_disk(known, listed)
        for file, source, revision in self._new(known, listed):
            there = revision.files[file.source]
            sha256 = there.sha256 or self._small(file, source, revision)
            known[file.path] = LockedFile(
                source.repository, revision.commit, file.source, there.size_bytes, sha256
            )
        files = {file.path: known[file.path] for file in self._wanted.files}
        if files != self._lock.get(self._wanted.name):
            write_lock(self._models, {**self._lock, self._wanted.name: files})
        state = examine(self._models, self._wanted.name, files, told=self._report)
        for path in (*state.missing, *state.altered):
            self._bring(path, files[path])
        revisions = {file.repository: file.revision for file in files.values()}
        return Pulled(self._wanted.name, self._folder, self._fetched_bytes, revisions)

    def _listed(self, known: Mapping[str, LockedFile]) -> dict[str, Revision]:
        """What the hub has of the repositories that are not wholly known yet, by repository."""
        return {
            source.repository: self._hub.look(source.repository, self._pinned(source.repository))
            for source in self._wanted.sources
            if any(file.path not in known for file in source.files)
        }

    def _pinned(self, repository: str) -> str:
        """The revision that any set was pulled from."""
        every = (file for files in self._lock.values() for file in files.values())
        return next((file.revision for file in every if file.repository == repository), NEWEST)

    def _new(
        self, known: Mapping[str, LockedFile], listed: Mapping[str, Revision]
    ) -> Iterator[tuple[Wanted, Source, Revision]]:
        for source in self._wanted.sources:
            for file in source.files:
                if file.path not in known:
                    yield file, source, self._having(source, file, listed)

    def _having(self, source: Source, file: Wanted, listed: Mapping[str, Revision]) -> Revision:
        revision = listed[source.repository]
        if file.source not in revision.files:
            raise HubRefused(
                f"{source.repository} has no file {file.source} at {revision.commit[:8]}: this version of Chorus "
                "cannot use it."
            )
        return revision

    def _refuse_full_disk(
        self, known: Mapping[str, LockedFile], listed: Mapping[str, Revision]
    ) -> None:
        """Find out before the first byte that there is no room for the last one."""
        needed = 0
        for file, _, revision in self._new(known, listed):
            there = revision.files[file.source]
            needed += self._still_missing(file.path, there.size_bytes, _hash_of(there))
        for path, locked in known.items():
            needed += self._still_missing(path, locked.size_bytes, locked.sha256)
        free = shutil.disk_usage(self._models).free
        if needed and needed + _ROOM_BYTES > free:
            raise PullFailed(
                f"{self._wanted.name!r} needs {_gb(needed)} more in {self._models}, and {_gb(free)} are free. Make room, or "
                "have CHORUS_MODELS_DIR name a folder on another disk."
            )

    def _still_missing(self, path: str, size_bytes: int, hash_: str) -> int:
        final = self._folder / path
        if final.is_file() and final.stat().st_size == size_bytes:
            return 0
        return size_bytes - _size(_partial(final, hash_))

    def _small(self, file: Wanted, source: Source, revision: Revision) -> str:
        """Fetch what git keeps itself, check it by git's name for it, and tell its sha256."""
        there = revision.files[file.source]
        final = self._folder / file.path
        partial = _partial(final, there.git_oid)
        self._fetch(source.repository, revision.commit, file.source, there.size_bytes, partial)
        content = partial.read_bytes()
        if _git_oid(content) != there.git_oid:
            partial.unlink()
            raise HubRefused(_not_what_was_said(source.repository, file.source))
        partial.replace(final)
        return hashlib.sha256(content).hexdigest()

    def _bring(self, path: str, file: LockedFile) -> None:
        """Fetch what is missing of a file, and let it in if it is what the lock says."""
        final = self._folder / path
        partial = _partial(final, file.sha256)
        final.parent.mkdir(parents=True, exist_ok=True)
        if not self._have_already(file, partial):
            self._fetch(file.repository, file.revision, file.source, file.size_bytes, partial)
            if sha256_of(partial, self._checking(file)) != file.sha256:
                partial.unlink()
                raise HubRefused(_not_what_was_said(file.repository, file.source))
        partial.replace(final)
        remember(self._models, self._wanted.name, path, file)
        for stale in final.parent.glob(f".{final.name}.*{PARTIAL}"):
            stale.unlink(missing_ok=True)

    def _checking(self, file: LockedFile) -> Callable[[int], None]:
        return lambda done: self._report(f"checking {file.source}", done, file.size_bytes)

    def _have_already(self, file: LockedFile, partial: Path) -> bool:
        """Whether another set has the same file; it is shared, not copied."""
        for name, files in self._lock.items():
            for path, other in files.items():
                where = self._models / name / path
                if name == self._wanted.name or other.sha256 != file.sha256 or not where.is_file():
                    continue
                if sha256_of(where) == file.sha256:
                    with contextlib.suppress(OSError):  # file systems without links
                        partial.unlink(missing_ok=True)
                        partial.hardlink_to(where)
                        remember(self._models, name, path, other)  # one more link is a touch, too
                        return True
        return False

    def _fetch(
        self, repository: str, revision: str, source: str, size_bytes: int, partial: Path
    ) -> None:
        partial.parent.mkdir(parents=True, exist_ok=True)
        had = _size(partial)
        if had > size_bytes:
            os.truncate(partial, had := 0)

        def told(done: int) -> None:
            self._report(source, done, size_bytes)

        try:
            self._hub.fetch(repository, revision, source, size_bytes, partial, told)
        finally:
            self._fetched_bytes += max(_size(partial) - had, 0)


def _partial(final: Path, hash_: str) -> Path:
    """Where a file is while it is fetched; of another content, elsewhere."""
    return final.with_name(f".{final.name}.{hash_[:12]}{PARTIAL}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _hash_of(there: HubFile) -> str:
    return there.sha256 or there.git_oid


def _git_oid(content: bytes) -> str:
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def _not_what_was_said(repository: str, source: str) -> str:
    return (
        f"{source} of {repository} came with another content than it should have, by its hash; it was thrown away. "
        "Pull again; if it stays so, whoever serves it cannot be trusted: see CHORUS_HUB_ENDPOINT."
    )


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
