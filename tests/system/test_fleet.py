"""Workers of several machines, each with a data directory and a network of its own: nothing is shared but Redis and the store."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from pydantic import SecretStr

from bot.stock import add_to_library
from config.record import read
from config.settings import Settings
from config.wiring import Wires, wires
from tests.fakes.forwarder import Forwarder
from tests.fakes.redis_fleet import ENCODED, one_server
from tests.fakes.s3_server import S3Server, ServerUnavailable
from tests.fakes.swift import swift_server
from tests.system.conversation import presenter, recording
from tests.worker.foreman_things import over
from tests.worker.ledger_things import ANNA, HALL, take
from worker.contract import keys
from worker.contract.records import BatchRecord, Order

BUCKET = "fleet"
LIMIT_S = 300.0


@dataclass(frozen=True)
class Network:
    """A network namespace, and how its inhabitants reach us."""

    name: str
    gateway: str


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def network(number: int) -> Iterator[Network]:
    """A network with a wire to this machine and to nowhere else; skips where that may not be made."""
    name = f"chorus-{os.getpid()}-{number}"
    here, there = f"cho{os.getpid() % 100_000}h{number}", f"cho{os.getpid() % 100_000}t{number}"
    # Four addresses of its own: what a run left behind that was killed, or runs beside this one, has others.
    place = (os.getpid() * 4 + number) % (1 << 14)
    ours, theirs = (f"10.213.{place >> 6}.{place % 64 * 4 + last}" for last in (1, 2))
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces need root and iproute2")
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace may be made here: {error.stderr!r}")
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there)
        _ip("link", "set", there, "netns", name)
        _ip("addr", "add", f"{ours}/30", "dev", here)
        _ip("link", "set", here, "up")
        for words in (["addr", "add", f"{theirs}/30", "dev", there], ["link", "set", there, "up"]):
            _ip("-n", name, *words)
        yield Network(name, ours)
    finally:
        subprocess.run(["ip", "link", "del", here], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def swift() -> Iterator[S3Server]:
    with tempfile.TemporaryDirectory(prefix="chorus-swift-") as folder:
        try:
            with swift_server(Path(folder)) as server:
                options = Config(s3={"addressing_style": "path"})
                session = boto3.Session(server.access_key, server.secret_key)
                session.client(
                    "s3", endpoint_url=server.endpoint, region_name=server.region, config=options
                ).create_bucket(Bucket=BUCKET)
                yield server
        except ServerUnavailable as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))


def environment(swift: S3Server, data_dir: Path, redis_url: str, endpoint: str) -> dict[str, str]:
    return {
        **os.environ,
        "CHORUS_DATA_DIR": str(data_dir),
        "CHORUS_REDIS_URL": redis_url,
        "CHORUS_STORE": "s3",
        "CHORUS_S3_ENDPOINT": endpoint,
        "CHORUS_S3_BUCKET": BUCKET,
        "CHORUS_S3_REGION": swift.region,
        "CHORUS_S3_ADDRESSING": "path",
        "CHORUS_SECRET_KEY": "the same on all machines",
        "AWS_ACCESS_KEY_ID": swift.access_key,
        "AWS_SECRET_ACCESS_KEY": swift.secret_key,
    }


@contextlib.asynccontextmanager
async def worker_in(
    place: Network, swift: S3Server, redis_port: int, data_dir: Path
) -> AsyncIterator[None]:
    """A worker that sees no other network than this one."""
    s3_port = int(swift.endpoint.rpartition(":")[2])
    async with (
        Forwarder(place.gateway, redis_port) as redis,
        Forwarder(place.gateway, s3_port) as s3,
    ):
        process = await asyncio.create_subprocess_exec(
            *("ip", "netns", "exec", place.name, sys.executable, "-m", "config.back_end"),
            env=environment(
                swift,
                data_dir,
                f"redis://:{ENCODED}@{place.gateway}:{redis.port}",
                f"http://{place.gateway}:{s3.port}",
            ),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            assert b"ready" in await asyncio.wait_for(process.stdout.readline(), LIMIT_S)
            yield
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), LIMIT_S)


async def order_clips(hand: Wires, folder: Path, count: int) -> BatchRecord:
    content = recording(folder).read_bytes()
    record = take(content).model_copy(
        update={"name": "welcome.wav", "created_at": datetime.now(UTC)}
    )
    await hand.store.put_bytes(keys.take(record.id, "source"), content)
    await hand.ledger.open_take(record)
    added = []
    for number in range(count):
        video = presenter(folder, "mira", 2.0 + number / 10)
        added.append(await add_to_library(hand.ledger, hand.store, video, f"mira {number}"))
    return await hand.ledger.open_batch(
        Order(
            key="m1",
            chat=HALL,
            person=ANNA,
            take_id=record.id,
            take_name=record.name,
            template_ids=tuple(template.id for template in added),
        )
    )


async def ended(hand: Wires, batch: BatchRecord) -> BatchRecord:
    """The Batch when its work is over."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = await hand.ledger.batch(batch.id)
            assert found is not None
            if over(found):
                return found
            await asyncio.sleep(0.05)


def makers(*machines: Path) -> set[str]:
    """Who made Clips, as their machines wrote it down."""
    written = (each for machine in machines for each in read(machine / "logs"))
    return {each["worker"] for each in written if each["what"] == "clip.done"}


@pytest.mark.slow
async def test_workers_that_share_only_redis_and_the_store_make_one_batch_together(
    swift: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", swift.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", swift.secret_key)
    async with one_server(tmp_path, None) as port, contextlib.AsyncExitStack() as stack:
        settings = Settings(
            data_dir=tmp_path / "front",
            redis_url=SecretStr(f"redis://:{ENCODED}@127.0.0.1:{port}"),
            store="s3",
            s3_endpoint=swift.endpoint,
            s3_bucket=BUCKET,
            s3_region=swift.region,
            s3_addressing="path",
            secret_key=SecretStr("the same on all machines"),
            _env_file=None,
        )
        hand = await stack.enter_async_context(wires(settings))
        machines = [tmp_path / f"machine-{number}" for number in (1, 2)]
        for number, machine in enumerate(machines):
            place = stack.enter_context(network(number))
            await stack.enter_async_context(worker_in(place, swift, port, machine))
        batch = await ended(hand, await order_clips(hand, tmp_path, 6))
        archive = tmp_path / "all.zip"
        assert batch.archive_key is not None
        await hand.store.get_file(batch.archive_key, archive)
        cards = await hand.roster.cards()

    workers = makers(*machines)
    assert batch.done == 6
    assert [clip.attempts for clip in batch.clips] == [1] * 6
    assert len(workers) == 2
    assert {card.name for card in cards} == workers
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert sum(name.endswith(".mp4") for name in opened.namelist()) == 6
    assert not any((machine / "store").exists() for machine in machines)
