"""Sends every kind of recording through the disposable child, makes its Clips' sound, and tells what came of it."""

import re
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipeline.errors import InputRejected
from pipeline.media import read_sound
from pipeline.samples.library import write_voice
from pipeline.takes import RECORDING, load_take
from tests import judges
from tests.children import Children
from tests.corpora.media import lag_s
from tests.corpora.sound_kinds import SOURCE_S, SoundKind

RATE_HZ: Final = 48_000
HEARD_HZ: Final = 16_000
OFFSET_S: Final = 0.005
"""By which a codec may shift what is heard: MP3 and AMR do, by some milliseconds."""
HEAD: Final = (
    "| what went in | codec | kHz | channels | length s | offset | loudness | true peak | kbit/s |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
)


@dataclass(frozen=True)
class Heard:
    """What came out, as ffprobe and ffmpeg hear it."""

    told: dict[str, Any]
    """By the child."""
    seconds: float
    offset_s: float
    """How much later the source is heard than it should be."""
    loudness_lufs: float
    true_peak_db: float
    bit_rate: int


def judged(path: Path) -> tuple[float, float]:
    """What FFmpeg's meter says of a file: LUFS, and dB of true peak."""
    line = [judges.need("ffmpeg"), "-hide_banner", "-i", str(path), "-af", "ebur128=peak=true"]
    said = subprocess.run(
        [*line, "-f", "null", "-"], capture_output=True, text=True, check=True
    ).stderr.rpartition("Summary:")[2]
    loudness, peak = re.findall(r"(?:I|Peak):\s+(-?[\d.]+|-inf) (?:LUFS|dBFS)", said)
    return float(loudness), float(peak)


class Listening:
    """One source for all kinds."""

    def __init__(self, folder: Path, children: Children) -> None:
        self.folder = folder
        self.children = children
        self.source = folder / "source.wav"
        _write_source(folder / "welcome.wav", self.source)
        self.wanted = read_sound(self.source, HEARD_HZ)

    def send(self, kind: SoundKind) -> Heard | str:
        """Make a recording of a kind and the sound of its Clips; the code of its Rejection if it got one."""
        folder = self.folder / kind.name.replace(".", "_")
        take = folder / "take"
        take.mkdir(parents=True)
        kind.make(self.source, folder / kind.name)
        request = {"do": "take", "source": str(folder / kind.name), "name": kind.name}
        try:
            told = self.children.done({**request, "folder": take})
        except InputRejected as refused:
            assert list(take.iterdir()) == []
            return refused.code
        sound = load_take(take).sound
        probed = judges.probe(sound, entries="stream=duration,bit_rate")
        assert {path.name for path in folder.iterdir()} == {kind.name, "take"}
        return Heard(
            told,
            float(probed["duration"]),
            self._offset_s(take / RECORDING, kind),
            *judged(sound),
            int(probed["bit_rate"]),
        )

    def _offset_s(self, recording: Path, kind: SoundKind) -> float:
        """Find the source at the beginning of what was kept: up to where it breaks off, or its first half."""
        heard = read_sound(recording, HEARD_HZ)
        count = min(len(self.wanted), round(kind.seconds * HEARD_HZ)) // 2
        reach = count + max(round(kind.late_s * HEARD_HZ), 0)
        return lag_s(self.wanted[:count], heard[:reach], HEARD_HZ) - kind.late_s


def _write_source(welcome: Path, source: Path) -> None:
    """Write some words of our own sample."""
    write_voice(welcome)
    samples = read_sound(welcome, RATE_HZ)
    first = int(np.argmax(np.abs(samples) > 0.05))
    words = samples[first : first + round(SOURCE_S * RATE_HZ)]
    with wave.open(str(source), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((words * 32767).astype("<i2").tobytes())


def row(kind: SoundKind, came: Heard | str) -> str:
    """One line of the table."""
    if isinstance(came, str):
        return f"| {kind.what} | refused: {came} | | | | | | | |"
    sound = came.told["sound"]
    remarks = "".join(f"; {remark['code']} {remark['facts']}" for remark in came.told["remarks"])
    return (
        f"| {kind.what}{remarks} | {sound['codec']} | {sound['rate_hz'] / 1000:g} | {sound['channels']} "
        f"| {came.seconds:.3f} | {came.offset_s * 1000:+.1f} ms | {came.loudness_lufs:.1f} LUFS "
        f"| {came.true_peak_db:.1f} dB | {came.bit_rate // 1000} |"
    )


def complaints(kind: SoundKind, came: Heard | str) -> list[str]:
    """What is not as it must be; empty if all is well."""
    if isinstance(came, str):
        return [] if came == kind.refused else [f"refused as {came}"]
    if kind.refused is not None:
        return [f"was not refused as {kind.refused}"]
    codes = [remark["code"] for remark in came.told["remarks"]]
    found = {
        f"codec {came.told['sound']['codec']}": kind.codec in {"", came.told["sound"]["codec"]},
        f"length {came.seconds}": abs(came.seconds - kind.seconds) <= kind.slack_s,
        f"kept {came.told['duration_s']}": abs(came.seconds - came.told["duration_s"]) <= 0.001,
        f"offset {came.offset_s}": abs(came.offset_s) <= OFFSET_S,
        f"loudness {came.loudness_lufs}": abs(came.loudness_lufs + 16) <= 0.5,
        f"true peak {came.true_peak_db}": came.true_peak_db <= -1.5,
        f"bit rate {came.bit_rate}": came.bit_rate >= 128_000,
        f"remarks {codes}": codes == ([kind.remark] if kind.remark else []),
    }
    return [what for what, right in found.items() if not right]
