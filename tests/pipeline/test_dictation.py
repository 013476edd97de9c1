"""Samples for whoever holds Whisper come from somebody who is not trusted; words come back whole."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import NotHeard
from pipeline.speech import dictation
from pipeline.speech.dictation import (
    as_failure,
    as_reply,
    read_samples,
    said_of,
    write_samples,
)
from pipeline.types import Said, Word


def test_samples_come_as_they_were_written(tmp_path: Path):
    samples = np.random.default_rng(2).standard_normal(16_000).astype(np.float32)

    write_samples(tmp_path / "samples", samples)

    assert np.array_equal(read_samples(tmp_path / "samples"), samples)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        np.array([0.0, np.nan], np.float32).tobytes(),
        np.array([np.inf], np.float32).tobytes(),
    ],
)
def test_what_is_no_sound_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "samples").write_bytes(content)

    with pytest.raises(NotHeard):
        read_samples(tmp_path / "samples")


def test_more_than_any_take_has_is_refused_without_being_read(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(dictation, "_MOST_BYTES", 4000)
    with (tmp_path / "samples").open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(NotHeard):
        read_samples(tmp_path / "samples")


def test_the_longest_take_that_an_operator_may_allow_is_not_too_long(tmp_path: Path):
    with (tmp_path / "samples").open("wb") as file:
        file.truncate(7200 * 16_000 * 4)

    assert len(read_samples(tmp_path / "samples")) == 7200 * 16_000


def test_a_pipe_a_link_a_folder_and_nothing_at_all_are_refused_at_once(tmp_path: Path):
    write_samples(tmp_path / "elsewhere", np.zeros(100, np.float32))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder").mkdir()

    for name in ("pipe", "link", "folder", "nothing"):
        with pytest.raises(NotHeard):
            read_samples(tmp_path / name)


def test_samples_that_cannot_be_written_are_no_fault(tmp_path: Path):
    with pytest.raises(NotHeard):
        write_samples(tmp_path / "nowhere" / "samples", np.zeros(100, np.float32))


def test_words_survive_the_way_back_to_the_last_digit():
    said = Said("zh", (Word("你好", 0.1, 0.30000000000000004, 0.123456789), Word("Chorus", 0.5, 1)))

    assert said_of(json.loads(json.dumps(as_reply(said)))) == said


def test_a_reply_without_words_says_why():
    with pytest.raises(NotHeard, match="because"):
        said_of(json.loads(json.dumps(as_failure("because"))))
