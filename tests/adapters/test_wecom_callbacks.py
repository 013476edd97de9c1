"""The callback address of the self-built app: who is let in, who is not, and how fast."""

import asyncio
import io
import random
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chats.callback_crypto import CallbackCipher
from adapters.chats.wecom.callback_xml import NoCallback, branches, read_xml, word, words
from bot.ports import MemoryUnavailable
from tests.adapters.reading import running
from tests.adapters.wecom_things import QUICK, hooked, make_app
from tests.fakes.wecom.callbacks import query_of
from tests.fakes.wecom.server import FakeWeCom

TEXT = {"kind": "text", "Content": "你好"}


@pytest.fixture
async def door(wecom, memory) -> AsyncIterator[str]:
    """A front end that only answers callbacks."""
    async with hooked(wecom, make_app(wecom, memory)) as url:
        yield url


async def waiting(memory, wecom: FakeWeCom) -> int:
    return int(await memory._redis.xlen(f"chorus:memory:inbox:wecom%3A{wecom.app.id}"))


async def test_the_address_is_confirmed_with_the_bare_text_whatever_its_age(wecom, door):
    sealed = wecom.callbacks.seal("1616140317555161061", at=1_409_659_589)

    status, said = await wecom.callbacks.get(query_of(sealed) | {"echostr": sealed.encrypted})

    assert (status, said) == (200, "1616140317555161061")


async def test_the_address_is_not_confirmed_to_somebody_else(wecom, door):
    sealed = replace(wecom.callbacks.seal("1"), nonce="2")

    status, said = await wecom.callbacks.get(query_of(sealed) | {"echostr": sealed.encrypted})

    assert (status, said) == (403, "")
    assert await wecom.callbacks.get({}) == (400, "")


async def test_a_message_is_kept_once_however_often_it_comes(wecom, memory, door):
    posted = await wecom.callbacks.send("li", copies=3, **TEXT)

    assert posted.statuses == [200, 200, 200]
    assert await waiting(memory, wecom) == 1


@pytest.mark.parametrize("at", [-700, 700])
async def test_an_old_callback_and_one_of_the_future_are_refused(wecom, memory, door, at):
    sealed = wecom.callbacks.seal(wecom.callbacks.xml("li", **TEXT), at=time.time() + at)

    assert await wecom.callbacks.post(sealed) == 403
    assert await waiting(memory, wecom) == 0


async def test_a_callback_that_comes_again_after_wecom_s_retries_is_a_replay(wecom, memory):
    now = [time.time()]
    chat = make_app(wecom, memory)
    chat._hook.gate.clock = lambda: now[0]
    async with hooked(wecom, chat):
        posted = await wecom.callbacks.send("li", **TEXT)
        now[0] += 20
        retried = await wecom.callbacks.post(posted.sealed)
        now[0] += 60
        replayed = await wecom.callbacks.post(posted.sealed)

    assert (retried, replayed) == (200, 403)
    assert await waiting(memory, wecom) == 1
    assert chat._hook.gate.refused == 1


async def test_a_nonce_serves_one_message_only(wecom, memory, door):
    first = wecom.callbacks.seal(wecom.callbacks.xml("li", **TEXT))
    other = wecom.callbacks.cipher.seal(
        wecom.callbacks.xml("wang", **TEXT), first.timestamp, first.nonce
    )

    statuses = [await wecom.callbacks.post(sealed) for sealed in (first, other)]

    assert statuses == [200, 403]


async def test_a_callback_of_another_corporation_or_app_is_refused(wecom, memory, door):
    account, xml = wecom.app, wecom.callbacks.xml("li", **TEXT)
    other = CallbackCipher(account.token, account.aes_key, "ww0000000000000000")
    at = str(int(time.time()))

    stranger = await wecom.callbacks.post(other.seal(xml, at, "1"))
    neighbour = await wecom.callbacks.post(
        wecom.callbacks.seal(xml.replace(account.agent_id, "1000003"))
    )

    assert (stranger, neighbour) == (403, 403)
    assert await waiting(memory, wecom) == 0


async def test_without_redis_wecom_is_asked_to_send_again(wecom, memory, monkeypatch):
    chat = make_app(wecom, memory)

    async def away(*_: object) -> bool:
        raise MemoryUnavailable

    async with hooked(wecom, chat):
        monkeypatch.setattr(memory, "receive", away)
        posted = await wecom.callbacks.send("li", **TEXT)
        monkeypatch.undo()
        again = await wecom.callbacks.post(posted.sealed)

    assert posted.statuses == [503] * 4
    assert again == 200
    assert await waiting(memory, wecom) == 1


async def test_a_redis_that_hangs_does_not_make_wecom_wait(wecom, memory, monkeypatch):
    chat = make_app(wecom, memory, timing=replace(QUICK, hook_s=0.2))

    async def hang(*_: object) -> bool:
        await asyncio.Event().wait()
        raise AssertionError

    async with hooked(wecom, chat):
        monkeypatch.setattr(memory, "receive", hang)
        status = await wecom.callbacks.post(wecom.callbacks.seal(wecom.callbacks.xml("li", **TEXT)))

    assert status == 503


async def test_two_events_of_one_second_are_two(wecom, memory, door):
    for key in ("/templates", "/status"):
        await wecom.callbacks.send("li", "event", Event="click", EventKey=key, CreateTime=1)

    assert await waiting(memory, wecom) == 2


