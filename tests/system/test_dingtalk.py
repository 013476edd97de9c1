"""Chorus on DingTalk in real processes: killed in the middle of it, and the whole of it with the real engine."""

import asyncio
import io
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.stock import add_to_library
from config.settings import Settings
from config.system import Wanted, running_system
from config.wiring import wires
from pipeline.media import probe_video
from tests.adapters.chat_scene import PUBLIC
from tests.adapters.dingtalk_scene import Scene, open_scene
from tests.adapters.dingtalk_things import group_of, settings_of
from tests.fakes.dingtalk.api import TEMPLATE
from tests.fakes.dingtalk.server import FakeDingTalk
from tests.system.conversation import presenter, sheet_drawn
from tests.system.front_end import front_end
from tests.system.test_wecom import plain, voice_note
from worker.contract.records import BatchState

SECRET = "a secret of tests only, long enough"  # noqa: S105 - the scene's
LIMIT_S = 240.0
GROUP = "cid1=="
ALLOWED = f"dingtalk:user:li,dingtalk:chat:{GROUP}"
ARCHIVE = re.compile(r"\[打包下载[^\]]*\]\((https://chorus\.example/d/[\w.%-]+)\)")


@pytest.fixture
async def dingtalk() -> AsyncIterator[FakeDingTalk]:
    async with FakeDingTalk() as fake:
        fake.group(GROUP, "市场部", "li", "wang")
        yield fake


@pytest.fixture
async def scene(dingtalk, redis_url, tmp_path) -> AsyncIterator[Scene]:
    async with open_scene(dingtalk, redis_url, tmp_path) as opened:
        yield opened


@pytest.mark.slow
async def test_of_two_front_ends_one_is_killed_and_the_result_is_told_once(dingtalk, scene):
    """Each holds a connection; what the dead one had taken and not answered, the other answers."""
    gone = scene.folder / "gone"  # who is killed shall tell no result
    await scene.stock(anchor=f"until {gone}", host="ok")
    settings = {
        "DATA_DIR": str(scene.folder),
        "REDIS_URL": scene.url,
        "SECRET_KEY": SECRET,
        "PUBLIC_URL": PUBLIC,
        "HTTP_PORT": "0",
        "ALLOW": ALLOWED,
    } | plain(settings_of(dingtalk))
    async with scene.foreman(), front_end(settings) as doomed:
        await dingtalk.world.wait_for(lambda: dingtalk.gateway.lines, LIMIT_S)
        quote = dingtalk.quoted("audio", dingtalk.sound(b"#!AMR\n ok li"))
        await dingtalk.tells("li", "1 2 开始", GROUP, quote=quote)
        await dingtalk.world.wait_for_text(GROUP, "完成后通知您", LIMIT_S)
        async with front_end(settings):
            await dingtalk.world.wait_for(lambda: len(dingtalk.gateway.lines) == 2, LIMIT_S)
            await doomed.kill()
            await dingtalk.world.wait_for(lambda: len(dingtalk.gateway.lines) == 1, LIMIT_S)
            gone.touch()
            await dingtalk.tells("li", "状态", GROUP)
            files = await scene.unzip(await scene.result(GROUP, LIMIT_S))
            async with asyncio.timeout(LIMIT_S):
                while (await scene.ordered(group_of(GROUP)))[0].state is not BatchState.DELIVERED:
                    await asyncio.sleep(0.05)

    told = [message for message in dingtalk.world.shown(GROUP) if "打包下载" in message.text]
    assert len(files) >= 3
    assert len(told) == 1
    assert told[0].mentioned == ("li",)


@pytest.mark.slow
async def test_the_whole_of_it_with_the_real_worker_from_a_quoted_voice_note_by_a_card(
    dingtalk, tmp_path, monkeypatch
):
    settings_set = plain(settings_of(dingtalk)) | {
        "DINGTALK_CARD_TEMPLATE_ID": TEMPLATE,
        "ALLOW": ALLOWED,
        "PUBLIC_URL": PUBLIC,
        "HTTP_PORT": "0",
    }
    for name, value in settings_set.items():
        monkeypatch.setenv(f"CHORUS_{name}", value)
    settings = Settings(data_dir=tmp_path / "data", _env_file=None)
    wanted = Wanted(front_end=True, worker=True, platforms=True)
    voice = voice_note(tmp_path)
    async with running_system(settings, wanted) as system, wires(system.settings) as hand:
        for name in ("mira", "jonas"):
            await add_to_library(hand.ledger, hand.store, presenter(tmp_path, name))
        async with asyncio.timeout(LIMIT_S):
            while [t.state for t in await hand.ledger.templates()] != ["ready", "ready"]:
                await asyncio.sleep(0.1)
        await dingtalk.world.wait_for(lambda: dingtalk.gateway.lines, LIMIT_S)
        await dingtalk.tells("li", "模板", GROUP)
        await sheet_drawn(hand)
        quote = dingtalk.quoted("audio", dingtalk.sound(voice, "大家好"))
        await dingtalk.tells("li", "", GROUP, quote=quote)
        offer = await dingtalk.world.wait_for_text(GROUP, "其中说话", LIMIT_S)
        for label in ("jonas", "mira"):
            await dingtalk.presses("li", offer, label)
            await dingtalk.world.wait_for(
                lambda label=label: "✓" in offer.button(label)["text"], LIMIT_S
            )
        await dingtalk.presses("li", offer, "开始")
        result = await dingtalk.world.wait_for_text(GROUP, "打包下载", LIMIT_S)
        found = ARCHIVE.search(result.text)
        assert found is not None, result.text
        async with (
            aiohttp.ClientSession() as session,
            session.get(found[1].replace(PUBLIC, system.door)) as answer,
        ):
            archive = zipfile.ZipFile(io.BytesIO(await answer.read()))

    names = ["output_001_jonas.mp4", "output_002_mira.mp4"]
    assert sorted(archive.namelist()) == sorted([*names, "manifest.json", "report.txt"])
    for name in names:
        assert probe_video(Path(archive.extract(name, tmp_path))).frames > 100
    assert offer.earlier[0]["content"].startswith("![](@")
    assert result.mentioned == ("li",)
