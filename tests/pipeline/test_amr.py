"""AMR's frames are told apart, and each of them takes its 20 ms."""

import io

import pytest

from pipeline import amr

SPEECH_NB = bytes([7 << 3 | 4]) + bytes(31)
SID_NB = bytes([8 << 3 | 4]) + bytes(5)
NO_DATA = bytes([15 << 3 | 4])
DAMAGED_NB = bytes([7 << 3]) + bytes(31)
SPEECH_WB = bytes([8 << 3 | 4]) + bytes(60)
SID_WB = bytes([9 << 3 | 4]) + bytes(5)
LOST_WB = bytes([14 << 3 | 4])


def frames_of(content: bytes) -> list[bytes | None]:
    kind = amr.recognise(content)
    assert kind is not None
    return list(amr.read_frames(io.BytesIO(content), kind))


def test_a_file_is_recognised_by_its_first_bytes_only():
    assert amr.recognise(b"#!AMR\n...") is amr.NARROW
    assert amr.recognise(b"#!AMR-WB\n...") is amr.WIDE
    assert amr.recognise(b"OggS") is None


def test_comfort_noise_and_nothing_become_silence_between_speech():
    content = amr.MAGIC_NB + SPEECH_NB + SID_NB + NO_DATA + NO_DATA + SPEECH_NB

    assert frames_of(content) == [SPEECH_NB, None, None, None, SPEECH_NB]


def test_wideband_knows_lost_speech_too():
    content = amr.MAGIC_WB + SPEECH_WB + SID_WB + LOST_WB + NO_DATA + SPEECH_WB

    assert frames_of(content) == [SPEECH_WB, None, None, None, SPEECH_WB]


def test_a_frame_marked_as_damaged_is_silence():
    assert frames_of(amr.MAGIC_NB + SPEECH_NB + DAMAGED_NB) == [SPEECH_NB, None]


def test_a_frame_cut_off_at_the_end_is_dropped():
    assert frames_of(amr.MAGIC_NB + SPEECH_NB + SPEECH_NB[:9]) == [SPEECH_NB]


@pytest.mark.parametrize("rubbish", [b"\xff", b"\x83\x01", bytes([12 << 3 | 4])])
def test_bytes_that_are_no_frame_header_take_no_time(rubbish: bytes):
    assert frames_of(amr.MAGIC_NB + SPEECH_NB + rubbish + SPEECH_NB) == [SPEECH_NB, SPEECH_NB]


@pytest.mark.parametrize(("kind", "samples"), [(amr.NARROW, 160), (amr.WIDE, 320)])
def test_a_frame_is_20_ms(kind: amr.AmrKind, samples: int):
    assert kind.frame_samples == samples
