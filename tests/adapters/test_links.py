"""Links that do not lead to the store itself: through the door, through a CDN."""

import base64
import contextlib
import hashlib
import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import aiohttp
import pytest
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as elliptic
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.stores.links import CloudFrontLinks, DoorLinks, KeyRefused
from adapters.stores.s3 import S3Store
from adapters.web.door import Door, make_door
from config.cli.check_links import link_trouble
from config.settings import Settings, SettingsRefused, load_settings
from config.wiring import make_store
from tests.adapters.s3_things import BUCKET, client_of, session_of
from tests.fakes.nginx import plain_front
from tests.fakes.ports import free_port
from tests.judges import need
from worker.contract.tokens import TokenCodec

CODEC = TokenCodec(b"sixteen bytes or more of secret")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VIDEO = os.urandom(3_000_001)
CLIP = "clips/b/001-主.mp4"


@pytest.fixture(autouse=True, scope="module")
def _clip(swift):
    client = client_of(swift)
    client.put_object(Bucket=BUCKET, Key=CLIP, Body=VIDEO)
    yield
    client.delete_object(Bucket=BUCKET, Key=CLIP)


@contextlib.asynccontextmanager
async def opened(swift, **options):
    store = S3Store(
        BUCKET, endpoint=swift.endpoint, addressing="path", session=session_of(swift), **options
    )
    try:
        yield store
    finally:
        await store.close()


async def fetch(url, **headers):
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(url, headers=headers) as response,
    ):
        return response.status, response.headers, await response.read()


async def all_well() -> dict[str, bool]:
    return {}


async def test_without_cloud_delivery_the_door_hands_out_what_lies_in_the_cloud(swift):
    address: list[str] = []
    links = DoorLinks(CODEC, lambda: address[0])
    async with (
        opened(swift, links=links) as store,
        Door(make_door(store, CODEC, ready=all_well), "127.0.0.1", 0) as door,
    ):
        address.append(door.url)
        url = (await store.sign(CLIP, 60, "合唱.mp4")).url
        status, headers, body = await fetch(url)
        part = await fetch(url, Range=f"bytes={len(VIDEO) // 2}-")

    assert url.startswith(f"{door_of(url)}/d/")
    assert (status, hashlib.sha256(body).digest()) == (200, hashlib.sha256(VIDEO).digest())
    assert headers["Content-Disposition"].endswith("%E5%90%88%E5%94%B1.mp4")
    assert (part[0], part[2] == VIDEO[len(VIDEO) // 2 :]) == (206, True)


def door_of(url: str) -> str:
    return f"http://{urlsplit(url).netloc}"


async def test_a_signature_stays_valid_behind_a_plain_domain(swift, tmp_path):
    port = free_port()
    front = f"http://127.0.0.1:{port}"
    with plain_front(need("nginx"), tmp_path, port, swift.endpoint):
        async with opened(swift, front=front) as store:
            url = (await store.sign(CLIP, 60, "合唱.mp4")).url
        status, headers, body = await fetch(url)
        forged, _, _ = await fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"))

    assert url.startswith(f"{front}/{BUCKET}/clips/")
    assert (status, body == VIDEO, forged) == (200, True, 403)
    assert headers["Content-Disposition"].endswith("%E5%90%88%E5%94%B1.mp4")


@pytest.fixture(scope="module")
def key():
    return generate_private_key(public_exponent=65537, key_size=2048)


def written(key, path: Path) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def unspelled(text: str) -> bytes:
    """Base64 as CloudFront writes it into URLs."""
    return base64.b64decode(text.replace("-", "+").replace("_", "=").replace("~", "/"))


def test_cloudfront_checks_exactly_this_object_and_moment(key, tmp_path):
    links = CloudFrontLinks(
        "https://d1.example.net/", "KID", written(key, tmp_path / "k.pem"), clock=lambda: NOW
    )

    url = links.sign(CLIP, 3600, "合唱 1.mp4")

    # As the documentation has it: the canned policy is made anew of the URL without what signing added.
    resource, _, added = url.partition("&Expires=")
    query = parse_qs(f"Expires={added}")
    until = int((NOW + timedelta(hours=1)).timestamp())
    policy = {
        "Statement": [
            {"Resource": resource, "Condition": {"DateLessThan": {"AWS:EpochTime": until}}}
        ]
    }
    message = json.dumps(policy, separators=(",", ":")).encode()
    signature = unspelled(query["Signature"][0])
    key.public_key().verify(signature, message, PKCS1v15(), SHA1())  # noqa: S303 - all that CloudFront takes
    with pytest.raises(InvalidSignature):
        key.public_key().verify(signature, message.replace(b"001", b"002"), PKCS1v15(), SHA1())  # noqa: S303
    assert (query["Expires"], query["Key-Pair-Id"]) == ([str(until)], ["KID"])
    assert unquote(urlsplit(resource).path) == f"/{CLIP}"
    disposition = parse_qs(urlsplit(resource).query)["response-content-disposition"][0]
    assert disposition.endswith("filename*=UTF-8''%E5%90%88%E5%94%B1%201.mp4")


def test_openssl_takes_the_signature_too(key, tmp_path):
    path = written(key, tmp_path / "k.pem")
    signature = CloudFrontLinks("https://d1.example.net", "KID", path)._rsa_sha1(b"message")
    (tmp_path / "signature").write_bytes(signature)
    program = need("openssl")
    public = tmp_path / "public.pem"
    subprocess.run([program, "pkey", "-in", path, "-pubout", "-out", public], check=True)
    verify = [program, "dgst", "-sha1", "-verify", public, "-signature", tmp_path / "signature"]

    done = subprocess.run(verify, input=b"message", capture_output=True)

    assert done.stdout == b"Verified OK\n"


def test_a_key_that_cannot_sign_is_refused_with_the_reason(tmp_path):
    curve = written(elliptic(SECP256R1()), tmp_path / "curve.pem")
    (tmp_path / "text.pem").write_text("no key")

    for path, why in (
        (tmp_path / "absent.pem", "cannot be read"),
        (tmp_path / "text.pem", "no private key"),
        (curve, "no RSA key"),
    ):
        with pytest.raises(KeyRefused, match=why):
            CloudFrontLinks("https://d1.example.net", "KID", path)


CLOUD = {"store": "s3", "s3_bucket": BUCKET, "s3_endpoint": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("more", "begins"),
    [
        ({}, "http://127.0.0.1:1/"),
        ({"cdn_url": "https://cdn.example.org"}, "https://cdn.example.org/"),
        ({"cloud_delivery": False, "cdn_url": "https://cdn.example.org"}, "http://door/d/"),
        (
            {"cloud_delivery": False, "public_url": "https://x.example.org"},
            "https://x.example.org/d/",
        ),
    ],
)
async def test_the_settings_say_where_links_lead(monkeypatch, more, begins):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    settings = Settings(**CLOUD, s3_addressing="path", **more, _env_file=None)
    store = make_store(settings, CODEC, lambda: "http://door")

    url = (await store.sign(CLIP, 60, "a.mp4")).url
    await store.close()

    assert url.startswith(begins)


async def test_the_settings_lead_to_cloudfront(key, tmp_path):
    path = written(key, tmp_path / "k.pem")
    cdn = {"cdn_url": "https://d1.example.net", "cdn_key_id": "KID", "cdn_key_file": path}
    store = make_store(Settings(**CLOUD, **cdn, _env_file=None), CODEC, str)

    url = (await store.sign(CLIP, 60, "a.mp4")).url
    await store.close()

    assert "Key-Pair-Id=KID" in url


def test_a_bad_key_file_stops_the_start_with_its_setting(tmp_path):
    cdn = {"cdn_url": "https://d1.example.net", "cdn_key_id": "K", "cdn_key_file": tmp_path / "no"}

    with pytest.raises(SettingsRefused, match=r"CHORUS_CDN_KEY_FILE: .*cannot be read"):
        make_store(Settings(**CLOUD, **cdn, _env_file=None), CODEC, str)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CDN_URL", "cdn.example.org", "CHORUS_CDN_URL"),
        ("CDN_URL", "https://cdn.example.org/videos", "CHORUS_CDN_URL"),
        ("CDN_KEY_ID", "KID", "belong together"),
    ],
)
def test_what_cannot_be_a_cdn_is_refused(monkeypatch, tmp_path, name, value, says):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"CHORUS_{name}", value)

    with pytest.raises(SettingsRefused, match=says):
        load_settings()


