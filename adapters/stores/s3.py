"""The object store behind any S3-compatible endpoint, by boto3.

The library blocks, so its calls run in a few threads of our own. Everything larger than one part is uploaded in
parts, at most ``uploads`` at once, from a stream and in flat memory; an upload that fails in whatever way is aborted,
so that no part is left to be paid for. Of an Archive the store copies what it can by itself. Reading goes by ranges, several ahead, each tried again by itself.

What stores differ in is avoided: keys are deleted one by one (some refuse the list without a checksum header), nothing
relies on ``If-Range`` or on checksums in trailers, a lifecycle is asked for and may be refused.
"""

import asyncio
import contextlib
import logging
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from adapters.stores import disk, s3_lifecycle
from adapters.stores.links import LinkSigner, behind
from adapters.stores.s3_credentials import why_links_end_early
from adapters.stores.s3_errors import code_of, in_our_words, status_of
from adapters.stores.s3_parts import CopiedPart, Part, SentPart, plan
from adapters.stores.s3_rates import Rates
from adapters.stores.streams import exactly, fetched_ahead, in_parts
from worker.contract.attachments import content_disposition
from worker.contract.ports import (
    ArchiveEntry,
    Lifecycle,
    ObjectFacts,
    ObjectMissing,
    StoreUnavailable,
)
from worker.contract.virtual_zip import Piece, VirtualZip

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CopySourceTypeDef

_log = logging.getLogger(__name__)

LONGEST_LIFETIME_S: Final = 7 * 86_400
"""Of a presigned URL: what Signature Version 4 allows."""

_PART_BYTES: Final = 8 << 20
"""S3 takes parts from 5 MiB; three of 8 MiB in flight stay small in memory."""
_MOST_PARTS: Final = 10_000
_READ_BYTES: Final = 2 << 20
_READS: Final = 4
"""Ranges under way at once."""
_TRIES: Final = 3
"""Of reading one range; the request before its bytes come is retried by the library."""
_LAST_PARTS_S: Final = 5.0
"""How long an abort waits for parts under way, which would otherwise outlive it."""

_COPIES_NOTHING: Final = frozenset({400, 403, 405, 409, 411, 501})

_BROKEN_READS: Final = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)

Result = TypeVar("Result")
Sendable = bytes | CopiedPart | Callable[[], Coroutine[Any, Any, bytes]]
"""A part: its bytes, what they are copied from, or what reads them once there is room."""


