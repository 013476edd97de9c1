"""Sends every kind of video and recording through disposable children, and prints what came of it, as Markdown.

Of the videos Clips are rendered, of the recordings the sound of Clips is made (``recordings``).

``python -m tests.system.kinds [NAME…]``; ffmpeg and ffprobe of Debian make the inputs and judge the Clips.
"""

import json
import subprocess
import sys
import tempfile
import wave
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.registry import open_engine
from pipeline.errors import InputRejected
from pipeline.media import read_sound
from pipeline.options import ClipOptions, LabelOptions
from pipeline.render import render_clip
from pipeline.samples.library import LOOKS, write_voice
from pipeline.sandbox import run_in_child
from pipeline.takes import load_take
from pipeline.templates import load_template
from tests import judges
from tests.children import Children
from tests.corpora.sound_kinds import SOUND_KINDS
from tests.corpora.video_kinds import FPS, FRAMES, SIZE, VIDEO_KINDS, Kind, run
from tests.presenters import bring_presenter
from tests.system import recordings

RATE_HZ: Final = 48_000
TAKE_S: Final = 1.2
"""Longer than the videos, so that each of them has to turn."""
AT_S: Final = 0.4
"""Where colours are compared."""
SPOTS: Final = (64, 36)
"""Colours are compared in so many spots: a mouth moves, and codecs lose what is fine."""
CHILD_S: Final = 120.0
WITHOUT_TEXT: Final = ClipOptions(label=LabelOptions(text=""))
"""So that colours can be compared everywhere; the embedded label is there."""
HEAD: Final = (
    "| what went in | frames | fps | length s | size | sound starts | colour error | label |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)


def quiet(_stage: str, _done: int, _total: int) -> None:
    """No progress wanted."""


@dataclass(frozen=True)
class Seen:
    """What came out, as ffprobe and ffmpeg see it."""

    frames: int
    fps: Fraction
    seconds: float
    size: tuple[int, int]
    sound_start_s: float
    colour: float
    """Mean error in levels of R, G and B."""
    label: dict[str, str]
    """The embedded AI label, as ffprobe reads it."""
    template: dict[str, Any]
    """What the child told of the video."""


@dataclass(frozen=True)
class Refused:
    """A Rejection."""

    code: str
    facts: dict[str, Any]


class Stage:
    """One source, one Take and one engine for all kinds."""

    def __init__(self, folder: Path, children: Children) -> None:
        self.folder = folder
        self.children = children
        self.source = folder / "source.mp4"
        look = replace(LOOKS[1], width_px=SIZE[0], height_px=SIZE[1], fps=int(FPS))
        bring_presenter(look, self.source, float(FRAMES / FPS))
        self.take = folder / "take"
        self.take.mkdir()
        request = {
            "do": "take",
            "source": str(_voice(folder)),
            "name": "v",
            "folder": str(self.take),
        }
        run_in_child(request, timeout_s=CHILD_S, progress=quiet)
        self.engine = open_engine("viseme")

    def send(self, kind: Kind) -> Seen | Refused:
        """Make a video of a kind and a Clip of it."""
        folder = self.folder / kind.name.replace(".", "_")
        folder.mkdir()
        video, prepared = folder / kind.name, folder / "template"
        prepared.mkdir()
        kind.make(self.source, video)
        request = {"do": "template", "source": video, "name": kind.name, "folder": prepared}
        try:
            told = self.children.done(request)
        except InputRejected as refused:
            assert list(prepared.iterdir()) == []
            return Refused(refused.code, dict(refused.facts))
        clip = folder / "clip.mp4"
        made = self.engine.prepare(load_template(prepared, video))
        render_clip(self.engine, made, load_take(self.take), clip, quiet, WITHOUT_TEXT)
        assert {path.name for path in folder.iterdir()} == {kind.name, "template", "clip.mp4"}
        return self._seen(kind, clip, told)

    def _seen(self, kind: Kind, clip: Path, told: dict[str, Any]) -> Seen:
        entries = "stream=nb_frames,r_frame_rate,duration,width,height,start_time"
        picture = judges.probe(clip, entries=entries, streams="v")
        sound = judges.probe(clip, entries="stream=start_time", streams="a")
        return Seen(
            frames=int(picture["nb_frames"]),
            fps=Fraction(picture["r_frame_rate"]),
            seconds=float(picture["duration"]),
            size=(int(picture["width"]), int(picture["height"])),
            sound_start_s=float(sound["start_time"]) - float(picture["start_time"]),
            colour=float(np.abs(spots(clip) - spots(self.source, kind.seen)).mean()),
            label=embedded_label(clip),
            template=told,
        )


def embedded_label(clip: Path) -> dict[str, str]:
    """What stands in ``AIGC``; empty if nothing does."""
    line = [judges.need("ffprobe"), "-v", "error", "-show_entries", "format_tags", "-of", "json"]
    told = subprocess.run([*line, str(clip)], capture_output=True, check=True, timeout=60)
    tags = json.loads(told.stdout)["format"].get("tags", {})
    label: dict[str, str] = json.loads(tags.get("AIGC", "{}"))
    return label


def spots(path: Path, see: str = "null") -> NDArray[np.float64]:
    """The colours of a video at ``AT_S``, as ffmpeg shows them: (36, 64, 3) R, G, B."""
    size = f"scale={SIZE[0]}:{SIZE[1]}:flags=area+accurate_rnd+full_chroma_int"
    look = f"{see},{size},format=rgb24"
    line = ("-ss", str(AT_S), "-i", str(path), "-frames:v", "1", "-vf", look)
    shown = np.frombuffer(run(*line, "-f", "rawvideo", "-"), np.uint8)
    picture = shown.reshape(SIZE[1], SIZE[0], 3).astype(np.float64)
    return np.asarray(cv2.resize(picture, SPOTS, interpolation=cv2.INTER_AREA))


def _voice(folder: Path) -> Path:
    """The first words of our own sample."""
    whole, short = folder / "welcome.wav", folder / "voice.wav"
    write_voice(whole)
    samples = read_sound(whole, RATE_HZ)
    first = int(np.argmax(np.abs(samples) > 0.05))
    words = samples[first : first + round(TAKE_S * RATE_HZ)]
    with wave.open(str(short), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((words * 32767).astype("<i2").tobytes())
    return short


def row(kind: Kind, came: Seen | Refused) -> str:
    """One line of the table."""
    if isinstance(came, Refused):
        facts = ", ".join(f"{name} {value}" for name, value in came.facts.items() if name != "name")
        return f"| {kind.what} | refused: {came.code}{f' ({facts})' if facts else ''} | | | | | | |"
    remarks = "".join(
        f"; {remark['code']} {remark['facts']}" for remark in came.template["remarks"]
    )
    return (
        f"| {kind.what}{remarks} | {came.frames} | {float(came.fps):.6g} | {came.seconds:.3f} "
        f"| {came.size[0]} × {came.size[1]} | {came.sound_start_s * 1000:+.0f} ms "
        f"| {came.colour:.1f} | {came.label.get('ContentProducer', 'none')} |"
    )


def complaints(kind: Kind, came: Seen | Refused) -> list[str]:
    """What is not as it must be; empty if all is well."""
    if isinstance(came, Refused):
        return [] if came.code == kind.refused else [f"refused as {came.code}: {came.facts}"]
    if kind.refused is not None:
        return [f"was not refused as {kind.refused}"]
    facts, frames = came.template["facts"], round(TAKE_S * kind.fps)
    remarks = [remark["code"] for remark in came.template["remarks"]]
    found = {
        "rate": came.fps == Fraction(facts["fps"]) == kind.fps,
        f"{facts['frames']} Template frames": abs(facts["frames"] - kind.frames) <= kind.slack,
        f"{came.frames} frames": came.frames == frames,
        f"length {came.seconds}": abs(came.seconds - TAKE_S) <= 1 / kind.fps,
        f"size {came.size}": came.size == kind.size,
        f"sound at {came.sound_start_s}": abs(came.sound_start_s) <= 0.001,
        f"colour {came.colour:.1f}": came.colour <= kind.colour,
        f"label {came.label}": (came.label.get("Label"), len(came.label)) == ("1", 7),
        f"remarks {remarks}": remarks == ([kind.remark] if kind.remark else []),
    }
    return [what for what, right in found.items() if not right]


def main(names: list[str]) -> int:
    """Print the tables; 1 if anything is not as it must be."""
    return 1 if _print_videos(names) + _print_recordings(names) else 0


def _print_videos(names: list[str]) -> int:
    wrong = 0
    sys.stdout.write("\n".join(HEAD) + "\n")
    with tempfile.TemporaryDirectory(prefix="chorus-kinds-") as folder, Children() as children:
        stage = Stage(Path(folder), children)
        for kind in VIDEO_KINDS:
            if names and kind.name not in names:
                continue
            came = stage.send(kind)
            sys.stdout.write(row(kind, came) + "\n")
            sys.stdout.flush()
            for complaint in complaints(kind, came):
                wrong += 1
                sys.stderr.write(f"{kind.name}: {complaint}\n")
    return wrong


def _print_recordings(names: list[str]) -> int:
    wrong = 0
    sys.stdout.write("\n".join(("", *recordings.HEAD)) + "\n")
    with tempfile.TemporaryDirectory(prefix="chorus-kinds-") as folder, Children() as children:
        listening = recordings.Listening(Path(folder), children)
        for kind in SOUND_KINDS:
            if names and kind.name not in names:
                continue
            came = listening.send(kind)
            sys.stdout.write(recordings.row(kind, came) + "\n")
            sys.stdout.flush()
            for complaint in recordings.complaints(kind, came):
                wrong += 1
                sys.stderr.write(f"{kind.name}: {complaint}\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
