"""Commands besides the demo: what they say, how they end, what they leave behind."""

import re
import shutil
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from config.cli.main import chorus as program
from pipeline.measure import gate
from pipeline.measure.container import read_container
from pipeline.media import ClipWriter, probe_video
from tests.corpora.media import write_sound
from tests.corpora.whisper import write_whisper
from tests.system.commands import chorus, last_object, redis_ended
from tests.system.conversation import presenter, recording

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module")
def voice(folder):
    return recording(folder)


@pytest.fixture(scope="module")
def video(folder):
    return presenter(folder)


def silent(folder):
    return write_sound(
        folder / "silence.wav", np.zeros(3 * 16_000, np.float32), "pcm_s16le", rate_hz=16_000
    )


def short(folder):
    return write_sound(
        folder / "short.wav", np.zeros(4_000, np.float32), "pcm_s16le", rate_hz=16_000
    )


def empty(folder):
    path = folder / "empty.ogg"
    path.touch()
    return path


def renamed(folder):
    path = folder / "letter.ogg"
    path.write_text("Dear Ann,\n" * 40)
    return path


def cut_off(folder):
    whole = presenter(folder, "jonas", 1.0).read_bytes()
    path = folder / "cut.mp4"
    path.write_bytes(whole[200 : len(whole) // 2])
    return path


def picture(folder):
    path = folder / "portrait.mp4"
    cv2.imwrite(str(folder / "portrait.png"), np.full((64, 64, 3), 90, np.uint8))
    (folder / "portrait.png").rename(path)
    return path


def faceless(folder):
    video = presenter(folder, "jonas", 1.0)
    facts = probe_video(video)
    path = folder / "wall.mp4"
    grey = np.full((facts.height_px * 3 // 2, facts.width_px), 128, np.uint8)
    with ClipWriter(path, facts, facts.frames, None, label=None) as writer:
        for _ in range(facts.frames):
            writer.write(grey)
    return path


def mute(folder):
    return presenter(folder, "mira", 1.0)


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (empty, "empty", "“empty.ogg” is empty"),
        (renamed, "not_a_recording", "“letter.ogg” is not a recording but a text"),
        pytest.param(silent, "no_speech", "3 s", marks=pytest.mark.slow),
        pytest.param(short, "take_too_short", "0.25 s", marks=pytest.mark.slow),
        pytest.param(mute, "no_sound", "“mira.mp4”", marks=pytest.mark.slow),
    ],
)
def test_render_refuses_a_bad_recording_with_a_sentence(make, code, says, tmp_path, video):
    out = tmp_path / "out" / "clip.mp4"

    done = chorus(
        "render",
        "--voice",
        make(tmp_path),
        "--template",
        video,
        "--out",
        out,
        "--json",
        data_dir=tmp_path,
    )

    assert done.returncode == 1
    assert last_object(done)["error"]["code"] == code
    assert says in done.stderr
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (empty, "empty", "“empty.ogg”"),
        pytest.param(
            renamed, "not_a_video", "“letter.ogg” is not a video but a text", marks=pytest.mark.slow
        ),
        pytest.param(cut_off, "unreadable", "“cut.mp4”", marks=pytest.mark.slow),
        pytest.param(picture, "picture", "“portrait.mp4” is a picture", marks=pytest.mark.slow),
        (faceless, "no_face", "second 0.0"),
    ],
)
def test_render_refuses_a_bad_template_with_a_sentence(make, code, says, tmp_path, voice):
    out = tmp_path / "out" / "clip.mp4"

    done = chorus(
        "render",
        "--voice",
        voice,
        "--template",
        make(tmp_path),
        "--out",
        out,
        "--json",
        data_dir=tmp_path,
    )

    assert done.returncode == 1
    assert last_object(done)["error"]["code"] == code
    assert says in done.stderr
    assert list(out.parent.iterdir()) == []


def test_a_recording_over_the_limit_is_refused_in_chinese(tmp_path, video, voice):
    done = chorus(
        "render",
        "--voice",
        voice,
        "--template",
        video,
        "--out",
        tmp_path / "clip.mp4",
        data_dir=tmp_path,
        language="zh_CN.UTF-8",
        settings={"CHORUS_MAX_TAKE_S": "3"},
    )

    assert done.returncode == 1
    assert "最长" in done.stderr or "最多" in done.stderr


