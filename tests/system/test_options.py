"""What people ask of an order arrives in the videos: from a sentence in the chat to the file."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from pipeline.captions.cues import cues
from pipeline.captions.files import as_srt, as_vtt
from pipeline.measure.container import read_container
from pipeline.media import probe_video, read_frames
from pipeline.types import Word
from tests.system.conversation import presenter, recording, scene, stock
from worker.contract import keys
from worker.contract.records import BatchState

WORDS = (Word("大家好，", 1.0, 1.6), Word("欢迎来到", 1.7, 2.4), Word("合唱团。", 2.5, 3.2))
"""In the time of the recording."""


async def understand(hand, take_id):
    """Have a Take's words known, as where weights are installed: in the store, and in its record."""
    plain = [vars(word) for word in WORDS]
    shown = cues(WORDS, "zh")
    made = {
        "words.json": json.dumps(plain),
        **{f"captions{end}.srt": as_srt(shown) for end in ("", "-trimmed")},
        **{f"captions{end}.vtt": as_vtt(shown) for end in ("", "-trimmed")},
    }
    for name, text in made.items():
        await hand.store.put_bytes(keys.take(take_id, name), text.encode())
    key = keys.redis("take", take_id)
    facts = json.loads(await hand.redis.hget(key, "facts"))
    await hand.redis.hset(key, "facts", json.dumps(facts | {"words": len(WORDS)}))


def written_share(clip, second):
    """Share of white pixels in the lower third of a Clip, at a moment."""
    facts = probe_video(clip)
    planes = list(read_frames(clip, facts))[round(second * float(facts.fps))]
    lower = planes[facts.height_px * 2 // 3 : facts.height_px]
    return float(np.mean(lower > 230))


@pytest.mark.slow
async def test_what_is_asked_in_the_chat_is_in_the_picture_the_sound_the_label_and_the_archive(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("CHORUS_LABEL_PRODUCER", "Example-Ltd")
    voice = recording(tmp_path)
    async with scene(tmp_path / "data", "zh") as there:
        await stock(there.hand, presenter(tmp_path))
        settled = await there.ask("设置 播放 停住")
        heard = await there.hand_in(voice)
        await understand(there.hand, hashlib.sha256(voice.read_bytes()).hexdigest())
        captioned = await there.ask("字幕 烧录")
        trimmed = await there.ask("修剪 开")
        await there.ask("1 开始")
        batch = await there.ended()
        assert batch.archive_key is not None
        chunks = there.hand.store.open_range(batch.archive_key, 0, batch.archive_size_bytes)
        archive = zipfile.ZipFile(io.BytesIO(b"".join([chunk async for chunk in chunks])))
        outcome = there.told_with_links()[-1]

    assert batch.state is BatchState.DELIVERED
    assert settled.text == "好的。播放：模板比录音短时，停在结尾。"
    assert captioned.text == "好的。字幕：写进画面，压缩包里也有字幕文件。"
    assert trimmed.text == "好的。修剪：剪掉开头和结尾的静音。"
    assert "本次设置：字幕写进画面 · 短模板停在结尾 · 剪掉首尾静音" in heard.text
    assert "字幕文件（SRT、VTT）在压缩包里。" in outcome.text
    names = ["output_001_mira.mp4", "captions.srt", "captions.vtt", "manifest.json", "report.txt"]
    assert archive.namelist() == names
    manifest = json.loads(archive.read("manifest.json"))
    asked = manifest["options"]
    assert (asked["playing"], asked["trim"], asked["captions"]) == ("hold", True, "burned")
    assert "欢迎来到" in archive.read("captions.srt").decode()
    archive.extract(names[0], tmp_path)
    clip = tmp_path / names[0]
    label = read_container(clip).label
    assert label is not None
    assert (label["ContentProducer"], label["ProduceID"]) == ("Example-Ltd", f"{batch.id}-1")
    seconds = manifest["clips"][0]["duration_s"]
    assert 3.5 < seconds < 5.6 < manifest["take"]["seconds"] == pytest.approx(5.68, abs=0.02)
    assert written_share(clip, 1.8) > 0.005 > 0.001 > written_share(clip, seconds - 0.2)
    assert manifest["clips"][0]["flags"] == []
