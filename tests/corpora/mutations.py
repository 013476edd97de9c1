"""Small files of many kinds, and what broken discs, lines and minds make of them: the same for the same number.

They are as short as may be: ten thousand are tried, and it is decoding that is tried, not what comes behind.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.corpora.media import chirp, write_sound, write_video
from tests.corpora.speech import AH, EE, babble

SECONDS: Final = 0.15
FRAMES: Final = 8
_EXTREMES: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
_AMR_NB: Final = b"#!AMR\n"


def write_sounds(folder: Path) -> Sequence[Path]:
    """Write recordings: a short word, and a rising tone that is shorter."""
    speech = babble([AH, EE])
    tone = chirp(SECONDS)
    both = [tone, tone[::-1]]
    made = [
        write_sound(folder / "speech.wav", speech, "pcm_s16le", rate_hz=16_000),
        write_sound(folder / "tone.flac", tone, "flac"),
        write_sound(folder / "tone.ogg", tone, "libopus"),
        write_sound(folder / "tone.mp3", tone, "libmp3lame"),
        write_sound(folder / "tone.m4a", tone, "aac"),
        write_sound(folder / "tone.aac", tone, "aac", container="adts"),
        write_sound(folder / "tone.mka", tone, "flac", container="matroska"),
        write_sound(folder / "tone.aiff", tone, "pcm_s16be", container="aiff"),
        write_sound(folder / "small.wav", tone, "adpcm_ima_wav"),
        write_sound(folder / "tone.ts", tone, "ac3", container="mpegts"),
        write_sound(folder / "float.caf", tone, "pcm_f32le", container="caf"),
        write_sound(folder / "low.au", tone[::6], "pcm_mulaw", rate_hz=8_000, container="au"),
    ]
    _write_stereo(folder / "two.webm", both)
    (folder / "radio.amr").write_bytes(_AMR_NB + bytes([0x3C, *range(31)]) * 12)
    return [*made, folder / "two.webm", folder / "radio.amr"]


def _write_stereo(path: Path, channels: list) -> None:  # type: ignore[type-arg]
    import numpy as np  # noqa: PLC0415

    write_sound(path, np.stack(channels), "libopus", container="webm", layout="stereo")


def write_videos(folder: Path) -> Sequence[Path]:
    """Write videos of a few small frames."""
    quick = {"preset": "ultrafast"}
    sound = chirp(0.3)
    return [
        write_video(folder / "plain.mp4", range(FRAMES), options=quick, size=(64, 48)),
        write_video(folder / "fast.mp4", range(FRAMES), options=quick, size=(64, 48), sound=sound),
        write_video(folder / "new.mkv", range(FRAMES), codec="libx265", size=(64, 48)),
        write_video(folder / "web.webm", range(FRAMES), codec="libvpx-vp9", size=(64, 48)),
        write_video(folder / "old.avi", range(FRAMES), codec="mpeg4", size=(64, 48)),
        write_video(
            folder / "stills.avi", range(FRAMES), codec="mjpeg", size=(64, 48), pix_fmt="yuvj420p"
        ),
        write_video(folder / "air.ts", range(FRAMES), codec="mpeg2video", size=(64, 48)),
        write_video(
            folder / "cut.mov",
            range(FRAMES),
            codec="prores_ks",
            size=(64, 48),
            pix_fmt="yuv422p10le",
        ),
        write_video(folder / "loop.gif", range(FRAMES), codec="gif", size=(64, 48), pix_fmt="rgb8"),
        write_video(folder / "flash.flv", range(FRAMES), codec="flv", size=(64, 48)),
    ]


def mutate(content: bytes, other: bytes, number: int) -> bytes:
    """Break a file in one to four ways; ``other`` may lend it a piece."""
    chance = random.Random(number)  # noqa: S311 - not for secrets
    broken = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        chance.choice(_WAYS)(broken, other, chance)
    return bytes(broken)


def _flip(broken: bytearray, _: bytes, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 3, 20))):
        if broken:
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)


def _flip_early(broken: bytearray, _: bytes, chance: random.Random) -> None:
    """Headers stand in front, where a change does most."""
    for _ in range(chance.choice((1, 4))):
        if broken:
            broken[chance.randrange(min(len(broken), 256))] = chance.randrange(256)


def _cut(broken: bytearray, _: bytes, chance: random.Random) -> None:
    del broken[chance.randrange(len(broken) + 1) :]


def _drop(broken: bytearray, _: bytes, chance: random.Random) -> None:
    at = chance.randrange(len(broken) + 1)
    del broken[at : at + chance.choice((1, 4, 100))]


def _repeat(broken: bytearray, _: bytes, chance: random.Random) -> None:
    at = chance.randrange(len(broken) + 1)
    broken[at:at] = broken[at : at + chance.choice((1, 4, 500))] * chance.choice((1, 10))


def _overwrite(broken: bytearray, _: bytes, chance: random.Random) -> None:
    at = chance.randrange(len(broken) + 1)
    length = min(chance.choice((2, 16, 200)), len(broken) - at)
    broken[at : at + length] = chance.choice((b"\0", b"\xff", b"A")) * length


def _lie(broken: bytearray, _: bytes, chance: random.Random) -> None:
    """Lengths and counts are numbers of four bytes or so."""
    bytes_ = chance.choice((1, 2, 4, 8))
    at = chance.randrange(max(len(broken) - bytes_, 1))
    order = chance.choice(("big", "little"))
    value = chance.choice(_EXTREMES) & (1 << 8 * bytes_) - 1
    broken[at : at + bytes_] = value.to_bytes(bytes_, order)  # type: ignore[arg-type]  # a choice of literals


def _borrow(broken: bytearray, other: bytes, chance: random.Random) -> None:
    at, start = chance.randrange(len(broken) + 1), chance.randrange(len(other) + 1)
    piece = other[start : start + chance.choice((8, 300, 5000))]
    broken[at : at + chance.choice((0, len(piece)))] = piece


_WAYS: Final[Sequence[Callable[[bytearray, bytes, random.Random], None]]] = (
    *(_flip, _flip_early, _cut, _drop, _repeat, _overwrite, _lie, _lie, _borrow),
)
