"""What expires in a bucket, what a policy must allow for it, and how long signatures last."""

import ast
import json
import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from adapters.stores import s3_lifecycle
from adapters.stores.s3 import S3Store
from adapters.stores.s3_credentials import doubt_of, sure_s
from config.cli.check_keeping import versions_found
from config.cli.check_links import examine_links
from config.cli.store import sentence
from config.settings import Settings
from worker.contract.ports import Lifecycle, Link

BUCKET = "chorus"
ROOT = Path(__file__).parents[2]

ALLOWED_BY = {
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "complete_multipart_upload": "s3:PutObject",
    "create_multipart_upload": "s3:PutObject",
    "upload_part": "s3:PutObject",
    "upload_part_copy": "s3:PutObject",
    "put_object": "s3:PutObject",
    "get_object": "s3:GetObject",
    "head_object": "s3:GetObject",
    "delete_object": "s3:DeleteObject",
    "list_objects_v2": "s3:ListBucket",
    "list_parts": "s3:ListMultipartUploadParts",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
    "put_bucket_lifecycle_configuration": "s3:PutLifecycleConfiguration",
    "get_bucket_versioning": "s3:GetBucketVersioning",
}
"""Of each call, the right it needs (Service Authorization Reference, Amazon S3)."""
NEEDS_NO_RIGHT = {"close", "generate_presigned_url", "get_paginator", "meta"}


class Bucket:
    """The lifecycle half of a client whose store accepts what ``takes`` lets pass."""

    def __init__(self, standing=(), takes=lambda rule: True, code="InvalidArgument") -> None:
        self.rules, self.takes, self.code = list(standing), takes, code

    def get_bucket_lifecycle_configuration(self, **_):
        if not self.rules:
            raise refusal("NoSuchLifecycleConfiguration", 404)
        return {"Rules": self.rules}

    def put_bucket_lifecycle_configuration(self, *, LifecycleConfiguration, **_):  # noqa: N803
        if not all(map(self.takes, LifecycleConfiguration["Rules"])):
            raise refusal(self.code, 403 if self.code == "AccessDenied" else 400)
        self.rules = LifecycleConfiguration["Rules"]


def refusal(code: str, status: int) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutBucketLifecycleConfiguration")


def test_the_lifecycle_touches_our_prefixes_and_keeps_the_rules_of_others():
    theirs = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}}
    bucket = Bucket([theirs, {"ID": "chorus-clips", "Status": "Disabled"}])

    assert s3_lifecycle.apply(bucket, BUCKET, 30, 60) == Lifecycle(60, 30)

    assert bucket.rules[0] == theirs
    assert [rule["Filter"]["Prefix"] for rule in bucket.rules[1:]] == [
        "takes/",
        "clips/",
        "archives/",
    ]
    for rule in bucket.rules[1:]:
        assert rule["Transitions"] == [{"Days": 30, "StorageClass": "STANDARD_IA"}]
        assert rule["Expiration"] == {"Days": 60}
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


@pytest.mark.parametrize(
    ("code", "told"), [("InvalidStorageClass", ""), ("InvalidArgument", "InvalidArgument")]
)
def test_a_store_without_cold_storage_still_expires(code, told):
    bucket = Bucket(takes=lambda rule: "Transitions" not in rule, code=code)

    assert s3_lifecycle.apply(bucket, BUCKET, 30, 60) == Lifecycle(60, None, cold_refusal=told)
    assert [rule["Expiration"] for rule in bucket.rules] == [{"Days": 60}] * 3


@pytest.mark.parametrize("cold", [True, False])
def test_a_store_without_rules_for_old_versions_gets_the_others_and_that_is_told(cold):
    bucket = Bucket(
        takes=lambda rule: (
            "NoncurrentVersionExpiration" not in rule and (cold or "Transitions" not in rule)
        ),
        code="InvalidStorageClass" if not cold else "InvalidArgument",
    )

    came_of_it = s3_lifecycle.apply(bucket, BUCKET, 30, 60)

    assert came_of_it == Lifecycle(60, 30 if cold else None, old_versions=False)
    assert [rule["Expiration"] for rule in bucket.rules] == [{"Days": 60}] * 3


