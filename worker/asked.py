"""What an order asks of a Clip, as the engine is told it: the fields of ``pipeline.options``, as plain JSON.

The foreman never loads the pipeline, so the names stand here once more; a test holds both together.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from worker.contract.records import BatchRecord, OrderedBackground

_CHINESE_TEXT: Final = "数字人 · AI生成"


@dataclass(frozen=True)
class LabelRules:
    """What the operator decided about the AI label."""

    producer: str = "Chorus"
    text: str | None = None
    """None: by the language of whoever ordered."""
    seconds: float | None = None
    """How long the text is shown; None: from the first frame to the last."""


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
            **_text(batch, rules),
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


def _text(batch: BatchRecord, rules: LabelRules) -> dict[str, str]:
    """The visible text; nothing said means the pipeline's own, which is English."""
    options = batch.order.options
    if not options.label:
        return {"text": ""}
    if rules.text is not None:
        return {"text": rules.text}
    return {"text": _CHINESE_TEXT} if options.language == "zh" else {}
