"""What an upload that broke off left in the bucket, so that it need not be sent again. Calls here block."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from adapters.stores.s3_checksums import md5_in
from adapters.stores.s3_errors import status_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_TELLS_NOTHING: Final = frozenset({400, 403, 404, 405, 501})


@dataclass(frozen=True)
class StandingPart:
    """A part that the store has."""

    size_bytes: int
    tag: str
    """The MD5 of its bytes, in quotes, unless the store encrypts with keys of its own."""

    def holds(self, size_bytes: int, md5: bytes) -> bool:
        """Whether it is bytes of that number and checksum; False where the store does not tell."""
        return self.size_bytes == size_bytes and md5_in(self.tag) == md5.hex()


@dataclass(frozen=True)
class Upload:
    """A multipart upload that has not ended, and what stands of it by part number."""

    id: str
    standing: Mapping[int, StandingPart] = field(default_factory=dict)
    sent: set[int] = field(default_factory=set)
    """Numbers of the parts that went up from here since it was found; grows."""
    gone: Event = field(default_factory=Event)
    """Set once the store no longer knows it: somebody who sends the same was faster, or it was aborted."""

    def has_parts_of_others(self, now: "Upload | None") -> bool:
        """Whether somebody else sends parts of it too, as what stands of it now shows."""
        if now is None or now.id != self.id:
            return False
        return bool(now.standing.keys() - self.standing.keys() - self.sent)

    def is_cut_evenly(self, part_bytes: int, size_bytes: int) -> bool:
        """Whether its parts are those of an object of ``size_bytes`` that is sent whole, in parts of ``part_bytes``."""
        sizes = {part.size_bytes for part in self.standing.values()}
        return bool(sizes) and sizes <= {part_bytes, size_bytes % part_bytes}


def find(client: "S3Client", bucket: str, key: str) -> Upload | None:
    """The newest unfinished upload of a key.

    None too where the store, or our rights, do not tell.

    Raises:
        ClientError: Anything else, such as an outage.
    """
    try:
        pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key)
        found = [each for page in pages for each in page.get("Uploads", []) if each["Key"] == key]
        if not found:
            return None
        newest = max(found, key=lambda each: each["Initiated"])["UploadId"]
        return Upload(newest, _parts(client, bucket, key, newest))
    except ClientError as error:
        if status_of(error) in _TELLS_NOTHING:
            return None
        raise


def _parts(client: "S3Client", bucket: str, key: str, upload: str) -> dict[int, StandingPart]:
    pages = client.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload)
    return {
        part["PartNumber"]: StandingPart(part["Size"], part["ETag"])
        for page in pages
        for part in page.get("Parts", [])
    }


def is_made_of(tag: str, parts: "Sequence[CompletedPartTypeDef]") -> bool:
    """Whether an object's tag says that it was put together from these parts.

    That is the MD5 of their MD5s and their count, on every store that gives MD5s at all.
    """
    digests = [md5_in(part["ETag"]) or "" for part in parts]
    together = hashlib.md5(bytes.fromhex("".join(digests)), usedforsecurity=False).hexdigest()
    return all(digests) and tag.strip('"') == f"{together}-{len(parts)}"
