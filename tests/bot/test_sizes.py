"""How large an order will be, and what becomes of one that is too large for one ZIP."""

import zlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.sizes import about_bytes
from tests.bot.stage import ANN, LI, NOW, Stage
from tests.fakes.chat import ROOMY
from worker.contract import keys
from worker.contract.ports import ArchiveEntry
from worker.contract.records import Archive, BatchRecord, BatchState, TakeRecord, TemplateRecord

AT = datetime(2026, 11, 21, tzinfo=UTC)
LONG = {"speech_s": 590.0, "duration_s": 600.0}
FILMED = [
    (720, 1080, 25.0, 551_935),
    (1080, 1920, 30.0, 2_272_666),
    (720, 974, 25.0, 1_154_603),
]
"""Width, height, rate and bytes of real Clips of 8 s: a man at rest, a speaker, a woman before green."""


def take(duration_s: float) -> TakeRecord:
    return TakeRecord(id="t", name="n", size_bytes=1, created_at=AT, duration_s=duration_s)


def template(width_px: int = 0, height_px: int = 0, fps: float = 0.0) -> TemplateRecord:
    return TemplateRecord(
        id="t", name="n", file_name="n", sha256="", size_bytes=1, created_at=AT,
        width_px=width_px, height_px=height_px, fps=fps,
    )  # fmt: skip


@pytest.mark.parametrize(("width_px", "height_px", "fps", "size_bytes"), FILMED)
def test_a_guess_is_between_a_half_and_twice_of_what_real_clips_have(
    width_px: int, height_px: int, fps: float, size_bytes: int
) -> None:
    guessed = about_bytes(take(8.0), [template(width_px, height_px, fps)])

    assert 0.5 < guessed / size_bytes < 2


def test_of_several_clips_the_guess_is_nearer() -> None:
    templates = [template(*each[:3]) for each in FILMED]

    assert about_bytes(take(8.0), templates) == pytest.approx(
        sum(size for *_, size in FILMED), rel=0.1
    )


def test_a_template_that_is_still_prepared_and_one_that_will_be_scaled_down_are_guessed_too() -> (
    None
):
    unknown, huge, largest = (
        about_bytes(take(60.0), [each])
        for each in (template(), template(3840, 2160, 30.0), template(1080, 1920, 30.0))
    )

    assert 0 < unknown < huge == largest


async def ask(stage: Stage, text: str, **said: object) -> str:
    """Say something and read the answer, whatever else is told meanwhile."""
    inbound = stage.chat.receive(ANN, text, **said)  # type: ignore[arg-type]
    await stage.chat.wait_for_settled(inbound)
    answers = [m for m in stage.chat.shown.values() if m.key.startswith(f"{inbound.key}:")]
    return answers[-1].text


async def pack_parts(stage: Stage, sizes: tuple[int, ...]) -> None:
    """Play the foreman that packs an Archive of several parts."""
    lease = await stage.draw("archives")
    made = []
    for part, size_bytes in enumerate(sizes, 1):
        key = keys.archive(lease.subject, lease.number, part)
        entry = ArchiveEntry("report.txt", 2, zlib.crc32(b"ok"), content=b"ok")
        await stage.store.put_archive(key, [entry], NOW)
        made.append(Archive(key=key, name=f"x_part{part}of{len(sizes)}.zip", size_bytes=size_bytes))
    first, *more = made
    assert await stage.ledger.desk.finish_archive(
        lease, first.key, first.size_bytes, first.name, more
    )


async def test_what_is_small_says_nothing_of_its_size(stage: Stage) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear()
        await stage.chat.wait_for_text("Pick templates")
        said = await ask(stage, "all")
        await ask(stage, "go")

    assert "about" not in said
    assert not any("about" in text for text in stage.chat.texts)


async def test_a_large_order_says_its_size_before_it_starts_and_while_it_runs(
    stage: Stage,
) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear(**LONG)
        await stage.chat.wait_for_text("Pick templates")
        said = await ask(stage, "all")
        progress = await ask(stage, "go")
        batch = await stage.newest()

    assert "That will be about 230 MB.\n" in said
    assert progress.split("\n")[0] == f"{batch.code} · “news.ogg” · 3 videos · about 230 MB"


async def test_what_is_too_large_for_one_zip_comes_in_several_unless_somebody_wants_it_otherwise(
    stage: Stage,
) -> None:
    stage.allow(most_archive_bytes=100_000_000)
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear(**LONG)
        await stage.chat.wait_for_text("Pick templates")
        said = await ask(stage, "all")
        labels = [choice.label for choice in list(stage.chat.shown.values())[-1].choices]
        begun = await ask(stage, "go")
        batch = await stage.newest()
        for _ in range(3):
            await stage.render()
        await pack_parts(stage, (90_000_000, 80_000_000))
        told = await stage.chat.wait_for_text("is ready")
        await stage.told()
        again = await ask(stage, f"/zip {batch.code}")
        status = await ask(stage, f"/status {batch.code}")
        await ask(stage, f"/delete {batch.code}")
        await ask(stage, "yes")
        left = [facts.key async for facts in stage.store.list("archives/")]

    assert begun.split("\n")[0].endswith(" · 3 videos · about 230 MB in 3 ZIPs")
    assert status.endswith(f"\n2 ZIPs (90.0 MB, 80.0 MB): /zip {batch.code}")
    assert left == []
    assert (
        "That will be about 230 MB. Many phones and computers open no ZIP above 100 MB, so it "
        "comes in about 3 ZIPs, each of which opens by itself."
    ) in said
    assert labels == ["Start", "Pick anew", "Cancel", "One ZIP", "Only links"]
    assert batch.order.options.zip == "parts"
    for text in (told.text, again):
        _, first, second, apart, video, *_ = text.split("\n")
        assert first.startswith("Part 1 of 2 as a ZIP (90.0 MB): http")
        assert second.startswith("Part 2 of 2 as a ZIP (80.0 MB): http")
        assert apart == "Each of these ZIPs opens by itself; nothing needs to be put together."
        assert video.startswith("✓ 1. anchor")


