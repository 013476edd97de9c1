"""Records and small steps that the tests of the ledger and the foreman share."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import TimeoutError as RedisSlow

from worker.contract.records import (
    Chat,
    ClipResult,
    Order,
    Person,
    TakeRecord,
    TakeState,
    TemplateRecord,
    TemplateState,
    Utterance,
)
from worker.desk import Lease
from worker.ledger import RedisLedger
from worker.ledger_scripts import Queue

ANNA = Person(id="anna", name="Anna")
BEN = Person(id="ben", name="Ben", language="zh")
HALL = Chat(platform="console", account="test", id="hall")
ROOM = Chat(platform="console", account="test", id="room")


@contextlib.asynccontextmanager
async def open_ledger(url: str) -> AsyncIterator[RedisLedger]:
    client = redis.asyncio.Redis.from_url(
        url,
        decode_responses=True,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), 6),
        retry_on_error=[RedisGone, RedisSlow],
    )
    try:
        yield RedisLedger(client)
    finally:
        await client.aclose()


def take(content: bytes = b"voice") -> TakeRecord:
    return TakeRecord(
        id=hashlib.sha256(content).hexdigest(),
        name="voice.ogg",
        size_bytes=len(content),
        created_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    )


def template(name: str, content: bytes | None = None) -> TemplateRecord:
    content = content if content is not None else name.encode()
    return TemplateRecord(
        id=f"t-{name}",
        name=name,
        file_name=f"{name}.mp4",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        created_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    )


def order(
    key: str, *names: str, chat: Chat = HALL, person: Person = ANNA, of: TakeRecord | None = None
) -> Order:
    return Order(
        key=key,
        chat=chat,
        person=person,
        take_id=(of or take()).id,
        take_name="voice.ogg",
        template_ids=tuple(f"t-{name}" for name in names),
    )


def teller(chat: Chat = HALL, person: Person = ANNA) -> Utterance:
    return Utterance(kind="take", chat=chat, person=person, subject=take().id)


def result(key: str = "clips/x/001.mp4") -> ClipResult:
    return ClipResult(
        key=key,
        size_bytes=3,
        crc32=1,
        sha256="00",
        frames=25,
        fps=25.0,
        duration_s=1.0,
        engine="fake",
    )


async def drawn(ledger: RedisLedger, queue: Queue = "clips") -> Lease:
    lease = await ledger.desk.draw(queue, "w")
    assert lease is not None
    return lease


async def stock(ledger: RedisLedger, *names: str) -> None:
    """A Take and Templates that are ready."""
    await ledger.open_take(take())
    for name in names:
        await ledger.add_template(template(name))
    while lease := await ledger.desk.draw("takes", "w"):
        await ledger.desk.settle_take(lease, TakeState.READY, {"duration_s": 1.0}, None)
    while lease := await ledger.desk.draw("templates", "w"):
        await ledger.desk.settle_template(lease, TemplateState.READY, {"frames": 25}, None)