class CopyRefused(Exception):
    """The store does not copy parts by itself; never leaves this module."""


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
        """
        self._bucket = bucket
        self._uploads = uploads
        threads = uploads + _READS + 2  # the last for short calls, which shall not wait for bytes
        self._session = session = session or boto3.Session()
        self._links = links
        self._front = front
        self._doubt: str | None = None
        """What was last said about the life of Links."""
        self._client: S3Client = session.client(
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
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="s3")
        self._rates = Rates()
        self._copies = True
        """Until the store refuses to copy parts."""
        self._slots = asyncio.Semaphore(uploads)
        self._aborts: set[asyncio.Task[None]] = set()

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
        async with self._slots:
            await self._call(
                key,
                partial(
                    self._client.put_object,
                    Bucket=self._bucket,
                    Key=key,
                    Body=content,
                    ContentType=content_type,
                ),
            )

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
    ) -> int:
        """Have the store put a ZIP together of what it has, or send it from ``near`` where that is faster; returns its size in bytes.

        What is neither copied nor near is fetched and sent back, while the ZIP is being made.

        Raises:
            ObjectMissing: An entry's object is not there, or has another size.
        """
        whole = VirtualZip(entries, modified_at)
        near = await asyncio.to_thread(_whole_ones, near or {}, entries)
        await asyncio.gather(*(self._check_entry(e) for e in entries if e.key not in near))
        all_near = all(entry.key is None or entry.key in near for entry in entries)
        copies = self._copies and (not all_near or self._rates.copying_pays)
        if not (copies and await self._put_together(key, whole, near)):
            chunks = self._read(whole.pieces(0, whole.size_bytes), near)
            await self._put(key, chunks, whole.size_bytes, "application/zip")
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
        return await self._call(key, partial(self._get, key, None))

    async def open_range(self, key: str, start: int, size_bytes: int) -> AsyncIterator[bytes]:
        """Yield ``size_bytes`` bytes from ``start``, at most 2 MiB at a time.

        Raises:
            ObjectMissing: There is none (any more).
            ValueError: The range does not lie within the object.
        """
        if start < 0 or size_bytes < 0:
            raise ValueError(f"{start}+{size_bytes} is no range")
        async for chunk in self._read([Piece(size_bytes, key=key, start=start)]):
            yield chunk

    def is_virtual(self, key: str) -> bool:  # noqa: ARG002 - whatever the key
        """Everything is written out: always False."""
        return False

    def hold(self, key: str) -> contextlib.AbstractContextManager[object]:  # noqa: ARG002
        """Nothing: people download from the store itself, which ends what it began."""
        return contextlib.nullcontext()

    def is_held(self, key: str) -> bool:  # noqa: ARG002
        """Always False, see ``hold``."""
        return False

    async def clear_unfinished(self) -> None:
        """Abort uploads of ours that broke off a day ago or before: their parts are paid for."""
        abort = partial(s3_lifecycle.abort_stale, self._client, self._bucket)
        count = await self._call("uploads", abort)
        if count:
            _log.info("%d uploads that broke off were cleared away", count)

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 - whatever the key
        """Nothing of it is on this machine: always None."""
        return None

    async def stat(self, key: str) -> ObjectFacts:
        """Size and time of an object; raises ObjectMissing."""
        head = partial(self._client.head_object, Bucket=self._bucket, Key=key)
        facts = await self._call(key, head)
        return ObjectFacts(key, facts["ContentLength"], facts["LastModified"].astimezone(UTC))

    async def list(self, prefix: str) -> AsyncIterator[ObjectFacts]:
        """Every object whose key begins with ``prefix``, in the order of their keys."""
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
        )
        while (page := await self._call(prefix, partial(next, pages, None))) is not None:
            for found in page.get("Contents", []):
                yield ObjectFacts(
                    found["Key"], found["Size"], found["LastModified"].astimezone(UTC)
                )

    async def delete(self, key: str) -> None:
        """Remove an object; no error if it is gone already."""
        remove = partial(self._client.delete_object, Bucket=self._bucket, Key=key)
        with contextlib.suppress(ObjectMissing):
            await self._call(key, remove)

    async def sign(self, key: str, lifetime_s: int, filename: str) -> str:
        """A presigned URL, good for GET only.

        Raises:
            ValueError: The lifetime is not between one second and seven days.
        """
        if not 1 <= lifetime_s <= LONGEST_LIFETIME_S:
            raise ValueError(f"S3 signs for 1 to {LONGEST_LIFETIME_S} s, not for {lifetime_s} s")
        if self._links is not None:
            return await asyncio.to_thread(self._links.sign, key, lifetime_s, filename)
        # In a thread: it may have to fetch credentials.
        return await self._call(key, partial(self._sign, key, lifetime_s, filename))

    async def apply_lifecycle(self, cold_days: int, retention_days: int) -> Lifecycle:
        """Have Takes, Clips and Archives put on cold storage and expired; rules of others are left alone."""
        apply = partial(s3_lifecycle.apply, self._client, self._bucket, cold_days, retention_days)
        return await self._call("lifecycle", apply)

    async def close(self) -> None:
        """Wait for aborts under way, then let go of connections and threads."""
        if self._aborts:
            await asyncio.wait(self._aborts)
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self._client.close()

    async def _call(self, key: str, work: Callable[[], Result]) -> Result:
        with in_our_words(self._bucket, key):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _put(
        self, key: str, chunks: AsyncIterator[bytes], size_bytes: int, content_type: str
    ) -> None:
        parts = in_parts(part_size(size_bytes), exactly(size_bytes, chunks, key))
        if size_bytes > _PART_BYTES:
            await self._put_parts(key, parts, content_type)
        else:
            content = b"".join([part async for part in parts])
            await self.put_bytes(key, content, content_type)

    async def _check_entry(self, entry: ArchiveEntry) -> None:
        if entry.key is not None and (await self.stat(entry.key)).size_bytes != entry.size_bytes:
            raise ObjectMissing(f"{entry.key} does not have {entry.size_bytes} bytes any more")

    async def _put_together(self, key: str, whole: VirtualZip, near: Mapping[str, Path]) -> bool:
        """Make a ZIP with parts that the store copies; False if there are none, or it does not copy."""
        parts = list(plan(whole.pieces(0, whole.size_bytes), part_size(whole.size_bytes)))
        if not any(isinstance(part, CopiedPart) for part in parts):
            return False
        try:
            await self._put_parts(key, self._each(parts, near), "application/zip")
        except CopyRefused as refused:
            _log.info("the store copies no parts, so archives are sent whole: %s", refused)
            self._copies = False
            return False
        return True

    async def _put_parts(self, key: str, parts: AsyncIterator[Sendable], content_type: str) -> None:
        begin = partial(
            self._client.create_multipart_upload,
            Bucket=self._bucket,
            Key=key,
            ContentType=content_type,
        )
        upload = (await self._call(key, begin))["UploadId"]
        try:
            done = await self._send_parts(key, upload, parts)
            finish = partial(
                self._client.complete_multipart_upload,
                Bucket=self._bucket,
                Key=key,
                UploadId=upload,
                MultipartUpload={"Parts": done},
            )
            await self._call(key, finish)
        except BaseException:
            abort = asyncio.create_task(self._abort(key, upload))
            self._aborts.add(abort)
            abort.add_done_callback(self._aborts.discard)
            await asyncio.shield(abort)
            raise

    async def _send_parts(
        self, key: str, upload: str, parts: AsyncIterator[Sendable]
    ) -> "Sequence[CompletedPartTypeDef]":
        """Send parts as they come, at most ``uploads`` at once; returns their numbers and tags in order."""
        sent: list[asyncio.Task[CompletedPartTypeDef]] = []
        try:
            async with asyncio.TaskGroup() as group:
                async for part in parts:
                    await self._slots.acquire()  # before the next part is read: memory stays flat
                    number = len(sent) + 1
                    task = group.create_task(self._send_part(key, upload, number, part))
                    task.add_done_callback(lambda _: self._slots.release())
                    sent.append(task)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several
        return [task.result() for task in sent]

    async def _send_part(
        self, key: str, upload: str, number: int, part: Sendable
    ) -> "CompletedPartTypeDef":
        """Send or copy one part. Cancelled, it waits a little for its thread to let go, so that the abort finds all parts."""
        place = {"Bucket": self._bucket, "Key": key, "UploadId": upload, "PartNumber": number}
        if isinstance(part, CopiedPart):
            work, key = partial(self._copy_part, place, part), part.key
        else:
            content = part if isinstance(part, bytes) else await part()
            work = partial(self._upload_part, place, content)
        sending = asyncio.ensure_future(self._call(key, work))
        try:
            tag = await asyncio.shield(sending)
        except asyncio.CancelledError:
            await asyncio.wait([sending], timeout=_LAST_PARTS_S)
            raise
        return {"PartNumber": number, "ETag": tag}

    async def _each(
        self, parts: Iterable[Part], near: Mapping[str, Path]
    ) -> AsyncIterator[Sendable]:
        for part in parts:
            yield part if isinstance(part, CopiedPart) else partial(self._joined, part, near)

    async def _joined(self, part: SentPart, near: Mapping[str, Path]) -> bytes:
        return b"".join([chunk async for chunk in self._read(part.pieces, near)])

    def _upload_part(self, place: dict[str, Any], content: bytes) -> str:
        with self._rates.sending(len(content)):
            return self._client.upload_part(**place, Body=content)["ETag"]

    def _copy_part(self, place: dict[str, Any], part: CopiedPart) -> str:
        source: CopySourceTypeDef = {"Bucket": self._bucket, "Key": part.key}
        span = f"bytes={part.start}-{part.start + part.size_bytes - 1}"
        try:
            with self._rates.copying(part.size_bytes):
                answer = self._client.upload_part_copy(
                    **place, CopySource=source, CopySourceRange=span
                )
        except ClientError as error:
            if status_of(error) in _COPIES_NOTHING:
                raise CopyRefused(code_of(error)) from error
            raise
        tag = answer.get("CopyPartResult", {}).get("ETag")
        if not tag:  # rclone takes the request for an upload
            raise CopyRefused("the answer has no tag")
        return tag

    async def _abort(self, key: str, upload: str) -> None:
        abort = partial(
            self._client.abort_multipart_upload, Bucket=self._bucket, Key=key, UploadId=upload
        )
        try:
            await self._call(key, abort)
        except (StoreUnavailable, ObjectMissing) as error:
            _log.warning("an upload of %s could not be aborted: %s", key, error)

    def _read(
        self, pieces: Iterable[Piece], near: Mapping[str, Path] | None = None
    ) -> AsyncIterator[bytes]:
        return fetched_ahead(self._fetches(pieces, near or {}), _READS)

    def _fetches(
        self, pieces: Iterable[Piece], near: Mapping[str, Path]
    ) -> Iterator[Callable[[], Coroutine[None, None, bytes]]]:
        for piece in pieces:
            if piece.content is not None:
                yield partial(_at_once, piece.content)
                continue
            key = piece.key or ""
            for offset in range(0, piece.size_bytes, _READ_BYTES):
                span = (piece.start + offset, min(_READ_BYTES, piece.size_bytes - offset))
                yield partial(self._call, key, partial(self._get_near, key, span, near.get(key)))

    def _sign(self, key: str, lifetime_s: int, filename: str) -> str:
        doubt = why_links_end_early(self._session, lifetime_s)
        if doubt != self._doubt:
            self._doubt = doubt
            if doubt is not None:
                _log.warning("links may end before their %d s are over: %s", lifetime_s, doubt)
        url = self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentDisposition": content_disposition(filename),
            },
            ExpiresIn=lifetime_s,
        )
        return url if self._front is None else behind(self._front, url)

    def _get_near(self, key: str, span: tuple[int, int], path: Path | None) -> bytes:
        """Read a range from this disk if it is there, else from the store."""
        if path is not None:
            with contextlib.suppress(ObjectMissing, StoreUnavailable):
                return disk.read_at(path, *span, key)
        return self._get(key, span)

    def _get(self, key: str, span: tuple[int, int] | None) -> bytes:
        """Read an object, or ``(start, size_bytes)`` of it; blocks."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(*_BROKEN_READS):
                return self._get_once(key, span)
        return self._get_once(key, span)

    def _get_once(self, key: str, span: tuple[int, int] | None) -> bytes:
        if span is None:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        else:
            asked = f"bytes={span[0]}-{span[0] + span[1] - 1}"
            answer = self._client.get_object(Bucket=self._bucket, Key=key, Range=asked)
        with contextlib.closing(answer["Body"]) as body:
            if span is not None and answer["ContentLength"] < span[1]:
                raise ValueError(f"{span[0]}+{span[1]} is outside {key}")
            if span is not None and answer["ContentLength"] > span[1]:
                raise StoreUnavailable(f"the store serves no ranges (bucket {self._bucket})")
            return body.read()


def part_size(size_bytes: int) -> int:
    """Bytes of each part of an upload: 8 MiB, or whole mebibytes so that 10 000 parts are enough."""
    least = -(-size_bytes // _MOST_PARTS)
    return max(_PART_BYTES, -(-least // (1 << 20)) << 20)


def _whole_ones(near: Mapping[str, Path], entries: Iterable[ArchiveEntry]) -> dict[str, Path]:
    """Those files that are there, as large as they should be: the store need not be asked about them."""
    found: dict[str, Path] = {}
    for entry in entries:
        if entry.key is not None and entry.key in near:
            with contextlib.suppress(OSError):
                if near[entry.key].stat().st_size == entry.size_bytes:
                    found[entry.key] = near[entry.key]
    return found


async def _at_once(content: bytes) -> bytes:
    return content


async def _chunks_of(path: Path) -> AsyncIterator[bytes]:
    start = 0
    while chunk := await asyncio.to_thread(_read_source, path, start):
        yield chunk
        start += len(chunk)


def _read_source(path: Path, start: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(_READ_BYTES)
