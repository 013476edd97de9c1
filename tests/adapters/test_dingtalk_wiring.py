"""From settings to the door of DingTalk."""

import asyncio
import contextlib

import pytest
from pydantic import SecretStr

from adapters.chats.dingtalk.frames import MESSAGES, PRESSES
from adapters.chats.dingtalk.robots import Robot
from config.chats import make_chats
from config.cli.check_dingtalk import examine_dingtalk
from config.cli.findings import Finding
from config.dingtalk_door import dingtalk_account, dingtalk_robots
from config.front_end import serve
from config.redaction import secrets_of
from config.settings import Settings, SettingsRefused
from tests.adapters.dingtalk_things import settings_of
from tests.adapters.reading import TEXTS, everybody
from tests.fakes.dingtalk.api import TEMPLATE

TOKEN = "a1b2c3d4e5f6a7b8"  # noqa: S105
READY = {"public_url": "https://chorus.example", "admins": ("dingtalk:user:li",)}


def settings(tmp_path, **set_) -> Settings:
    return Settings(data_dir=tmp_path, _env_file=None, **set_)


async def told(chosen: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in await examine_dingtalk(chosen)}


async def test_the_door_is_open_when_its_credentials_are_set(tmp_path, memory, dingtalk):
    none = make_chats(settings(tmp_path), memory, TEXTS, everybody)
    stream = make_chats(settings(tmp_path, **settings_of(dingtalk)), memory, TEXTS, everybody)
    http = make_chats(
        settings(tmp_path, **settings_of(dingtalk), dingtalk_mode="http"),
        memory,
        TEXTS,
        everybody,
    )

    assert none.adapters == []
    assert [chat.mailbox for chat in stream.adapters] == ["dingtalk:dingtestsrobot"]
    assert (stream.routes, [route.path for route in http.routes]) == ([], ["/hooks/dingtalk"])


def test_what_is_set_is_what_the_door_gets(tmp_path, dingtalk):
    plain = settings(tmp_path, **settings_of(dingtalk))
    more = settings(
        tmp_path,
        **settings_of(dingtalk),
        dingtalk_card_template_id=TEMPLATE,
        dingtalk_robot_code="dingother",
    )

    assert dingtalk_account(plain) == dingtalk.account()
    assert dingtalk_account(more).card_template == TEMPLATE
    assert dingtalk_account(more).robot_code == "dingother"


@pytest.mark.parametrize(
    ("set_", "named"),
    [
        ({"dingtalk_client_id": None}, "DINGTALK_CLIENT_ID"),
        ({"dingtalk_client_secret": None}, "DINGTALK_CLIENT_SECRET"),
        ({"dingtalk_card_template_id": "my card"}, "CARD_TEMPLATE_ID"),
        ({"dingtalk_group_robots": "市场部=short"}, "NAME=TOKEN/SECRET"),
    ],
)
async def test_what_is_missing_is_named(tmp_path, memory, dingtalk, set_, named):
    chosen = settings(tmp_path, **(settings_of(dingtalk) | set_))

    with pytest.raises(SettingsRefused, match=named):
        make_chats(chosen, memory, TEXTS, everybody)
    assert named in (await told(chosen))["dingtalk"].detail


@pytest.mark.parametrize(
    ("entry", "name", "robot"),
    [
        (f"市场部={TOKEN}/SECabcdef12", "市场部", Robot(TOKEN, "SECabcdef12")),
        (f"{TOKEN}", "群 1", Robot(TOKEN)),
        (f"市 场={TOKEN}", "市 场", Robot(TOKEN)),
        (
            f"人事=https://oapi.dingtalk.com/robot/send?access_token={TOKEN}/SECabcdef12",
            "人事",
            Robot(TOKEN, "SECabcdef12"),
        ),
        (f"https://oapi.dingtalk.com/robot/send?access_token={TOKEN}", "群 1", Robot(TOKEN)),
    ],
)
def test_group_robots_have_names_tokens_and_secrets(tmp_path, entry, name, robot):
    chosen = settings(tmp_path, dingtalk_group_robots=entry)

    assert dingtalk_robots(chosen) == {name: robot}
    hidden = secrets_of(chosen)
    assert TOKEN in hidden


