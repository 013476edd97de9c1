"""A Link to each video as soon as it is done, in the message that shows the progress."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.ports import Person
from tests.bot.stage import ANN, LI, NO_FACE, Stage
from tests.fakes.chat import ROOMY, Shown
from worker.contract.ports import Link, StoreUnavailable
from worker.contract.records import BatchRecord


@pytest.fixture
def signed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was signed, each time with another URL, as stores do."""
    asked: list[str] = []

    async def sign(key: str, lifetime_s: int, filename: str) -> Link:
        asked.append(filename)
        return Link(f"https://x.test/{len(asked)}/{filename}", lifetime_s)

    monkeypatch.setattr(stage.store, "sign", sign)
    return asked


async def order(stage: Stage, text: str = "1 2 go") -> BatchRecord:
    stage.chat.receive_file(ANN, b"voice", "news.ogg")
    await stage.hear()
    await stage.chat.wait_for_settled(stage.chat.receive(ANN, text))
    return await stage.wait_for_batch(lambda _: True)


async def ask(stage: Stage, text: str) -> Shown:
    """Say something and see the answer, whatever else is told meanwhile."""
    inbound = stage.chat.receive(ANN, text)
    await stage.chat.wait_for_settled(inbound)
    return [m for m in stage.chat.shown.values() if m.key.startswith(f"{inbound.key}:")][-1]


def urls(shown: Shown) -> Sequence[str | None]:
    return [choice.url for choice in shown.choices]


async def test_a_video_that_is_done_is_linked_behind_its_line_while_the_others_are_made(
    stage: Stage, signed: list[str]
) -> None:
    async with stage.running():
        await order(stage)
        await stage.render()
        first = "✓ 1. anchor · done: https://x.test/1/output_001_anchor.mp4"
        shown = await stage.chat.wait_for_text(first)
        lease = await stage.draw("clips")
        for done in (50, 100, 150):
            await stage.report(lease, done)
            await stage.chat.wait_for_text(f"rendering {100 * done // 198} %")
        under_way = shown.text
        await stage.render(lease)
        await stage.chat.wait_for_text("✓ 2. host · done: https://x.test/2/")
        before = list(signed)
        await stage.pack()
        outcome = await stage.chat.wait_for_text("is ready")

    assert first in under_way
    assert before == ["output_001_anchor.mp4", "output_002_host.mp4"]  # once each
    assert "http" not in shown.text  # the Outcome has fresh ones
    assert outcome.text.count("https://x.test/") == 3
    assert "https://x.test/1/" not in outcome.text


async def test_where_there_are_link_buttons_the_text_stays_short(
    stage: Stage, signed: list[str]
) -> None:
    stage.chat.limits = replace(ROOMY, link_buttons=True)
    async with stage.running():
        await order(stage)
        await stage.render()
        shown = await stage.chat.wait_for_text("✓ 1. anchor · done")
        labels, links = [choice.label for choice in shown.choices], urls(shown)
        text = shown.text
        await stage.render()
        await stage.pack()
        await stage.chat.wait_for_text("2/2 · done")

    assert labels == ["1. anchor", "Cancel"]
    assert links == ["https://x.test/1/output_001_anchor.mp4", None]
    assert "http" not in text
    assert shown.choices == ()


async def test_the_progress_is_revised_no_more_often_because_of_links(
    stage: Stage, signed: list[str]
) -> None:
    stage.chat.limits = replace(ROOMY, link_buttons=True)
    async with stage.running():
        await order(stage, "1 2 3 go")
        await stage.render()
        shown = await stage.chat.wait_for_text("✓ 1. anchor · done")
        lease = await stage.draw("clips")
        await stage.chat.wait_for_text("▸ 2. host")
        for _ in range(5):  # facts that change nothing
            await stage.report(lease, 0, 0)
        await stage.report(lease, 99)
        await stage.chat.wait_for_text("rendering 50 %")

    said = [*shown.earlier, shown.text]
    assert all(before != after for before, after in itertools.pairwise(said))
    assert len(signed) == 1


async def test_a_bot_that_was_restarted_shows_the_same_links(
    stage: Stage, signed: list[str]
) -> None:
    async with stage.running():
        await order(stage)
        await stage.render()
        await stage.chat.wait_for_text("https://x.test/1/output_001_anchor.mp4")
    async with stage.running():
        lease = await stage.draw("clips")
        await stage.report(lease, 99)
        shown = await stage.chat.wait_for_text("rendering 50 %")

    assert "https://x.test/1/output_001_anchor.mp4" in shown.text
    assert len(signed) == 1


