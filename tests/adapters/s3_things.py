"""The bucket of a real S3 server, past our own code and through it."""

import zlib
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from adapters.stores.s3 import S3Store
from tests.fakes.s3_server import S3Server
from worker.contract.ports import ArchiveEntry

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import MultipartUploadTypeDef

BUCKET = "chorus"

only_swift = pytest.mark.parametrize("server", ["swift"], indirect=True, scope="session")
"""For what is about us and not about the store."""


def session_of(server: S3Server, secret: str | None = None) -> boto3.Session:
    return boto3.Session(server.access_key, secret or server.secret_key)


def client_of(server: S3Server):
    """The plain client, to look at the bucket past our own code."""
    options = Config(s3={"addressing_style": "path"})
    return session_of(server).client(
        "s3", endpoint_url=server.endpoint, region_name=server.region, config=options
    )


def store_of(server: S3Server, bucket: str = BUCKET, secret: str | None = None) -> S3Store:
    return S3Store(
        bucket, endpoint=server.endpoint, addressing="path", session=session_of(server, secret)
    )


async def stream(content: bytes, chunk_bytes: int = 700_000):
    for start in range(0, len(content), chunk_bytes):
        yield content[start : start + chunk_bytes]


async def with_clips(store: S3Store, *contents: bytes) -> list[ArchiveEntry]:
    entries = [ArchiveEntry("manifest.json", 2, zlib.crc32(b"{}"), content=b"{}")]
    for number, content in enumerate(contents, 1):
        key = f"clips/b/{number:03d}.mp4"
        await store.put_stream(key, stream(content), len(content))
        name = f"output_{number:03d}_主持人.mp4"
        entries.append(ArchiveEntry(name, len(content), zlib.crc32(content), key=key))
    return entries


def unfinished(client: "S3Client") -> "list[MultipartUploadTypeDef]":
    """The uploads that have not ended."""
    try:
        return client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    except client.exceptions.NoSuchUpload:  # so rclone says until there was a first one
        return []


async def emptied(store: S3Store, server: S3Server) -> None:
    """Leave the bucket as it was found, and let go of the store."""
    client = client_of(server)
    async for facts in store.list(""):
        await store.delete(facts.key)
    for upload in unfinished(client):
        place = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
        client.abort_multipart_upload(Bucket=BUCKET, **place)
    await store.close()
