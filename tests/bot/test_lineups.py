"""Templates as a picture: made in good time, with what it does not tell below it, and words while it is not there."""

from dataclasses import replace

import pytest

from bot.stock import remove_from_library
from tests.bot.stage import ANN, LI, Stage
from tests.bot.test_offers import labels, numbers, offered, press
from tests.fakes.chat import ROOMY, Shown
from worker.contract import keys
from worker.contract.records import Lineup, TakeState, TemplateState

PICTURED = replace(ROOMY, choices=30, caption_length=900)


class Painter:
    """Draws what was asked for, as a worker does."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.drawn: list[Lineup] = []

    async def draw(self) -> Lineup:
        """The next lineup that waits."""
        lease = await self.stage.draw("takes")
        assert lease.kind == "lineup", lease.item
        lineup = await self.stage.ledger.lineup(lease.subject)
        assert lineup is not None
        names = ", ".join(f"{cell.number} {cell.name}" for cell in lineup.cells)
        await self.stage.store.put_bytes(keys.lineup(lineup.id), names.encode())
        assert await self.stage.ledger.desk.finish_lineup(lease)
        self.drawn.append(lineup)
        return lineup


@pytest.fixture
async def painter(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Painter:
    """Who draws; what is being drawn is waited for, however long that takes."""
    monkeypatch.setattr("bot.lineups._WAIT_S", 600.0)
    stage.chat.limits = PICTURED
    await stage.ledger.desk.beat("w")
    return Painter(stage)


async def offer_after(stage: Stage, painter: Painter) -> Shown:
    """The offer after a recording, its picture drawn while we listen."""
    stage.chat.receive_file(ANN, b"voice", "a.ogg")
    await painter.draw()
    await stage.hear()
    return await stage.chat.wait_for_text("Pick templates")


async def test_where_nothing_can_be_pressed_the_picture_tells_how_to_type(
    stage: Stage, painter: Painter
) -> None:
    stage.chat.limits = replace(PICTURED, choices=0, can_revise=False)
    async with stage.running():
        offer = await offer_after(stage, painter)

    assert offer.picture == b"1 anchor, 2 host, 3 idle"
    assert "Type numbers, like 1 3" in offer.text
    assert "Tap" not in offer.text


async def test_the_offer_is_a_picture_whose_caption_has_no_list(
    stage: Stage, painter: Painter
) -> None:
    async with stage.running():
        offer = await offer_after(stage, painter)

    assert offer.picture == b"1 anchor, 2 host, 3 idle"
    assert offer.text == (
        "“a.ogg”: 7.4 s of speech in 7.9 s. Pick templates:\n"
        "Tap those you want, then Start. Or type: 1 3 go"
    )
    assert labels(offer) == ["1 anchor", "2 host", "3 idle", "All"]


async def test_a_picture_is_drawn_once_for_everybody(stage: Stage, painter: Painter) -> None:
    async with stage.running():
        await offer_after(stage, painter)
        stage.chat.receive_file(LI, b"another voice", "b.ogg")
        await stage.hear()  # nothing else waits
        other = await stage.chat.wait_for_text("请选择模板")

    assert other.picture == b"1 anchor, 2 host, 3 idle"
    assert len(painter.drawn) == 1


async def test_a_tick_keeps_the_picture_and_a_page_has_its_own(
    stage: Stage, painter: Painter
) -> None:
    await stage.add_templates(*(f"kid {letter}" for letter in "abcdefghijk"))  # 14 in all
    async with stage.running():
        offer = await offer_after(stage, painter)
        second = await painter.draw()  # of the next page, before anybody asks
        await press(stage, offer, "2 host")
        assert offer.picture is not None
        assert offer.picture.startswith(b"1 anchor, 2 host")
        assert "1 template picked" in offer.text
        await press(stage, offer, "13–14 ›")

    assert [cell.number for cell in second.cells] == [13, 14]
    assert offer.picture == b"13 kid j, 14 kid k"
    assert labels(offer)[:2] == ["13 kid j", "14 kid k"]


async def test_while_no_worker_draws_the_list_goes_out_at_once_in_words(
    stage: Stage, painter: Painter
) -> None:
    await stage.ledger.desk.leave("w")
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "a.ogg")
        waiting = await stage.draw("takes"), await stage.draw("takes")
        take = next(lease for lease in waiting if lease.kind == "take")
        told = {"speech_s": 7.4, "duration_s": 7.9}
        assert await stage.ledger.desk.settle_take(take, TakeState.READY, told, None)
        offer = await stage.chat.wait_for_text("Pick templates")  # nobody waits for a drawing

    assert offer.picture is None
    assert numbers(offer) == ["1", "2", "3"]


async def test_a_picture_that_comes_late_is_shown_with_the_next_change(
    stage: Stage, painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.lineups._WAIT_S", 0.2)
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "a.ogg")
        leases = [await stage.draw("takes"), await stage.draw("takes")]
        take, lineup = sorted(leases, key=lambda lease: lease.kind, reverse=True)
        told = {"speech_s": 7.4, "duration_s": 7.9}
        assert await stage.ledger.desk.settle_take(take, TakeState.READY, told, None)
        offer = await stage.chat.wait_for_text("Pick templates")
        assert offer.picture is None
        assert await stage.ledger.desk.give_back(lineup)
        await painter.draw()
        await press(stage, offer, "2 host")

    assert offer.picture == b"1 anchor, 2 host, 3 idle"
    assert numbers(offer) == []


async def test_what_a_picture_does_not_tell_stands_below_it(stage: Stage, painter: Painter) -> None:
    await stage.add_templates("kid", state=TemplateState.REJECTED)
    await stage.add_templates("late", state=TemplateState.PREPARING)
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "a.ogg")
        lineup = await painter.draw()
        await stage.hear()
        offer = await stage.chat.wait_for_text("Pick templates")

    assert [cell.sha256 is None for cell in lineup.cells] == [False, False, False, True, True]
    assert offer.text.split("\n")[1:3] == [
        "4. kid ✗ I found no face at second 2.0 (frame 50).",
        "5. late · preparing …",
    ]


async def test_a_caption_never_exceeds_its_limit(stage: Stage, painter: Painter) -> None:
    stage.chat.limits = replace(PICTURED, caption_length=200)
    await stage.add_templates(
        *(f"kid {letter} with a long name" for letter in "abcdefgh"), state=TemplateState.PREPARING
    )
    async with stage.running():
        offer = await offer_after(stage, painter)

    assert 120 < len(offer.text) <= 200
    assert offer.picture is not None
    assert offer.text.split("\n")[-2] == "…"


async def test_templates_and_new_offer_at_once_without_a_recording(
    stage: Stage, painter: Painter
) -> None:
    async with stage.running():
        shown = stage.chat.receive(ANN, "/templates")
        await painter.draw()
        await stage.chat.wait_for_settled(shown)
        offer = await stage.chat.wait_for_text("3 templates:")
        await press(stage, offer, "2 host")
        ticked = labels(offer)
        await press(stage, offer, "Start")
        await stage.chat.wait_for_text("I start as soon as you send the recording")
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/new"))
        fresh = await stage.chat.wait_for_text("A fresh start")

    assert ticked == ["1 anchor", "✓2 host", "3 idle", "All", "Pick anew", "Start", "Cancel"]
    assert offer.picture == fresh.picture == b"1 anchor, 2 host, 3 idle"
    assert labels(fresh) == ["1 anchor", "2 host", "3 idle", "All"]


async def test_who_leaves_the_library_leaves_every_picture(stage: Stage, painter: Painter) -> None:
    async with stage.running():
        await offer_after(stage, painter)
    host = next(t for t in await stage.ledger.templates() if t.name == "host")

    await remove_from_library(stage.ledger, stage.store, host)

    assert [facts async for facts in stage.store.list(keys.LINEUPS)] == []


async def test_a_picture_the_store_lost_is_drawn_anew(stage: Stage, painter: Painter) -> None:
    async with stage.running():
        await offer_after(stage, painter)
        await stage.store.delete(keys.lineup(painter.drawn[0].id))
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/templates"))
        words = await stage.chat.wait_for_text("3 templates:")
        again = stage.chat.receive(ANN, "/templates")
        await painter.draw()
        await stage.chat.wait_for_settled(again)
        picture = list(stage.chat.shown.values())[-1]

    assert words.picture is None
    assert numbers(words) == ["1", "2", "3"]
    assert picture.picture == b"1 anchor, 2 host, 3 idle"


async def test_platforms_without_pictures_have_none_drawn(stage: Stage) -> None:
    async with stage.running():
        await offered(stage)

    assert await stage.ledger.desk.draw("takes", "w") is None
