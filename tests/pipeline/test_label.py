"""The AI label: inside every Clip, told by independent judges, and never lost without a word."""

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputRejected, LabelLost, PipelineError
from pipeline.label.embedded import EmbeddedLabel
from pipeline.media import ClipWriter
from pipeline.types import VideoFacts
from tests.judges import need

FACTS = VideoFacts("h264", 64, 48, Fraction(25), 5, 0.2, has_sound=False)
LABEL = EmbeddedLabel("acme.example", "K7Q2-1")
SEVEN = {
    "Label": "1",
    "ContentProducer": "acme.example",
    "ProduceID": "K7Q2-1",
    "ReservedCode1": "",
    "ContentPropagator": "acme.example",
    "PropagateID": "K7Q2-1",
    "ReservedCode2": "",
}


def write(path: Path, kind: type[ClipWriter] = ClipWriter) -> Path:
    with kind(path, FACTS, 5, None, label=LABEL) as writer:
        for frame in range(5):
            writer.write(np.full((72, 64), 100 + frame, np.uint8))
    return path


def ffprobe_label(path: Path) -> dict[str, object]:
    line = [need("ffprobe"), "-v", "error", "-show_entries", "format_tags=AIGC", "-of", "json"]
    told = subprocess.run([*line, str(path)], capture_output=True, check=True)
    return json.loads(json.loads(told.stdout)["format"]["tags"]["AIGC"])


def atoms(content: bytes) -> dict[str, bytes]:
    """What the boxes at one level of an MP4 hold, by name."""
    found, at = {}, 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        found[content[at + 4 : at + 8].decode("latin-1")] = content[at + 8 : at + size]
        at += max(size, 8)
    return found


def test_ffprobe_reads_the_seven_fields(tmp_path: Path):
    assert ffprobe_label(write(tmp_path / "clip.mp4")) == SEVEN


def test_the_label_stands_in_moov_udta_meta_under_a_key_of_its_own(tmp_path: Path):
    content = write(tmp_path / "clip.mp4").read_bytes()

    meta = atoms(atoms(atoms(content)["moov"])["udta"])["meta"]
    boxes = atoms(meta[4:])  # behind version and flags

    assert content.index(b"moov") < content.index(b"mdat")
    assert boxes["hdlr"][8:12] == b"mdta"
    assert b"mdtaAIGC" in boxes["keys"]
    assert json.dumps(SEVEN, separators=(",", ":")).encode() in boxes["ilst"]


def test_the_label_survives_a_copy_by_ffmpeg(tmp_path: Path):
    clip, copy = write(tmp_path / "clip.mp4"), tmp_path / "copy.mp4"
    line = [need("ffmpeg"), "-v", "error", "-i", str(clip), "-c", "copy"]

    subprocess.run([*line, "-movflags", "use_metadata_tags", str(copy)], check=True)

    assert ffprobe_label(copy) == SEVEN


class Forgetful(ClipWriter):
    """Writes without the muxer's flag that keeps the key."""

    movflags = "+faststart"


def test_a_clip_whose_label_cannot_be_read_back_is_not_made(tmp_path: Path):
    with pytest.raises(LabelLost):
        write(tmp_path / "clip.mp4", Forgetful)

    assert list(tmp_path.iterdir()) == []
    assert issubclass(LabelLost, PipelineError)
    assert not issubclass(LabelLost, InputRejected)


def test_a_clip_that_was_there_stays_when_the_new_ones_label_is_lost(tmp_path: Path):
    older = write(tmp_path / "clip.mp4").read_bytes()

    with pytest.raises(LabelLost):
        write(tmp_path / "clip.mp4", Forgetful)

    assert (tmp_path / "clip.mp4").read_bytes() == older


@pytest.mark.parametrize("value", ["a b", 'a"b', "a'b", "a\\b", "a\n", "数字人", "é", "", "\x7f"])
@pytest.mark.parametrize("name", ["producer", "produce_id"])
def test_what_the_standard_does_not_allow_is_refused_and_the_message_says_which(
    name: str, value: str
):
    values = {"producer": "acme", "produce_id": "1", name: value}

    with pytest.raises(ValueError, match=f"^{name} of the AI label"):
        EmbeddedLabel(**values)


def test_every_other_printable_character_is_allowed(tmp_path: Path):
    allowed = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\"'\\")

    with ClipWriter(
        tmp_path / "clip.mp4", FACTS, 1, None, label=EmbeddedLabel(allowed, allowed)
    ) as writer:
        writer.write(np.full((72, 64), 100, np.uint8))

    assert ffprobe_label(tmp_path / "clip.mp4")["ContentProducer"] == allowed
