"""Whether links lead to the cloud store: the operator's decision first, then the person's, kept with the order."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bot.bot import Bot
from bot.policy import Cloud
from tests.bot.stage import ANN, TEXTS, Stage
from tests.fakes.chat import ROOMY
from worker.contract.ports import Link
from worker.contract.records import BatchRecord, OrderOptions


@pytest.fixture
def cloudy(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage whose store signs links to a cloud, beside its own door."""
    door = stage.store.sign

    async def sign(key: str, lifetime_s: int, filename: str) -> Link:
        await door(key, lifetime_s, filename)
        return Link(f"https://cloud.test/{filename}", lifetime_s)

    def bot(*more: object) -> Bot:
        return Bot(
            adapters=[stage.chat],
            ledger=stage.ledger,
            store=stage.store,
            memory=stage.memory,
            texts=TEXTS,
            policy=stage.policy,
            clock=lambda: stage.now,
            own_link=lambda key, _, filename: f"https://door.test/{filename}",
        )

    monkeypatch.setattr(stage.store, "sign", sign)
    monkeypatch.setattr(stage, "bot", bot)
    stage.allow(cloud="on")
    return stage


async def ask(stage: Stage, text: str, **said: object) -> str:
    """Say something and read the answer, whatever else is told meanwhile."""
    inbound = stage.chat.receive(ANN, text, **said)  # type: ignore[arg-type]
    await stage.chat.wait_for_settled(inbound)
    answers = [m for m in stage.chat.shown.values() if m.key.startswith(f"{inbound.key}:")]
    return answers[-1].text


async def ordered(stage: Stage) -> list[str]:
    """Every link of an order, while it runs, at its end, and renewed."""
    stage.chat.receive_file(ANN, b"voice", "news.ogg")
    await stage.hear()
    await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1 go"))
    await stage.render()
    running = (await stage.chat.wait_for_text("1. anchor · done: http")).text
    await stage.pack()
    outcome = await stage.chat.wait_for_text("is ready")
    texts = [running, outcome.text, await ask(stage, "/zip")]
    return [
        line.split("https://")[1] for text in texts for line in text.split("\n") if "//" in line
    ]


@pytest.mark.parametrize("typed", ["", "cloud off", "云端 关", "/settings cloud off", "设置云端关"])
async def test_who_wants_no_cloud_gets_links_of_the_door_only_and_all_others_those_of_the_cloud(
    cloudy: Stage, typed: str
) -> None:
    async with cloudy.running():
        if typed:
            await ask(cloudy, typed)
        links = await ordered(cloudy)
        batch = await cloudy.newest()

    assert batch.order.options.cloud is (typed == "")
    assert len(links) == 5
    assert {link.split("/")[0] for link in links} == {"door.test" if typed else "cloud.test"}


async def test_the_choice_belongs_to_the_order_whatever_is_set_later(cloudy: Stage) -> None:
    async with cloudy.running():
        await ask(cloudy, "cloud off")
        await ordered(cloudy)
        said = await ask(cloudy, "cloud on")
        again = await ask(cloudy, "/zip")

    assert said == "Done. cloud: links lead straight to the cloud store, which is fastest."
    assert "cloud.test" not in again


@pytest.mark.parametrize(
    ("cloud", "said"),
    [
        ("none", "no cloud store is in use"),
        ("off", "whoever operates Chorus has decided so for everybody (CHORUS_CLOUD_DELIVERY)"),
        ("only", "Links can only lead to the cloud store here."),
    ],
)
async def test_where_there_is_no_choice_people_are_told_why_and_nothing_is_offered(
    cloudy: Stage, cloud: Cloud, said: str
) -> None:
    cloudy.allow(cloud=cloud)
    async with cloudy.running():
        answers = [await ask(cloudy, typed) for typed in ("cloud on", "cloud off", "cloud")]
        shown = await ask(cloudy, "/settings")
        labels = [choice.label for choice in list(cloudy.chat.shown.values())[-1].choices]
        await ordered(cloudy)
        batch = await cloudy.newest()

    assert all(said in answer for answer in answers)
    assert "cloud:" not in shown
    assert not any("cloud" in label for label in labels)
    assert batch.order.options == OrderOptions()


async def test_the_settings_show_the_choice_and_a_button_for_it(cloudy: Stage) -> None:
    cloudy.chat.limits = replace(ROOMY, link_buttons=True)
    async with cloudy.running():
        shown = await ask(cloudy, "/settings")
        labels = [choice.label for choice in list(cloudy.chat.shown.values())[-1].choices]
        await ask(cloudy, "cloud off")
        cloudy.chat.receive_file(ANN, b"voice", "news.ogg")
        await cloudy.hear()
        offer = await cloudy.chat.wait_for_text("Pick templates")

    assert (
        "cloud: links lead straight to the cloud store, which is fastest (or off)"
        in shown.split("\n")
    )
    assert "cloud: off" in labels
    assert "With: links through Chorus only" in offer.text


@pytest.mark.parametrize(
    ("cloud", "expected"),
    [
        ("on", {"door.test/output_001_王小美.mp4", "cloud.test/output_002_anna.mp4"}),
        ("only", {"cloud.test/output_001.mp4", "cloud.test/output_002_anna.mp4"}),
    ],
)
async def test_a_link_that_is_longer_than_the_chat_carries_leads_another_way(
    cloudy: Stage, monkeypatch: pytest.MonkeyPatch, cloud: Cloud, expected: set[str]
) -> None:
    """Presigned ones are: each Chinese letter takes many bytes in them. Through the door, or else under a shorter name."""
    cloudy.allow(cloud=cloud)
    cloudy.chat.limits = replace(ROOMY, link_bytes=len("https://cloud.test/output_002_anna.mp4"))
    desk = cloudy.bot()._desks[0]
    batch = BatchRecord.model_construct(order=SimpleNamespace(options=OrderOptions()))

    signed = {
        (await desk.sign(batch, "clips/b/1.mp4", name)).url
        for name in ("output_001_王小美.mp4", "output_002_anna.mp4")
    }

    assert {link.removeprefix("https://") for link in signed} == expected
