"""A whole conversation, looked at from behind: logs, record of operations, status and figures."""

import json
import re
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.cli.status import look
from config.record import read
from tests.system.conversation import presenter, recording, scene, stock
from worker.contract.records import ClipState


@pytest.mark.slow
async def test_what_a_conversation_leaves_behind_tells_its_course_and_no_secrets(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    async with scene(data) as here:
        await stock(here.hand, presenter(tmp_path))
        await here.hand_in(recording(tmp_path, repeats=3))
        await here.ask("1 go")
        await here.batch_that(lambda batch: batch.clips[0].state is ClipState.RENDERING)
        seen = await look(here.hand, here.system.settings)
        batch = await here.ended()
        await here.ask(f"/zip {batch.code}")
        [*_, last] = here.told_with_links()
        link = re.findall(r"http\S+/d/(\S+)", last.text)[0]
        async with aiohttp.ClientSession() as web:
            async with web.get(f"{here.system.door}/d/{link}") as answer:
                assert answer.status == 200
            async with web.get(f"{here.system.door}/d/{link[:-2]}xx") as answer:
                assert answer.status == 403
            async with web.get(f"{here.system.door}/metrics") as answer:
                figures = await answer.text()

    told = {each["what"]: each for each in read(data / "logs") if each.get("batch") == batch.code}
    assert {"order.opened", "clip.started", "clip.done", "archive.packed", "order.told"} <= {*told}
    assert told["clip.done"]["worker"] == seen["processes"][1]["name"]
    assert [each["what"] for each in read(data / "logs")].count("link.refused") == 1
    assert [each["doing"][0]["batch"] for each in seen["processes"] if each["doing"]] == [
        batch.code
    ]
    assert {each["role"] for each in seen["processes"]} == {"worker", "front end"}
    assert [each["code"] for each in seen["batches"]] == [batch.code]
    assert "chorus_workers 1.0" in figures
    assert list(text_string_to_metric_families(figures))

    written = "".join(path.read_text() for path in sorted((data / "logs").iterdir()))
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    assert {line["process"] for line in lines} >= {"bot", "worker"}
    assert any(line.get("batch") == batch.code for line in lines)
    key = (data / "secret.key").read_text()
    for secret in (key, link, "Ann", "welcome.wav"):
        assert secret not in written