@pytest.fixture
async def answering():
    """A server that answers everything with this status and content."""
    said: dict[str, object] = {}

    async def answer(_: web.Request) -> web.Response:
        return web.Response(**said)

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    async with Door(app, "127.0.0.1", 0) as door:
        yield door.url, said


CDN = "https://cdn.example.org"


@pytest.mark.parametrize(
    ("settings", "answer", "says", "advises"),
    [
        (CLOUD, {"status": 403}, "answered with 403 by HOST", "The store itself answers"),
        (CLOUD, {"body": b"other"}, "other bytes came from HOST", "The store itself answers"),
        ({**CLOUD, "cdn_url": CDN}, {"status": 502}, "answered with 502 by HOST", "CHORUS_CDN_URL"),
        ({**CLOUD, "cloud_delivery": False}, {"status": 404}, "with 404", "CHORUS_PUBLIC_URL"),
        ({"store": "local"}, {"status": 500}, "answered with 500 by HOST", "CHORUS_PUBLIC_URL"),
    ],
)
async def test_the_doctor_names_who_answered_a_link_how_and_what_stands_there(
    answering, settings, answer, says, advises
):
    url, said = answering
    said.update(answer)

    found = await link_trouble(Settings(**settings, _env_file=None), f"{url}/a?secret=1", b"probe")

    assert found is not None
    assert found.ok is False
    assert says.replace("HOST", urlsplit(url).netloc) in found.detail
    assert advises in found.advice
    assert ("PUBLIC_URL" in found.advice) is (advises == "CHORUS_PUBLIC_URL")
    assert "secret" not in found.detail


async def test_the_doctor_names_the_place_of_a_link_that_nobody_answers():
    settings = Settings(**CLOUD, _env_file=None)

    found = await link_trouble(settings, "http://127.0.0.1:1/a?secret=1", b"probe")

    assert found is not None
    assert "127.0.0.1:1" in found.detail
    assert "The store itself answers" in found.advice


async def test_the_doctor_has_nothing_against_a_link_that_leads_where_it_should(answering):
    url, said = answering
    said["body"] = b"probe"

    assert await link_trouble(Settings(**CLOUD, _env_file=None), url, b"probe") is None
