"""The commands, as somebody types them on a fresh machine."""

import json
import re
import signal
import wave
import zipfile
from fractions import Fraction

import numpy as np
import pytest

from config.settings import Settings
from config.system import Wanted, running_system
from config.wiring import wires
from pipeline.media import probe_video, read_sound, transcode
from tests.judges import probe
from tests.system.commands import chorus, last_object, started
from tests.system.conversation import presenter, recording
from worker.contract.records import BatchState


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def inputs(folder):
    text = folder / "notes.mp4"
    text.write_text("These are notes, not a video.\n" * 50)
    return recording(folder), presenter(folder, "mira"), presenter(folder, "jonas"), text


@pytest.fixture(scope="module")
def good(folder, inputs):
    voice, mira, jonas, _ = inputs
    options = ["--voice", voice, "--template", mira, "--template", jonas, "--out", folder / "out"]
    return chorus("demo", *options, "--json", data_dir=folder / "data")


def test_a_demo_ends_with_a_zip_of_one_video_for_each_template(good, tmp_path):
    said = last_object(good)

    with zipfile.ZipFile(said["archive"]) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path)

    assert good.returncode == 0, good.stderr
    assert said["state"] == "delivered"
    assert names == ["output_001_mira.mp4", "output_002_jonas.mp4", "manifest.json", "report.txt"]
    assert [clip["name"] for clip in said["clips"]] == names[:2]
    assert [probe_video(tmp_path / name).frames for name in names[:2]] == [142, 142]


def test_every_video_is_measured_and_none_is_flagged(good):
    said = last_object(good)

    with zipfile.ZipFile(said["archive"]) as archive:
        clips = json.loads(archive.read("manifest.json"))["clips"]

    assert (
        [clip["flags"] for clip in said["clips"]] == [clip["flags"] for clip in clips] == [[], []]
    )
    assert "⚠" not in good.stderr
    for clip in clips:
        assert clip["mouth"]["tracking_r"] > 0.85
        assert clip["mouth"]["silence_opening"] < 0.1
        assert clip["mouth"]["opening_ratio"] == pytest.approx(1.0, abs=0.3)
        assert clip["outside_psnr_db"] > 40
        assert clip["av_offset_s"] == 0.0
        assert (clip["frames"], clip["fps"], clip["duration_s"]) == (142, 25.0, 5.68)


def test_each_video_is_as_long_as_the_recording(good, inputs):
    with wave.open(str(inputs[0])) as voice:
        seconds = voice.getnframes() / voice.getframerate()

    lengths = [clip["seconds"] for clip in last_object(good)["clips"]]

    assert lengths == pytest.approx([seconds] * 2, abs=1 / 25)


def test_the_conversation_shows_progress_and_a_link_for_each_video(good):
    shown = good.stderr

    assert "welcome.wav" in shown
    assert "rendering" in shown
    assert (
        shown.partition("is ready: 2 videos")[2].count("/d/") == 3
    )  # those before are single videos


def test_one_bad_template_of_three_gives_the_others_and_the_reason(good, folder, inputs):
    voice, mira, jonas, text = inputs
    options = ["--voice", voice, "--out", folder / "out"]
    for template in (mira, text, jonas):
        options += ["--template", template]

    done = chorus("demo", *options, "--json", data_dir=folder / "data")
    said = last_object(done)

    with zipfile.ZipFile(said["archive"]) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert done.returncode == 3
    assert said["state"] == "partial"
    assert [clip["state"] for clip in said["clips"]] == ["done", "failed", "done"]
    assert said["clips"][1]["reason"]["code"] == "not_a_video"
    assert "“notes.mp4” is not a video but a text." in done.stderr
    assert [clip["state"] for clip in manifest["clips"]] == ["done", "failed", "done"]


def test_a_recording_that_is_none_is_refused_in_the_persons_language(good, folder, inputs):
    bad = folder / "voice.ogg"
    bad.write_text("not a sound\n" * 20)

    done = chorus(
        "demo", "--voice", bad, "--template", inputs[1], "--out", folder / "none", "--json",
        data_dir=folder / "data", language="zh_CN.UTF-8",
    )  # fmt: skip

    assert done.returncode == 1
    assert last_object(done)["reason"]["code"] == "not_a_recording"
    assert "voice.ogg" in done.stderr
    assert "录音" in done.stderr


