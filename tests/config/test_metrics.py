"""``/metrics``: who may see it, and what it shows of several processes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from config.card import card_maker
from config.front_end import open_door
from config.settings import Settings
from config.wiring import Wires, wires
from tests.worker.foreman_things import Workplace, open_workplace
from tests.worker.ledger_things import ANNA, HALL
from worker.contract.figures import Figures, median_s
from worker.noted_ledger import NotedLedger
from worker.roster import Roster

TOKEN = "a token of sixteen characters and more"  # noqa: S105


def settings_of(folder: Path, redis_url: str, **more: object) -> Settings:
    return Settings(
        data_dir=folder, redis_url=SecretStr(redis_url), http_port=0, _env_file=None, **more
    )


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[str, Wires]]:
    async with wires(settings) as hand:
        door = await open_door(settings, hand)
        try:
            yield f"{door.url}/metrics", hand
        finally:
            await door.stop()


async def asked(url: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as web, web.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_without_a_token_this_machine_alone_sees_figures(
    redis_url: str, tmp_path: Path
) -> None:
    async with opened(settings_of(tmp_path, redis_url)) as (url, _):
        here, shown = await asked(url)
        forwarded = [
            await asked(url, **{name: "203.0.113.7"})
            for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded")
        ]

    assert here == 200
    assert "chorus_redis_up 1.0" in shown
    assert [status for status, _ in forwarded] == [404] * 3
    assert not any("chorus_" in text for _, text in forwarded)


async def test_with_a_token_whoever_has_it_sees_figures_from_anywhere(
    redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, redis_url, metrics_token=TOKEN)
    async with opened(settings) as (url, _):
        bearer = f"Bearer {TOKEN}"
        given = await asked(url, **{"Authorization": bearer, "X-Forwarded-For": "203.0.113.7"})
        refused = [await asked(url), await asked(url, Authorization=f"Bearer {TOKEN}x")]

    assert given[0] == 200
    assert [status for status, _ in refused] == [401, 401]


async def test_a_door_with_a_public_address_shows_nothing_without_a_token(
    redis_url: str, tmp_path: Path
) -> None:
    public = {"public_url": "https://chorus.example.org"}
    async with opened(settings_of(tmp_path, redis_url, **public)) as (url, _):
        as_a_front_server_asks_that_adds_nothing = await asked(url)
    async with opened(settings_of(tmp_path, redis_url, metrics_token=TOKEN, **public)) as (url, _):
        given = await asked(url, Authorization=f"Bearer {TOKEN}")

    assert as_a_front_server_asks_that_adds_nothing[0] == 404
    assert "chorus_" not in as_a_front_server_asks_that_adds_nothing[1]
    assert given[0] == 200


async def test_a_token_of_bytes_that_are_no_text_is_refused_like_any_other(
    redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, redis_url, metrics_token=TOKEN)
    async with opened(settings) as (url, _):
        host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        asks = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        writer.write(asks + b"Authorization: Bearer \xff\xfe\r\n\r\n")
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_what_workers_and_front_ends_did_is_shown_together(
    redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, redis_url)
    async with opened(settings) as (url, hand), open_workplace(redis_url, tmp_path) as place:
        before = samples((await asked(url))[1])
        place.ledger = NotedLedger(hand.redis)
        await _made(place, hand.roster)
        other = Figures()
        other.count("posts", "telegram", 3)
        other.time("delivery", 0.3)
        other.count("loads", "musetalk")
        await hand.roster.add(other)
        shown = (await asked(url))[1]

    after = samples(shown)
    assert after["chorus_clips_total", "done"] == before.get(("chorus_clips_total", "done"), 0) + 1
    assert after["chorus_clips_total", "failed"] == 2
    assert after["chorus_failures_total", "engine_unavailable"] == 1
    assert after["chorus_failures_total", "no_face"] == 2  # the Template, and the Clip for its sake
    assert after["chorus_posts_total", "telegram"] == 3
    assert after["chorus_model_loads_total", "musetalk"] == 1
    assert after["chorus_stage_seconds_count", "take"] == 1
    assert after["chorus_stage_seconds_count", "pack"] == 1
    assert (
        after["chorus_stage_seconds_bucket", "0.25", "delivery"]
        <= after["chorus_stage_seconds_bucket", "0.5", "delivery"]
    )
    assert after["chorus_waiting", "clip"] == 0
    assert ANNA.id not in shown
    assert HALL.id not in shown


async def _made(place: Workplace, roster: Roster) -> None:
    """A Batch of which one Clip is made, one fails, and one has a Template that is refused."""
    from worker.contract.figures import FIGURES  # noqa: PLC0415

    FIGURES.take()  # of other tests in this process
    async with place.working():
        await place.ended(await place.order("m1", "ok", "missing", "reject"))
    await roster.add(FIGURES)


async def test_what_waits_is_counted_by_kind_with_the_age_of_the_oldest(
    redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, redis_url)
    async with opened(settings) as (url, _), open_workplace(redis_url, tmp_path) as place:
        began_s = time.monotonic()
        await place.order("m1", "ok", "ok too")
        await asyncio.sleep(0.05)
        after = samples((await asked(url))[1])
        took_s = time.monotonic() - began_s

    assert (after["chorus_waiting", "take"], after["chorus_waiting", "template"]) == (1, 2)
    assert 0.05 <= after["chorus_oldest_waiting_seconds", "takes"] < took_s + 0.01
    assert after["chorus_workers",] == 0


async def test_while_redis_is_away_the_page_says_so(tmp_path: Path) -> None:
    async with opened(settings_of(tmp_path, f"unix://{tmp_path}/nobody.sock")) as (url, _):
        status, shown = await asked(url)

    assert status == 200
    assert samples(shown)["chorus_redis_up",] == 0
    assert "process_resident_memory_bytes" in shown


async def test_a_process_is_on_the_roster_while_it_runs_and_gone_afterwards(
    redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, redis_url)
    async with wires(settings) as hand:
        card = card_maker(settings, "worker", name="w1", device="cpu", slots=2)
        showing = asyncio.create_task(hand.roster.keep(card, Figures()))
        async with asyncio.timeout(60):
            while not (cards := await hand.roster.cards()):
                await asyncio.sleep(0.01)
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)

        assert [(each.name, each.engine, each.slots) for each in cards] == [("w1", "viseme", 2)]
        assert await hand.roster.cards() == []


async def test_what_could_not_be_added_up_is_added_later(redis_url: str, tmp_path: Path) -> None:
    figures = Figures()
    figures.count("posts", "telegram", 2)
    figures.time("take", 1.5)
    async with wires(settings_of(tmp_path, f"unix://{tmp_path}/nobody.sock")) as nobody:
        with pytest.raises(Exception, match=r"nobody|No such file|connect"):
            await nobody.roster.add(figures)
    figures.count("posts", "telegram", 1)

    async with wires(settings_of(tmp_path, redis_url)) as hand:
        await hand.roster.add(figures)
        await hand.roster.add(figures)
        counted = await hand.roster.counted(datetime.now(UTC) - timedelta(hours=1))

    assert counted["posts telegram"] == 3
    assert counted["seconds take"] == 1.5


def test_a_median_is_right_within_a_twentieth() -> None:
    figures = Figures()
    for seconds in (0.5, 2.0, 9.0, 120.0, 300.0):
        figures.spread("waited", seconds)

    assert median_s(figures.take(), "waited") == pytest.approx(9.0, rel=0.05)
    assert median_s({}, "waited") is None
