"""From settings to the doors of WeCom."""

import asyncio
import contextlib
import json

import pytest
from pydantic import SecretStr

from config.chats import make_chats
from config.cli.check_wecom import examine_wecom
from config.cli.findings import Finding
from config.front_end import serve
from config.settings import Settings, SettingsRefused
from config.wecom_doors import wecom_app, wecom_bot, wecom_robots
from tests.adapters.reading import TEXTS, everybody
from tests.adapters.wecom_things import app_settings, bot_settings
from tests.fakes.wecom.faults import code
from tests.fakes.wecom.world import LIMIT_S


def settings(tmp_path, **set_) -> Settings:
    return Settings(data_dir=tmp_path, _env_file=None, **set_)


async def told(chosen: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in await examine_wecom(chosen)}


async def test_each_door_is_open_when_its_credentials_are_set(tmp_path, memory, wecom):
    none = make_chats(settings(tmp_path), memory, TEXTS, everybody)
    app = make_chats(settings(tmp_path, **app_settings(wecom)), memory, TEXTS, everybody)
    bot = make_chats(settings(tmp_path, **bot_settings(wecom)), memory, TEXTS, everybody)
    both = make_chats(
        settings(tmp_path, **app_settings(wecom), **bot_settings(wecom)), memory, TEXTS, everybody
    )

    assert none.adapters == []
    assert [chat.mailbox for chat in app.adapters] == ["wecom:ww1436e0e65a779aee-1000002"]
    assert [route.path for route in app.routes] == ["/hooks/wecom"] * 2
    assert ([chat.mailbox for chat in bot.adapters], bot.routes) == (["wecom:aib-tests"], [])
    assert len(both.adapters) == 2


def test_what_is_set_is_what_the_doors_get(tmp_path, wecom):
    chosen = settings(tmp_path, **app_settings(wecom), **bot_settings(wecom))

    assert wecom_app(chosen) == wecom.app
    assert wecom_bot(chosen) == wecom.ai_bot


@pytest.mark.parametrize(
    ("set_", "named"),
    [
        ({"wecom_corp_id": None}, "CORP_ID"),
        ({"wecom_app_agent_id": "chorus"}, "AGENT_ID"),
        ({"wecom_app_aes_key": SecretStr("short")}, "AES_KEY"),
        ({"wecom_bot_secret": SecretStr("s")}, "BOT_ID"),
        ({"wecom_bot_id": "aib"}, "BOT_SECRET"),
        ({"wecom_bot_token": SecretStr("t")}, "both CHORUS_WECOM_BOT_TOKEN"),
        ({"wecom_bot_aes_key": SecretStr("k")}, "both CHORUS_WECOM_BOT_TOKEN"),
        (
            {"wecom_bot_token": SecretStr("t"), "wecom_bot_aes_key": SecretStr("short")},
            "BOT_AES_KEY",
        ),
        (
            {
                "wecom_bot_id": "aib",
                "wecom_bot_secret": SecretStr("s"),
                "wecom_bot_token": SecretStr("t"),
            },
            "set one of the two",
        ),
    ],
)
async def test_what_is_missing_is_named(tmp_path, memory, wecom, set_, named):
    chosen = settings(tmp_path, **(app_settings(wecom) | set_))

    with pytest.raises(SettingsRefused, match=named):
        make_chats(chosen, memory, TEXTS, everybody)
    assert named in (await told(chosen))["wecom"].detail


def test_group_robots_have_names_or_numbers(tmp_path):
    chosen = settings(tmp_path, wecom_group_robots="市场部=key-number-1, key-number-2")

    assert wecom_robots(chosen) == {"市场部": "key-number-1", "群 2": "key-number-2"}


@pytest.mark.parametrize(
    "robots", ["https://qyapi.weixin.qq.com/x?key=1", "a=key-1111,a=key-2222", "=key-1111"]
)
def test_a_robot_that_is_none_is_refused_without_showing_its_key(tmp_path, robots):
    with pytest.raises(SettingsRefused, match="NAME=KEY") as refused:
        wecom_robots(settings(tmp_path, wecom_group_robots=robots))

    assert "1111" not in str(refused.value)


READY = {"public_url": "https://chorus.example", "admins": ("wecom:user:li",)}


async def test_the_doctor_finds_nothing_wrong_where_all_is_set(tmp_path, wecom):
    robots = {"wecom_group_robots": "市场部=key-number-1"}
    chosen = settings(tmp_path, **app_settings(wecom), **bot_settings(wecom), **READY, **robots)
    found = await told(chosen)

    assert {name: finding.ok for name, finding in found.items()} == dict.fromkeys(
        ("wecom app", "wecom callback", "wecom bot", "wecom robots", "wecom people"), True
    )
    assert "https://chorus.example/hooks/wecom" in found["wecom callback"].detail


