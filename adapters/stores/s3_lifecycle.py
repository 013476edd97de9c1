"""The rules by which an S3 bucket expires Takes, Clips and Archives by itself. Calls here block."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from adapters.stores.s3_errors import code_of, status_of
from worker.contract.ports import Lifecycle

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import LifecycleRuleOutputTypeDef, LifecycleRuleTypeDef

PREFIXES: Final = ("takes/", "clips/", "archives/")
"""What expires; Templates, consents and records never do."""

_WRITTEN: Final = (*PREFIXES, "templates/", "prepared/", "pictures/")
"""Where anything large enough for parts is put."""
_OURS: Final = "chorus-"
_FORBIDDEN: Final = frozenset({"AccessDenied", "403"})
_REFUSED_STATUS: Final = frozenset({400, 405, 409, 411, 501})
_NO_CLASS: Final = frozenset({"InvalidStorageClass", "NotImplemented"})
"""To a rule that moves objects; what else is answered may mean that, or that the rule is wrong."""
_NOT_IMPLEMENTED: Final = 501
_NOT_FOUND: Final = 404
_NO_RULES_YET: Final = "NoSuchLifecycleConfiguration"
_UNFINISHED_DAYS: Final = 1
_OLD_VERSION_DAYS: Final = 1


def apply(client: "S3Client", bucket: str, cold_days: int, retention_days: int) -> Lifecycle:
    """Set our rules beside those of others.

    Stores without a storage class for infrequent access, or without rules for old versions, get the same rules without them.

    Returns:
        What was set, or why the store does not do it.

    Raises:
        ClientError: Anything else, such as a wrong key.
    """
    try:
        others = _rules_of_others(client, bucket)
        return _set(client, bucket, others, cold_days, retention_days)
    except ClientError as error:
        if _refused(error):
            return Lifecycle(refusal=_why(error))
        raise


def keeps_versions(client: "S3Client", bucket: str) -> bool:
    """Whether what is deleted stays as an old version; False also where the store forbids the question or does not know it."""
    try:
        return "Status" in client.get_bucket_versioning(Bucket=bucket)
    except ClientError as error:
        if _refused(error) or status_of(error) == _NOT_FOUND:
            return False
        raise


def abort_stale(client: "S3Client", bucket: str) -> int:
    """Abort uploads under our prefixes that began more than a day ago; returns how many there were."""
    border, aborted = datetime.now(UTC) - timedelta(days=_UNFINISHED_DAYS), 0
    pages = client.get_paginator("list_multipart_uploads")
    try:
        for prefix in _WRITTEN:
            for page in pages.paginate(Bucket=bucket, Prefix=prefix):
                for upload in page.get("Uploads", []):
                    if upload["Initiated"] < border:
                        aborted += _abort(client, bucket, upload["Key"], upload["UploadId"])
    except ClientError as error:
        if code_of(error) != "NoSuchUpload":  # so rclone answers until there was a first one
            raise
    return aborted


def _abort(client: "S3Client", bucket: str, key: str, upload_id: str) -> bool:
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except ClientError as error:
        if code_of(error) != "NoSuchUpload":  # else somebody was faster
            raise
        return False
    return True


def _set(
    client: "S3Client",
    bucket: str,
    others: "list[LifecycleRuleOutputTypeDef]",
    cold_days: int,
    retention_days: int,
) -> Lifecycle:
    """The most that the store takes: some have no cold storage, some no versions, and few say which it was."""
    wanted = cold_days if cold_days < retention_days else None
    colds = [None] if wanted is None else [wanted, None]
    tries = [(cold, versions) for versions in (True, False) for cold in colds]
    refusals = dict[tuple[int | None, bool], ClientError]()
    for cold, versions in tries:
        ours = [_rule(prefix, cold, retention_days, versions=versions) for prefix in PREFIXES]
        try:
            _put(client, bucket, [*others, *ours])
        except ClientError as error:
            if not _refused(error) or code_of(error) in _FORBIDDEN:
                raise
            refusals[cold, versions] = error
            continue
        why = refusals.get((wanted, versions)) if cold is None else None
        cold_refusal = "" if why is None or _has_no_class(why) else code_of(why)
        return Lifecycle(retention_days, cold, old_versions=versions, cold_refusal=cold_refusal)
    raise refusals[tries[-1]]


def _put(
    client: "S3Client",
    bucket: str,
    rules: "list[LifecycleRuleTypeDef | LifecycleRuleOutputTypeDef]",
) -> None:
    client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": rules}
    )


def _rule(
    prefix: str, cold_days: int | None, retention_days: int, *, versions: bool
) -> "LifecycleRuleTypeDef":
    rule: LifecycleRuleTypeDef = {
        "ID": f"{_OURS}{prefix.rstrip('/')}",
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": retention_days},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UNFINISHED_DAYS},
    }
    if versions:
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": _OLD_VERSION_DAYS}
    if cold_days is not None:
        rule["Transitions"] = [{"Days": cold_days, "StorageClass": "STANDARD_IA"}]
    return rule


def _rules_of_others(client: "S3Client", bucket: str) -> "list[LifecycleRuleOutputTypeDef]":
    """The rules that stand; setting ours replaces all of them, so they have to be repeated."""
    try:
        standing = client.get_bucket_lifecycle_configuration(Bucket=bucket).get("Rules", [])
    except ClientError as error:
        if code_of(error) == _NO_RULES_YET:
            return []
        raise
    return [rule for rule in standing if not rule.get("ID", "").startswith(_OURS)]


def _refused(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status in _REFUSED_STATUS or code_of(error) in {*_FORBIDDEN, "NotImplemented"}


def _has_no_class(error: ClientError) -> bool:
    return code_of(error) in _NO_CLASS or status_of(error) == _NOT_IMPLEMENTED


def _why(error: ClientError) -> str:
    if code_of(error) in _FORBIDDEN:
        return f"we may not change the lifecycle of the bucket ({error.operation_name} was denied)"
    return f"the store knows no lifecycle ({code_of(error)} was the answer)"
