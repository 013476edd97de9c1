"""The object store behind any S3-compatible endpoint, by boto3.

The library blocks, so its calls run in a few threads of our own (``s3_calls``). What is put goes up from a stream and in
flat memory (``s3_uploads``), what is read comes by ranges (``s3_reads``), and of an Archive the store copies what it can by
itself (``s3_parts``).

What stores differ in is avoided: keys are deleted one by one (some refuse the list without a checksum header), nothing
relies on ``If-Range`` or on checksums in trailers, a lifecycle is asked for and may be refused.
"""

import asyncio
import contextlib
import logging
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import boto3
from botocore.config import Config

from adapters.stores import disk, s3_lifecycle
from adapters.stores.links import LinkSigner, behind
from adapters.stores.memory import give_back_large_blocks
from adapters.stores.s3_calls import Calls
from adapters.stores.s3_credentials import doubt_of, sure_s
from adapters.stores.s3_errors import while_setting_up
from adapters.stores.s3_near import OtherBytes, checked, right_ones, tell_of_other_bytes, whole_ones
from adapters.stores.s3_parts import CopiedPart, Part, plan
from adapters.stores.s3_reads import READ_BYTES, READS, Reads, sizes_of
from adapters.stores.s3_uploads import COPIES, PART_BYTES, CopyRefused, Sendable, Uploads, part_size
from adapters.stores.streams import counted, exactly, in_parts
from worker.contract.attachments import content_disposition
from worker.contract.ports import (
    ArchiveEntry,
    Lifecycle,
    Link,
    ObjectFacts,
    ObjectMissing,
)
from worker.contract.virtual_zip import Piece, VirtualZip

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_log = logging.getLogger(__name__)

LONGEST_LIFETIME_S: Final = 7 * 86_400
"""Of a presigned URL: what Signature Version 4 allows."""


