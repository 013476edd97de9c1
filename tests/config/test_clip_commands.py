"""Flags of ``render`` and ``demo``, and what both say of a Clip."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bot.options import Change, read_change
from config.cli.asked import Asked, clip_flags
from config.cli.demo import demo
from config.cli.inspect import _label_rows
from config.cli.render import checked, render


@click.command()
@clip_flags
def probe(asked):
    click.echo(repr(asked))


def read(*flags):
    done = CliRunner().invoke(probe, flags)
    assert done.exit_code == 0, done.output
    return eval(done.output, {"Asked": Asked, "PosixPath": Path})  # noqa: S307 - our own repr


USUAL = Asked(None, None, None, trim=False, denoise=False, loudness=True, label_text=None)


def test_who_gives_no_flags_asks_for_nothing():
    assert read() == USUAL
    assert list(USUAL.phrases()) == []


def test_every_flag_is_read():
    asked = read(
        *("--playing", "hold", "--background", "sky blue", "--captions", "burned", "--trim"),
        *("--denoise", "--no-loudness", "--label-text", "AI"),
    )

    assert asked == Asked("hold", "#87ceeb", "burned", True, True, False, "AI")  # noqa: FBT003


@pytest.mark.parametrize("wrong", ["purpleish", "#12345", "nowhere.jpg", ""])
def test_a_background_that_is_nothing_is_wrong_usage(wrong):
    done = CliRunner().invoke(probe, ["--background", wrong])

    assert done.exit_code == 2
    assert "no colour like blue" in done.output


def test_a_file_may_be_called_like_a_colour(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("blue").touch()

    assert read("--background", "blue").background == Path("blue")


@pytest.mark.parametrize("text", ["", " ", "AI\n", "\N{ROBOT FACE}", "A" * 61])
def test_a_label_that_nobody_could_read_is_wrong_usage(text):
    assert CliRunner().invoke(probe, ["--label-text", text]).exit_code == 2


@pytest.mark.parametrize("command", [render, demo], ids=["render", "demo"])
def test_a_background_that_is_no_picture_is_told_before_anything_is_done(command, tmp_path):
    logo, any_file = tmp_path / "logo.svg", tmp_path / "any"
    logo.write_text("<svg/>")
    any_file.touch()
    flags = ["--voice", any_file, "--template", any_file, "--out", tmp_path / "out"]

    done = CliRunner().invoke(command, [*map(str, flags), "--background", str(logo)])

    assert done.exit_code == 1
    assert "“logo.svg” is no picture I can put behind a presenter." in done.output


def test_what_the_flags_ask_for_is_what_the_chat_understands():
    asked = Asked(
        "loop", "#00aaff", "files", trim=True, denoise=True, loudness=False, label_text=None
    )

    phrases = asked.phrases()

    assert len(phrases) == 5
    assert all(isinstance(read_change(p.removeprefix("/settings ")), Change) for p in phrases)


def test_a_check_that_cannot_be_made_costs_no_clip_and_says_so(tmp_path):
    class Unable:
        def measure(self, *_):
            raise RuntimeError("a defect")

    said = checked(Unable(), tmp_path / "clip.mp4", lambda *_: None)

    assert said == [
        f"⚠ {tmp_path / 'clip.mp4'}: it is written, but could not be checked: RuntimeError('a defect')"
    ]


@pytest.mark.parametrize(
    ("label", "rows"),
    [
        (
            {"visible": False, "box": None, "implicit": None},
            [("label visible", "no"), ("label embedded", "no")],
        ),
        (
            {"visible": True, "box": [12, 20, 200, 40], "implicit": {"Label": "1"}},
            [
                ("label visible", "yes, 200×40 px at 12, 20"),
                ("label embedded", "yes"),
                ("label Label", "1"),
            ],
        ),
        (
            {"visible": None, "box": None, "implicit": None},
            [("label visible", "cannot be told"), ("label embedded", "no")],
        ),
    ],
)
def test_what_was_found_of_the_label_is_said_in_words(label, rows):
    assert _label_rows(label) == rows
