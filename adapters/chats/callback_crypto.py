"""The encryption of callbacks that WeCom and DingTalk share: AES-256-CBC under a signature of sorted strings.

A message travels as ``random (16) + length (4, big-endian) + message + receiver``, padded to blocks of 32 bytes, so the
padding is one of 1 to 32 equal bytes, which the usual unpadders for AES do not take. The key's first 16 bytes are the IV.
The signature is looked at before anything is decrypted: whoever does not know the token learns nothing from our errors.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

_BLOCK_BYTES: Final = 32
"""Of the padding; the cipher's own block is 16."""
_KEY_BYTES: Final = 32
_RANDOM_BYTES: Final = 16
_LENGTH: Final = struct.Struct(">I")
_CHUNK_BYTES: Final = 1 << 20


class CallbackRefused(Exception):
    """A callback is not from whom it says, not for us, or no callback at all; the text is for the log."""


class KeyUnusable(ValueError):
    """A callback key that is none: 43 letters and digits."""


@dataclass(frozen=True)
class Sealed:
    """A message as it travels."""

    encrypted: str
    signature: str
    timestamp: str
    nonce: str


class CallbackCipher:
    """Seals and opens the messages of one callback address."""

    def __init__(self, token: str, aes_key: str, receiver: str) -> None:
        """Prepare.

        Args:
            token: Goes into the signature.
            aes_key: 43 characters, base64 without its last ``=``.
            receiver: Who the messages are for: the corporation, or nobody (empty) for an AI bot.

        Raises:
            KeyUnusable: The key does not make 32 bytes.
        """
        try:
            self._key = base64.b64decode(f"{aes_key}=", validate=True)
        except (ValueError, binascii.Error):
            raise KeyUnusable("the callback key is not base64") from None
        if len(self._key) != _KEY_BYTES:
            raise KeyUnusable("the callback key does not have 43 characters")
        self._token = token
        self._receiver = receiver.encode()

    def sign(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """SHA-1 of the sorted strings, in hexadecimal digits."""
        parts = sorted([self._token, timestamp, nonce, encrypted])
        text = "".join(parts).encode(errors="surrogatepass")
        return hashlib.sha1(text).hexdigest()  # noqa: S324 - the platforms' choice

    def open(self, sealed: Sealed) -> str:
        """The message inside. Raises CallbackRefused."""
        signature = self.sign(sealed.timestamp, sealed.nonce, sealed.encrypted)
        shown = sealed.signature.encode(errors="surrogatepass")
        if not hmac.compare_digest(shown, signature.encode()):
            raise CallbackRefused("the signature is wrong")
        try:
            content = base64.b64decode(sealed.encrypted, validate=True)
        except (ValueError, binascii.Error):
            raise CallbackRefused("what is signed is not base64") from None
        return self._unpack(decrypt(self._key, content))

    def seal(self, message: str, timestamp: str, nonce: str, salt: bytes | None = None) -> Sealed:
        """Encrypt and sign; ``salt`` are the 16 leading bytes, random unless a test names them."""
        content = message.encode()
        salt = secrets.token_bytes(_RANDOM_BYTES) if salt is None else salt
        plain = salt + _LENGTH.pack(len(content)) + content + self._receiver
        encrypted = base64.b64encode(encrypt(self._key, plain)).decode()
        return Sealed(encrypted, self.sign(timestamp, nonce, encrypted), timestamp, nonce)

    def _unpack(self, plain: bytes) -> str:
        head = _RANDOM_BYTES + _LENGTH.size
        if len(plain) < head:
            raise CallbackRefused("what is inside is too short")
        (length,) = _LENGTH.unpack_from(plain, _RANDOM_BYTES)
        if length > len(plain) - head:
            raise CallbackRefused("what is inside is shorter than it says")
        if not hmac.compare_digest(plain[head + length :], self._receiver):
            raise CallbackRefused("it is for somebody else")
        try:
            return plain[head : head + length].decode()
        except UnicodeDecodeError:
            raise CallbackRefused("what is inside is no text") from None


def encrypt(key: bytes, plain: bytes) -> bytes:
    """AES-256-CBC with padding to whole blocks of 32 bytes."""
    count = _BLOCK_BYTES - len(plain) % _BLOCK_BYTES
    encryptor = _cipher(key).encryptor()
    return encryptor.update(plain + bytes([count]) * count) + encryptor.finalize()


def decrypt(key: bytes, content: bytes) -> bytes:
    """The other way round. Raises CallbackRefused."""
    if not content or len(content) % 16:
        raise CallbackRefused("the encrypted bytes are no whole blocks")
    decryptor = _cipher(key).decryptor()
    return _unpadded(decryptor.update(content) + decryptor.finalize())


def decrypt_stream(key: bytes, source: BinaryIO) -> Iterator[bytes]:
    """Decrypt a long file piece by piece, without its padding. Raises CallbackRefused."""
    decryptor: CipherContext = _cipher(key).decryptor()
    kept = b""  # the last piece is held back: it may be padding
    while chunk := source.read(_CHUNK_BYTES):
        kept += decryptor.update(chunk)
        if len(kept) > _BLOCK_BYTES:
            yield kept[:-_BLOCK_BYTES]
            kept = kept[-_BLOCK_BYTES:]
    try:
        kept += decryptor.finalize()
    except ValueError:
        raise CallbackRefused("the encrypted bytes are no whole blocks") from None
    yield _unpadded(kept)


def media_key(aes_key: str) -> bytes:
    """The key of a media file, 32 bytes as base64 with or without its padding. Raises KeyUnusable."""
    try:
        key = base64.b64decode(aes_key.rstrip("=") + "=", validate=True)
    except (ValueError, binascii.Error):
        raise KeyUnusable("the key of a file is not base64") from None
    if len(key) != _KEY_BYTES:
        raise KeyUnusable("the key of a file does not have 32 bytes")
    return key


def _unpadded(plain: bytes) -> bytes:
    count = plain[-1] if plain else 0
    if not 1 <= count <= min(_BLOCK_BYTES, len(plain)) or plain[-count:] != bytes([count]) * count:
        raise CallbackRefused("the padding is wrong")
    return plain[:-count]


def _cipher(key: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))
