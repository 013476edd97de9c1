"""Questions that are answered with yes or no before something is done."""

from typing import Final

from bot.desk import Turn
from bot.drafts import Question
from bot.ports import Choice

YES: Final = "yes:"
NO: Final = "no:"


async def ask(turn: Turn, question: Question, text: str) -> None:
    """Ask; whatever the person says next, it is answered or forgotten."""
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        page.change(question=question)
    choices = [
        Choice(f"{YES}{question.id}", turn.say("button-yes")),
        Choice(f"{NO}{question.id}", turn.say("button-no")),
    ]
    await turn.answer(text, choices=choices)


async def forget(turn: Turn, question: Question) -> None:
    """The person went on, or it is answered."""
    async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
        if page.draft.question == question:
            page.change(question=None)
