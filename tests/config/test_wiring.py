"""What the wiring promises of the parts it connects."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from pydantic import SecretStr

from config.back_end import keeping_of
from config.cli.check_disk import examine_disk
from config.cli.check_keeping import examine_keeping
from config.front_end import open_door, policy_of
from config.redis_client import Connections, connect
from config.settings import Settings
from config.wiring import wires
from tests.fakes.tcp_wire import TcpWire
from tests.worker.test_outages import Server
from worker.janitor import Janitor, Keeping


@pytest.fixture
async def server(tmp_path_factory: pytest.TempPathFactory):
    running = Server(tmp_path_factory.mktemp("r"))
    yield running
    running.stop()


@pytest.mark.parametrize("known", [True, False], ids=["open connection", "no connection yet"])
async def test_a_call_made_while_redis_restarts_is_answered(server: Server, known: bool) -> None:  # noqa: FBT001
    client = connect(server.url, Connections())
    if known:
        await server.start()
        await client.ping()
        server.stop("kill")

    asked = [asyncio.create_task(client.ping()) for _ in range(3)]
    await asyncio.wait(asked, timeout=0.3)
    await server.start()

    assert await asyncio.gather(*asked) == [True] * 3
    await client.aclose()


async def test_a_front_end_whose_redis_stays_away_says_that_it_is_not_ready(
    tmp_path: Path,
) -> None:
    nobody = SecretStr(f"unix://{tmp_path}/nobody.sock")
    settings = Settings(data_dir=tmp_path, redis_url=nobody, http_port=0, _env_file=None)

    async with wires(settings) as hand, aiohttp.ClientSession() as web:
        door = await open_door(settings, hand)
        async with web.get(f"{door.url}/readyz") as response:
            said = await response.json()
        await door.stop()

    assert response.status == 503
    assert said == {"ready": False, "parts": {"redis": False, "store": True}}


async def test_a_part_that_hangs_is_named_as_the_one_that_is_not_ready(
    server: Server, tmp_path: Path
) -> None:
    await server.start()
    async with TcpWire(str(server.socket)) as wire:
        settings = Settings(
            data_dir=tmp_path, redis_url=SecretStr(wire.url), http_port=0, _env_file=None
        )
        async with wires(settings) as hand, aiohttp.ClientSession() as web:
            door = await open_door(settings, hand)
            said = []
            for change in (wire.half_open, wire.mend):
                async with web.get(f"{door.url}/readyz") as response:
                    said.append((response.status, (await response.json())["parts"]))
                change()
            await door.stop()
            wire.half_open()

    assert said == [
        (200, {"redis": True, "store": True}),
        (503, {"redis": False, "store": True}),
    ]


@pytest.mark.parametrize("accel", [None, "/_files"])
async def test_a_download_that_was_cut_can_be_gone_on_with_whatever_the_janitor_does_meanwhile(
    server: Server, tmp_path: Path, accel: str | None
) -> None:
    await server.start()
    settings = Settings(
        data_dir=tmp_path,
        redis_url=SecretStr(server.url),
        http_port=0,
        accel_prefix=accel,
        public_url="https://x.test" if accel else None,
        _env_file=None,
    )
    key, later = "clips/b/001-1.mp4", datetime.now(UTC) + timedelta(days=8)
    async with wires(settings, lambda: door.url) as hand, aiohttp.ClientSession() as web:
        door = await open_door(settings, hand)
        await hand.ledger.note_rebuilt()
        await hand.store.put_bytes(key, b"video" * 1_000_000)
        link = await hand.store.sign(key, 3600, "a.mp4")
        url = door.url + urlsplit(link.url).path
        async with web.get(url) as cut:
            cut.close()
        async with wires(settings) as other:
            janitor = Janitor(other.ledger, other.store, Keeping(days=7), clock=lambda: later)
            await janitor.sweep()
        async with web.get(url, headers={"Range": "bytes=4999998-"}) as resumed:
            rest = await resumed.read()
        await door.stop()

    assert (resumed.status, rest) == ((200, b"") if accel else (206, b"eo"))


@pytest.mark.parametrize(
    ("settings", "platforms", "cloud"),
    [
        ({}, True, "none"),
        ({"store": "s3"}, False, "on"),
        ({"store": "s3", "public_url": "https://chorus.example"}, True, "on"),
        ({"store": "s3"}, True, "only"),
        ({"store": "s3", "cloud_delivery": False}, True, "off"),
    ],
)
def test_people_may_choose_between_cloud_and_door_only_where_both_are_reached(
    tmp_path: Path,
    settings: dict[str, Any],
    platforms: bool,  # noqa: FBT001
    cloud: str,
) -> None:
    made = Settings(data_dir=tmp_path, s3_bucket="b", _env_file=None, **settings)

    assert policy_of(made, platforms=platforms).cloud == cloud


@pytest.mark.parametrize(
    ("settings", "days", "warned"),
    [
        ({"retention_days": 1, "link_lifetime_s": 172_800}, 1, "CHORUS_RETENTION_DAYS"),
        ({"retention_days": 1}, 1, ""),
        ({"store": "s3", "s3_retention_days": 2, "link_lifetime_s": 604_800}, 2, "S3_RETENTION"),
        ({"store": "s3", "retention_days": 1, "link_lifetime_s": 604_800}, 60, ""),
    ],
)
def test_links_that_outlive_what_they_lead_to_are_found_and_people_are_told_the_shorter_time(
    tmp_path: Path, settings: dict[str, Any], days: int, warned: str
) -> None:
    made = Settings(data_dir=tmp_path, s3_bucket="b", _env_file=None, **settings)

    findings = examine_keeping(made)

    assert keeping_of(made).days == days
    assert policy_of(made).links_last_s == min(made.link_lifetime_s, days * 86_400)
    assert [warned in finding.advice for finding in findings] == ([True] if warned else [])


@pytest.mark.parametrize(
    ("limit_gb", "ok", "words"),
    [(0.001, True, "0.0 GB of what videos are made of, 0.001 GB at most"), (1e9, None, "CACHE_GB")],
)
def test_the_doctor_says_what_the_cache_may_hold_and_whether_the_disk_does(
    tmp_path: Path,
    limit_gb: float,
    ok: bool | None,  # noqa: FBT001
    words: str,
) -> None:
    [_, cache] = examine_disk(Settings(data_dir=tmp_path, cache_gb=limit_gb, _env_file=None))

    assert cache.ok is ok
    assert words in f"{cache.detail} {cache.advice}"
