"""What people ask of an order arrives in the videos: from a sentence in the chat to the file."""

import io
import json
import zipfile

import pytest

from pipeline.measure.container import read_container
from tests.system.conversation import presenter, recording, scene, stock
from worker.contract.records import BatchState


async def test_what_is_asked_in_the_chat_stands_in_the_manifest_and_the_label_names_the_clip(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("CHORUS_LABEL_PRODUCER", "Example-Ltd")
    async with scene(tmp_path / "data", "zh") as there:
        await stock(there.hand, presenter(tmp_path))
        settled = await there.ask("设置 播放 停住")
        heard = await there.hand_in(recording(tmp_path))
        trimmed = await there.ask("修剪 开")
        await there.ask("1 开始")
        batch = await there.ended()
        assert batch.archive_key is not None
        chunks = there.hand.store.open_range(batch.archive_key, 0, batch.archive_size_bytes)
        archive = zipfile.ZipFile(io.BytesIO(b"".join([chunk async for chunk in chunks])))

    assert batch.state is BatchState.DELIVERED
    assert settled.text == "好的。播放：模板比录音短时，停在结尾。"
    assert "本次设置：短模板停在结尾" in heard.text
    assert trimmed.text == "好的。修剪：剪掉开头和结尾的静音。"
    manifest = json.loads(archive.read("manifest.json"))
    asked = manifest["options"]
    assert (asked["playing"], asked["trim"], asked["language"]) == ("hold", True, "zh")
    archive.extract("output_001_mira.mp4", tmp_path)
    label = read_container(tmp_path / "output_001_mira.mp4").label
    assert label is not None
    assert (label["ContentProducer"], label["ProduceID"]) == ("Example-Ltd", f"{batch.id}-1")
    assert (
        3.5
        < manifest["clips"][0]["duration_s"]
        < 5.68
        == pytest.approx(manifest["take"]["seconds"], abs=0.05)
    )
