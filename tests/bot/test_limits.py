"""What people read who order too much, and how an administrator orders urgently."""

from datetime import timedelta

import pytest

from bot.ports import Person
from bot.texts.catalogue import Language
from tests.bot.stage import ANN, LI, Stage
from tests.bot.test_dialogue import ask, finish, send_voice
from tests.fakes.chat import FakeChat
from worker.contract.records import BatchState

BOSS = Person(id="boss", name="Boss")


@pytest.fixture(autouse=True)
def telegram(stage: Stage) -> FakeChat:
    """A platform where nobody but one person administers."""
    stage.chat = FakeChat(platform="telegram")
    stage.allow(admins=("telegram:user:boss",), allow=("telegram:chat:desk", "telegram:chat:hall"))
    return stage.chat


async def test_who_has_too_many_orders_reads_how_many_and_starts_again_with_one_word(
    stage: Stage,
) -> None:
    stage.allow(batches_per_person=1)
    async with stage.running():
        await send_voice(stage, b"one")
        await ask(stage, "1 go")
        await send_voice(stage, b"two")
        refused = await ask(stage, "1 go")
        first = await stage.newest()
        status = await ask(stage, "/status")
        await finish(stage, 1)
        await ask(stage, "go")
        second = await stage.newest()

    assert refused.startswith(
        "1 order of yours is being made already; only 1 at a time is possible."
    )
    assert "your picks are kept" in refused
    assert "Not ordered yet" in status
    assert second.id != first.id
    assert second.state is BatchState.QUEUED


@pytest.mark.parametrize(
    ("person", "said"),
    [
        (
            ANN,
            "This order would have 2.6 minutes of video; you have ordered 1.3 today, and up to 3 are possible in a day.",
        ),
        (LI, "这次共需制作 2.6 分钟视频；您今天已下单 1.3 分钟，每天最多 3 分钟。"),
    ],
)
async def test_who_ordered_enough_for_a_day_reads_what_is_used_and_when_there_is_more(
    stage: Stage, person: Person, said: str
) -> None:
    stage.allow(minutes_per_person=3.0)
    async with stage.running():
        stage.chat.receive_file(person, b"one", "news.ogg")
        await stage.hear(duration_s=78.0)
        await stage.chat.wait_for(lambda chat: len(chat.shown) == 2)
        await ask(stage, "1 go", person)
        stage.chat.receive_file(person, b"two", "news.ogg")
        await stage.hear(duration_s=78.0)
        await stage.chat.wait_for(lambda chat: len(chat.shown) == 5)
        refused = await ask(stage, "1 2 go", person)
        stage.now += timedelta(days=1)
        await ask(stage, "go", person)
        second = await stage.newest(person)

    assert refused.startswith(said)
    assert "00:00 (UTC" in refused or "UTC+00:00 零点" in refused
    assert len(second.clips) == 2


async def test_a_start_that_waited_for_the_recording_is_refused_too_and_nothing_starts_later(
    stage: Stage,
) -> None:
    stage.allow(queue=1)
    async with stage.running():
        await send_voice(stage, b"one")
        await ask(stage, "1 go")
        stage.chat.receive_file(ANN, b"two", "news.ogg")
        await ask(stage, "1 go")
        await stage.hear()
        await stage.chat.wait_for(
            lambda chat: any("no more orders are taken" in m.text for m in chat.shown.values())
        )
        batches = await stage.ledger.history(stage.chat.chat(), ANN, 0, 9)

        refused = next(m.text for m in stage.chat.shown.values() if "no more orders" in m.text)

    assert len(batches) == 1
    assert "Here we go" not in refused  # nothing does


async def test_an_administrator_is_not_limited(stage: Stage) -> None:
    stage.allow(batches_per_person=1, minutes_per_person=0.1, queue=1)
    async with stage.running():
        for content in (b"one", b"two"):
            await send_voice(stage, content, BOSS)
            await ask(stage, "1 go", BOSS)
        batches = await stage.ledger.history(stage.chat.chat(), BOSS, 0, 9)

    assert len(batches) == 2


async def test_a_refused_order_that_comes_again_is_not_ordered_in_a_better_hour(
    stage: Stage,
) -> None:
    stage.allow(queue=1)
    async with stage.running():
        await send_voice(stage, b"one")
        await ask(stage, "1 go")
        await send_voice(stage, b"two")
        inbound = stage.chat.receive(ANN, "1 go")
        await stage.chat.wait_for_settled(inbound)
        kept = await stage.memory.load("order", inbound.key)

    assert kept is None


@pytest.mark.parametrize(
    ("typed", "language", "said"),
    [
        ("1 go urgent", "en", "Urgent: this order goes before all others."),
        ("1 urgent go", "en", "Urgent"),
        ("1加急开始", "zh", "已加急：这个任务会排在所有任务前面。"),
    ],
)
async def test_an_administrator_orders_urgently_and_goes_before_all_others(
    stage: Stage, typed: str, language: Language, said: str
) -> None:
    boss = BOSS.model_copy(update={"language": language})
    async with stage.running():
        await send_voice(stage, b"one")
        await ask(stage, "1 go")
        await send_voice(stage, b"two", boss)
        answer = await ask(stage, typed, boss)
        batch = await stage.newest(boss)
        lease = await stage.draw("clips")

    assert said in answer
    assert batch.order.urgent
    assert ("加急" if language == "zh" else " · urgent") in answer.splitlines()[-4]
    assert lease.subject == batch.id


async def test_urgent_may_be_said_before_the_start_and_is_for_that_order_only(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage, b"one", BOSS)
        await ask(stage, "1", BOSS)
        await ask(stage, "urgent", BOSS)
        await ask(stage, "go", BOSS)
        first = await stage.newest(BOSS)
        await send_voice(stage, b"two", BOSS)
        await ask(stage, "1 go", BOSS)
        second = await stage.newest(BOSS)

    assert first.order.urgent
    assert not second.order.urgent


async def test_who_does_not_administer_is_told_so_and_takes_turns(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        answer = await ask(stage, "1 go urgent")
        batch = await stage.newest()

    assert "Only administrators order urgently; this order takes its turn." in answer
    assert not batch.order.urgent


async def test_a_chat_has_the_weight_that_the_operator_gave_it(stage: Stage) -> None:
    stage.allow(chat_weights={"telegram:chat:desk": 3.0})
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 go")
        batch = await stage.newest()

    assert batch.order.weight == 3.0