def test_what_would_be_deleted_before_it_is_cold_is_not_moved():
    bucket = Bucket()

    assert s3_lifecycle.apply(bucket, BUCKET, 30, 30) == Lifecycle(30, None)
    assert all("Transitions" not in rule for rule in bucket.rules)


@pytest.mark.parametrize(
    ("code", "says"),
    [("AccessDenied", "may not change the lifecycle"), ("NotImplemented", "knows no lifecycle")],
)
def test_a_store_that_refuses_is_told_with_its_reason(code, says):
    bucket = Bucket(takes=lambda rule: False, code=code)

    came_of_it = s3_lifecycle.apply(bucket, BUCKET, 30, 60)

    assert came_of_it.retention_days is None
    assert says in came_of_it.refusal


def test_a_wrong_key_is_not_mistaken_for_a_store_without_lifecycle():
    class Closed(Bucket):
        def get_bucket_lifecycle_configuration(self, **_):
            raise refusal("SignatureDoesNotMatch", 403)

    with pytest.raises(ClientError):
        s3_lifecycle.apply(Closed(), BUCKET, 30, 60)


@pytest.mark.parametrize(
    ("came_of_it", "says"),
    [
        (Lifecycle(60, 30), "infrequent access after 30 days and are deleted after 60 days"),
        (Lifecycle(60), "no class for infrequent access) after 60 days"),
        (Lifecycle(60, cold_refusal="InvalidArgument"), "store answered InvalidArgument) after 60"),
        (Lifecycle(refusal="the store knows no lifecycle"), "the store knows no lifecycle."),
        (Lifecycle(60, 30), "what deleting leaves in a bucket with versions, after one more."),
        (Lifecycle(60, 30, old_versions=False), "takes no rule for old versions"),
    ],
)
def test_the_operator_reads_what_was_set(came_of_it, says):
    settings = Settings(store="s3", s3_bucket="b", _env_file=None)

    assert says in sentence(settings, came_of_it)


def calls_of_the_library() -> set[str]:
    """Every method of an S3 client that our code names."""
    named = set()
    for path in (ROOT / "adapters" / "stores").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                owner = node.value.attr if isinstance(node.value, ast.Attribute) else ""
                owner = node.value.id if isinstance(node.value, ast.Name) else owner
                if owner in {"client", "_client"}:
                    named.add(node.attr)
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_paginator":
                named |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    return named


def test_the_policy_allows_what_the_code_does_and_nothing_else():
    policy = json.loads((ROOT / "config" / "iam-policy.json").read_text())
    allowed = set()
    for statement in policy["Statement"]:
        actions = statement["Action"]
        allowed |= {actions} if isinstance(actions, str) else set(actions)
    used = calls_of_the_library() - NEEDS_NO_RIGHT

    assert used - set(ALLOWED_BY) == set(), "say which right these calls need"
    assert {ALLOWED_BY[call] for call in used} == allowed


