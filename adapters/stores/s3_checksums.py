"""Whether the store has the bytes that were sent. Calls here block.

Every request that carries bytes names their MD5 (``Content-MD5``), which every store of our table checks; over TLS
nothing else does, because there the signature leaves the bytes out. And where the answer's tag is an MD5, it is compared.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from adapters.stores.s3_errors import code_of
from worker.contract.ports import StoreUnavailable

_TRIES: Final = 3
_SPOILED: Final = frozenset({"BadDigest", "XAmzContentSHA256Mismatch"})
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
_OURS: Final = frozenset({None, "AES256"})
"""Encryption that leaves the tag an MD5 of our bytes (PutObject, Amazon S3 API Reference)."""


def md5_of(content: bytes | bytearray) -> bytes:
    """The 16 bytes of a checksum; against accidents, not against attacks."""
    return hashlib.md5(content, usedforsecurity=False).digest()


def md5_in(tag: str) -> str | None:
    """The MD5 that a tag is, in hexadecimal; None if it is something else."""
    match = _MD5.fullmatch(tag)
    return match.group(1) if match else None


def in_header(md5: bytes) -> str:
    """As ``Content-MD5`` has it."""
    return base64.b64encode(md5).decode()


def arrived(send: Callable[[], Mapping[str, Any]], md5: bytes) -> str:
    """Send bytes, again if they changed on the way; returns the store's tag.

    Raises:
        StoreUnavailable: They changed every time.
        ClientError: The store refused them for another reason.
    """
    for _ in range(_TRIES):
        try:
            answer = send()
        except ClientError as error:
            if code_of(error) not in _SPOILED:
                raise
        else:
            if _is_of(md5, answer):
                return str(answer["ETag"])
    raise StoreUnavailable(f"the store has got other bytes than were sent, {_TRIES} times")


def _is_of(md5: bytes, answer: Mapping[str, Any]) -> bool:
    told = md5_in(str(answer["ETag"]))
    foreign = answer.get("ServerSideEncryption") not in _OURS or "SSECustomerAlgorithm" in answer
    return told is None or foreign or told == md5.hex()
