"""Everything the bot says, in every language: one Fluent file for each, beside this module."""

import logging
import math
from collections.abc import Sequence
from importlib import resources
from typing import Final, Literal

from fluent.runtime import FluentBundle, FluentResource

from worker.contract.codes import Code, Flag
from worker.contract.records import Reason, Remark

_LOG = logging.getLogger(__name__)

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")

_SENTENCE_GAP: Final[dict[Language, str]] = {"en": " ", "zh": ""}


class Texts:
    """The catalogues. Lines are plain text: no direction marks around what is filled in, so that links stay whole."""

    def __init__(self) -> None:
        """Read the catalogues from the package."""
        self._bundles = {language: _bundle(language) for language in LANGUAGES}

    def say(self, language: Language, message: str, **args: str | float) -> str:
        """One text with its variables filled in.

        Args:
            language: Of the person who reads it.
            message: Its id in the catalogues; ``id.advice`` is the attribute ``advice``.
            args: The variables it names.

        Raises:
            KeyError: There is no such text. A variable that is missing shows its name and is logged.
        """
        bundle = self._bundles[language]
        name, _, attribute = message.partition(".")
        found = bundle.get_message(name)
        pattern = found.attributes[attribute] if attribute else found.value
        if pattern is None:
            raise KeyError(message)
        said, errors = bundle.format_pattern(pattern, args)
        for error in errors:
            _LOG.error("Text %s in %s: %s", message, language, error)
        return str(said)

    def join(self, language: Language, *sentences: str) -> str:
        """Sentences one behind the other."""
        return _SENTENCE_GAP[language].join(sentence for sentence in sentences if sentence)

    def short(self, language: Language, reason: Reason) -> str:
        """What happened, and where."""
        return self.say(language, f"reason-{reason.code}", **self._facts(reason))

    def reason(self, language: Language, reason: Reason) -> str:
        """What happened, where, and what to do about it."""
        advice = self.say(language, f"reason-{reason.code}.advice", **self._facts(reason))
        return self.join(language, self.short(language, reason), advice)

    def remark(self, language: Language, flags: Sequence[Flag] | None) -> str:
        """The worst that the check of a Clip has against it, for the middle of a sentence; empty for nothing."""
        return self.say(language, f"flag-{flags[0]}") if flags else ""

    def note(self, language: Language, of: Literal["take", "template"], remark: Remark) -> str:
        """What people should know of a recording or a video, in one sentence or two."""
        facts: dict[str, str | float] = dict(remark.facts)
        return self.say(language, f"{of}-{remark.code}", **facts)

    def _facts(self, reason: Reason) -> dict[str, str | float]:
        counted = {**_megapixels(reason), **_minutes(reason)}
        return {**reason.facts, **counted, "incident": reason.incident or "-"}


def _megapixels(reason: Reason) -> dict[str, float]:
    """What people call the size of a picture: rounded so that what is too large never looks allowed."""
    if reason.code is not Code.VIDEO_TOO_LARGE:
        return {}
    width_px, height_px, limit_px = (
        float(reason.facts.get(name, 0)) for name in ("width_px", "height_px", "limit_px")
    )
    return {
        "megapixels": math.ceil(width_px * height_px / 1e5) / 10,
        "limit_megapixels": math.floor(limit_px / 1e5) / 10,
    }


def _minutes(reason: Reason) -> dict[str, float]:
    """How much an order asks of a day, as exact as it is said: one minute is said otherwise than two."""
    if reason.code not in {Code.PERSON_MINUTES, Code.CHAT_MINUTES}:
        return {}
    return {"minutes": round(float(reason.facts.get("asked", 0)), 1)}


def _bundle(language: Language) -> FluentBundle:
    source = resources.files("bot.texts").joinpath(f"{language}.ftl").read_text(encoding="utf-8")
    bundle = FluentBundle([language], use_isolating=False)
    bundle.add_resource(FluentResource(source))
    return bundle
