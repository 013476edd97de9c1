"""Chorus on Telegram in real processes: the bot killed in the middle of it, and the whole of it with the real engine."""

import asyncio
import contextlib
import io
import json
import os
import signal
import sys
import wave
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from PIL import Image

from bot.stock import add_to_library
from config.settings import Settings
from config.system import Wanted, running_system
from config.wiring import wires
from pipeline.media import probe_video
from pipeline.samples.library import write_voice
from tests.adapters.chat_scene import PUBLIC
from tests.adapters.telegram_scene import Scene, admitted, open_scene
from tests.adapters.telegram_things import THEIR_FAST
from tests.adapters.test_telegram_conversations import (
    VOICE,
    archive_of,
    delivered,
    progress,
    results,
)
from tests.corpora.media import write_sound
from tests.fakes.telegram.server import TOKEN, FakeTelegram
from tests.fakes.telegram.world import File, Person, Room
from tests.system.conversation import presenter, sheet_drawn

SECRET = "a secret of tests only, long enough"  # noqa: S105 - the scene's
LIMIT_S = 240.0


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(rates=THEIR_FAST) as fake:
        yield fake


@pytest.fixture
async def scene(telegram, redis_url, tmp_path) -> AsyncIterator[Scene]:
    async with open_scene(telegram, redis_url, tmp_path) as opened:
        yield opened


class FrontEnd:
    """The bot as a process of its own."""

    def __init__(self, scene: Scene, *who: Person | Room) -> None:
        self.environment = os.environ | {
            "CHORUS_DATA_DIR": str(scene.folder),
            "CHORUS_REDIS_URL": scene.url,
            "CHORUS_SECRET_KEY": SECRET,
            "CHORUS_PUBLIC_URL": PUBLIC,
            "CHORUS_HTTP_PORT": "0",
            "CHORUS_TELEGRAM_TOKEN": TOKEN,
            "CHORUS_TELEGRAM_API_BASE": scene.telegram.url,
            "CHORUS_ALLOW": ",".join(admitted(*who)),
        }
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "config.front_end", "--platforms"),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        said = await asyncio.wait_for(self.process.stdout.readline(), LIMIT_S)
        assert json.loads(said)["event"] == "ready"

    async def kill(self) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()


@contextlib.asynccontextmanager
async def front_end(scene: Scene, *who: Person | Room) -> AsyncIterator[FrontEnd]:
    bot = FrontEnd(scene, *who)
    await bot.start()
    try:
        yield bot
    finally:
        await bot.kill()


@pytest.mark.slow
async def test_a_bot_killed_in_mid_batch_goes_on_in_the_same_message_and_tells_the_result_once(
    telegram, scene
):
    first, second = scene.folder / "first", scene.folder / "second"
    await scene.stock(anchor=f"until {first}", host=f"until {second}")
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    async with scene.foreman(), front_end(scene, group) as bot:
        await telegram.says(ann, group, "1 2 go", file=VOICE)
        await telegram.wait_until(lambda: "rendering" in telegram.read(), LIMIT_S)
        await bot.kill()
        edits = len(progress(telegram, group)[0].earlier)
        asked = await telegram.says(ann, group, "/status")  # while nobody listens
        await bot.start()
        await telegram.wait_until(lambda: len(progress(telegram, group)) > 1, LIMIT_S)
        first.touch()
        await telegram.wait_until(
            lambda: len(progress(telegram, group)[0].earlier) > edits, LIMIT_S
        )
        still_running = not results(telegram, group)
        second.touch()
        result = await scene.result(group, LIMIT_S)
        await telegram.wait_until(
            lambda: "2/2 · done" in progress(telegram, group)[0].text, LIMIT_S
        )
        await delivered(scene, group, 1, LIMIT_S)
        files = await scene.download(archive_of(result))

    telegram.forgive("message is not modified")  # who was killed may not have noted its last edit
    shown, *others = progress(telegram, group)
    assert still_running
    assert len(results(telegram, group)) == 1
    assert [message.reply_to for message in others] == [asked]  # the status, once
    assert shown.labels() == []
    assert len(files) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda telegram: telegram.calls("getFile"), id="fetching the recording"),
        pytest.param(lambda telegram: telegram.calls("sendMessage"), id="saying that it listens"),
        pytest.param(lambda telegram: telegram.calls("editMessageText"), id="answering the picks"),
    ],
)
async def test_a_bot_killed_while_it_takes_an_order_takes_it_once(
    telegram, scene, moment: Callable[[FakeTelegram], list]
):
    gone = scene.folder / "gone"  # who is killed shall tell no result
    await scene.stock(anchor=f"until {gone}")
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    async with scene.foreman(), front_end(scene, ann) as bot:
        await telegram.says(ann, room, "1 go", file=VOICE)
        await telegram.wait_until(lambda: bool(moment(telegram)), LIMIT_S)
        await bot.kill()
        gone.touch()
        await bot.start()
        await scene.result(room, LIMIT_S)
        await delivered(scene, room, 1, LIMIT_S)
        # Killed between placing the order and announcing it: that is taken over seconds later, perhaps after the result.
        await scene.nothing_left_to_do(LIMIT_S)

    telegram.forgive("message is not modified")
    assert len(await scene.batches(room)) == 1
    assert len(results(telegram, room)) == 1
    # What was sent and could not be noted any more is sent once more; no order is lost or made twice by that.
    assert 1 <= len(progress(telegram, room)) <= 2


