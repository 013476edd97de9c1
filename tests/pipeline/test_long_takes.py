"""Ten minutes: memory stays flat, and sound and picture end together."""

import subprocess
import sys
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.media import ClipWriter, read_sound
from pipeline.types import VideoFacts
from tests import judges
from tests.corpora.loudness import RATE_HZ, voice
from tests.system.recordings import judged

pytestmark = pytest.mark.slow

LONG_S = 600.0
CLICK_S = 599.2
TREATING = """
import sys
from pathlib import Path
import numpy as np
from pipeline.media import keep_recording
from pipeline.options import SoundOptions
from pipeline.sound.remarks import Ear
from pipeline.sound.silence import Span
from pipeline.sound.treatment import Recording, treat

source, folder = map(Path, sys.argv[1:])
ear = Ear()
kept = keep_recording(source, folder / "sound.flac", listener=ear.add)
frames = round(kept.facts.duration_s * 100)
quiet = np.arange(frames) % 180 > 175
recording = Recording(folder / "sound.flac", frames / 100, quiet, kept.offsets, kept.levels)
treat(recording, Span(0.0, frames / 100), SoundOptions(), folder / "sound.m4a", lambda *_: None)
ear.clipped(~quiet)
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def treated(folder: Path, seconds: float) -> float:
    """Make a recording of two channels and the sound of its Clips; tell the peak of memory in MB."""
    folder.mkdir()
    part = (np.clip(np.concatenate([voice(8), 0.5 * voice(8)]), -1, 1) * 32767).astype("<i2")
    content = np.tile(part, (1, int(seconds * RATE_HZ / part.shape[1]) + 1))
    content = content[:, : round(seconds * RATE_HZ)]
    click = round((CLICK_S - LONG_S + seconds) * RATE_HZ)
    content[:, click - RATE_HZ // 2 :] = 0
    content[:, click : click + 48] = 20_000
    with wave.open(str(folder / "v.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(content.T.tobytes())
    line = [sys.executable, "-c", TREATING, str(folder / "v.wav"), str(folder)]
    told = subprocess.run(line, capture_output=True, check=True).stdout
    return int(told) / 1024


def test_ten_minutes_take_no_more_memory_than_one_and_end_with_the_picture(tmp_path: Path):
    short_mb = treated(tmp_path / "short", 60.0)
    long_mb = treated(tmp_path / "long", LONG_S)
    facts = VideoFacts("h264", 64, 64, Fraction(30000, 1001), 30, 1.0, has_sound=False)
    frames = round(LONG_S * facts.fps)
    grey = np.full((96, 64), 128, np.uint8)
    clip = tmp_path / "clip.mp4"

    with ClipWriter(clip, facts, frames, tmp_path / "long" / "sound.m4a", label=None) as writer:
        for _ in range(frames):
            writer.write(grey)

    assert long_mb < short_mb + 30, (short_mb, long_mb)
    ends = [
        float(judges.probe(clip, entries="stream=start_time,duration", streams=kind)["duration"])
        for kind in ("v", "a")
    ]
    assert abs(ends[0] - ends[1]) < 1 / facts.fps
    heard = np.abs(read_sound(clip, RATE_HZ)[round((CLICK_S - 0.4) * RATE_HZ) :])
    assert np.argmax(heard > 0.1) / RATE_HZ == pytest.approx(0.4, abs=0.002)
    assert judged(clip)[0] == pytest.approx(-16.0, abs=0.3)
