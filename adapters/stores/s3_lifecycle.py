"""The rules by which an S3 bucket expires Takes, Clips and Archives by itself. Calls here block."""

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from adapters.stores.s3_errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import LifecycleRuleOutputTypeDef, LifecycleRuleTypeDef

PREFIXES: Final = ("takes/", "clips/", "archives/")
"""What expires; Templates, consents and records never do."""

_OURS: Final = "chorus-"
_REFUSED_STATUS: Final = frozenset({400, 405, 409, 411, 501})
_NO_RULES_YET: Final = "NoSuchLifecycleConfiguration"
_UNFINISHED_DAYS: Final = 1


def apply(client: "S3Client", bucket: str, cold_days: int, retention_days: int) -> bool:
    """Set our rules beside those of others.

    Stores without a storage class for infrequent access get the same rules without it.

    Returns:
        False if the store knows no lifecycle, or does not let us read or set it.

    Raises:
        ClientError: Anything else, such as a wrong key.
    """
    try:
        others = _rules_of_others(client, bucket)
    except ClientError as error:
        if _refused(error):
            return False
        raise
    for cold in (cold_days, None):
        ours = [_rule(prefix, cold, retention_days) for prefix in PREFIXES]
        rules: list[LifecycleRuleTypeDef | LifecycleRuleOutputTypeDef] = [*others, *ours]
        try:
            client.put_bucket_lifecycle_configuration(
                Bucket=bucket, LifecycleConfiguration={"Rules": rules}
            )
        except ClientError as error:
            if not _refused(error):
                raise
        else:
            return True
    return False


def _rule(prefix: str, cold_days: int | None, retention_days: int) -> "LifecycleRuleTypeDef":
    rule: LifecycleRuleTypeDef = {
        "ID": f"{_OURS}{prefix.rstrip('/')}",
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": retention_days},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UNFINISHED_DAYS},
    }
    if cold_days is not None and cold_days < retention_days:
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
    return status in _REFUSED_STATUS or code_of(error) in {"AccessDenied", "NotImplemented"}
