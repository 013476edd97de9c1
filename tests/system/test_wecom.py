"""Chorus on WeCom in real processes: killed in the middle of it, and the whole of it with the real engine."""

import asyncio
import io
import re
import wave
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from bot.stock import add_to_library
from config.settings import Settings
from config.system import Wanted, running_system
from config.wiring import wires
from pipeline.media import probe_video
from pipeline.samples.library import write_voice
from tests.adapters.chat_scene import PUBLIC
from tests.adapters.wecom_scene import Scene, open_scene
from tests.adapters.wecom_things import app_settings, bot_chat, bot_settings
from tests.corpora.media import write_sound
from tests.fakes.wecom.hooked import HOOK_KEY, HOOK_TOKEN
from tests.fakes.wecom.server import FakeWeCom
from tests.system.conversation import presenter
from tests.system.front_end import FrontEnd, front_end
from worker.contract.records import BatchState

SECRET = "a secret of tests only, long enough"  # noqa: S105 - the scene's
LIMIT_S = 240.0
ARCHIVE = re.compile(r"打包下载.*?(https://chorus\.example/d/[\w.-]+)", re.DOTALL)
ALLOWED = "wecom:user:li,wecom:chat:g1"


@pytest.fixture
async def wecom() -> AsyncIterator[FakeWeCom]:
    async with FakeWeCom() as fake:
        yield fake


@pytest.fixture
async def scene(wecom, redis_url, tmp_path) -> AsyncIterator[Scene]:
    async with open_scene(wecom, redis_url, tmp_path) as opened:
        yield opened


def plain(settings: dict[str, object]) -> dict[str, str]:
    """As they would stand in the environment."""
    found = {}
    for name, value in settings.items():
        secret = getattr(value, "get_secret_value", None)
        found[name.upper()] = secret() if secret else str(value)
    return found


def common(scene: Scene) -> dict[str, str]:
    return {
        "DATA_DIR": str(scene.folder),
        "REDIS_URL": scene.url,
        "SECRET_KEY": SECRET,
        "PUBLIC_URL": PUBLIC,
        "HTTP_PORT": "0",
        "ALLOW": ALLOWED,
    }


@pytest.mark.slow
async def test_a_leader_killed_in_mid_batch_is_replaced_and_the_result_is_told_once(wecom, scene):
    """Of two front ends the one that holds the connection is killed; the other takes over within its lease."""
    gone = scene.folder / "gone"  # who is killed shall tell no result
    await scene.stock(anchor=f"until {gone}", host="ok")
    settings = common(scene) | plain(bot_settings(wecom))
    async with scene.foreman(), front_end(settings) as leader:
        await wecom.world.wait_for(lambda: wecom.bot.line and wecom.bot.line.subscribed, LIMIT_S)
        async with front_end(settings):
            quote = {"msgtype": "file", "file": wecom.bot_file("稿子.m4a", b"ok li")}
            await wecom.tells_bot("li", "1 2 开始", group="g1", quote=quote)
            await wecom.world.wait_for_text("g1", "制作中", LIMIT_S)
            await leader.kill()
            await wecom.world.wait_for(lambda: wecom.bot.connections >= 2, LIMIT_S)
            await wecom.world.wait_for(
                lambda: wecom.bot.line and wecom.bot.line.subscribed, LIMIT_S
            )
            gone.touch()
            await wecom.tells_bot("li", "状态", group="g1")
            files = await scene.unzip(await scene.result("g1", LIMIT_S))
            await delivered(scene)

    assert len(files) >= 3
    told = [message for message in wecom.world.shown("g1") if "打包下载" in message.text]
    assert len(told) == 1
    assert wecom.bot.evictions == 0


@pytest.mark.slow
async def test_a_bot_that_is_called_back_and_killed_goes_on_when_it_is_back(wecom, scene):
    """What stands in the Memory is all there is: the next process answers where the last one stopped."""
    gone = scene.folder / "gone"  # who is killed shall tell no result
    await scene.stock(anchor=f"until {gone}")
    settings = common(scene) | {"WECOM_BOT_TOKEN": HOOK_TOKEN, "WECOM_BOT_AES_KEY": HOOK_KEY}
    bot = FrontEnd(settings)
    await bot.start()
    try:
        async with scene.foreman():
            wecom.hooked.targets.append(f"{bot.door}/hooks/wecom-bot")
            quote = {"msgtype": "file", "file": wecom.bot_file("稿子.m4a", b"ok li")}
            await wecom.tells_bot("li", "1 开始", group="g1", quote=quote)
            await wecom.world.wait_for_text("g1", "0/1", LIMIT_S)
            await bot.kill()
            gone.touch()
            await bot.start()
            wecom.hooked.targets[:] = [f"{bot.door}/hooks/wecom-bot"]
            files = await scene.unzip(await scene.result("g1", LIMIT_S))
    finally:
        wecom.hooked.targets.clear()
        await bot.kill()

    assert "output_001_anchor.mp4" in files
    assert sum("打包下载" in message.text for message in wecom.world.shown("g1")) == 1