async def test_where_there_are_few_buttons_start_is_among_them(stage: Stage) -> None:
    stage.allow(most_archive_bytes=100_000_000)
    stage.chat.limits = replace(ROOMY, choices=4)
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear(**LONG)
        offer = await stage.chat.wait_for_text("Pick templates")
        for name in ("anchor", "host", "idle"):
            choice = f"pick:t-{name}"
            await stage.chat.wait_for_settled(stage.chat.receive(ANN, choice=choice))

    assert [choice.label for choice in offer.choices][-1] == "Start"
    assert not any("ZIP" in choice.label for choice in offer.choices)
    assert "“/settings zip one”" in offer.text


async def test_where_nothing_can_be_revised_the_size_stands_in_the_first_answer(
    stage: Stage,
) -> None:
    stage.chat.limits = replace(ROOMY, can_revise=False, choices=0)
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear(**LONG)
        await stage.chat.wait_for_text("Pick templates")
        said = await ask(stage, "1 2 3 go")

    assert said.startswith("Order ")
    assert said.endswith("\nabout 230 MB")


async def test_who_presses_only_links_gets_no_zip(stage: Stage) -> None:
    stage.allow(most_archive_bytes=100_000_000)
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear(**LONG)
        await stage.chat.wait_for_text("Pick templates")
        await ask(stage, "all")
        shown = list(stage.chat.shown.values())[-1]
        button = next(c for c in shown.choices if c.label == "Only links")
        settled = await ask(stage, "", choice=button.token)
        await ask(stage, "go")
        for _ in range(3):
            await stage.render()
        assert await stage.ledger.desk.finish_without_archive(await stage.draw("archives"))
        told = await stage.chat.wait_for_text("is ready")
        ended = await stage.wait_for_batch(lambda batch: not batch.state.active)
        again = await ask(stage, "/zip")
        await stage.store.delete(clip_key(ended))
        gone = await ask(stage, "/zip")

    assert settled == (
        "Done. zip: none, only a link to each video; caption files come in a ZIP only."
    )
    assert (ended.state, ended.order.options.zip) == (BatchState.DELIVERED, "none")
    assert "ZIP" not in told.text
    for text in (told.text, again):
        assert [line[:4] for line in text.split("\n")[1:4]] == ["✓ 1.", "✓ 2.", "✓ 3."]
    assert [line[:4] for line in gone.split("\n")[1:4]] == ["✗ 1.", "✓ 2.", "✓ 3."]


def clip_key(batch: BatchRecord) -> str:
    assert batch.clips[0].result is not None
    return batch.clips[0].result.key


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [
        ("zip one", "one"),
        ("打包 一个", "one"),
        ("不打包", "none"),
        ("打包不分包", "one"),
        ("设置打包 不打包", "none"),
        ("zip parts", "parts"),
    ],
)
async def test_what_becomes_of_a_large_order_can_be_typed(
    stage: Stage, typed: str, chosen: str
) -> None:
    stage.allow(most_archive_bytes=100_000_000)
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear(**LONG)
        await stage.chat.wait_for_text("Pick templates")
        await ask(stage, typed)
        said = await ask(stage, "all")
        await ask(stage, "go")
        batch = await stage.newest()

    assert batch.order.options.zip == chosen
    assert ("in one ZIP as you wish" in said) is (chosen == "one")
    assert ("Many phones" in said) is (chosen != "none")


async def test_on_buttons_the_offer_itself_tells_the_size_and_the_choice(stage: Stage) -> None:
    stage.allow(most_archive_bytes=100_000_000)
    stage.chat.limits = replace(ROOMY, link_buttons=True)
    async with stage.running():
        stage.chat.receive_file(LI, b"voice", "news.ogg")
        await stage.hear(**LONG)
        offer = await stage.chat.wait_for_text("请选择模板")
        small = offer.text
        await stage.chat.wait_for_settled(stage.chat.receive(LI, choice="all"))
        large, labels = offer.text, [choice.label for choice in offer.choices]
        chosen = next(c for c in offer.choices if c.label == "一个包")
        count = len(stage.chat.shown)
        await stage.chat.wait_for_settled(stage.chat.receive(LI, choice=chosen.token))
        answers = len(stage.chat.shown) - count

    assert "预计" not in small
    assert "预计约 230 MB。很多手机和电脑打不开 100 MB 以上的压缩包" in large
    assert labels[-4:] == ["一个包", "只要链接", "开始", "取消"]
    assert "按您的设置放在一个压缩包里" in offer.text
    assert answers == 0  # the offer tells it, and no phone rings
    assert [choice.label for choice in offer.choices][-4:] == [
        "分成几个包",
        "只要链接",
        "开始",
        "取消",
    ]