@pytest.fixture
def keys_in_environment(monkeypatch):
    for name in ("PROFILE", "SESSION_TOKEN", "CREDENTIAL_EXPIRATION", "DEFAULT_REGION", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return monkeypatch


def lasting(environment, **delta: float) -> None:
    environment.setenv("AWS_SESSION_TOKEN", "token")
    ends = datetime.now(UTC) + timedelta(**delta)
    environment.setenv("AWS_CREDENTIAL_EXPIRATION", ends.isoformat())


def why_links_end_early(lifetime_s: int) -> str | None:
    return doubt_of(sure_s(boto3.Session(), lifetime_s), lifetime_s)


def test_lasting_keys_sign_for_any_time(keys_in_environment):
    assert why_links_end_early(86_400) is None


def test_keys_that_end_before_the_link_are_told(keys_in_environment):
    lasting(keys_in_environment, hours=6)

    assert why_links_end_early(3600) is None
    assert "end before" in why_links_end_early(86_400)


def test_a_session_token_without_an_end_is_told(keys_in_environment):
    keys_in_environment.setenv("AWS_SESSION_TOKEN", "token")

    assert "not known" in why_links_end_early(3600)


async def test_the_doctor_warns_when_keys_end_before_links_do(keys_in_environment):
    local, cloud = (Settings(store=kind, s3_bucket="b", _env_file=None) for kind in ("local", "s3"))
    well = await examine_links(cloud)
    lasting(keys_in_environment, hours=6)

    warned = await examine_links(cloud)

    assert await examine_links(local) == []
    assert [finding.ok for finding in well] == [True]
    assert [finding.ok for finding in warned] == [None]
    assert re.search(r"work for 21[56]\d\d s, and people are told so", warned[0].detail)
    assert "CHORUS_LINK_LIFETIME_S" in warned[0].advice


async def test_a_link_that_ends_early_is_warned_of_once(keys_in_environment, caplog):
    lasting(keys_in_environment, hours=6)
    store = S3Store(BUCKET, endpoint="http://127.0.0.1:1", addressing="path")

    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await store.sign("clips/b/001.mp4", 86_400, "a.mp4")
    await store.close()

    assert sum("links may end before" in line for line in caplog.messages) == 1


async def signed_for_a_day(lifetime_s: int = 86_400) -> Link:
    store = S3Store(BUCKET, endpoint="http://127.0.0.1:1", addressing="path")
    try:
        return await store.sign("clips/b/001.mp4", lifetime_s, "a.mp4")
    finally:
        await store.close()


def signed_s(link: Link) -> int:
    """What the store reads."""
    return int(parse_qs(urlsplit(link.url).query)["X-Amz-Expires"][0])


async def test_a_link_ends_with_the_credentials_that_sign_it_and_says_so(keys_in_environment):
    lasting(keys_in_environment, hours=6)

    link = await signed_for_a_day()

    assert 6 * 3600 - 60 < link.lasts_s <= 6 * 3600
    assert signed_s(link) == link.lasts_s
    assert link.sure


async def test_a_link_that_ends_before_its_credentials_lasts_its_whole_time(keys_in_environment):
    lasting(keys_in_environment, hours=6)

    link = await signed_for_a_day(3600)

    assert (link.lasts_s, signed_s(link), link.sure) == (3600, 3600, True)


async def test_lasting_keys_sign_links_for_as_long_as_asked(keys_in_environment):
    link = await signed_for_a_day()

    assert (link.lasts_s, signed_s(link), link.sure) == (86_400, 86_400, True)


async def test_of_a_session_whose_end_nobody_knows_the_link_is_not_sure(keys_in_environment):
    keys_in_environment.setenv("AWS_SESSION_TOKEN", "token")

    link = await signed_for_a_day()

    assert (link.lasts_s, signed_s(link), link.sure) == (86_400, 86_400, False)


class Versions:
    """A client of which only one question is asked."""

    def __init__(self, answer: dict[str, str] | ClientError) -> None:
        self.answer = answer

    def get_bucket_versioning(self, **_: str) -> dict[str, str]:
        if isinstance(self.answer, ClientError):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ({"Status": "Enabled"}, True),
        ({"Status": "Suspended"}, True),
        ({}, False),
        (refusal("AccessDenied", 403), False),
        (refusal("NotImplemented", 501), False),
        (refusal("MethodNotAllowed", 405), False),
        (refusal("NoSuchKey", 404), False),
    ],
)
def test_whether_a_bucket_keeps_versions_is_asked_and_who_does_not_say_is_no_trouble(answer, kept):
    assert s3_lifecycle.keeps_versions(Versions(answer), BUCKET) is kept


def test_a_bucket_that_keeps_versions_is_warned_of():
    [warned] = versions_found(kept=True)

    assert warned.ok is None
    assert "chorus store init" in warned.advice
    assert versions_found(kept=False) == []