@pytest.mark.slow
def test_a_render_is_measured_by_inspect(tmp_path, voice, video):
    clip, sheet = tmp_path / "clip.mp4", tmp_path / "sheets" / "sheet.png"

    rendered = chorus(
        "render", "--voice", voice, "--template", video, "--out", clip, "--json", data_dir=tmp_path
    )
    figures = chorus(
        "inspect",
        clip,
        "--voice",
        voice,
        "--template",
        video,
        "--sheet",
        sheet,
        "--json",
        data_dir=tmp_path,
    )

    said, measured = last_object(rendered), last_object(figures)
    assert "⚠" not in rendered.stderr
    assert set(said) == {"frames", "fps", "duration_s", "engine", "seconds", "realtime"}
    assert set(said["seconds"]) == {"speech", "template", "render", "encode", "total"}
    assert measured["frames"] == said["frames"] == 142
    assert measured["mouth"]["tracking_r"] >= 0.85
    assert measured["mouth"]["silence_opening"] <= 0.1
    assert cv2.imread(str(sheet)) is not None


def test_a_render_that_fails_its_check_is_kept_with_a_remark(tmp_path, voice, video, monkeypatch):
    monkeypatch.setattr(gate, "_LEAST_MOVEMENT", 9.0)  # nothing moves so far
    monkeypatch.setenv("CHORUS_DATA_DIR", str(tmp_path))
    clip = tmp_path / "clip.mp4"
    options = ["render", "--voice", str(voice), "--template", str(video), "--out", str(clip)]

    done = CliRunner().invoke(program, options)

    assert done.exit_code == 0
    assert clip.stat().st_size > 0
    assert done.stderr.strip().splitlines()[-1] == (
        f"⚠ {clip}: the mouth may not follow the words well. Have a look before you use it."
    )


def test_a_picture_that_cannot_be_read_is_told_before_anything_is_made(tmp_path, voice, video):
    stump = tmp_path / "wall.jpg"
    stump.write_bytes(b"\xff\xd8\xff\xe0 and no more")
    clip = tmp_path / "clip.mp4"
    inputs = ["--voice", voice, "--template", video, "--out", clip, "--background", stump]

    done = chorus("render", *inputs, "--json", data_dir=tmp_path)

    assert done.returncode == 1
    assert last_object(done)["error"]["code"] == "background_unreadable"
    assert "The picture “wall.jpg” for the background cannot be read." in done.stderr
    assert not clip.exists()


@pytest.mark.slow
def test_a_background_that_nothing_can_be_put_behind_is_a_remark_and_the_label_is_ours(
    tmp_path, voice, video
):
    clip = tmp_path / "clip.mp4"
    asked = ["--background", "blue", "--trim", "--label-text", "Made by AI"]
    inputs = ["--voice", voice, "--template", video, "--out", clip, *asked]

    done = chorus(
        "render", *inputs, data_dir=tmp_path, settings={"CHORUS_LABEL_PRODUCER": "Example-Ltd"}
    )

    label = read_container(clip).label
    assert done.returncode == 0, done.stderr
    assert "the background stayed as it is: no green screen" in done.stderr
    assert label is not None
    assert label["ContentProducer"] == "Example-Ltd"


def test_inspect_refuses_what_is_no_video_with_a_sentence(tmp_path):
    done = chorus("inspect", renamed(tmp_path), "--json", data_dir=tmp_path)

    assert done.returncode == 1
    assert "“letter.ogg” is not a video but a text." in done.stderr
    assert "template" not in done.stderr


@pytest.mark.slow
def test_a_library_grows_and_shrinks(tmp_path, video):
    bad = renamed(tmp_path)

    added = chorus("templates", "add", video, bad, "--json", data_dir=tmp_path / "data")
    listed = chorus("templates", "list", "--json", data_dir=tmp_path / "data")
    removed = chorus("templates", "remove", "mira", data_dir=tmp_path / "data")
    again = chorus("templates", "remove", "mira", data_dir=tmp_path / "data")

    assert added.returncode == 3
    assert "“letter.ogg” is not a video but a text" in added.stderr
    assert [each["state"] for each in last_object(added)["templates"]] == ["ready", "rejected"]
    assert [each["name"] for each in last_object(listed)["templates"]] == ["mira"]
    assert removed.returncode == 0
    assert (again.returncode, "mira" in again.stderr) == (1, True)