@pytest.mark.slow
async def test_an_interrupted_demo_ends_at_once_and_its_order_with_it(
    good, folder, inputs, tmp_path
):
    voice = recording(tmp_path, repeats=5)
    process = started(
        "demo", "--voice", voice, "--template", inputs[1], "--json", data_dir=folder / "data"
    )
    try:
        shown = []
        for line in iter(process.stderr.readline, ""):
            shown.append(line)
            if "rendering" in line:
                break
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
    finally:
        process.kill()
    code = re.search(r"^(\w{4}) · “", "".join(shown), re.MULTILINE)[1]
    settings = Settings(data_dir=folder / "data", http_port=0, _env_file=None)
    async with running_system(settings, Wanted()) as system, wires(system.settings) as hand:
        batch = await hand.ledger.batch_by_code(code)

    assert process.returncode == 130
    assert json.loads(out)["error"]["code"] == "stopped"
    assert "Traceback" not in error
    assert batch.state is BatchState.CANCELLED


VOICES = {"zh_news_8s.ogg": 8.0, "en_radio_8s.amr": 8.0, "zh_bus_3s.amr": 3.38, "de_9s.m4a": 9.34}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("voice", "chosen"),
    [
        ("zh_news_8s.ogg", slice(0, 3)),
        ("en_radio_8s.amr", slice(0, 1)),
        ("zh_bus_3s.amr", slice(1, 2)),
        ("de_9s.m4a", slice(2, 3)),
    ],
    ids=list(VOICES),
)
def test_real_recordings_and_templates(voice, chosen, samples, folder, tmp_path):
    """The first voice with all three presenters, each other one with another of them."""
    templates = sorted((samples / "templates").glob("*.mp4"))[chosen]
    options = ["--voice", samples / "voices" / voice, "--out", tmp_path]
    for template in templates:
        options += ["--template", template]

    done = chorus("demo", *options, "--json", data_dir=folder / "real")
    said = last_object(done)
    with zipfile.ZipFile(said["archive"]) as archive:
        archive.extractall(tmp_path)
    videos = [probe(tmp_path / clip["name"], entries=VIDEO, streams="v") for clip in said["clips"]]
    sounds = [probe(tmp_path / clip["name"], entries=SOUND, streams="a") for clip in said["clips"]]

    assert done.returncode == 0, done.stderr
    assert len(videos) == len(templates)
    for video, sound in zip(videos, sounds, strict=True):
        frame_s = 1 / Fraction(video["r_frame_rate"])
        assert (video["codec_name"], video["pix_fmt"]) == ("h264", "yuv420p")
        assert float(video["duration"]) == pytest.approx(VOICES[voice], abs=float(frame_s))
        assert int(video["nb_frames"]) == round(float(video["duration"]) / frame_s)
        assert (sound["codec_name"], sound["sample_rate"]) == ("aac", "48000")
        assert int(sound["bit_rate"]) >= 128_000


VIDEO = "stream=codec_name,pix_fmt,r_frame_rate,nb_frames,duration"
SOUND = "stream=codec_name,sample_rate,bit_rate"


@pytest.mark.slow
def test_the_mouth_of_the_idle_man_follows_and_is_shut_in_silence(samples, tmp_path):
    news = read_sound(samples / "voices" / "zh_news_8s.ogg", 48_000)
    half = len(news) // 2
    voice = tmp_path / "paused.wav"
    with_pause = np.concatenate([news[:half], np.zeros(96_000, np.float32), news[half:]])
    with wave.open(str(voice), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes((with_pause * 32767).astype("<i2").tobytes())
    template, clip = samples / "templates" / "man_idle_720x1080.mp4", tmp_path / "clip.mp4"
    source = ["--voice", voice, "--template", template]

    rendered = chorus("render", *source, "--out", clip, "--json", data_dir=tmp_path)
    figures = last_object(chorus("inspect", clip, *source, "--json", data_dir=tmp_path))
    bare = tmp_path / "bare.mp4"
    facts = probe_video(template)
    transcode(template, facts, bare, figures["frames"], None)
    untouched = last_object(chorus("inspect", bare, *source, "--json", data_dir=tmp_path))

    assert rendered.returncode == 0, rendered.stderr
    assert figures["mouth"]["tracking_r"] >= 0.85
    assert abs(figures["mouth"]["lag_frames"]) <= 1
    assert figures["mouth"]["silence_opening"] <= 0.1
    assert figures["outside_psnr_db"] >= untouched["outside_psnr_db"] - 0.5
    assert abs(figures["av_offset_s"]) <= 1 / 25


@pytest.mark.slow
def test_what_is_piped_into_the_chat_is_answered_before_it_ends(good, inputs, folder):
    typed = f"/help\n{inputs[0]} mira go\n"

    done = chorus("chat", "--as", "ann", data_dir=folder / "data", typed=typed)

    assert done.returncode == 0, done.stderr
    assert "/settings – language, background, captions, sound; also the limits" in done.stdout
    assert "is ready: 1 video" in done.stdout
