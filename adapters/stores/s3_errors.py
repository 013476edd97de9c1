"""Where the S3 library's exceptions end."""

import contextlib
from collections.abc import Iterator
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from worker.contract.ports import ObjectMissing, StoreUnavailable

_MISSING: Final = frozenset({"NoSuchKey", "NotFound", "404"})
_OUTSIDE: Final = frozenset({"InvalidRange", "416"})

# Answers to HEAD have no body, so their code is the bare status.
_REFUSALS: Final = {
    "InvalidAccessKeyId": "does not know our access key",
    "SignatureDoesNotMatch": "does not accept our signature: the secret key is wrong",
    "ExpiredToken": "says that our temporary credentials have ended",
    "InvalidToken": "does not accept our session token",
    "RequestTimeTooSkewed": "says that this machine's clock is wrong",
    "AccessDenied": "refuses us: wrong key, or a right is missing",
    "403": "refuses us: wrong key, or a right is missing",
    "NoSuchBucket": "has no such bucket",
    "PermanentRedirect": "keeps this bucket in another region",
    "AuthorizationHeaderMalformed": "expects another region",
    "301": "keeps this bucket in another region",
    "SlowDown": "asks us to slow down",
    "QuotaExceeded": "has no room left for us",
}


@contextlib.contextmanager
def in_our_words(bucket: str, key: str = "") -> Iterator[None]:
    """Translate every exception of the library that may leave a call.

    Raises:
        ObjectMissing: There is no such object.
        StoreUnavailable: The store cannot be reached or refuses us; the message says why.
        ValueError: We asked for something that no store has: a range behind the end, a key that cannot be.
    """
    try:
        yield
    except ClientError as error:
        raise _of_answer(error, bucket, key) from error
    except ParamValidationError as error:
        raise ValueError(f"{key}: {error}") from error
    except BotoCoreError as error:
        raise StoreUnavailable(f"the store does not answer as it should: {error}") from error


def code_of(error: ClientError) -> str:
    """The store's word for what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """The HTTP status of what went wrong."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _of_answer(error: ClientError, bucket: str, key: str) -> Exception:
    code = code_of(error)
    if code in _MISSING:
        return ObjectMissing(key)
    if code in _OUTSIDE:
        return ValueError(f"the range is outside {key}")
    said = _REFUSALS.get(code, f"answers {code or 'nonsense'} to {error.operation_name}")
    return StoreUnavailable(f"the store {said} (bucket {bucket})")
