"""What an order asks of a Clip, as the engine is told it: the fields of ``pipeline.options``, as plain JSON.

The foreman never loads the pipeline, so the names stand here once more; a test holds both together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from worker.contract.records import BatchRecord, OrderedBackground

Language = Literal["en", "zh"]

LABEL_TEXTS: Final[Mapping[Language, str]] = {
    "zh": "数字人 · AI生成",
    "en": "AI-generated digital human",
}
"""What the visible label reads where the operator says nothing."""


@dataclass(frozen=True)
class LabelRules:
    """What the operator decided about the AI label."""

    producer: str = "Chorus"
    text: str | None = None
    """None: by the language of whoever ordered."""
    seconds: float | None = None
    """How long the text is shown; None: from the first frame to the last."""

    def text_in(self, language: Language) -> str:
        """The visible text for people of a language."""
        return LABEL_TEXTS[language] if self.text is None else self.text


def asked_of_clip(
    batch: BatchRecord, number: int, rules: LabelRules, picture: Path | None
) -> dict[str, Any]:
    """What the engine is asked for.

    Args:
        batch: With its order.
        number: The Clip's.
        rules: About the label.
        picture: The ordered background, as the engine may open it; None if there is none.
    """
    options = batch.order.options
    return {
        "playing": options.playing,
        "sound": {
            "loudness": options.loudness,
            "trim": options.trim,
            "denoise": options.denoise,
        },
        "background": _background(options.background, picture),
        "captions": options.captions == "burned",
        "label": {
            "text": rules.text_in(options.language) if options.label else "",
            "seconds": rules.seconds,
            "producer": rules.producer,
            "produce_id": f"{batch.id}-{number}",
        },
    }


def _background(ordered: OrderedBackground | None, picture: Path | None) -> dict[str, Any] | None:
    if ordered is None:
        return None
    return {
        "colour": ordered.colour,
        "picture": str(picture) if picture else None,
        "blur": ordered.blur,
    }