class S3Store:
    """An ObjectStore in one bucket."""

    def __init__(
        self,
        bucket: str,
        *,
        endpoint: str | None = None,
        region: str | None = None,
        addressing: Literal["auto", "path", "virtual"] = "auto",
        uploads: int = 3,
        session: boto3.Session | None = None,
        links: LinkSigner | None = None,
        front: str | None = None,
    ) -> None:
        """Prepare the client; nothing is asked of the store yet.

        Args:
            bucket: Has to exist.
            endpoint: URL of the service; None is AWS.
            region: None takes the session's, or ``us-east-1``.
            addressing: Whether the bucket stands in the path or in the host name.
            uploads: Most uploads at once.
            session: Brings the credentials; None finds them as boto3 usually does.
            links: Signs Links in place of the store's own presigned URLs.
            front: Scheme and host that presigned URLs get in place of the store's; it has to ask the store by its own name.

        Raises:
            ClientRefused: With this endpoint, region, profile or role nothing can be asked.
        """
        give_back_large_blocks()
        # The last for short calls, which shall not wait for bytes.
        threads = uploads + COPIES + READS + 2
        self._links = links
        self._front = front
        self._doubt: str | None = None
        """What was last said about the life of Links."""
        with while_setting_up(bucket, endpoint or ""):
            self._session = session = session or boto3.Session()
            client: S3Client = session.client(
                "s3",
                endpoint_url=endpoint,
                region_name=region or session.region_name or "us-east-1",
                config=Config(
                    signature_version="s3v4",
                    s3={"addressing_style": addressing},
                    retries={"mode": "standard", "total_max_attempts": 4},
                    connect_timeout=5,
                    read_timeout=60,
                    max_pool_connections=threads,
                    # Older stores refuse the checksums that newer clients add by themselves.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )
        self._call = Calls(client, bucket, threads)
        self._uploads = Uploads(self._call, uploads)
        self._reads = Reads(self._call)
        self._copies = True
        """Until the store refuses to copy parts."""

    async def put_file(
        self, key: str, path: Path, content_type: str = "application/octet-stream"
    ) -> None:
        """Store a file, in parts if it is large."""
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        await self._put(key, _chunks_of(path), size_bytes, content_type)

    async def put_bytes(
        self, key: str, content: bytes, content_type: str = "application/json"
    ) -> None:
        """Store a small object, or replace it whole."""
        await self._uploads.put(key, content, content_type)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], size_bytes: int) -> None:
        """Store what a stream yields.

        Raises:
            ValueError: The stream had another size than ``size_bytes``; nothing was stored.
        """
        await self._put(key, chunks, size_bytes, "application/octet-stream")

    async def put_archive(
        self,
        key: str,
        entries: Sequence[ArchiveEntry],
        modified_at: datetime,
        near: Mapping[str, Path] | None = None,
        noted: Callable[[int], None] | None = None,
    ) -> int:
        """Have the store put a ZIP together of what it has, or send it from ``near`` where that is faster; returns its size in bytes.

        What is neither copied nor near is fetched and sent back, while the ZIP is being made.

        Raises:
            ObjectMissing: An entry's object is not there, or has another size, or other bytes as far as they were read.
        """
        whole = VirtualZip(entries, modified_at)
        there = await asyncio.to_thread(whole_ones, near or {}, entries)
        if not await self._put_together(key, whole, there, noted):
            while spoiled := await self._send_whole(key, whole, there, noted):
                tell_of_other_bytes(there.pop(spoiled), spoiled)
                noted = None  # who heard of these bytes already need not hear of them twice
        return whole.size_bytes

    async def get_file(self, key: str, path: Path) -> None:
        """Fetch an object into a file, which appears whole or not at all; raises ObjectMissing."""
        facts = await self.stat(key)
        draft = disk.beside(path)
        try:
            await asyncio.to_thread(disk.append, draft, b"", key)
            async for chunk in self.open_range(key, 0, facts.size_bytes):
                await asyncio.to_thread(disk.append, draft, chunk, key)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    async def get_bytes(self, key: str) -> bytes:
        """Fetch a small object; raises ObjectMissing."""
        return await self._reads.whole(key)

    async def open_range(self, key: str, start: int, size_bytes: int) -> AsyncIterator[bytes]:
        """Yield ``size_bytes`` bytes from ``start``, at most 2 MiB at a time.

        Raises:
            ObjectMissing: There is none (any more).
            ValueError: The range does not lie within the object.
        """
        if start < 0 or size_bytes < 0:
            raise ValueError(f"{start}+{size_bytes} is no range")
        async for chunk in self._reads.read([Piece(size_bytes, key=key, start=start)]):
            yield chunk

    def is_virtual(self, key: str) -> bool:  # noqa: ARG002 - whatever the key
        """Everything is written out: always False."""
        return False

    async def clear_unfinished(self) -> None:
        """Abort uploads of ours that broke off a day ago or before: their parts are paid for."""
        abort = partial(s3_lifecycle.abort_stale, self._call.client, self._call.bucket)
        count = await self._call("uploads", abort)
        if count:
            _log.info("%d uploads that broke off were cleared away", count)

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 - whatever the key
        """Nothing of it is on this machine: always None."""
        return None

    async def stat(self, key: str) -> ObjectFacts:
        """Size and time of an object; raises ObjectMissing."""
        head = partial(self._call.client.head_object, Bucket=self._call.bucket, Key=key)
        facts = await self._call(key, head)
        return ObjectFacts(key, facts["ContentLength"], facts["LastModified"].astimezone(UTC))

    async def list(self, prefix: str) -> AsyncIterator[ObjectFacts]:
        """Every object whose key begins with ``prefix``, in the order of their keys."""
        pages = iter(
            self._call.client.get_paginator("list_objects_v2").paginate(
                Bucket=self._call.bucket, Prefix=prefix
            )
        )
        while (page := await self._call(prefix, partial(next, pages, None))) is not None:
            for found in page.get("Contents", []):
                yield ObjectFacts(
                    found["Key"], found["Size"], found["LastModified"].astimezone(UTC)
                )

    async def delete(self, key: str) -> None:
        """Remove an object; no error if it is gone already."""
        remove = partial(self._call.client.delete_object, Bucket=self._call.bucket, Key=key)
        with contextlib.suppress(ObjectMissing):
            await self._call(key, remove)

    async def sign(self, key: str, lifetime_s: int, filename: str) -> Link:
        """A presigned URL, good for GET only; it lasts no longer than the credentials that sign it.

        Raises:
            ValueError: The lifetime is not between one second and seven days.
        """
        if not 1 <= lifetime_s <= LONGEST_LIFETIME_S:
            raise ValueError(f"S3 signs for 1 to {LONGEST_LIFETIME_S} s, not for {lifetime_s} s")
        if self._links is not None:
            url = await asyncio.to_thread(self._links.sign, key, lifetime_s, filename)
            return Link(url, lifetime_s)
        # In a thread: it may have to fetch credentials.
        return await self._call(key, partial(self._sign, key, lifetime_s, filename))

    async def keeps_versions(self) -> bool:
        """Whether the bucket has, or had, versioning; False also where the store forbids the question or does not know it."""
        ask = partial(s3_lifecycle.keeps_versions, self._call.client, self._call.bucket)
        return await self._call("versions", ask)

    async def apply_lifecycle(self, cold_days: int, retention_days: int) -> Lifecycle:
        """Have Takes, Clips and Archives put on cold storage and expired; rules of others are left alone."""
        apply = partial(
            s3_lifecycle.apply, self._call.client, self._call.bucket, cold_days, retention_days
        )
        return await self._call("lifecycle", apply)

    async def close(self) -> None:
        """Wait for aborts under way, then let go of connections and threads."""
        await self._uploads.close()
        await self._call.close()

    async def _put(
        self, key: str, chunks: AsyncIterator[bytes], size_bytes: int, content_type: str
    ) -> None:
        parts = in_parts(part_size(size_bytes), exactly(size_bytes, chunks, key))
        if size_bytes > PART_BYTES:
            await self._uploads.put_parts(key, parts, content_type)
        else:
            content = b"".join([part async for part in parts])
            await self.put_bytes(key, content, content_type)

    async def _send_whole(
        self,
        key: str,
        whole: VirtualZip,
        near: Mapping[str, Path],
        noted: Callable[[int], None] | None,
    ) -> str | None:
        """Send a ZIP from here; the key whose file near does not hold what it should, and nothing is stored then."""
        pieces = whole.pieces(0, whole.size_bytes)
        chunks = checked(self._reads.read(pieces, near, sizes_of(whole.entries)), whole)
        try:
            await self._put(key, counted(chunks, noted), whole.size_bytes, "application/zip")
        except OtherBytes as other:
            if other.key not in near:
                raise ObjectMissing(str(other)) from other
            return other.key
        return None

    async def _put_together(
        self,
        key: str,
        whole: VirtualZip,
        near: Mapping[str, Path],
        noted: Callable[[int], None] | None,
    ) -> bool:
        """Make a ZIP with parts that the store copies; False where that does not go or does not pay."""
        parts = list(plan(whole.pieces(0, whole.size_bytes), part_size(whole.size_bytes)))
        copied = {part.key for part in parts if isinstance(part, CopiedPart)}
        if not (copied and await self._copying_is_right(key, whole, near)):
            return False
        near = await asyncio.to_thread(right_ones, near, whole.entries)
        far = [each for each in whole.entries if each.key in copied and each.key not in near]
        await asyncio.gather(*(self._check_entry(each) for each in far))
        try:
            each = self._each(parts, near, sizes_of(whole.entries), noted)
            await self._uploads.put_parts(key, each, "application/zip")
        except CopyRefused as refused:
            _log.info("the store copies no parts, so archives are sent whole: %s", refused)
            self._copies = False
            return False
        return True

    async def _copying_is_right(
        self, key: str, whole: VirtualZip, near: Mapping[str, Path]
    ) -> bool:
        if not self._copies:
            return False
        if any(entry.key is not None and entry.key not in near for entry in whole.entries):
            return True
        if not self._uploads.rates.copying_pays:
            return False
        # What broke off while it was sent from here goes on in the same parts.
        left = await self._uploads.unfinished(key)
        return not (left and left.is_cut_evenly(part_size(whole.size_bytes), whole.size_bytes))

    async def _check_entry(self, entry: ArchiveEntry) -> None:
        """Before it is copied, which tells nothing of the whole; whatever is read is checked then."""
        if entry.key is not None and (await self.stat(entry.key)).size_bytes != entry.size_bytes:
            raise ObjectMissing(f"{entry.key} does not have {entry.size_bytes} bytes any more")

    async def _each(
        self,
        parts: Iterable[Part],
        near: Mapping[str, Path],
        sizes: Mapping[str, int],
        noted: Callable[[int], None] | None,
    ) -> AsyncIterator[Sendable]:
        for part in parts:
            if isinstance(part, CopiedPart):
                yield part
            else:
                yield partial(_joined, partial(self._reads.read, part.pieces, near, sizes))
            if noted is not None:  # whoever asks for the next one has it on its way
                noted(part.size_bytes)

    def _sign(self, key: str, lifetime_s: int, filename: str) -> Link:
        known_s = sure_s(self._session, lifetime_s)
        lasts_s = lifetime_s if known_s is None else max(known_s, 1)
        doubt = doubt_of(known_s, lifetime_s)
        if doubt != self._doubt:
            self._doubt = doubt
            if doubt is not None:
                _log.warning("links may end before their %d s are over: %s", lifetime_s, doubt)
        url = self._call.client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._call.bucket,
                "Key": key,
                "ResponseContentDisposition": content_disposition(filename),
            },
            ExpiresIn=lasts_s,
        )
        if self._front is not None:
            url = behind(self._front, url)
        return Link(url, lasts_s, sure=known_s is not None)


async def _joined(read: Callable[[], AsyncIterator[bytes]]) -> bytes:
    return b"".join([chunk async for chunk in read()])


async def _chunks_of(path: Path) -> AsyncIterator[bytes]:
    start = 0
    while chunk := await asyncio.to_thread(_read_source, path, start):
        yield chunk
        start += len(chunk)


def _read_source(path: Path, start: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(READ_BYTES)
