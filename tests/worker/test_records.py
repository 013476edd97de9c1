"""What records promise to readers of other versions."""

import json

import pytest
from pydantic import ValidationError

from pipeline import remarks
from pipeline.measure.gate import FLAGS
from tests.worker.ledger_things import order, result
from worker.contract.codes import Flag, RemarkCode
from worker.contract.records import (
    ClipResult,
    MouthFigures,
    Order,
    OrderedBackground,
    OrderOptions,
    SentPicture,
)


def test_the_flags_of_the_contract_are_those_of_the_check_worst_first() -> None:
    assert tuple(Flag) == FLAGS


def test_the_remarks_of_the_contract_are_those_of_the_pipeline() -> None:
    assert set(RemarkCode) == {remarks.CLIPPED, remarks.NOISY, remarks.BROKEN_OFF}


def test_a_clip_of_an_older_version_is_read_as_one_that_was_not_measured() -> None:
    older = (
        '{"key":"clips/x/001.mp4","size_bytes":3,"crc32":1,"sha256":"00","frames":25,"fps":25.0,'
        '"duration_s":1.0,"engine":"fake","seconds":{}}'
    )

    read = ClipResult.model_validate_json(older)

    assert read == result()
    assert (read.mouth, read.av_offset_s, read.flags) == (MouthFigures(), None, None)


def test_a_measured_clip_survives_being_written() -> None:
    measured = result().model_copy(
        update={"mouth": MouthFigures(tracking_r=0.2, lag_frames=4), "flags": (Flag.TRACKING,)}
    )

    assert ClipResult.model_validate_json(measured.model_dump_json()) == measured


def test_an_order_of_an_older_version_asks_for_nothing_special() -> None:
    older = json.loads(order("m1", "anna").model_dump_json())
    del older["options"]

    assert Order.model_validate(older).options == OrderOptions()


def test_an_order_keeps_its_options_when_it_is_written() -> None:
    picture = SentPicture(sha256="ab", name="wall.jpg")
    asked = OrderOptions(
        playing="hold",
        captions="burned",
        label=False,
        background=OrderedBackground(picture=picture),
        language="zh",
    )
    written = order("m1", "anna").model_copy(update={"options": asked}).model_dump_json()

    assert Order.model_validate_json(written).options == asked


def test_a_background_that_is_no_colour_is_refused() -> None:
    with pytest.raises(ValidationError):
        OrderedBackground(colour="blue")
