"""What the engine is asked for is what was ordered, in the words of the pipeline."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.label.visible import CHINESE, ENGLISH
from pipeline.options import (
    DEFAULTS,
    Background,
    ClipOptions,
    LabelOptions,
    Playing,
    SoundOptions,
    options_as_json,
    options_from_json,
)
from tests.worker.ledger_things import order
from worker.asked import LABEL_TEXTS, LabelRules, asked_of_clip
from worker.contract.records import (
    BatchRecord,
    BatchState,
    OrderedBackground,
    OrderOptions,
    SentPicture,
)

OPERATOR = LabelRules(producer="Example-Ltd")


def batch(options: OrderOptions) -> BatchRecord:
    return BatchRecord(
        id="b1",
        code="K7Q2",
        order=order("m1", "one").model_copy(update={"options": options}),
        state=BatchState.RENDERING,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        clips=(),
    )


def asked(
    options: OrderOptions, rules: LabelRules = OPERATOR, picture: Path | None = None
) -> ClipOptions:
    return options_from_json(asked_of_clip(batch(options), 3, rules, picture))


def test_who_asks_for_nothing_gets_the_defaults_and_a_label_that_names_the_clip() -> None:
    label = LabelOptions(producer="Example-Ltd", produce_id="b1-3")

    assert asked(OrderOptions()) == ClipOptions(label=label)


def test_everything_that_was_ordered_is_asked_for() -> None:
    ordered = OrderOptions(
        playing="loop",
        loudness=False,
        trim=True,
        denoise=True,
        background=OrderedBackground(colour="#00aaff"),
        captions="burned",
    )

    told = asked(ordered)

    assert (told.playing, told.captions) == (Playing.LOOP, True)
    assert told.sound == SoundOptions(loudness=False, trim=True, denoise=True)
    assert told.background == Background(colour="#00aaff")


def test_a_picture_is_asked_for_as_the_file_the_child_made() -> None:
    sent = OrderedBackground(picture=SentPicture(sha256="ab", name="wall.jpg"))

    told = asked(OrderOptions(background=sent), picture=Path("/cache/picture.png"))

    assert told.background == Background(picture=Path("/cache/picture.png"))


def test_captions_that_are_files_only_are_not_written_into_the_picture() -> None:
    assert not asked(OrderOptions(captions="files")).captions


@pytest.mark.parametrize(
    ("options", "rules", "text"),
    [
        (OrderOptions(), LabelRules(), DEFAULTS.label.text),
        (OrderOptions(language="zh"), LabelRules(), "数字人 · AI生成"),
        (OrderOptions(language="zh"), LabelRules(text="AI made"), "AI made"),
        (OrderOptions(label=False), LabelRules(text="AI made"), ""),
    ],
)
def test_the_visible_text_goes_by_the_operator_then_by_the_language_of_the_order(
    options: OrderOptions, rules: LabelRules, text: str
) -> None:
    assert asked(options, rules).label.text == text


def test_the_text_is_shown_as_long_as_the_operator_says() -> None:
    assert asked(OrderOptions(), LabelRules(seconds=2.5)).label.seconds == 2.5


def test_no_field_is_asked_for_that_the_pipeline_does_not_have() -> None:
    known = options_as_json(DEFAULTS)
    told = asked_of_clip(batch(OrderOptions()), 1, OPERATOR, None)

    assert told.keys() == known.keys()
    assert told["sound"].keys() == known["sound"].keys()
    assert told["label"].keys() == known["label"].keys()


def test_the_usual_texts_are_those_of_the_label() -> None:
    assert LABEL_TEXTS == {"zh": CHINESE, "en": ENGLISH}
    assert DEFAULTS.label.text == ENGLISH
