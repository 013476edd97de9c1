"""The command /help: an overview, and topics behind buttons that change the same message."""

from typing import Final

from bot import words
from bot.allowance import most_clips
from bot.desk import Turn
from bot.ports import Choice

HELP: Final = "help:"
"""Token of a topic; alone: of the overview."""
TOPICS: Final = {
    "recording": "录音",
    "templates": "模板",
    "options": "选项",
    "result": "结果",
    "privacy": "隐私",
}
"""What can be typed behind /help, in both languages."""


async def show_help(turn: Turn, argument: str) -> None:
    """Answer /help, /help TOPIC."""
    topic = _topic(argument)
    choices = _choices(turn, topic)
    more = "" if choices or topic else turn.say("more-help")
    message = await turn.answer(_text(turn, topic), more, choices=choices)
    if choices and turn.desk.adapter.limits.can_revise:
        async with turn.desk.drafts.editing(turn.chat, turn.person) as page:
            page.change(guide=message)


async def turn_page(turn: Turn, token: str) -> None:
    """A button: the message becomes the topic, where the platform lets us."""
    topic = _topic(token.removeprefix(HELP))
    draft = await turn.desk.drafts.load(turn.chat, turn.person)
    if draft.guide is not None and turn.desk.adapter.limits.can_revise:
        text, choices = _text(turn, topic), _choices(turn, topic)
        if await turn.say_in_place_of(draft.guide, text, choices):
            return
    await show_help(turn, topic)


def _topic(typed: str) -> str:
    """The topic that was asked for; empty: the overview."""
    folded = typed.strip().casefold()
    return next((topic for topic, chinese in TOPICS.items() if folded in {topic, chinese}), "")


def _text(turn: Turn, topic: str) -> str:
    policy = turn.desk.policy
    if not topic:
        return turn.say("help", limit=most_clips(turn))
    texts, language = turn.desk.texts, turn.language
    return turn.say(
        f"help-{topic}",
        length=words.duration(texts, language, policy.max_take_s),
        size=words.size(turn.desk.adapter.limits.file_size_bytes),
        limit=most_clips(turn),
        dub="yes" if turn.desk.adapter.limits.dub else "no",
        lifetime=words.lifetime(texts, language, policy.links_last_s),
    )


def _choices(turn: Turn, shown: str) -> list[Choice]:
    """All topics but the one that is shown."""
    if turn.desk.adapter.limits.choices < len(TOPICS):
        return []
    pages = [*TOPICS, *([""] if shown else [])]
    return [
        Choice(f"{HELP}{topic}", turn.say(f"button-help-{topic or 'overview'}"), stays=True)
        for topic in pages
        if topic != shown
    ]