@pytest.mark.parametrize(
    "robots",
    [
        "a=1/SEC2",
        f"a={TOKEN},a={TOKEN[::-1]}",
        f"a={TOKEN},b={TOKEN}",  # two names: nobody would count how often it is posted to
        f"={TOKEN}",
        f"{TOKEN}/nosecret",
        "https://x/y",
    ],
)
def test_a_robot_that_is_none_is_refused_without_showing_it(tmp_path, robots):
    with pytest.raises(SettingsRefused, match="NAME=TOKEN/SECRET") as refused:
        dingtalk_robots(settings(tmp_path, dingtalk_group_robots=robots))

    assert TOKEN not in str(refused.value)


async def test_the_doctor_finds_nothing_wrong_where_all_is_set(tmp_path, dingtalk):
    chosen = settings(
        tmp_path,
        **settings_of(dingtalk),
        **READY,
        dingtalk_card_template_id=TEMPLATE,
        dingtalk_group_robots=f"市场部={TOKEN}/SECabcdef12",
    )
    found = await told(chosen)

    names = ("app", "stream", "permissions", "card", "robots", "people")
    assert {name: finding.ok for name, finding in found.items()} == dict.fromkeys(
        (f"dingtalk {name}" for name in names), True
    )
    assert dingtalk.gateway.opened == 0  # it takes no message away from a running front end


async def test_the_doctor_names_what_is_missing_without_showing_a_secret(tmp_path, dingtalk):
    dingtalk.api.missing |= {"Robot.Message.Send", "Robot.Message.Read"}
    found = await told(settings(tmp_path, **settings_of(dingtalk)))

    permissions = found["dingtalk permissions"]
    assert permissions.ok is False
    assert "Robot.Message.Send, Robot.Message.Read" in permissions.detail
    assert "config/dingtalk-card.json" in found["dingtalk card"].advice
    assert found["dingtalk people"].ok is False
    assert dingtalk.account().client_secret not in repr(found)


async def test_the_doctor_tells_of_a_robot_that_is_none_of_this_app(tmp_path, dingtalk):
    chosen = settings(tmp_path, **settings_of(dingtalk), **READY, dingtalk_robot_code="another")
    permissions = (await told(chosen))["dingtalk permissions"]

    assert permissions.ok is False
    assert "CHORUS_DINGTALK_ROBOT_CODE" in permissions.detail


async def test_the_doctor_asks_for_the_topics_that_the_robot_will_ask_for(tmp_path, dingtalk):
    """One that DingTalk refuses fails them all."""
    await told(
        settings(tmp_path, **settings_of(dingtalk), dingtalk_card_template_id=TEMPLATE, **READY)
    )

    (asked,) = [body["subscriptions"] for name, body in dingtalk.world.calls if name == "open"]
    assert [each["topic"] for each in asked] == [MESSAGES, PRESSES]


async def test_the_doctor_tells_of_a_wrong_secret(tmp_path, dingtalk):
    wrong = settings_of(dingtalk) | {"dingtalk_client_secret": SecretStr("another")}
    (found,) = [f for f in (await told(settings(tmp_path, **wrong))).values() if f.ok is False][:1]

    assert "CHORUS_DINGTALK_CLIENT_ID" in found.detail


async def test_called_back_the_doctor_names_the_address(tmp_path, dingtalk):
    http = settings_of(dingtalk) | {
        "dingtalk_mode": "http",
        "dingtalk_card_template_id": TEMPLATE,
    }
    without = await told(settings(tmp_path, **http))
    ready = await told(settings(tmp_path, **http, **READY))

    assert "CHORUS_PUBLIC_URL" in without["dingtalk callback"].advice
    assert "https://chorus.example/hooks/dingtalk" in ready["dingtalk callback"].detail
    assert "dingtalk stream" not in ready
    assert ready["dingtalk card"].ok is None


async def test_without_dingtalk_the_doctor_says_how_to_begin(tmp_path):
    (found,) = (await told(settings(tmp_path))).values()

    assert found.ok is None
    assert "CHORUS_DINGTALK_CLIENT_ID" in found.advice


async def test_what_serves_talks_to_people(tmp_path, dingtalk, redis_url):
    dingtalk.member("li")
    chosen = settings(
        tmp_path,
        **settings_of(dingtalk),
        redis_url=SecretStr(redis_url),
        http_port=0,
        **READY,
    )
    task = asyncio.create_task(serve(chosen, None, platforms=True))
    await dingtalk.world.wait_for(lambda: dingtalk.gateway.lines)
    await dingtalk.tells("li", "帮助")
    await dingtalk.world.wait_for_text("li", "口型同步")
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