async def test_the_doctor_tells_that_group_robots_alone_are_no_use(tmp_path):
    found = await told(settings(tmp_path, wecom_group_robots="市场部=key-number-1"))

    assert [(name, finding.ok) for name, finding in found.items()] == [("wecom robots", False)]
    assert "市场部" in found["wecom robots"].detail
    assert "CHORUS_WECOM_BOT_ID" in found["wecom robots"].advice


async def test_the_doctor_tells_what_does_not_work_without_showing_a_secret(tmp_path, wecom):
    chosen = settings(tmp_path, **app_settings(wecom), **bot_settings(wecom))
    wecom.api.secret = "another"  # noqa: S105
    found = await told(chosen)

    assert "APP_SECRET" in found["wecom app"].detail
    assert [found[f"wecom {name}"].ok for name in ("app", "callback", "bot", "people")] == [
        False,
        False,
        True,
        False,
    ]
    assert wecom.app.secret not in repr(found)


async def test_the_doctor_tells_of_an_address_that_wecom_does_not_trust(tmp_path, wecom):
    wecom.api.faults.append(code(60020, "agent/get"))
    found = await told(settings(tmp_path, **app_settings(wecom), **READY))

    assert "trusted IPs" in found["wecom app"].detail


async def test_the_doctor_does_not_take_the_connection_from_a_running_bot(tmp_path, wecom):
    found = await told(settings(tmp_path, **bot_settings(wecom), **READY))

    assert found["wecom bot"].ok
    assert wecom.bot.line is None


async def test_what_serves_talks_through_both_doors(tmp_path, wecom, redis_url):
    wecom.member("li")
    chosen = settings(
        tmp_path,
        **app_settings(wecom),
        **bot_settings(wecom),
        redis_url=SecretStr(redis_url),
        http_port=0,
        **READY,
    )
    task = asyncio.create_task(serve(chosen, None, platforms=True))
    await wecom.world.wait_for(lambda: wecom.bot.line and wecom.api.menu)
    await wecom.tells_bot("li", "帮助")
    await wecom.world.wait_for_text("li", "口型同步")
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_without_wecom_the_doctor_says_how_to_begin(tmp_path):
    (found,) = (await told(settings(tmp_path))).values()

    assert found.ok is None
    assert "CHORUS_WECOM_BOT_ID" in found.advice


def hook_settings(wecom) -> dict[str, object]:
    """What an operator would set for an AI bot that is called back."""
    bot = wecom.hooked_bot
    return {"wecom_bot_token": SecretStr(bot.token), "wecom_bot_aes_key": SecretStr(bot.aes_key)}


async def test_which_credentials_are_set_decides_how_the_ai_bot_is_connected(
    tmp_path, memory, wecom
):
    chosen = settings(tmp_path, **hook_settings(wecom))
    made = make_chats(chosen, memory, TEXTS, everybody)

    (chat,) = made.adapters
    assert chosen.platforms == ("wecom",)
    assert [route.path for route in made.routes] == ["/hooks/wecom-bot"] * 2
    assert chat.limits.send_bytes == 0
    called = {"wecom_bot_name": "Chorus 数字人"}
    for named in (hook_settings(wecom), bot_settings(wecom)):
        assert wecom_bot(settings(tmp_path, **(named | called))).name == "Chorus 数字人"
    assert wecom_bot(chosen).hooked


async def test_the_doctor_names_the_address_at_which_the_ai_bot_is_called_back(tmp_path, wecom):
    without = await told(settings(tmp_path, **hook_settings(wecom)))
    ready = await told(settings(tmp_path, **hook_settings(wecom), **READY))

    assert "CHORUS_PUBLIC_URL" in without["wecom bot"].advice
    assert "/hooks/wecom-bot in the AI bot" in ready["wecom bot"].detail


async def test_an_ai_bot_that_is_called_back_talks_through_the_web_door(
    tmp_path, wecom, redis_url, capsys
):
    chosen = settings(
        tmp_path,
        **hook_settings(wecom),
        redis_url=SecretStr(redis_url),
        http_port=0,
        **READY,
    )
    task = asyncio.create_task(serve(chosen, None, platforms=True))
    wecom.hooked.targets.append(f"{await door_of(capsys)}/hooks/wecom-bot")
    await wecom.tells_bot("li", "帮助")
    await wecom.world.wait_for_text("li", "口型同步")
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def door_of(capsys) -> str:
    """The address that a front end says once it listens."""
    said = ""
    async with asyncio.timeout(LIMIT_S):
        while "\n" not in said:
            await asyncio.sleep(0.02)
            said += capsys.readouterr().out
    return str(json.loads(said.partition("\n")[0])["door"])