def voice_note(folder: Path, repeats: int = 1) -> File:
    """Our own speaker, as Telegram sends voice: Opus in Ogg."""
    write_voice(folder / "voice.wav", repeats)
    with wave.open(str(folder / "voice.wav")) as file:
        rate_hz, content = file.getframerate(), file.readframes(file.getnframes())
    samples = np.frombuffer(content, "<i2").astype(np.float32) / 32768
    if rate_hz != 48_000:
        steps = np.arange(0, len(samples), rate_hz / 48_000)
        samples = np.interp(steps, np.arange(len(samples)), samples).astype(np.float32)
    write_sound(folder / "voice.ogg", samples, "libopus", container="ogg")
    return File("voice", (folder / "voice.ogg").read_bytes(), mime="audio/ogg")


async def unzip(url: str, door: str) -> zipfile.ZipFile:
    async with aiohttp.ClientSession() as session, session.get(url.replace(PUBLIC, door)) as answer:
        assert answer.status == 200
        return zipfile.ZipFile(io.BytesIO(await answer.read()))


@pytest.mark.slow
async def test_the_whole_of_it_with_the_real_worker_from_a_voice_note_to_videos_that_play(
    telegram, tmp_path, monkeypatch
):
    li, ann = telegram.person("李", "zh-hans"), telegram.person("Ann")
    group = telegram.group("市场部", li, ann, forum=True)
    topic = group.topic("视频")
    for name, value in {
        "TELEGRAM_TOKEN": TOKEN,
        "TELEGRAM_API_BASE": telegram.url,
        "ALLOW": ",".join(admitted(group)),
        "PUBLIC_URL": PUBLIC,
        "HTTP_PORT": "0",
    }.items():
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

        await telegram.says(ann, group, "/templates", topic=topic)
        await sheet_drawn(hand)

        # In a topic, with buttons, in Chinese.
        await telegram.says(li, group, "/new", topic=topic)
        fresh = await telegram.wait_for_text(group, "已重新开始", LIMIT_S)
        said = await telegram.says(li, group, file=voice, topic=topic)
        offer = await telegram.wait_for_text(group, "请选择模板", LIMIT_S)
        await telegram.wait_until(lambda: bool(offer.buttons) and offer.reply_to is said, LIMIT_S)
        await telegram.presses(li, offer, "全选")
        await telegram.wait_until(lambda: "✓ 1 jonas" in offer.labels(), LIMIT_S)
        await telegram.presses(li, offer, "开始")
        result = await telegram.wait_for_text(group, "打包下载", LIMIT_S)
        archive = await unzip(archive_of(result), system.door)

        # A colleague answers the same recording, typing, in English.
        await telegram.says(ann, group, "/dub 2 go", reply_to=said, topic=topic)
        again = await telegram.wait_for_text(group, "The links work", LIMIT_S)
        second = await unzip(archive_of(again), system.door)

    names = ["output_001_jonas.mp4", "output_002_mira.mp4", "manifest.json", "report.txt"]
    assert sorted(archive.namelist()) == sorted(names)
    assert sorted(second.namelist()) == ["manifest.json", "output_001_mira.mp4", "report.txt"]
    for name in names[:2]:
        path = Path(archive.extract(name, tmp_path))
        assert probe_video(path).frames > 100
    for shown in (fresh, offer):
        assert shown.file is not None
        with Image.open(io.BytesIO(shown.file.content)) as picture:
            assert picture.format == "JPEG"
            assert 500 < min(picture.size) <= max(picture.size) <= 1280
    assert (result.reply_to, again.reply_to) == (said, said)
    assert all(message.topic is topic for message in telegram.shown(group))
