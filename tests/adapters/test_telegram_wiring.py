"""From settings to a bot on Telegram."""

import asyncio
import contextlib

import pytest
from pydantic import SecretStr

from adapters.chats.telegram.account import look
from bot.memory import RedisMemory
from bot.ports import PlatformDown
from bot.texts.catalogue import Texts
from config.chats import make_chats, telegram_account
from config.cli.check import _telegram
from config.front_end import serve
from config.settings import Settings, SettingsRefused
from config.system import Wanted, _parts
from tests.fakes.telegram.server import TOKEN


def settings(tmp_path, **set_) -> Settings:
    return Settings(data_dir=tmp_path, _env_file=None, **set_)


def with_token(tmp_path, **set_) -> Settings:
    return settings(tmp_path, telegram_token=SecretStr(TOKEN), **set_)


HOOKED = {"telegram_mode": "webhook", "public_url": "https://chorus.example/"}


async def test_without_a_token_there_is_no_telegram(tmp_path, memory):
    found = make_chats(settings(tmp_path), memory, Texts())

    assert (found.adapters, found.routes) == ([], [])


async def test_a_token_makes_an_adapter_that_polls(tmp_path, memory: RedisMemory):
    found = make_chats(with_token(tmp_path), memory, Texts())

    assert [chat.mailbox for chat in found.adapters] == ["telegram:4242"]
    assert found.routes == []
    for request in found.adapters[0]._bot._request:
        await request.shutdown()


async def test_a_webhook_has_a_route_and_a_secret_that_all_front_ends_find(tmp_path, memory):
    shared = HOOKED | {"secret_key": SecretStr("the same for all of them")}
    one = telegram_account(with_token(tmp_path / "a", **shared))
    two = telegram_account(with_token(tmp_path / "b", **shared))
    own = telegram_account(
        with_token(tmp_path, telegram_webhook_secret=SecretStr("my_own"), **HOOKED)
    )
    found = make_chats(with_token(tmp_path, **HOOKED), memory, Texts())

    assert one == two
    assert one.hook_url == "https://chorus.example/hooks/telegram"
    assert len(one.hook_secret) == 64
    assert own.hook_secret == "my_own"  # noqa: S105 - of a test
    assert [route.path for route in found.routes] == ["/hooks/telegram"]
    for request in found.adapters[0]._bot._request:
        await request.shutdown()


@pytest.mark.parametrize(
    ("set_", "named"),
    [
        ({"telegram_mode": "webhook"}, "PUBLIC_URL"),
        ({"telegram_mode": "webhook", "public_url": "http://chorus.example"}, "https"),
        (HOOKED | {"telegram_webhook_secret": SecretStr("no spaces")}, "WEBHOOK_SECRET"),
    ],
)
def test_a_webhook_that_cannot_work_is_refused_with_the_setting_to_change(tmp_path, set_, named):
    with pytest.raises(SettingsRefused, match=named):
        telegram_account(with_token(tmp_path, **set_))


async def test_the_doctor_tells_name_privacy_and_how_updates_come(tmp_path, telegram):
    polls = with_token(tmp_path, telegram_api_base=telegram.url)
    posted = with_token(tmp_path, telegram_api_base=telegram.url, **HOOKED)
    good = await _telegram(polls)
    telegram.platform.privacy = True
    blind = await _telegram(posted)
    telegram.platform.webhook.url = "https://chorus.example/hooks/telegram"
    telegram.platform.webhook.last_error = "Connection refused"
    telegram.down = True
    telegram.down = False
    failing = await _telegram(posted)
    telegram.platform.webhook.url = ""

    assert (good.ok, good.detail) == (True, "@chorus_bot; polls; reads everything in groups.")
    assert "will be posted to https://chorus.example/hooks/telegram" in blind.detail
    assert "/setprivacy" in blind.detail
    assert (failing.ok, failing.advice) == (
        False,
        "Telegram could not post to the web door: Connection refused.",
    )


async def test_the_doctor_tells_of_a_token_that_does_not_work_without_showing_it(
    tmp_path, telegram
):
    telegram.token = "77:another"  # noqa: S105 - what the server knows
    found = await _telegram(with_token(tmp_path, telegram_api_base=telegram.url))
    with pytest.raises(PlatformDown) as refused:
        await look(telegram_account(with_token(tmp_path, telegram_api_base=telegram.url)))

    assert found.ok is False
    assert found.detail == "Telegram does not accept CHORUS_TELEGRAM_TOKEN."
    assert TOKEN not in repr(refused.value.__context__)


async def test_the_doctor_says_when_telegram_is_not_in_use(tmp_path):
    assert (await _telegram(settings(tmp_path))).ok is None


async def test_what_serves_takes_messages_from_telegram(tmp_path, telegram, redis_url):
    chosen = with_token(
        tmp_path, telegram_api_base=telegram.url, redis_url=SecretStr(redis_url), http_port=0
    )
    task = asyncio.create_task(serve(chosen, None, platforms=True))
    await telegram.wait_until(lambda: bool(telegram.calls("getUpdates")))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def test_demo_chat_and_check_talk_on_no_platform_and_up_and_bot_do():
    plain, served = Wanted(front_end=True), Wanted(front_end=True, platforms=True)

    assert _parts(Settings(_env_file=None), "unix://r", plain, None)[0].arguments == []
    assert _parts(Settings(_env_file=None), "unix://r", served, None)[0].arguments == [
        "--platforms"
    ]
