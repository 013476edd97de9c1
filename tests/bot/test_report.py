"""The report in an Archive: for people who never saw the chat."""

import re
from datetime import UTC, datetime

import pytest

from bot.report import report_text, reporter
from bot.texts.catalogue import Language
from tests.bot.stage import ANN, TEXTS
from worker.contract.codes import Code, Flag
from worker.contract.records import (
    BatchRecord,
    BatchState,
    Chat,
    ClipRecord,
    ClipResult,
    ClipState,
    Order,
    OrderOptions,
    Reason,
    TakeRecord,
)

AT = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
TAKE = TakeRecord(id="ab", name="news.ogg", size_bytes=9, created_at=AT, duration_s=7.9)


def result(**found: object) -> ClipResult:
    return ClipResult(
        key="clips/x/001.mp4", size_bytes=1_234_567, crc32=1, sha256="00", frames=198, fps=25.0,
        duration_s=7.92, engine="viseme", **found,
    )  # fmt: skip


def clip(number: int, name: str, state: ClipState, **known: object) -> ClipRecord:
    return ClipRecord(
        number=number, template_id=f"t{number}", template_name=name, template_file=f"{name}.mp4",
        state=state, **known,
    )  # fmt: skip


CLIPS = (
    clip(1, "李雷 晨会", ClipState.DONE, result=result(flags=())),
    clip(2, "ben", ClipState.DONE, result=result(flags=(Flag.TRACKING, Flag.SILENCE))),
    clip(3, "cleo", ClipState.DONE, result=result(background_kept=True)),
    clip(4, "dora", ClipState.FAILED,
         reason=Reason(code=Code.NO_FACE, facts={"frame": 50.0, "second": 2.0})),
    clip(5, "emil", ClipState.FAILED, reason=Reason(code=Code.INCIDENT, incident="ab12")),
    clip(6, "fay", ClipState.FAILED, reason=Reason(code=Code.CLIP_GONE)),
    clip(7, "gus", ClipState.CANCELLED),
)  # fmt: skip


def batch(language: Language, *, label: bool = True) -> BatchRecord:
    placed = Order(
        key="k", chat=Chat(platform="console", account="a", id="c"), person=ANN, take_id="ab",
        take_name="news.ogg", template_ids=tuple(clip.template_id for clip in CLIPS),
        options=OrderOptions(language=language, label=label),
    )  # fmt: skip
    return BatchRecord(
        id="b", code="K7Q2", order=placed, state=BatchState.PACKING, created_at=AT, clips=CLIPS
    )


def test_the_report_tells_in_plain_words_what_became_of_each_video() -> None:
    said = report_text(TEXTS, batch("en"), TAKE, 7, {})

    when = AT.astimezone()
    assert said.split("\n\n") == [
        "Order K7Q2",
        "Recording: “news.ogg” (7.9 s)\n"
        f"Ordered: {when:%Y-%m-%d %H:%M} (UTC{when.isoformat()[-6:]})\n"
        "Videos made: 3 of 7\n"
        "Kept for download: 7 days, until 2026-11-28. After that only what you saved is left.",
        "These videos were made by AI: the presenters did not speak these words themselves. "
        "Every video says so, in the picture and inside the file.",
        "1. 李雷 晨会\n"
        "   output_001_李雷_晨会.mp4 · 7.9 s · 1.2 MB · engine viseme\n"
        "   Checked: nothing was found amiss.",
        "2. ben\n"
        "   output_002_ben.mp4 · 7.9 s · 1.2 MB · engine viseme\n"
        "   Checked: the mouth may not follow the words well, the mouth may be open while nobody "
        "speaks. Have a look before you send it on.",
        "3. cleo\n"
        "   output_003_cleo.mp4 · 7.9 s · 1.2 MB · engine viseme\n"
        "   It could not be checked. Have a look before you send it on.\n"
        "   The background stayed as it is in the template, because no green screen and no "
        "transparency was found there.",
        "4. dora\n"
        "   Not made. I found no face at second 2.0 (frame 50). Please use a video in which one "
        "face looks into the camera all the time.",
        "5. emil\n"
        "   Not made. Something went wrong on our side (incident ab12). Please try again; if it "
        "stays, give that number to whoever operates Chorus.",
        "6. fay\n   Not made. The video was made, but its file is gone. Please have it made again.",
        "7. gus\n   Not made: the order was cancelled before.",
        "manifest.json says the same for programs, with checksums and measurements.\n",
    ]


def test_the_report_is_in_the_language_of_who_ordered() -> None:
    said = report_text(TEXTS, batch("zh"), TAKE, 7, {})

    assert said.startswith("任务 K7Q2\n")
    assert "录音：“news.ogg”（7.9 秒）" in said
    assert "这些视频由 AI 生成：主播本人没有说过这些话。" in said
    assert "检查：口型可能和语音对不上、没人说话时嘴可能没有闭上。转发前请先看一下。" in said
    own = re.sub(r"news\.ogg|output_\S+|manifest\.json|viseme|Chorus|UTC", "", said)
    assert set(re.findall(r"[a-zA-Z]{3,}", own)) <= {"ben", "cleo", "dora", "emil", "fay", "gus"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_is_the_same_every_time(language: Language) -> None:
    report = reporter(TEXTS, 7)

    assert report(batch(language), TAKE, {}) == report(batch(language), TAKE, {})


def test_without_the_visible_label_the_report_names_the_duty_to_mark_the_videos() -> None:
    assert "you must mark them as AI-generated" in report_text(
        TEXTS, batch("en", label=False), TAKE, 7, {}
    )


def test_a_recording_that_is_no_longer_known_leaves_only_its_length_out() -> None:
    assert "Recording: “news.ogg” (–)\n" in report_text(TEXTS, batch("en"), None, 7, {})


def test_where_there_are_several_zips_the_report_says_in_which_one_each_video_is() -> None:
    archives = {"output_002_ben.mp4": "chorus_K7Q2_part2of2.zip"}

    said = report_text(TEXTS, batch("en"), TAKE, 7, archives)

    assert (
        "   output_002_ben.mp4 · 7.9 s · 1.2 MB · engine viseme\n"
        "   In chorus_K7Q2_part2of2.zip\n   Checked: "
    ) in said