@pytest.mark.parametrize(
    ("link", "kept_s"),
    [
        (Link("https://x.test/1", 86_400), 43_200),
        (Link("https://x.test/1", 2 * 3600), 3600),
        (Link("https://x.test/1", 1), 1),
        (Link("https://x.test/1", 86_400, sure=False), 60),
    ],
)
async def test_a_link_is_shown_again_for_half_of_its_own_life_and_hardly_if_that_is_not_known(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, link: Link, kept_s: int
) -> None:
    kept: list[int | None] = []
    keep = stage.memory.keep

    async def sign(key: str, lifetime_s: int, filename: str) -> Link:
        return link

    async def noted(*name: str, value: str, ttl_s: int | None = None) -> None:
        if name[0] == "link":
            kept.append(ttl_s)
        await keep(*name, value=value, ttl_s=ttl_s)

    monkeypatch.setattr(stage.store, "sign", sign)
    monkeypatch.setattr(stage.memory, "keep", noted)
    async with stage.running():
        await order(stage)
        await stage.render()
        await stage.chat.wait_for_text(link.url)

    assert set(kept) == {kept_s}


async def test_people_are_told_the_time_after_which_the_first_link_ends(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives = {"output_001_anchor.mp4": 6 * 3600, "output_002_host.mp4": 5 * 3600 - 1}

    async def sign(key: str, lifetime_s: int, filename: str) -> Link:
        return Link(f"https://x.test/{filename}", lives.get(filename, lifetime_s))

    monkeypatch.setattr(stage.store, "sign", sign)
    async with stage.running():
        await order(stage)
        await stage.render()
        await stage.render()
        await stage.pack()
        outcome = await stage.chat.wait_for_text("is ready")

    assert "The links work for 4 hours;" in outcome.text


async def test_links_that_find_no_room_are_left_out_and_the_message_stays_one(
    stage: Stage, signed: list[str]
) -> None:
    stage.chat.limits = replace(ROOMY, text_length=200)
    async with stage.running():
        batch = await order(stage, "1 2 3 go")
        await stage.render()
        await stage.render()
        shown = await stage.chat.wait_for_text("2/3")
        text = shown.text
        inbound = stage.chat.receive(ANN, f"/zip {batch.code}")
        await stage.chat.wait_for_settled(inbound)
        said = [m.text for m in stage.chat.shown.values() if m.key.startswith(inbound.key)]
        listed = "\n".join(said)

    assert len(text) <= 200
    assert text.count("https://") == 1
    assert "✓ 2. host · done\n" in text
    assert listed.count("https://x.test/") == 2


async def many(stage: Stage, done: int) -> BatchRecord:
    """An order of fourteen, some of them done."""
    await stage.add_templates(*(f"p{number:02d}" for number in range(20)))
    batch = await order(stage, f"{' '.join(str(number) for number in range(1, 15))} go")
    for _ in range(done):
        await stage.render()
    await stage.chat.wait_for_text(f"{done}/14")
    return batch


async def test_of_many_videos_those_that_are_done_are_linked_too(
    stage: Stage, signed: list[str]
) -> None:
    async with stage.running():
        batch = await many(stage, 6)
        shown = await stage.chat.wait_for_text(f"… 6 done (/zip {batch.code}), 8 waiting")
        status = await ask(stage, f"/status {batch.code}")
        await stage.report(await stage.draw("clips"), 99)
        moved = await stage.chat.wait_for_text("rendering 50 %")

    for text in (shown.text, status.text, moved.text):
        assert [line for line in text.split("\n") if "https://" in line] == [
            line
            for line in text.split("\n")
            if line.startswith(tuple(f"✓ {number}. " for number in range(1, 7)))
        ]
        assert text.count("https://x.test/") == 6


async def test_of_many_videos_as_many_are_linked_as_find_room_and_the_way_to_all_is_named(
    stage: Stage, signed: list[str]
) -> None:
    stage.chat.limits = replace(ROOMY, text_length=400)
    async with stage.running():
        batch = await many(stage, 12)
        shown = await stage.chat.wait_for_text(f"… 12 done (/zip {batch.code}), 2 waiting")
        text = shown.text
        all_of_them = await ask(stage, f"/zip {batch.code}")

    assert len(text) <= 400
    assert 2 <= text.count("https://x.test/") < 12
    assert "12. " in all_of_them.text


async def test_before_the_first_is_done_no_way_to_it_is_named(
    stage: Stage, signed: list[str]
) -> None:
    async with stage.running():
        await many(stage, 0)
        shown = await stage.chat.wait_for_text("… 0 done, 14 waiting")

    assert "/zip" not in shown.text


async def test_links_of_a_short_order_that_find_no_room_are_had_by_a_way_that_is_named(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.chat.limits = replace(ROOMY, text_length=300)
    long = f"https://x.test/{'s' * 100}"

    async def sign(key: str, lifetime_s: int, filename: str) -> Link:
        return Link(long, lifetime_s)

    monkeypatch.setattr(stage.store, "sign", sign)
    async with stage.running():
        batch = await order(stage, "1 2 3 go")
        await stage.render()
        await stage.render()
        shown = await stage.chat.wait_for_text(f"… /zip {batch.code} links all that are done")
        text = shown.text

    assert len(text) <= 300
    assert text.count(long) == 1


@pytest.mark.parametrize(
    ("person", "text", "said"),
    [
        (ANN, "1 2 go", "/zip {} gives those that are done before"),
        (LI, "1 2 开始", "中途发送“下载 {}”可先取已完成的"),
    ],
)
async def test_where_nothing_can_be_revised_the_way_to_what_is_done_is_said_at_the_beginning(
    stage: Stage, signed: list[str], person: Person, text: str, said: str
) -> None:
    stage.chat.limits = replace(ROOMY, can_revise=False)
    async with stage.running():
        stage.chat.receive_file(person, b"voice", "news.ogg")
        await stage.hear()
        await stage.chat.wait_for_settled(stage.chat.receive(person, text))
        batch = await stage.wait_for_batch(lambda _: True)
        await stage.chat.wait_for_text(said.format(batch.code))


async def test_a_store_that_cannot_sign_holds_the_progress_up_by_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = True
    sign = stage.store.sign

    async def sometimes(key: str, lifetime_s: int, filename: str) -> Link:
        if away:
            raise StoreUnavailable("away")
        return await sign(key, lifetime_s, filename)

    monkeypatch.setattr(stage.store, "sign", sometimes)
    async with stage.running():
        await order(stage)
        await stage.render()
        shown = await stage.chat.wait_for_text("✓ 1. anchor · done")
        without = shown.text
        away = False
        lease = await stage.draw("clips")
        await stage.report(lease, 99)
        await stage.chat.wait_for_text("✓ 1. anchor · done: http://door.test/d/")

    assert "http" not in without


async def test_status_and_zip_link_what_is_done_of_an_order_that_runs(
    stage: Stage, signed: list[str]
) -> None:
    async with stage.running():
        batch = await order(stage)
        early = await ask(stage, f"/zip {batch.code}")
        await stage.render()
        await stage.ledger.desk.fail(await stage.draw("clips"), NO_FACE)
        await stage.chat.wait_for_text("✗ 2. host")
        status = await ask(stage, f"/status {batch.code}")
        so_far = await ask(stage, f"/zip {batch.code}")

    assert early.text == f"{batch.code} is not ready yet: /status {batch.code}"
    assert "✓ 1. anchor · done: https://x.test/1/output_001_anchor.mp4" in status.text
    head, first, _ = so_far.text.split("\n")
    assert head == f"{batch.code} is not ready yet. 1 of 2 videos are done:"
    assert first.startswith("✓ 1. anchor (7.9 s): https://x.test/")


async def test_of_a_batch_that_is_stopped_no_links_are_shown_before_its_outcome(
    stage: Stage, signed: list[str]
) -> None:
    async with stage.running():
        await order(stage)
        await stage.render()
        await stage.chat.wait_for_text("https://x.test/1/")
        lease = await stage.draw("clips")
        await ask(stage, "/cancel")
        shown = await stage.chat.wait_for_text("stopping …")
        stopping = shown.text
        await stage.ledger.desk.cancel_clip(lease)
        await stage.pack()
        await stage.chat.wait_for_text("was done already")

    assert "http" not in stopping


async def test_in_chinese_a_link_stands_behind_its_line_too(
    stage: Stage, signed: list[str]
) -> None:
    async with stage.running():
        stage.chat.receive_file(LI, b"voice", "news.ogg")
        await stage.hear()
        await stage.chat.wait_for_settled(stage.chat.receive(LI, "1 2 开始"))
        await stage.render()
        await stage.chat.wait_for_text("✓ 1. anchor · 完成： https://x.test/1/")