SCRAPS = st.one_of(st.text(max_size=60), st.sampled_from(["1", "0", "９", "-1", "99999999999999"]))


QUERIES = st.one_of(
    st.dictionaries(st.sampled_from(["msg_signature", "timestamp", "nonce", "echostr"]), SCRAPS),
    st.fixed_dictionaries(
        {"timestamp": st.just("1"), "nonce": st.just("1"), "msg_signature": SCRAPS}
    ),
)
HALVES = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3)
"""Of letters, which UTF-8 cannot carry."""
BODIES = st.one_of(
    st.binary(max_size=200),
    st.tuples(HALVES, st.sampled_from(["surrogatepass", "xmlcharrefreplace"])).map(
        lambda made: f"<xml><Encrypt>{made[0]}</Encrypt></xml>".encode(errors=made[1])
    ),
    st.text(max_size=80).map(lambda text: f"<xml><Encrypt>{text}</Encrypt></xml>".encode()),
)
NONSENSE = st.one_of(st.text(max_size=200), st.from_regex(r"<xml>(<[A-Z]>.{0,9}</[A-Z]>)*")).map(
    lambda text: f"{text}<"
)
MANY = 25
"""Tried at one door, because opening one takes longer than all of them."""


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(QUERIES, BODIES), min_size=MANY, max_size=MANY))
def test_nothing_but_4xx_for_what_nobody_signed(asked):
    async def ask() -> set[int]:
        async with FakeWeCom() as wecom, hooked(wecom, make_app(wecom, Untouched())):
            callbacks = wecom.callbacks
            found = {await callbacks.post_raw(query, body) for query, body in asked}
            return found | {(await callbacks.get(query))[0] for query, _ in asked}

    assert all(400 <= status < 500 for status in asyncio.run(ask()))


@settings(max_examples=12, deadline=None)
@given(st.lists(NONSENSE, min_size=MANY, max_size=MANY))
def test_nothing_but_4xx_for_signed_nonsense(insides):
    async def ask() -> set[int]:
        async with FakeWeCom() as wecom, hooked(wecom, make_app(wecom, Untouched())):
            callbacks = wecom.callbacks
            return {await callbacks.post(callbacks.seal(inside)) for inside in insides}

    assert all(400 <= status < 500 for status in asyncio.run(ask()))


class Untouched:
    """A Memory that must not be asked."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was asked for an unsigned callback")


class Counted(io.BytesIO):
    """Knows how much of it was sent."""

    taken_bytes = 0

    def read(self, size: int | None = -1) -> bytes:
        taken = super().read(size)
        self.taken_bytes += len(taken)
        return taken


async def test_a_body_without_end_is_not_read(wecom, door):
    status = await wecom.callbacks.post_raw({}, io.BytesIO(b" " * (2 << 20)))

    assert status in {413, 0}  # 0: the connection was closed while we still wrote


async def test_a_body_that_says_it_is_too_long_is_refused_before_it_is_read(wecom, door):
    body = Counted(b" " * (64 << 20))
    status = await wecom.callbacks.post_raw({}, body)

    assert status in {413, 0}
    assert body.taken_bytes < 32 << 20


async def test_a_bomb_is_refused_outside_and_inside_of_the_seal(wecom, memory, door):
    bomb = '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;">]><xml><Encrypt>&d;</Encrypt></xml>'
    sealed = wecom.callbacks.seal(bomb)

    outside = await wecom.callbacks.post_raw(query_of(sealed), bomb.encode())
    inside = await wecom.callbacks.post(sealed)

    assert (outside, inside) == (400, 400)
    assert await waiting(memory, wecom) == 0


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><xml>&b;</xml>',
        '<!DOCTYPE a SYSTEM "file:///etc/hostname"><xml/>',
        "<xml>&undefined;</xml>",
        "<xml>",
        "",
        "<a>" * 40 + "</a>" * 40,
        '<?xml version="1.0" encoding="utf-7"?><xml/>',
    ],
)
def test_xml_that_could_grow_is_refused(text):
    with pytest.raises(NoCallback):
        read_xml(text)


def test_xml_is_read_with_all_elements_of_a_name():
    tree = read_xml("<xml><a>1</a><a> 2 </a><b><c><![CDATA[<x>]]></c></b><d/></xml>")

    assert (word(tree, "a"), words(tree, "a"), word(tree, "b", "c")) == ("1", ["1", "2"], "<x>")
    assert (word(tree, "d"), word(tree, "no", "such"), branches(tree, "b")) == (
        "",
        "",
        [{"c": ["<x>"]}],
    )


@pytest.mark.alone
async def test_fifty_callbacks_a_second_are_answered_at_once(wecom, memory):
    chat = make_app(wecom, memory)
    count, dice = 200, random.Random(7)  # noqa: S311 - a game
    async with hooked(wecom, chat), running(chat) as reader:

        async def one(number: int) -> float:
            await asyncio.sleep(number / 50)
            posted = await wecom.callbacks.send("li", copies=dice.choice((1, 1, 1, 2)), **TEXT)
            return max(posted.seconds)

        seconds = await asyncio.gather(*(one(number) for number in range(count)))
        await reader.next(count)

    p99_s = statistics.quantiles(seconds, n=100)[98]
    print(f"callbacks at 50/s: p99 {p99_s * 1000:.0f} ms, longest {max(seconds) * 1000:.0f} ms")
    assert len(reader.found) == count
    assert max(seconds) < 5
