"""Who signs Links, and where they lead: the door, the store itself, or what stands before the store."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

from worker.contract.attachments import content_disposition
from worker.contract.tokens import DOWNLOAD, TokenCodec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


class LinkSigner(Protocol):
    """Makes Links; may block."""

    def sign(self, key: str, lifetime_s: int, filename: str) -> str:
        """A URL that downloads the object under ``filename`` until the lifetime ends."""
        ...


class DoorLinks:
    """Links that lead through our own door, whatever the store."""

    def __init__(
        self,
        codec: TokenCodec,
        public_url: str | Callable[[], str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Keep what signs.

        Args:
            codec: Shared with the door.
            public_url: Where people reach the door; asked anew for each Link.
            clock: Tells the time; with a time zone.
        """
        self._codec = codec
        self._public_url = public_url
        self._clock = clock

    def sign(self, key: str, lifetime_s: int, filename: str) -> str:
        """A URL of the door."""
        thing = {"key": key, "filename": filename}
        expires_at = self._clock() + timedelta(seconds=lifetime_s)
        base = self._public_url if isinstance(self._public_url, str) else self._public_url()
        return f"{base.rstrip('/')}/d/{self._codec.sign(DOWNLOAD, thing, expires_at)}"


class KeyRefused(Exception):
    """The private key of a CDN cannot be used; the message says why."""


class CloudFrontLinks:
    """Links that a CloudFront distribution checks itself, signed with a key of its key group.

    The distribution reads the bucket with its own rights (origin access control), and its cache policy has to pass
    the query string ``response-content-disposition`` on.
    """

    def __init__(
        self,
        base: str,
        key_id: str,
        key_file: Path,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Read the private key.

        Args:
            base: The distribution, such as ``https://d111.cloudfront.net``.
            key_id: Of the public key in CloudFront.
            key_file: The private key, RSA of 2048 bits, as PEM.
            clock: Tells the time; with a time zone.

        Raises:
            KeyRefused: The file is no such key.
        """
        # As late as boto3 itself: who has a local store pays for neither.
        from botocore.signers import CloudFrontSigner  # noqa: PLC0415

        self._base = base.rstrip("/")
        self._key = _private_key(key_file)
        self._clock = clock
        self._signer = CloudFrontSigner(key_id, self._rsa_sha1)

    def sign(self, key: str, lifetime_s: int, filename: str) -> str:
        """A URL of the distribution, with a canned policy."""
        disposition = quote(content_disposition(filename), safe="")
        url = f"{self._base}/{quote(key)}?response-content-disposition={disposition}"
        ends_at = self._clock() + timedelta(seconds=lifetime_s)
        signed: str = self._signer.generate_presigned_url(url, date_less_than=ends_at)
        return signed

    def _rsa_sha1(self, message: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA1  # noqa: PLC0415

        return self._key.sign(message, PKCS1v15(), SHA1())  # noqa: S303 - all that CloudFront takes


def behind(base: str, url: str) -> str:
    """A presigned URL with another scheme and host.

    The signature covers the store's own host, so whatever stands there has to pass path and query on as they are and
    ask the store by the store's name, as a CDN asks its origin.
    """
    front, signed = urlsplit(base), urlsplit(url)
    return urlunsplit((front.scheme, front.netloc, signed.path, signed.query, ""))


def _private_key(path: Path) -> "RSAPrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise KeyRefused(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyRefused(f"{path} is no private key in PEM without a password") from error
    if not isinstance(key, RSAPrivateKey):
        raise KeyRefused(f"{path} is no RSA key")
    return key