async def delivered(scene: Scene) -> None:
    chat = bot_chat(scene.wecom, "g1", private=False)
    async with asyncio.timeout(LIMIT_S):
        while (await scene.batches(chat))[0].state is not BatchState.DELIVERED:
            await asyncio.sleep(0.05)


def voice_note(folder: Path) -> bytes:
    """Our own speaker, as WeCom hands voice out: AMR-NB, 8 kHz."""
    write_voice(folder / "voice.wav", 1)
    with wave.open(str(folder / "voice.wav")) as file:
        rate_hz, content = file.getframerate(), file.readframes(file.getnframes())
    samples = np.frombuffer(content, "<i2").astype(np.float32) / 32768
    steps = np.arange(0, len(samples), rate_hz / 8000)
    samples = np.interp(steps, np.arange(len(samples)), samples).astype(np.float32)
    write_sound(folder / "voice.amr", samples, "libopencore_amrnb", rate_hz=8000)
    return (folder / "voice.amr").read_bytes()


async def unzip(text: str, door: str) -> zipfile.ZipFile:
    found = ARCHIVE.search(text)
    assert found is not None, text
    async with (
        aiohttp.ClientSession() as session,
        session.get(found[1].replace(PUBLIC, door)) as answer,
    ):
        assert answer.status == 200
        return zipfile.ZipFile(io.BytesIO(await answer.read()))


@pytest.mark.slow
async def test_the_whole_of_it_with_the_real_worker_from_a_voice_note_to_a_group(
    wecom, tmp_path, monkeypatch
):
    wecom.member("li")
    wecom.api.robots.add("key-number-1")
    settings_of = plain(app_settings(wecom)) | {
        "WECOM_GROUP_ROBOTS": "市场部=key-number-1",
        "ALLOW": ALLOWED,
        "PUBLIC_URL": PUBLIC,
        "HTTP_PORT": "0",
    }
    for name, value in settings_of.items():
        monkeypatch.setenv(f"CHORUS_{name}", value)
    settings = Settings(data_dir=tmp_path / "data", _env_file=None)
    wanted = Wanted(front_end=True, worker=True, platforms=True)
    voice = voice_note(tmp_path)
    async with running_system(settings, wanted) as system, wires(system.settings) as hand:
        wecom.callbacks.targets.append(f"{system.door}/hooks/wecom")
        for name in ("mira", "jonas"):
            await add_to_library(hand.ledger, hand.store, presenter(tmp_path, name))
        async with asyncio.timeout(LIMIT_S):
            while [t.state for t in await hand.ledger.templates()] != ["ready", "ready"]:
                await asyncio.sleep(0.1)
        await wecom.touches_menu("li", "/deliver")
        question = await wecom.world.wait_for_text("li", "发到哪个群", LIMIT_S)
        await wecom.presses("li", question, "市场部")
        await wecom.world.wait_for_text("li", "以后的结果也会发到", LIMIT_S)
        await wecom.sends_voice("li", voice, copies=2)
        card = await wecom.world.wait_for_text("li", "┌ 请选择模板", LIMIT_S)
        await wecom.presses("li", card, "开始", "jonas", "mira")
        result = await wecom.world.wait_for_text("li", "打包下载", LIMIT_S)
        await wecom.world.wait_for(lambda: wecom.world.shown("key-number-1"), LIMIT_S)
        archive = await unzip(result.text, system.door)
        wecom.callbacks.targets.clear()

    names = ["output_001_jonas.mp4", "output_002_mira.mp4"]
    assert sorted(archive.namelist()) == sorted([*names, "manifest.json", "report.txt"])
    for name in names:
        assert probe_video(Path(archive.extract(name, tmp_path))).frames > 100
    posters = [message for message in wecom.world.shown("li") if message.kind == "image"]
    assert posters
    (told,) = wecom.world.shown("key-number-1")
    assert told.card["jump_list"][0]["url"] in result.text
