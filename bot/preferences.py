"""What a person may set for themselves, and the limits they should know."""

from bot import words
from bot.desk import Turn
from bot.texts.catalogue import Language

_SPELLINGS: dict[str, Language] = {
    "en": "en",
    "english": "en",
    "英文": "en",
    "英语": "en",
    "zh": "zh",
    "cn": "zh",
    "chinese": "zh",
    "中文": "zh",
    "汉语": "zh",
}


async def settings(turn: Turn, argument: str) -> None:
    """Answer /settings: show them, or ``language en|zh``."""
    asked = argument.casefold().split()
    if asked and asked[0] in {"language", "语言"}:
        asked = asked[1:]
    if not asked:
        await _show(turn)
        return
    language = _SPELLINGS.get(asked[0])
    if language is None:
        await turn.answer(turn.say("settings-unknown", typed=words.shown_name(argument)))
        return
    await turn.desk.choose_language(turn.chat, turn.person, language)
    turn.language = language
    await turn.answer(turn.say("settings-language-set"))


async def _show(turn: Turn) -> None:
    policy, texts = turn.desk.policy, turn.desk.texts
    await turn.answer(
        turn.say("settings-head"),
        turn.say("settings-language"),
        turn.say("settings-take", limit=words.duration(texts, turn.language, policy.max_take_s)),
        turn.say("settings-file", limit=words.size(turn.desk.adapter.limits.file_size_bytes)),
        turn.say("settings-clips", limit=policy.max_clips_per_batch),
        turn.say(
            "settings-links", lifetime=words.lifetime(texts, turn.language, policy.link_lifetime_s)
        ),
        turn.say("settings-engine", engine=policy.engine),
    )
