"""An administrator lets others in where they are, without a restart."""

import pytest

from bot.ports import Person
from tests.bot.stage import ANN, LI, Stage
from tests.bot.test_dialogue import ask
from tests.fakes.chat import FakeChat

BOSS = Person(id="boss", name="Boss")


@pytest.fixture(autouse=True)
def telegram(stage: Stage) -> FakeChat:
    """A platform that is closed but to one administrator."""
    stage.chat = FakeChat(platform="telegram")
    stage.allow(admins=("telegram:user:boss",))
    return stage.chat


async def test_a_group_is_admitted_where_it_is_and_only_that_one(stage: Stage) -> None:
    group, other = (stage.chat.chat(id_, private=False) for id_ in ("-1", "-2"))
    async with stage.running():
        before = await ask(stage, "/help", chat=group)
        done = await ask(stage, "/allow", BOSS, chat=group)
        after = await ask(stage, "/help", chat=group)
        elsewhere = await ask(stage, "/help", chat=other)
        alone = await ask(stage, "/help")

    assert "or to type /allow here" in before
    assert done.startswith("telegram:chat:-1 may use Chorus")
    assert after.startswith("Send a recording, pick")
    assert "may not work in this chat yet" in elsewhere
    assert "may not work in this chat yet" in alone


async def test_a_person_is_admitted_by_entry_and_put_out_again(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "/allow telegram:user:ann", BOSS)
        inside = await ask(stage, "/help", ANN)
        other = await ask(stage, "/help", LI, chat=stage.chat.chat("li"))
        ended = await ask(stage, "/allow telegram:user:ann off", BOSS)
        outside = await ask(stage, "/status", ANN)

    assert inside.startswith("Send a recording, pick")
    assert "我还没有获准" in other
    assert ended == "telegram:user:ann may not use Chorus any more."
    assert not outside.startswith("Nothing is running")


async def test_who_was_admitted_admits_nobody(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "/allow telegram:user:ann", BOSS)
        said = await ask(stage, "/allow telegram:user:li", ANN)
        other = await ask(stage, "/help", LI, chat=stage.chat.chat("li"))

    assert "only those whom the operator" in said.casefold()
    assert "我还没有获准" in other


async def test_what_the_settings_say_stays(stage: Stage) -> None:
    stage.allow(allow=("telegram:chat:-1",))
    group = stage.chat.chat("-1", private=False)
    async with stage.running():
        assert "stays admitted" in await ask(stage, "/allow off", BOSS, chat=group)
        assert (await ask(stage, "/help", chat=group)).startswith("Send a recording")


@pytest.mark.parametrize(
    "text", ["/allow me", "/allow wecom:user:li", "/allow telegram:user:", "/allow a b"]
)
async def test_what_is_no_entry_is_answered_with_how(stage: Stage, text: str) -> None:
    async with stage.running():
        assert (await ask(stage, text, BOSS)).startswith("Type /allow in the chat")
