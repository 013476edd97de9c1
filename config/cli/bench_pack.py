"""``chorus bench pack``: making an Archive against uploading the same bytes, and against the usual way."""

import asyncio
import contextlib
import os
import secrets
import statistics
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from config.cli.output import Failed, Report, progress_bar
from config.cli.starting import run
from config.paths import private_folder, secret_key
from config.settings import Settings
from config.wiring import make_store
from worker.contract import keys
from worker.contract.ports import ArchiveEntry, ObjectStore, StoreUnavailable
from worker.contract.tokens import TokenCodec

_CHUNK_BYTES: Final = 1 << 20
_SAMPLE_S: Final = 0.005

StoreName = Literal["local", "s3"]


@dataclass
class PackFigures:
    """What was measured; seconds are of each run."""

    archive_bytes: int = 0
    far_s: list[float] = field(default_factory=list)
    """Packing where other workers rendered all Clips."""
    pack_s: list[float] = field(default_factory=list)
    upload_s: list[float] = field(default_factory=list)
    usual_s: list[float] = field(default_factory=list)
    """A deflated ZIP on the disk, of Clips that are here, then its upload."""
    fetch_s: list[float] = field(default_factory=list)
    """The Clips fetched one after the other, where they are not here: the usual way does that first."""
    usual_bytes: int = 0
    """Of the deflated ZIP."""
    memory_mib: float = 0.0
    """Peak above what the process held before, while packing."""

    @property
    def ratio(self) -> float:
        """Packing ÷ uploading the same bytes, medians."""
        return statistics.median(self.pack_s) / statistics.median(self.upload_s)

    @property
    def far_ratio(self) -> float:
        """Likewise, where other workers rendered all Clips."""
        return statistics.median(self.far_s) / statistics.median(self.upload_s)

    @property
    def faster(self) -> float:
        """The usual way ÷ ours, where both have the Clips."""
        return statistics.median(self.usual_s) / statistics.median(self.pack_s)

    @property
    def far_faster(self) -> float:
        """The usual way ÷ ours, where other workers rendered all Clips."""
        usual_s = statistics.median(self.fetch_s) + statistics.median(self.usual_s)
        return usual_s / statistics.median(self.far_s)

    @property
    def saved_percent(self) -> float:
        """What deflating makes smaller: of random bytes nothing, of videos hardly more (README)."""
        return 100 * (1 - self.usual_bytes / self.archive_bytes)

    def as_json(self) -> dict[str, object]:
        """For other programs."""
        return asdict(self)


def bench_pack(
    settings: Settings, store: StoreName, clips: int, clip_bytes: int, pairs: int
) -> PackFigures:
    """Measure with a store of that kind; what is put there is removed again."""
    changes: dict[str, object] = {"store": store}
    if store == "s3" and not settings.s3_bucket:
        raise Failed(
            "There is no bucket to measure with: set CHORUS_S3_BUCKET (and CHORUS_S3_ENDPOINT)."
        )
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_scratch(settings)) as folder:
        if store == "local":  # beside the real one: the same disk
            changes["data_dir"] = Path(folder) / "data"
        with progress_bar() as report:
            return run(
                _measured(
                    settings.model_copy(update=changes),
                    Path(folder),
                    clips,
                    clip_bytes,
                    pairs,
                    report,
                )
            )


def _scratch(settings: Settings) -> Path:
    return private_folder(settings.data_dir)


async def _measured(
    settings: Settings, folder: Path, clips: int, clip_bytes: int, pairs: int, report: Report
) -> PackFigures:
    store = make_store(settings, TokenCodec(secret_key(settings)), str)
    bench, figures = f"bench-{secrets.token_hex(6)}", PackFigures()
    try:
        entries = await _stored_clips(store, bench, folder, clips, clip_bytes, report)
        packing = _Packing(store, bench, folder, entries)
        with _peak_memory() as peak:
            await packing.pack()
        figures.memory_mib = peak()
        with _peak_memory() as peak:
            await packing.pack_far()
        figures.memory_mib = max(figures.memory_mib, peak())
        figures.archive_bytes = await packing.write_whole()
        await packing.upload()
        for pair in range(pairs):
            report("packing and uploading", pair, pairs)
            figures.pack_s.append(await _timed(packing.pack))
            figures.far_s.append(await _timed(packing.pack_far))
            figures.upload_s.append(await _timed(packing.upload))
            figures.usual_s.append(await _timed(packing.usual))
            figures.fetch_s.append(await _timed(packing.fetch))
        report("packing and uploading", pairs, pairs)
        figures.usual_bytes = packing.usual_path.stat().st_size
    except StoreUnavailable as outage:
        raise Failed(f"The store cannot be used: {outage}.", "store_unavailable") from None
    finally:
        with contextlib.suppress(StoreUnavailable):
            await _clean(store, bench)
        await store.close()
    return figures


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def _stored_clips(
    store: ObjectStore, bench: str, folder: Path, clips: int, clip_bytes: int, report: Report
) -> list[ArchiveEntry]:
    """Clips of random bytes: videos do not deflate either."""
    entries = []
    for number in range(1, clips + 1):
        report("storing clips", number - 1, clips)
        key = keys.clip(bench, number, "1")
        path = folder / f"{number}.mp4"
        crc32 = await asyncio.to_thread(_write_random, path, clip_bytes)
        await store.put_file(key, path, "video/mp4")
        entries.append(ArchiveEntry(f"output_{number:03d}.mp4", clip_bytes, crc32, key=key))
    report("storing clips", clips, clips)
    return entries


