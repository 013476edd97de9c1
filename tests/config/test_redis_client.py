"""Redis with a password, over TLS, and behind Sentinels whose master dies in the middle of a Batch."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisGone

from bot.memory import RedisMemory
from config.cli.check_redis import examine_redis
from config.redis_address import NoAddress, parse_address
from config.redis_client import Connections, connect
from config.settings import Settings
from tests.fakes.redis_fleet import ENCODED, MASTER, PASSWORD, Trust, fleet, make_trust, one_server
from tests.worker.foreman_things import Workplace, open_workplace
from tests.worker.test_foreman import begun
from worker.contract.ports import LedgerUnavailable
from worker.contract.records import BatchState


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return make_trust(tmp_path_factory.mktemp("trust"))


async def asked(url: str, connections: Connections) -> str:
    client = connect(url, connections)
    try:
        await client.set("k", "v")
        return str(await client.get("k"))
    finally:
        await client.aclose()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://localhost", "it has to begin with redis://"),
        ("localhost:6379", "it has to begin with redis://"),
        ("redis://", "it names no host"),
        ("redis://h:port", "is the port a number\\?"),
        ("redis://:geheim/wort@h:6379", "percent-encoded"),
        ("redis+sentinel://h:26379", "no name of the master"),
        ("redis+sentinel://h:26379,:1/m", "is no host with a port"),
        ("redis+sentinel://h:99999/m", "is no host with a port"),
        ("redis+sentinel://h/m/first", "the database behind the name of the master is no number"),
    ],
)
def test_an_address_that_is_none_is_refused_with_the_reason_and_without_the_password(
    url: str, why: str
) -> None:
    with pytest.raises(NoAddress, match=why) as refused:
        parse_address(url)

    assert "geheim" not in str(refused.value)


def test_sentinels_stand_in_the_address_with_the_name_of_their_master() -> None:
    address = parse_address("rediss+sentinel://ann:p%40w@a,b:1234,[::1]:26380/m/2")

    assert address.sentinels == (("a", 26379), ("b", 1234), ("::1", 26380))
    assert (address.service, address.tls) == ("m", True)
    assert address.options == {"username": "ann", "password": "p@w", "db": 2}


async def test_a_password_with_odd_signs_opens_a_server_and_a_wrong_one_does_not(
    tmp_path: Path,
) -> None:
    async with one_server(tmp_path, None) as port:
        assert await asked(f"redis://:{ENCODED}@127.0.0.1:{port}/1", Connections()) == "v"
        with pytest.raises(AuthenticationError):
            await asked(f"redis://:wrong@127.0.0.1:{port}/1", Connections())


async def test_a_server_is_believed_over_tls_by_the_authority_that_the_settings_name_only(
    tmp_path: Path, trust: Trust
) -> None:
    async with one_server(tmp_path, trust) as port:
        url = f"rediss://:{ENCODED}@localhost:{port}"

        assert await asked(url, Connections(ca_file=trust.ca_file)) == "v"
        with pytest.raises(RedisGone, match="CERTIFICATE_VERIFY_FAILED"):
            await asked(url, Connections())


async def test_a_certificate_of_another_host_is_refused(tmp_path: Path, trust: Trust) -> None:
    async with one_server(tmp_path, trust) as port:
        with pytest.raises(RedisGone, match="IP address mismatch"):
            await asked(f"rediss://:{ENCODED}@127.0.0.2:{port}", Connections(trust.ca_file))


async def test_a_server_that_asks_for_our_certificate_gets_it(tmp_path: Path, trust: Trust) -> None:
    async with one_server(tmp_path, trust, client_certificates=True) as port:
        url = f"rediss://:{ENCODED}@localhost:{port}"
        ours = Connections(trust.ca_file, trust.cert_file, trust.key_file)

        assert await asked(url, ours) == "v"
        with pytest.raises(RedisError):
            await asked(url, Connections(trust.ca_file))


async def found(url: str, **files: Path) -> tuple[bool | None, str]:
    settings = Settings(redis_url=SecretStr(url), _env_file=None, **files)
    finding = await examine_redis(url, settings)
    return finding.ok, f"{finding.detail} {finding.advice}"


async def test_the_doctor_says_what_to_do_about_each_way_not_to_get_in(
    tmp_path: Path, trust: Trust
) -> None:
    async with one_server(tmp_path, trust) as port:
        here = f"127.0.0.1:{port}"
        told = [
            await found(f"rediss://:{ENCODED}@{here}", redis_ca_file=trust.ca_file),
            await found(f"rediss://:{ENCODED}@{here}"),
            await found(f"rediss://:wrong@{here}", redis_ca_file=trust.ca_file),
            await found(f"rediss://:{ENCODED}@127.0.0.2:{port}", redis_ca_file=trust.ca_file),
            await found(f"redis://:{ENCODED}@{here}"),
            await found(f"redis+sentinel://:{ENCODED}@{here}/m"),
        ]

    assert [ok for ok, _ in told] == [True, False, False, False, False, False]
    for (_, said), words in zip(
        told,
        (
            "configured over TLS",
            "CHORUS_REDIS_CA_FILE",
            "percent-encoded",
            "does not hold the address",
            "speak TLS (rediss://)",
            "CHORUS_REDIS_SENTINEL_PASSWORD",
        ),
        strict=True,
    ):
        assert words in said
        assert PASSWORD not in said


async def test_the_doctor_warns_of_a_redis_that_forgets(tmp_path: Path) -> None:
    async with one_server(tmp_path, None) as port:
        url = f"redis://:{ENCODED}@127.0.0.1:{port}"
        async with contextlib.aclosing(connect(url, Connections())) as admin:
            await admin.config_set("appendonly", "no")
            forgets = await found(url)
            await admin.config_set("maxmemory", "1gb")
            await admin.config_set("maxmemory-policy", "allkeys-lru")
            evicts = await found(url)

    assert forgets[0] is None
    assert "appendonly yes" in forgets[1]
    assert evicts[0] is False
    assert "noeviction" in evicts[1]


@pytest.mark.slow
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_batch_survives_a_failover_of_its_master_and_is_told_once(
    tmp_path: Path,
    trust: Trust,
    tls: bool,  # noqa: FBT001
) -> None:
    async with fleet(tmp_path, trust if tls else None, down_after_s=2.0) as servers:
        scheme = "rediss" if tls else "redis"
        url = f"{scheme}+sentinel://:{ENCODED}@{servers.hosts}/{MASTER}"
        connections = Connections(trust.ca_file, sentinel_password="watch")  # noqa: S106
        async with (
            opened(url, connections, tmp_path) as place,
            place.working(slots=2, open_pool=connections),
        ):
            batch = await place.order("m1", "sleep 2", "sleep 2.2", "sleep 0.5")
            await place.until(batch, begun)
            # WAIT is about what its own connection wrote, and what was written before.
            async with place.ledger._client.client() as one:
                await one.set("after", "the order")
                assert await one.wait(1, 4000) == 1  # the replica has it
            servers.master.kill()
            ended = await place.ended(batch, within_s=120)

            assert ended.state is BatchState.DELIVERED
            assert await place.outcomes() == 1


@pytest.mark.slow
async def test_a_planned_failover_ends_no_worker_and_nobody_who_listens(tmp_path: Path) -> None:
    async with fleet(tmp_path, None) as servers:
        url = f"redis+sentinel://:{ENCODED}@{servers.hosts}/{MASTER}"
        connections = Connections(sentinel_password="watch")  # noqa: S106
        async with (
            opened(url, connections, tmp_path) as place,
            listening(RedisMemory(url, connections)) as message,
            place.working(slots=2, open_pool=connections),
        ):
            facts, box = place.ledger.facts(), place.ledger.outbox("console:test", "me")
            heard, told = asyncio.create_task(anext(facts)), asyncio.create_task(anext(box))
            batch = await place.order("m1", "sleep 6", "sleep 6.2")
            await asyncio.wait_for(heard, 60)
            heard = asyncio.create_task(anext(facts))
            await place.until(batch, begun)
            await servers.fail_over()
            async with asyncio.timeout(120):
                after = await place.order("m2", "ok")
                ends = [await place.ended(each, within_s=120) for each in (batch, after)]
                await heard
                entry, utterance = await told
                await place.ledger.told("console:test", entry)
                memory = RedisMemory(url, connections)
                await memory.receive("box", "k", "raw")
                await memory.close()
                assert (await message)[1:] == ("k", "raw")
            await facts.aclose()  # type: ignore[attr-defined]
            await box.aclose()  # type: ignore[attr-defined]

    assert [each.state for each in ends] == [BatchState.DELIVERED] * 2
    assert utterance.subject in {batch.id, after.id}


@pytest.mark.slow
async def test_a_worker_goes_on_when_the_replica_that_its_master_must_have_is_back(
    tmp_path: Path,
) -> None:
    async with fleet(tmp_path, None) as servers:
        url = f"redis+sentinel://:{ENCODED}@{servers.hosts}/{MASTER}"
        connections = Connections(sentinel_password="watch")  # noqa: S106
        async with (
            opened(url, connections, tmp_path) as place,
            place.working(slots=1, open_pool=connections),
        ):
            admin = place.ledger._client
            await admin.config_set("min-replicas-to-write", "1")
            batch = await place.order("m1", "sleep 2", "sleep 2.1")
            await place.until(batch, begun)
            servers.replica.kill()
            async with asyncio.timeout(60):
                await until_refused(place)
            await asyncio.sleep(6)  # the outage itself: longer than a lease
            await servers.replica.start(*servers.replica_lines)
            ended = await place.ended(batch, within_s=120)

    assert ended.state is BatchState.DELIVERED
    assert [clip.attempts for clip in ended.clips] == [1, 1]


async def until_refused(place: Workplace) -> None:
    with contextlib.suppress(LedgerUnavailable):
        while True:
            await place.ledger.desk.beat("somebody")
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def listening(memory: RedisMemory) -> AsyncIterator[asyncio.Task[tuple[str, str, str]]]:
    """The next message of an inbox."""
    inbox = memory.inbox("box", "one")
    message = asyncio.create_task(anext(inbox))
    try:
        yield message
    finally:
        message.cancel()
        await asyncio.gather(message, return_exceptions=True)
        await inbox.aclose()  # type: ignore[attr-defined]
        await memory.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_no_connection_is_made_or_used_in_a_way_that_may_swallow_a_cancellation(
    tmp_path: Path,
    trust: Trust,
    monkeypatch: pytest.MonkeyPatch,
    tls: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr("redis.asyncio.connection.asyncio.wait_for", swallows)
    async with fleet(tmp_path, trust if tls else None) as servers:
        url = f"{'rediss' if tls else 'redis'}+sentinel://:{ENCODED}@{servers.hosts}/{MASTER}"
        connections = Connections(trust.ca_file, sentinel_password="watch")  # noqa: S106

        assert await asked(url, connections) == "v"


def swallows(*_: object) -> None:
    raise AssertionError("asyncio.wait_for of Python 3.11 may swallow a cancellation")


@contextlib.asynccontextmanager
async def opened(url: str, connections: Connections, folder: Path) -> AsyncIterator:
    client = connect(url, connections)
    async with open_workplace(url, folder, client) as place:
        yield place
    await client.aclose()
