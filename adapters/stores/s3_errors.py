"""Where the S3 library's exceptions end, and become sentences: what, where, what to do."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidConfigError,
    InvalidRegionError,
    LoginError,
    MetadataRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)

from worker.contract.ports import ObjectMissing, StoreForbids, StoreRefused, StoreUnavailable

_MISSING: Final = frozenset({"NoSuchKey", "NotFound", "404"})
NO_UPLOAD: Final = "NoSuchUpload"
_OUTSIDE: Final = frozenset({"InvalidRange", "416"})

_RIGHTS: Final = (
    "refuses us",
    "check the access key, and its rights (config/iam-policy.json lists what is needed)",
)
_REGION: Final = "set CHORUS_S3_REGION"
_ENDED: Final = (
    "says that our temporary credentials have ended",
    "fetch new ones, or let a role or profile renew them",
)

# What it says, and what to do. Answers to HEAD have no body, so their code is the bare status.
_REFUSALS: Final = {
    "InvalidAccessKeyId": ("does not know our access key", "check AWS_ACCESS_KEY_ID"),
    "SignatureDoesNotMatch": (
        "does not accept our signature",
        "the secret key is wrong: check AWS_SECRET_ACCESS_KEY",
    ),
    "ExpiredToken": _ENDED,
    "ExpiredTokenException": _ENDED,
    "RequestExpired": _ENDED,
    "TokenRefreshRequired": _ENDED,
    "InvalidToken": ("does not accept our session token", "check AWS_SESSION_TOKEN"),
    "RequestTimeTooSkewed": ("says that this machine's clock is wrong", "set it, best by NTP"),
    "AccessDenied": _RIGHTS,
    "403": _RIGHTS,
    "400": (
        "refuses us without saying why",
        "if the credentials are temporary they may have ended: fetch new ones, or let a role or profile renew them",
    ),
    "NoSuchBucket": ("has no such bucket", "check CHORUS_S3_BUCKET, or make the bucket"),
    "PermanentRedirect": ("keeps this bucket in another region", _REGION),
    "AuthorizationHeaderMalformed": ("expects another region", _REGION),
    "301": ("keeps this bucket in another region", _REGION),
    "SlowDown": ("asks us to slow down", "it is tried again by itself"),
    "QuotaExceeded": ("has no room left for us", "raise the quota, or shorten the retention"),
}

# Before anything is asked: what is wrong with the credentials, and what to do.
_CREDENTIALS: Final = (
    (
        (NoCredentialsError,),
        "there are no credentials for the store",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role",
    ),
    (
        (ProfileNotFound,),
        "the profile with the credentials for the store is not there",
        "check AWS_PROFILE, and that AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE has it",
    ),
    (
        (
            SSOError,
            TokenRetrievalError,
            LoginError,
            NoAuthTokenError,
        ),
        "the login that gives the credentials for the store has ended",
        "log in again (aws sso login)",
    ),
    (
        (PartialCredentialsError, InvalidConfigError),
        "the credentials for the store are not whole",
        "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what the profile says",
    ),
    (
        (CredentialRetrievalError, MetadataRetrievalError, RefreshWithMFAUnsupportedError),
        "the credentials for the store cannot be fetched",
        "check the profile or role, and what it asks for them",
    ),
)

_SILENCES: Final = (
    (EndpointConnectionError, "it cannot be reached"),
    (ConnectTimeoutError, "it takes too long to connect"),
    (ReadTimeoutError, "it takes too long to answer"),
    (ConnectionClosedError, "it breaks the connection off"),
)

# What a store may answer 400 or 404 to, and take the next time.
_PASSING: Final = frozenset(
    {
        "RequestTimeout",
        "IncompleteBody",
        "BadDigest",
        "XAmzContentSHA256Mismatch",
        "ServiceUnavailable",
        "OperationAborted",
        "ConditionalRequestConflict",
    }
)
_FOR_GOOD: Final = frozenset({400, 404, 405, 409, 411, 412, 413, 501})

_FORBIDDEN: Final = 403
_TOLERATED: Final = timedelta(minutes=5)
"""Amazon takes 15 minutes, others 5."""


class UploadGone(StoreUnavailable):
    """The upload has ended meanwhile: somebody else who sent the same completed it, or it was aborted. The next try begins anew."""


class ClientRefused(Exception):
    """With what is set no request can be made at all; the message says why, and is meant for the operator."""


@contextlib.contextmanager
def in_our_words(bucket: str, key: str = "", where: str = "") -> Iterator[None]:
    """Translate every exception of the library that may leave a call.

    Args:
        bucket: Asked.
        key: Of the object asked for.
        where: URL of the store; named in sentences.

    Raises:
        ObjectMissing: There is no such object.
        StoreUnavailable: The store cannot be reached or refuses us; the message says why, and what to do. StoreForbids where
            it is about rights, StoreRefused where asking again is hardly of use, UploadGone where an upload has ended.
        ValueError: We asked for something that no store has: a range behind the end, a key that cannot be.
    """
    place = f"bucket {bucket}" + (f" at {where}" if where else "")
    try:
        yield
    except ClientError as error:
        raise _of_answer(error, place, key) from error
    except ParamValidationError as error:
        raise ValueError(f"{key}: {error}") from error
    except BotoCoreError as error:
        for kinds, said, todo in _CREDENTIALS:
            if isinstance(error, kinds):
                told = str(error).rstrip(". :")
                raise StoreUnavailable(f"{said} ({place}; {told}): {todo}") from error
        if isinstance(error, InvalidRegionError):
            raise StoreUnavailable(f"{str(error).rstrip('.')} ({place}): {_REGION}") from error
        # The library's own words have the whole URL in them.
        what = next((said for kind, said in _SILENCES if isinstance(error, kind)), str(error))
        raise StoreUnavailable(
            f"the store does not answer as it should ({place}): {what.rstrip('.')}; "
            "check CHORUS_S3_ENDPOINT and the network"
        ) from error


@contextlib.contextmanager
def while_setting_up(bucket: str, where: str = "") -> Iterator[None]:
    """Around the making of a client; raises ClientRefused for whatever the library finds wrong."""
    try:
        with in_our_words(bucket, where=where):
            yield
    except StoreUnavailable as error:
        raise ClientRefused(str(error)) from error
    except ValueError as error:
        raise ClientRefused(f"{error}: check CHORUS_S3_ENDPOINT") from error


def code_of(error: ClientError) -> str:
    """The store's word for what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """The HTTP status of what went wrong."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _of_answer(error: ClientError, place: str, key: str) -> Exception:
    code = code_of(error)
    if code in _MISSING:
        return ObjectMissing(key)
    if code in _OUTSIDE:
        return ValueError(f"the range is outside {key}")
    if status_of(error) == _FORBIDDEN and (clocks := _clocks_apart(error)):
        said, todo = _REFUSALS["RequestTimeTooSkewed"]
        return StoreUnavailable(f"the store {said} ({place}; {clocks}): {todo}")
    if code == NO_UPLOAD:
        return UploadGone(f"the upload of {key} has ended meanwhile ({place})")
    if code in _REFUSALS:
        said, todo = _REFUSALS[code]
        kind = StoreForbids if _REFUSALS[code] is _RIGHTS else StoreUnavailable
        return kind(f"the store {said} ({place}): {todo}")
    kind = StoreRefused if _is_for_good(error) else StoreUnavailable
    return kind(f"the store answers {code or 'nonsense'} to {error.operation_name} ({place})")


def _is_for_good(error: ClientError) -> bool:
    """Not what an operator can put right meanwhile (keys, rights, clock, bucket), and not what passes."""
    return status_of(error) in _FOR_GOOD and code_of(error) not in {*_REFUSALS, *_PASSING}


def _clocks_apart(error: ClientError) -> str | None:
    """What the two clocks show, where they are apart so far that signatures fail; some stores say no more than 403."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        theirs = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return None
    ours = datetime.now(UTC)
    if theirs.tzinfo is None or abs(ours - theirs) < _TOLERATED:
        return None
    return f"it shows {ours:%H:%M:%S}, the store's {theirs.astimezone(UTC):%H:%M:%S}, both in UTC"