def _write_random(path: Path, size_bytes: int) -> int:
    crc32 = 0
    with path.open("wb") as file:
        for start in range(0, size_bytes, _CHUNK_BYTES):
            chunk = os.urandom(min(_CHUNK_BYTES, size_bytes - start))
            crc32 = zlib.crc32(chunk, crc32)
            file.write(chunk)
    return crc32


class _Packing:
    """The same Archive, made in three ways."""

    def __init__(
        self, store: ObjectStore, bench: str, folder: Path, entries: list[ArchiveEntry]
    ) -> None:
        self._store = store
        self._bench = bench
        self._folder = folder
        self._entries = entries
        self._moment = datetime.now(UTC)

    @property
    def _whole(self) -> Path:
        return self._folder / "whole.zip"

    @property
    def _near(self) -> dict[str, Path]:
        """The Clips as they lie on this disk."""
        return {
            entry.key: self._folder / f"{number}.mp4"
            for number, entry in enumerate(self._entries, 1)
            if entry.key is not None
        }

    async def pack(self) -> None:
        """As a worker does that rendered the Clips itself: they are on its disk still."""
        key = keys.archive(self._bench, 1)
        await self._store.put_archive(key, self._entries, self._moment, self._near)

    async def pack_far(self) -> None:
        """As a worker does that rendered none of the Clips."""
        await self._store.put_archive(keys.archive(self._bench, 1), self._entries, self._moment)

    async def write_whole(self) -> int:
        """The finished Archive on this disk, to be uploaded for comparison; returns its size in bytes."""
        await self._store.get_file(keys.archive(self._bench, 1), self._whole)
        return self._whole.stat().st_size

    async def upload(self) -> None:
        await self._store.put_file(keys.archive(self._bench, 2), self._whole, "application/zip")

    @property
    def usual_path(self) -> Path:
        """Where the deflated ZIP lies before its upload."""
        return self._folder / "usual.zip"

    async def usual(self) -> None:
        made = self.usual_path
        await asyncio.to_thread(_deflate, made, list(self._near.values()))
        await self._store.put_file(keys.archive(self._bench, 3), made, "application/zip")

    async def fetch(self) -> None:
        for entry in self._entries:
            await self._store.get_file(entry.key or "", self._folder / entry.name)


def _deflate(made: Path, clips: list[Path]) -> None:
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in clips:
            archive.write(path, path.name)


async def _clean(store: ObjectStore, bench: str) -> None:
    for key in [key async for key in _all_keys(store, bench)]:
        await store.delete(key)


async def _all_keys(store: ObjectStore, bench: str) -> AsyncIterator[str]:
    for prefix in (keys.clip(bench, 0, "").rpartition("/")[0], f"{keys.ARCHIVES}{bench}"):
        async for facts in store.list(f"{prefix}/"):
            yield facts.key


@contextlib.contextmanager
def _peak_memory() -> Iterator[Callable[[], float]]:
    """Watch this process's resident memory; afterwards tells the peak above the beginning, in MiB."""
    idle, peak, ended = _resident_bytes(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(_SAMPLE_S):
            peak = max(peak, _resident_bytes())

    watching = threading.Thread(target=watch, name="memory")
    watching.start()
    try:
        yield lambda: max(peak - idle, 0) / (1 << 20)
    finally:
        ended.set()
        watching.join()


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])  # proc(5): the second is resident
    return pages * os.sysconf("SC_PAGESIZE")