@pytest.mark.slow
def test_a_library_comes_back_after_redis_lost_it(tmp_path, video):
    added = chorus("templates", "add", video, "--name", "mira", data_dir=tmp_path)
    redis_ended(tmp_path)
    shutil.rmtree(tmp_path / "redis")

    lost = last_object(chorus("templates", "list", "--json", data_dir=tmp_path))
    done = chorus("templates", "reindex", "--json", data_dir=tmp_path)
    back = last_object(chorus("templates", "list", "--json", data_dir=tmp_path))

    assert added.returncode == 0, added.stderr
    assert lost["templates"] == []
    assert last_object(done) == {"templates": 1, "takes": 0, "batches": 0}
    assert [template["name"] for template in back["templates"]] == ["mira"]


def test_the_doctor_finds_a_bare_machine_well(tmp_path):
    done = chorus("check", "--json", data_dir=tmp_path)

    checks = {each["name"]: each["ok"] for each in last_object(done)["checks"]}
    assert done.returncode == 0
    assert checks["redis"] is checks["store"] is checks["engine"] is True
    assert checks["telegram"] is None
    assert checks["words"] is None


@pytest.mark.slow
def test_the_doctor_sees_the_weights_of_whisper(tmp_path):
    write_whisper(tmp_path / "models" / "faster-whisper")

    done = chorus("check", "--json", data_dir=tmp_path)

    assert {each["name"]: each["ok"] for each in last_object(done)["checks"]}["words"] is True


@pytest.mark.slow
def test_the_doctor_tries_the_weights_of_whisper_out(tmp_path):
    weights = tmp_path / "models" / "faster-whisper"
    write_whisper(weights)
    (weights / "model.bin").write_bytes((weights / "model.bin").read_bytes()[:1000])

    done = chorus("check", "--json", data_dir=tmp_path)

    (words,) = [each for each in last_object(done)["checks"] if each["name"] == "words"]
    assert (done.returncode, words["ok"]) == (1, False)
    assert str(weights) in words["detail"]


def test_the_doctor_says_what_to_do_about_a_redis_that_is_not_there(tmp_path):
    settings = {"CHORUS_REDIS_URL": f"unix://{tmp_path}/nobody.sock"}

    done = chorus("check", "--json", data_dir=tmp_path, settings=settings)

    redis = next(each for each in last_object(done)["checks"] if each["name"] == "redis")
    assert done.returncode == 1
    assert redis["ok"] is False
    assert "CHORUS_REDIS_URL" in redis["advice"]


def test_an_engine_that_is_not_here_is_named_with_what_to_do(tmp_path, voice, video):
    for command in (
        ["render", "--voice", voice, "--template", video, "--out", tmp_path / "c.mp4"],
        ["demo"],
    ):
        done = chorus(*command, "--engine", "musetalk", data_dir=tmp_path)

        assert done.returncode == 1
        assert "musetalk" in done.stderr


@pytest.mark.parametrize(
    "wrong", [["sing"], ["render"], ["render", "--voice", "nowhere.ogg"], ["bench", "sleep"]]
)
def test_wrong_usage_ends_with_two(wrong, tmp_path):
    assert chorus(*wrong, data_dir=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "settings", "code"),
    [
        (["render", "--voice", "nowhere.ogg"], {}, 2),
        (["check"], {"CHORUS_MAX_TAKE_S": "long"}, 2),
        (["templates", "add", "nowhere.mp4"], {}, 2),
        (["demo", "--out", "/proc/nowhere"], {}, 1),
        (["demo", "--engine", "sing"], {}, 1),
    ],
)
def test_json_is_promised_and_kept_also_when_nothing_could_be_done(
    arguments, settings, code, tmp_path
):
    done = chorus(*arguments, "--json", data_dir=tmp_path, settings=settings)

    assert done.returncode == code
    assert len(done.stdout.splitlines()) == 1
    assert last_object(done)["error"]["sentence"] in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_setting_is_refused(tmp_path):
    done = chorus("check", data_dir=tmp_path, settings={"CHORUS_TOKEN": "x"})

    assert done.returncode == 2
    assert "CHORUS_TOKEN" in done.stderr


def test_every_command_is_in_the_readme():
    documented = set(re.findall(r"`chorus (\w+)", README.read_text()))

    assert set(program.list_commands(click.Context(program))) - documented == set()


@pytest.mark.slow
@pytest.mark.alone
def test_a_warm_clip_costs_at_most_1_6_times_a_bare_transcode(tmp_path):
    done = chorus("bench", "render", "--json", data_dir=tmp_path)

    figures = last_object(done)
    assert set(figures) >= {"name", "ok", "ratio", "checks"}
    assert figures["ratio"] <= 1.6
