"""What the tests of the adapters stand on: a platform, a memory, an S3 server."""

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.chats.telegram.adapter import TelegramChat
from adapters.stores.s3 import S3Store
from bot.memory import RedisMemory
from tests.adapters.reading import Reader, running
from tests.adapters.s3_things import BUCKET, client_of, emptied, store_of
from tests.adapters.telegram_things import THEIR_FAST, make_chat
from tests.fakes.ceph import ceph_server
from tests.fakes.dingtalk.server import FakeDingTalk
from tests.fakes.rclone import rclone_server
from tests.fakes.s3_server import S3Server, ServerUnavailable
from tests.fakes.swift import swift_server
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.wecom.server import FakeWeCom
from tests.judges import need


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """Telegram, in a world where time runs faster for rates."""
    async with FakeTelegram(rates=THEIR_FAST) as fake:
        yield fake


@pytest.fixture
async def dingtalk() -> AsyncIterator[FakeDingTalk]:
    """A corporation's DingTalk."""
    async with FakeDingTalk() as fake:
        yield fake


@pytest.fixture
async def wecom() -> AsyncIterator[FakeWeCom]:
    """A corporation's WeCom."""
    async with FakeWeCom() as fake:
        yield fake


@pytest.fixture
async def memory(redis_url: str) -> AsyncIterator[RedisMemory]:
    """What the bot and the adapters remember, empty."""
    kept = RedisMemory(redis_url)
    yield kept
    await kept.close()


@pytest.fixture
async def front_end(
    telegram: FakeTelegram, memory: RedisMemory
) -> AsyncIterator[Callable[..., TelegramChat]]:
    """Makes adapters, each as a front end of its own; they need not run to speak."""
    made: list[TelegramChat] = []

    def make(**options: Any) -> TelegramChat:
        made.append(make_chat(telegram, memory, **options))
        return made[-1]

    yield make
    for chat in made:
        for request in (chat._bot.request, chat._bot._request[0]):
            await request.shutdown()


@pytest.fixture
async def chat(front_end: Callable[..., TelegramChat]) -> TelegramChat:
    """An adapter that is not running yet."""
    return front_end()


@pytest.fixture
async def reader(telegram: FakeTelegram, chat: TelegramChat) -> AsyncIterator[Reader]:
    """What a running adapter hands on."""
    async with running(chat) as reading:
        yield reading
        await telegram.wait_for_answers()


@contextlib.contextmanager
def _with_bucket(
    serve: Callable[[Path], contextlib.AbstractContextManager[S3Server]],
) -> Iterator[S3Server]:
    with contextlib.ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory(prefix="chorus-s3-"))
        try:
            server = running.enter_context(serve(Path(folder)))
        except ServerUnavailable as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))
        client_of(server).create_bucket(Bucket=BUCKET)
        yield server


@pytest.fixture(scope="session")
def swift() -> Iterator[S3Server]:
    """A real S3 server with an empty bucket, for the whole session."""
    with _with_bucket(swift_server) as server:
        yield server


@pytest.fixture
async def swift_store(swift: S3Server) -> AsyncIterator[S3Store]:
    """Its bucket, which is left as empty as it was found."""
    store = store_of(swift)
    yield store
    await emptied(store, swift)


@pytest.fixture(scope="session")
def rclone() -> Iterator[S3Server]:
    """Another one, with odd answers."""
    with _with_bucket(rclone_server) as server:
        yield server


@pytest.fixture(scope="session")
def ceph() -> Iterator[S3Server]:
    """A third one, strict, with a lifecycle that runs."""
    for program in ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-mgr", "ceph-osd"):
        need(program)
    with _with_bucket(ceph_server) as server:
        yield server


@pytest.fixture(
    scope="session",
    params=[
        "swift",
        pytest.param("rclone", marks=pytest.mark.slow),
        pytest.param("ceph", marks=pytest.mark.slow),
    ],
)
def server(request: pytest.FixtureRequest) -> S3Server:
    """Each of them in turn."""
    found: S3Server = request.getfixturevalue(request.param)
    return found
