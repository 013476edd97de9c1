"""Renders every Template of a folder with every recording of another and prints what ``inspect`` measures, as Markdown.

``python -m tests.system.pairs SAMPLES``: SAMPLES has ``templates/`` and ``voices/``. Each recording gets two seconds of silence
in its middle, so that it can be seen whether the mouth stays shut. The column "bare" is the same frames written untouched.
"""

import sys
import tempfile
import wave
from pathlib import Path

import numpy as np

from pipeline.engines.port import Performance, Prepared
from pipeline.engines.registry import open_engine
from pipeline.measure.inspection import Inspection, inspect_clip
from pipeline.media import VideoLimits, probe_video, read_sound, transcode
from pipeline.render import render_clip
from pipeline.takes import TakeLimits, analyse_take, load_take
from pipeline.templates import load_template, prepare_template

RATE_HZ = 48_000
SILENCE_S = 2
HEAD = (
    "| template | recording | tracking r | lag | silence | opening | texture | outside dB, Clip / bare | sound offset s |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
)


def quiet(_stage: str, _done: int, _total: int) -> None:
    """No progress wanted."""


def with_silence(voice: Path, folder: Path) -> Path:
    """The recording as WAV, with silence in its middle."""
    sound = read_sound(voice, RATE_HZ)
    middle = len(sound) // 2
    parts = [sound[:middle], np.zeros(SILENCE_S * RATE_HZ, np.float32), sound[middle:]]
    path = folder / f"{voice.stem}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes((np.concatenate(parts) * 32767).astype("<i2").tobytes())
    return path


def prepared_of(template: Path, folder: Path) -> Prepared:
    """The Template, prepared by the embedded engine."""
    folder.mkdir()
    prepare_template(template, template.name, folder, VideoLimits(), quiet)
    performance: Performance = load_template(folder, template)
    return open_engine("viseme").prepare(performance)


def measured(
    template: Path, prepared: Prepared, voice: Path, folder: Path
) -> tuple[Inspection, Inspection]:
    """What the Clip of a pair is worth, and the same frames untouched."""
    analyse_take(voice, voice.name, folder, TakeLimits(), quiet)
    clip, bare = folder / "clip.mp4", folder / "bare.mp4"
    made = render_clip(open_engine("viseme"), prepared, load_take(folder), clip, quiet)
    transcode(template, probe_video(template), bare, made.frames, None)
    return (
        inspect_clip(clip, voice=voice, template=template, progress=quiet),
        inspect_clip(bare, voice=voice, template=template, progress=quiet),
    )


def main() -> None:
    """Print the table."""
    samples = Path(sys.argv[1])
    print("\n".join(HEAD), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        voices = [with_silence(voice, folder) for voice in sorted((samples / "voices").iterdir())]
        for template in sorted((samples / "templates").iterdir()):
            prepared = prepared_of(template, folder / template.stem)
            for voice in voices:
                clip, bare = measured(template, prepared, voice, folder)
                said, plain = clip.as_json(), bare.as_json()
                mouth = said["mouth"]
                print(
                    f"| {template.stem} | {voice.stem} | {mouth['tracking_r']} | {mouth['lag_frames']} "
                    f"| {mouth['silence_opening']} | {mouth['opening_ratio']} | {mouth['texture_ratio']} "
                    f"| {said['outside_psnr_db']} / {plain['outside_psnr_db']} | {said['av_offset_s']} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
