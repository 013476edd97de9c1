"""From settings to a bot on Telegram."""

import asyncio
import contextlib
import time

import pytest
from pydantic import SecretStr

from adapters.chats.telegram.account import TokenRefused, look
from bot.memory import RedisMemory
from config.chats import make_chats, telegram_account
from config.cli.check_telegram import examine_telegram
from config.cli.findings import Finding
from config.front_end import serve
from config.settings import Settings, SettingsRefused
from config.system import Wanted, _parts
from tests.adapters.reading import TEXTS, everybody
from tests.fakes.telegram.server import TOKEN


def settings(tmp_path, **set_) -> Settings:
    return Settings(data_dir=tmp_path, _env_file=None, **set_)


def with_token(tmp_path, **set_) -> Settings:
    return settings(tmp_path, telegram_token=SecretStr(TOKEN), **set_)


HOOKED = {"telegram_mode": "webhook", "public_url": "https://chorus.example/"}


async def test_without_a_token_there_is_no_telegram(tmp_path, memory):
    found = make_chats(settings(tmp_path), memory, TEXTS, everybody)

    assert (found.adapters, found.routes) == ([], [])


async def test_a_token_makes_an_adapter_that_polls(tmp_path, memory: RedisMemory):
    found = make_chats(with_token(tmp_path), memory, TEXTS, everybody)

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
    found = make_chats(with_token(tmp_path, **HOOKED), memory, TEXTS, everybody)

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
        ({"telegram_mode": "webhook", "public_url": "https://chorus.example:9000"}, "8443"),
        (HOOKED | {"telegram_webhook_secret": SecretStr("no spaces")}, "WEBHOOK_SECRET"),
    ],
)
def test_a_webhook_that_cannot_work_is_refused_with_the_setting_to_change(tmp_path, set_, named):
    with pytest.raises(SettingsRefused, match=named):
        telegram_account(with_token(tmp_path, **set_))


@pytest.mark.parametrize("token", ["", "4242", "4242:", "4242:ab cd", " 4242:abcd", "bot4242:abcd"])
def test_a_token_that_is_none_is_refused_before_anything_starts(tmp_path, token):
    with pytest.raises(SettingsRefused, match="TELEGRAM_TOKEN") as refused:
        telegram_account(settings(tmp_path, telegram_token=SecretStr(token)))

    assert len(token) < 5 or token not in str(refused.value)


async def told(settings_: Settings) -> dict[str, Finding]:
    """What the doctor says, by name."""
    return {finding.name: finding for finding in await examine_telegram(settings_)}


READY = {
    "public_url": "https://chorus.example",
    "allow": ("telegram:chat:-100123",),
    "admins": ("telegram:user:42",),
}


async def test_the_doctor_finds_nothing_wrong_where_all_is_set(tmp_path, telegram):
    found = await told(with_token(tmp_path, telegram_api_base=telegram.url, **READY))

    assert {name: finding.ok for name, finding in found.items()} == dict.fromkeys(
        ("telegram", "telegram groups", "telegram links", "telegram people"), True
    )
    assert found["telegram"].detail == "@chorus_bot; polls."


async def test_the_doctor_tells_how_updates_come_and_why_they_do_not(tmp_path, telegram):
    posted = with_token(tmp_path, telegram_api_base=telegram.url, **HOOKED)
    before = (await told(posted))["telegram"]
    telegram.platform.webhook.url = "https://chorus.example/hooks/telegram"
    telegram.platform.webhook.last_error = "Connection refused"
    failing = (await told(posted))["telegram"]
    telegram.platform.webhook.url = f"https://old.example/{TOKEN}"
    left = (await told(with_token(tmp_path, telegram_api_base=telegram.url)))["telegram"]
    telegram.platform.webhook.url = ""

    assert "will be posted to https://chorus.example/hooks/telegram" in before.detail
    assert (failing.ok, failing.advice) == (
        False,
        "Telegram could not post to the web door: Connection refused.",
    )
    assert left.ok is True
    assert "a webhook is left behind: https://old.example/…." in left.detail
    assert telegram.calls("deleteWebhook") == []  # looking changes nothing


