"""Signed tokens: what a URL of ours may do, to one thing, until a moment.

A token is ``base64url(mac + payload)`` without padding. The payload is JSON and readable by whoever holds the
token, so nothing secret belongs in it. The MAC is HMAC-SHA256 (RFC 2104) cut to 192 bits; its key is derived from
the secret for one scope, so that a token made for one purpose is noise to every other. The payload stands last
because its final ``}`` never encodes to ``-`` or ``_``, which chats cut off the end of a URL they find in a text.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

DOWNLOAD: Final = "download"
"""Scope of the tokens of ``/d/``; the thing they sign has ``key`` (of the object) and ``filename``."""

_MAC_BYTES = 24
_LONGEST = 4096  # characters; servers refuse request lines over 8 KiB anyway
_SHORTEST_SECRET = 16  # bytes: 128 bits


class TokenForged(Exception):
    """Not a token of ours, or not for this scope."""


class TokenExpired(Exception):
    """It was good until ``expired_at``; ``thing`` is what it was for."""

    def __init__(self, thing: dict[str, str], expired_at: datetime) -> None:
        super().__init__(expired_at.isoformat())
        self.thing = thing
        self.expired_at = expired_at


class TokenCodec:
    """Signs and reads tokens with one secret; every process that shares the secret reads the others' tokens."""

    def __init__(self, secret: bytes) -> None:
        """Keep the secret.

        Args:
            secret: At least 16 random bytes.

        Raises:
            ValueError: The secret is shorter.
        """
        if len(secret) < _SHORTEST_SECRET:
            raise ValueError(f"a secret of {len(secret)} bytes is too short: {_SHORTEST_SECRET}")
        self._secret = secret

    def sign(self, scope: str, thing: Mapping[str, str], expires_at: datetime) -> str:
        """Make a token.

        Args:
            scope: What it is for, such as ``download``; the reader has to name the same.
            thing: What it is about; readable by its holder.
            expires_at: With a time zone; cut to whole seconds.

        Raises:
            ValueError: ``expires_at`` has no time zone, or the thing is too large for a URL.
        """
        if expires_at.tzinfo is None:
            raise ValueError("expires_at needs a time zone")
        facts = {"until": int(expires_at.timestamp()), "thing": dict(thing)}
        payload = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
        token = _encode(self._mac(scope, payload) + payload)
        if len(token) > _LONGEST:
            raise ValueError(f"a token of {len(token)} characters is too long for a URL")
        return token

    def read(self, scope: str, token: str, now: datetime) -> dict[str, str]:
        """Give back the thing a token is about.

        Raises:
            TokenForged: It was not made with this secret for this scope, or was altered.
            TokenExpired: Its time is over at ``now`` (which has a time zone).
        """
        signed = _decode(token)
        mac, payload = signed[:_MAC_BYTES], signed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(scope, payload)):
            raise TokenForged("the signature does not fit")
        facts = json.loads(payload)  # ours: the signature fits
        expires_at = datetime.fromtimestamp(facts["until"], UTC)
        if now >= expires_at:
            raise TokenExpired(facts["thing"], expires_at)
        thing: dict[str, str] = facts["thing"]
        return thing

    def _mac(self, scope: str, payload: bytes) -> bytes:
        key = hmac.digest(self._secret, b"chorus token\0" + scope.encode(), hashlib.sha256)
        return hmac.digest(key, payload, hashlib.sha256)[:_MAC_BYTES]


def _encode(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def _decode(token: str) -> bytes:
    """Read exactly what ``_encode`` writes: no padding, no foreign characters, no spare bits."""
    if len(token) > _LONGEST:
        raise TokenForged("too long")
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        signed = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise TokenForged("not base64url") from error
    if _encode(signed) != token:  # the same bytes spelled in another way
        raise TokenForged("not in canonical form")
    return signed
