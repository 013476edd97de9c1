"""Uploads to an S3 bucket: small objects at once, everything else in parts, several under way.

An upload that breaks off because the store is away, or because this process dies, leaves its parts; the next one of the
same key goes on from there. Nobody else need clear them away at once: the bucket's lifecycle, or else ``abort_stale``,
does it after a day, because parts are paid for. What was cancelled, or can never succeed, is aborted at once, unless
somebody else sends parts of it too.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from adapters.stores import s3_unfinished
from adapters.stores.s3_calls import Calls
from adapters.stores.s3_checksums import arrived, in_header, md5_of
from adapters.stores.s3_errors import NO_UPLOAD, UploadGone, code_of, status_of
from adapters.stores.s3_parts import CopiedPart
from adapters.stores.s3_rates import Rates
from adapters.stores.s3_unfinished import Upload, is_made_of
from worker.contract.ports import ObjectMissing, StoreRefused, StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CopySourceTypeDef

_log = logging.getLogger(__name__)

PART_BYTES: Final = 8 << 20
"""S3 takes parts from 5 MiB; three of 8 MiB in flight stay small in memory."""
_MOST_PARTS: Final = 10_000
_LAST_PARTS_S: Final = 5.0
"""How long an abort waits for parts under way, which would otherwise outlive it."""

COPIES: Final = 4
"""Parts that the store copies at once: they carry no bytes of ours."""
_COPIES_NOTHING: Final = frozenset({405, 411, 501})
_KNOWS_NO_COPY: Final = frozenset({"InvalidRequest", "InvalidArgument", "NotImplemented"})
"""Whatever the status. What passes, or an operator puts right (keys, rights, clock), says nothing about copying."""

Sendable = bytes | bytearray | CopiedPart | Callable[[], Coroutine[Any, Any, bytes]]
"""A part: its bytes, what they are copied from, or what reads them once there is room."""


class CopyRefused(Exception):
    """The store does not copy parts by itself; never leaves the stores."""


class Uploads:
    """What is on its way into the bucket, at most so many requests at once."""

    def __init__(self, calls: Calls, most: int) -> None:
        """Begin with nothing under way.

        Args:
            calls: To the bucket.
            most: Requests that carry bytes at once.
        """
        self._calls = calls
        self.rates = Rates()
        self._slots = asyncio.Semaphore(most)
        self._room = asyncio.Semaphore(most + 1)
        """For parts that are read where they are sent: the next one while others are on their way."""
        self._copying = asyncio.Semaphore(COPIES)
        self._aborts: set[asyncio.Task[None]] = set()

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store a small object, or replace it whole."""
        place = {"Bucket": self._calls.bucket, "Key": key, "ContentType": content_type}
        async with self._slots:
            await self._calls(key, partial(self._put_object, place, content))

    async def unfinished(self, key: str) -> Upload | None:
        """What an upload of this key left that broke off."""
        return await self._calls(
            key, partial(s3_unfinished.find, self._calls.client, self._calls.bucket, key)
        )

    async def put_parts(self, key: str, parts: AsyncIterator[Sendable], content_type: str) -> None:
        """Store what the parts make together, without sending again what stands of an upload that broke off.

        Raises:
            CopyRefused: A part that the store should copy, it does not copy.
        """
        upload = await self.unfinished(key) or await self._begin(key, content_type)
        try:
            done = await self._send_parts(key, upload, parts)
            await self._finish(key, upload, done)
        except StoreUnavailable as outage:
            if isinstance(outage, StoreRefused):
                await self._abort(key, upload)
            elif not isinstance(outage, UploadGone):
                _log.info("what stands of an upload of %s stays, to go on with: %s", key, outage)
            raise
        except asyncio.CancelledError:
            # Of two workers that pack the same, it may be the one whose lease was lost.
            await self._abort(key, upload, unless_shared=True)
            raise
        except Exception:
            await self._abort(key, upload)
            raise

    async def _begin(self, key: str, content_type: str) -> Upload:
        begin = partial(
            self._calls.client.create_multipart_upload,
            Bucket=self._calls.bucket,
            Key=key,
            ContentType=content_type,
        )
        return Upload((await self._calls(key, begin))["UploadId"])

    async def _finish(
        self, key: str, upload: Upload, done: "Sequence[CompletedPartTypeDef]"
    ) -> None:
        finish = partial(
            self._calls.client.complete_multipart_upload,
            Bucket=self._calls.bucket,
            Key=key,
            UploadId=upload.id,
            MultipartUpload={"Parts": done},
        )
        try:
            await self._calls(key, finish)
        except (StoreRefused, UploadGone):
            # The answer to an earlier try got lost, or another worker sent the same and was faster.
            if not await self._is_there(key, done):
                raise

    async def _is_there(self, key: str, done: "Sequence[CompletedPartTypeDef]") -> bool:
        head = partial(self._calls.client.head_object, Bucket=self._calls.bucket, Key=key)
        try:
            return is_made_of((await self._calls(key, head))["ETag"], done)
        except ObjectMissing:
            return False

    async def _send_parts(
        self, key: str, upload: Upload, parts: AsyncIterator[Sendable]
    ) -> "Sequence[CompletedPartTypeDef]":
        """Send parts as they come, at most ``uploads`` at once; returns their numbers and tags in order."""
        sent: list[asyncio.Task[CompletedPartTypeDef]] = []
        failed: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                async for part in parts:
                    gate = self._gate(part)
                    await gate.acquire()  # before the next part is read: memory stays flat
                    number = len(sent) + 1
                    task = group.create_task(self._send_part(key, upload, number, part))
                    task.add_done_callback(partial(_let_go, gate))
                    sent.append(task)
        except BaseExceptionGroup as several:
            failed = several.exceptions[0]
        if failed is not None:  # out here, or it would be the context of a group that it is part of
            raise failed
        return [task.result() for task in sent]

    def _gate(self, part: Sendable) -> asyncio.Semaphore:
        """What a part has to get through before it is begun with."""
        if isinstance(part, CopiedPart):
            return self._copying
        # What is read later has its turn to be sent when it is there.
        return self._slots if isinstance(part, bytes | bytearray) else self._room

    async def _send_part(
        self, key: str, upload: Upload, number: int, part: Sendable
    ) -> "CompletedPartTypeDef":
        place: dict[str, Any] = {"Bucket": self._calls.bucket, "Key": key}
        place |= {"UploadId": upload.id, "PartNumber": number}
        upload.sent.add(number)
        if isinstance(part, CopiedPart):
            tag = await self._done(part.key, partial(self._copy_part, place, part))
        elif isinstance(part, bytes | bytearray):
            tag = await self._done(key, partial(self._upload_part, place, part, upload))
        else:
            content = await part()
            async with self._slots:
                tag = await self._done(key, partial(self._upload_part, place, content, upload))
        return {"PartNumber": number, "ETag": tag}

    async def _done(self, key: str, work: Callable[[], str]) -> str:
        """Have a thread send or copy. Cancelled, it is waited for a little, so that the abort finds all parts."""
        sending = asyncio.ensure_future(self._calls(key, work))
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            sending.add_done_callback(lambda task: task.cancelled() or task.exception())
            await asyncio.wait([sending], timeout=_LAST_PARTS_S)
            raise

    def _put_object(self, place: dict[str, Any], content: bytes) -> None:
        md5 = md5_of(content)
        put = self._calls.client.put_object
        arrived(partial(put, **place, Body=content, ContentMD5=in_header(md5)), md5)

    def _upload_part(
        self, place: dict[str, Any], content: bytes | bytearray, upload: Upload
    ) -> str:
        """Send a part unless it stands there already, or there is nothing left to send it to; returns its tag. Blocks."""
        md5 = md5_of(content)
        standing = upload.standing.get(place["PartNumber"])
        if standing is not None and standing.holds(len(content), md5):
            return standing.tag
        body = cast("bytes", content)  # the library takes both
        send = partial(
            self._calls.client.upload_part, **place, Body=body, ContentMD5=in_header(md5)
        )
        if not upload.gone.is_set():
            try:
                with self.rates.sending(len(content)):
                    return arrived(send, md5)
            except ClientError as error:
                if code_of(error) != NO_UPLOAD:
                    raise
                upload.gone.set()
        # Whether the same parts have become the object is seen at the end.
        return f'"{md5.hex()}"'

    def _copy_part(self, place: dict[str, Any], part: CopiedPart) -> str:
        source: CopySourceTypeDef = {"Bucket": self._calls.bucket, "Key": part.key}
        span = f"bytes={part.start}-{part.start + part.size_bytes - 1}"
        try:
            with self.rates.copying(part.size_bytes):
                answer = self._calls.client.upload_part_copy(
                    **place, CopySource=source, CopySourceRange=span
                )
        except ClientError as error:
            if status_of(error) in _COPIES_NOTHING or code_of(error) in _KNOWS_NO_COPY:
                raise CopyRefused(code_of(error)) from error
            raise
        tag = answer.get("CopyPartResult", {}).get("ETag")
        if not tag:  # rclone takes the request for an upload
            raise CopyRefused("the answer has no tag")
        return tag

    async def _abort(self, key: str, upload: Upload, *, unless_shared: bool = False) -> None:
        """Have the store drop all parts; goes on, and is waited for by ``close``, when the caller is cancelled again."""
        abort = asyncio.create_task(self._abort_now(key, upload, unless_shared=unless_shared))
        self._aborts.add(abort)
        abort.add_done_callback(self._aborts.discard)
        await asyncio.shield(abort)

    async def _abort_now(self, key: str, upload: Upload, *, unless_shared: bool) -> None:
        abort = partial(
            self._calls.client.abort_multipart_upload,
            Bucket=self._calls.bucket,
            Key=key,
            UploadId=upload.id,
        )
        try:
            if unless_shared and upload.has_parts_of_others(await self.unfinished(key)):
                _log.info("an upload of %s is left to somebody else who sends it too", key)
                return
            await self._calls(key, abort)
        except (StoreUnavailable, ObjectMissing) as error:
            _log.warning("an upload of %s could not be aborted: %s", key, error)

    async def close(self) -> None:
        """Wait for aborts under way."""
        if self._aborts:
            await asyncio.wait(self._aborts)


def _let_go(gate: asyncio.Semaphore, _: object) -> None:
    gate.release()


def part_size(size_bytes: int) -> int:
    """Bytes of each part of an upload: 8 MiB, or whole mebibytes so that 10 000 parts are enough."""
    least = -(-size_bytes // _MOST_PARTS)
    return max(PART_BYTES, -(-least // (1 << 20)) << 20)