@pytest.mark.parametrize(("waiting", "ok"), [(0, True), (3, False)])
async def test_a_failure_that_is_over_worries_the_doctor_only_while_messages_wait(
    tmp_path, telegram, waiting, ok
):
    webhook = telegram.platform.webhook
    webhook.last_error, webhook.last_error_at = "Connection refused", time.time() - 86_400
    telegram.platform.pending = [{"update_id": number} for number in range(waiting)]
    found = (await told(with_token(tmp_path, telegram_api_base=telegram.url, **HOOKED)))["telegram"]

    assert found.ok is ok
    assert ("Connection refused" in found.detail + found.advice) is not ok


async def test_the_doctor_tells_what_the_bot_does_not_see_in_groups(tmp_path, telegram):
    telegram.platform.privacy = True
    found = (await told(with_token(tmp_path, telegram_api_base=telegram.url)))["telegram groups"]

    assert found.ok is None
    assert "no voice note by itself" in found.detail
    assert "/setprivacy" in found.advice


@pytest.mark.parametrize("public_url", [None, "http://localhost:8080", "http://127.0.0.1:8080"])
async def test_the_doctor_tells_of_links_that_lead_nowhere(tmp_path, telegram, public_url):
    chosen = READY | {"public_url": public_url}
    found = (await told(with_token(tmp_path, telegram_api_base=telegram.url, **chosen)))[
        "telegram links"
    ]

    assert found.ok is False
    assert "CHORUS_PUBLIC_URL" in found.advice


async def test_links_of_a_cloud_store_need_no_address_of_ours(tmp_path, telegram):
    cloud = with_token(tmp_path, telegram_api_base=telegram.url, store="s3", s3_bucket="b")

    assert "telegram links" not in await told(cloud)


async def test_the_doctor_tells_how_the_first_person_is_admitted(tmp_path, telegram):
    base = {"telegram_api_base": telegram.url}
    nobody = (await told(with_token(tmp_path, allow=("wecom:user:li",), **base)))["telegram people"]
    some = (await told(with_token(tmp_path, allow=("telegram:user:7",), **base)))["telegram people"]

    assert (nobody.ok, some.ok) == (False, None)
    assert "Write to @chorus_bot" in nobody.advice
    assert "CHORUS_ADMINS" in some.advice


async def test_the_doctor_tells_of_a_token_that_does_not_work_without_showing_it(
    tmp_path, telegram
):
    telegram.token = "77:another"  # noqa: S105 - what the server knows
    (found,) = await examine_telegram(with_token(tmp_path, telegram_api_base=telegram.url))
    with pytest.raises(TokenRefused) as refused:
        await look(telegram_account(with_token(tmp_path, telegram_api_base=telegram.url)))

    assert found.ok is False
    assert found.detail == "Telegram does not accept CHORUS_TELEGRAM_TOKEN."
    assert "BotFather" in found.advice
    assert TOKEN not in repr(refused.value.__context__)


async def test_the_doctor_tells_of_a_telegram_that_is_away(tmp_path, telegram):
    telegram.down = True
    (found,) = await examine_telegram(with_token(tmp_path, telegram_api_base=telegram.url))

    assert found.ok is False
    assert telegram.url in found.advice


async def test_the_doctor_says_how_to_begin_when_telegram_is_not_in_use(tmp_path):
    (found,) = await examine_telegram(settings(tmp_path))

    assert found.ok is None
    assert "/newbot" in found.advice


async def test_the_doctor_tells_of_a_webhook_without_https(tmp_path):
    hooked = {"telegram_mode": "webhook", "public_url": "http://chorus.example"}
    (found,) = await examine_telegram(with_token(tmp_path, **hooked))

    assert found.ok is False
    assert "begin with https://" in found.detail


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
