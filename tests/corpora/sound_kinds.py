"""Every kind of recording we can think of, made of one by Debian's ffmpeg, and what must become of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.media import read_sound
from tests.corpora.media import write_sound
from tests.corpora.video_kinds import run

SOURCE_S: Final = 2.6
"""Length of the source: (1, n) at 48 kHz, in 16 bits."""

Make = Callable[[Path, Path], None]
"""Makes of the source, a WAV, the file whose path it gets."""


@dataclass(frozen=True)
class SoundKind:
    """One kind of recording and what must become of it."""

    name: str
    """Of the file."""
    what: str
    """What it is, for people."""
    make: Make
    codec: str = ""
    """As the analysis names it; empty: any."""
    seconds: float = SOURCE_S
    late_s: float = 0.0
    """How much later the source is heard in it, to anybody: some encoders put silence before it and do not say so, and
    FFmpeg's for WMA loses what its decoder leaves out."""
    slack_s: float = 0.06
    """By which the length may differ: packets of MP3 and raw AAC are filled up."""
    refused: str | None = None
    """The code of the Rejection instead."""
    remark: str | None = None


def coded(*options: str, before: Sequence[str] = ()) -> Make:
    """Encode the source; ``before`` are options of the input."""

    def make(source: Path, out: Path) -> None:
        run(*before, "-i", str(source), *options, str(out))

    return make


def with_picture(*options: str, late_s: float = 0.0) -> Make:
    """Put the sound beside a moving picture."""

    def make(source: Path, out: Path) -> None:
        picture = ("-f", "lavfi", "-i", f"testsrc=s=160x120:r=25:d={SOURCE_S}")
        offset = ("-itsoffset", str(late_s)) if late_s else ()
        run(*picture, *offset, "-i", str(source), *options, str(out))

    return make


def covered(*options: str) -> Make:
    """Sound with a cover picture."""

    def make(source: Path, out: Path) -> None:
        cover = out.with_suffix(".jpg")
        run("-f", "lavfi", "-i", "testsrc=s=320x320:d=1", "-frames:v", "1", str(cover))
        both = ("-i", str(source), "-i", str(cover), "-map", "0:a", "-map", "1:v", "-c:v", "copy")
        run(*both, "-disposition:v", "attached_pic", *options, str(out))
        cover.unlink()

    return make


def cut(make: Make, share: float) -> Make:
    """Break a file off."""

    def broken(source: Path, out: Path) -> None:
        make(source, out)
        content = out.read_bytes()
        out.write_bytes(content[: round(len(content) * share)])

    return broken


def joined(first: Make, second: Make) -> Make:
    """Put two files behind each other, as some recorders do when the line changes."""

    def make(source: Path, out: Path) -> None:
        parts = [out.with_name(f"part{number}{out.suffix}") for number in (1, 2)]
        for part, one in zip(parts, (first, second), strict=True):
            one(source, part)
        out.write_bytes(b"".join(part.read_bytes() for part in parts))
        for part in parts:
            part.unlink()

    return make


def streamed(kind: str) -> Make:
    """Written into a pipe: the header was written before anybody knew the length."""

    def make(source: Path, out: Path) -> None:
        out.write_bytes(run("-i", str(source), "-f", kind, "-"))

    return make


def telephone(source: Path, out: Path) -> None:
    """Encode as AMR, which Debian's ffmpeg does not, and PyAV's does."""
    write_sound(out, read_sound(source, 8000), "libopencore_amrnb", rate_hz=8000)


def holding(content: bytes | Callable[[Path], bytes]) -> Make:
    """Something else altogether."""

    def make(source: Path, out: Path) -> None:
        out.write_bytes(content(source) if callable(content) else content)

    return make


def _playlist(source: Path) -> bytes:
    return (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\nfile://{source}\n#EXT-X-ENDLIST\n".encode()
    )


def _ffconcat(source: Path) -> bytes:
    return f"ffconcat version 1.0\nfile '{source}'\n".encode()


_AAC: Final = ("-c:a", "aac", "-b:a", "96k")
_FAST: Final = ("-movflags", "faststart")
_SIX: Final = "pan=5.1|c0=c0|c1=c0|c2=c0|c3=0*c0|c4=0.5*c0|c5=0.5*c0"
_ABOVE: Final = ("-af", "volume=14dB", "-c:a", "pcm_f32le")

SOUND_KINDS: Final[tuple[SoundKind, ...]] = (
    SoundKind("16.wav", "WAV, 16 bit", coded("-c:a", "pcm_s16le"), "pcm_s16le"),
    SoundKind("8.wav", "WAV, 8 bit, 8 kHz", coded("-c:a", "pcm_u8", "-ar", "8000"), "pcm_u8"),
    SoundKind("24.wav", "WAV, 24 bit, 96 kHz", coded("-c:a", "pcm_s24le", "-ar", "96000")),
    SoundKind("192.wav", "WAV, 32 bit, 192 kHz", coded("-c:a", "pcm_s32le", "-ar", "192000")),
    SoundKind("11.wav", "WAV, 11.025 kHz", coded("-ar", "11025")),
    SoundKind("float.wav", "WAV in floating point, far above full scale", coded(*_ABOVE)),
    SoundKind("piped.wav", "WAV that was streamed, length unknown", streamed("wav")),
    SoundKind("alaw.wav", "WAV, A-law, 8 kHz", coded("-c:a", "pcm_alaw", "-ar", "8000")),
    SoundKind("ms.wav", "WAV, Microsoft ADPCM", coded("-c:a", "adpcm_ms"), "adpcm_ms"),
    SoundKind("ima.wav", "WAV, IMA ADPCM", coded("-c:a", "adpcm_ima_wav")),
    SoundKind("gsm.wav", "WAV, GSM 6.10", coded("-c:a", "libgsm_ms", "-ar", "8000"), slack_s=0.1),
    SoundKind("g722.wav", "WAV, G.722, 16 kHz", coded("-c:a", "g722", "-ar", "16000")),
    SoundKind("v.w64", "Wave64", coded()),
    SoundKind("v.aiff", "AIFF", coded()),
    SoundKind("v.caf", "CAF", coded()),
    SoundKind("v.au", "Sun AU, µ-law", coded("-c:a", "pcm_mulaw", "-ar", "8000"), "pcm_mulaw"),
    SoundKind("v.flac", "FLAC", coded(), "flac"),
    SoundKind("51.flac", "FLAC, 5.1", coded("-af", _SIX), "flac"),
    SoundKind("v.wv", "WavPack", coded(), "wavpack"),
    SoundKind("cbr.mp3", "MP3, 64 kbit/s", coded("-b:a", "64k")),
    SoundKind("cover.mp3", "MP3, variable, with a cover", covered("-q:a", "4")),
    SoundKind(
        "plain.mp3", "MP3 without a header of its own", coded("-write_xing", "0"), late_s=0.023
    ),
    SoundKind("v.aac", "AAC without a container", coded(*_AAC), "aac", late_s=0.021),
    SoundKind("v.m4a", "AAC in M4A", coded(*_AAC), "aac"),
    SoundKind("cover.m4a", "AAC in M4A with a cover", covered(*_AAC), "aac"),
    SoundKind("alac.m4a", "Apple Lossless", coded("-c:a", "alac"), "alac"),
    SoundKind("v.opus", "Opus", coded("-c:a", "libopus", "-b:a", "24k"), "opus"),
    SoundKind("v.ogg", "Vorbis", coded("-c:a", "libvorbis"), "vorbis"),
    SoundKind(
        "speex.ogg", "Speex, 16 kHz", coded("-c:a", "libspeex", "-ar", "16000"), late_s=0.014
    ),
    SoundKind("v.wma", "WMA", coded("-c:a", "wmav2"), "wmav2", late_s=-0.043),
    SoundKind("nb.amr", "AMR", telephone, "amrnb", late_s=0.005),
    SoundKind("v.3gp", "AMR in 3GP", telephone, "amrnb"),
    SoundKind("v.ac3", "AC-3", coded(), "ac3", late_s=0.005),
    SoundKind("v.mka", "Opus in Matroska", coded("-c:a", "libopus")),
    SoundKind("piped.mka", "Matroska that was streamed", streamed("matroska")),
    SoundKind("v.mp4", "video with sound, MP4", with_picture(*_AAC)),
    SoundKind("v.mov", "video with uncompressed sound, MOV", with_picture("-c:a", "pcm_s16le")),
    SoundKind("v.mkv", "video with sound, MKV", with_picture("-c:v", "mpeg4", "-c:a", "flac")),
    SoundKind("v.webm", "video with sound, WebM", with_picture("-cpu-used", "8")),
    SoundKind("v.avi", "video with MP3, AVI", with_picture("-c:a", "libmp3lame"), late_s=0.023),
    SoundKind("v.ts", "video with sound, MPEG-TS", with_picture(*_AAC), late_s=0.021),
    SoundKind("v.flv", "video with sound, FLV", with_picture(*_AAC), late_s=0.021),
    SoundKind(
        "late.mp4",
        "video whose sound begins late",
        with_picture(*_AAC, late_s=1.2),
        seconds=SOURCE_S + 1.2,
        late_s=1.2,
    ),
    SoundKind("lying.mp3", "M4A that is named MP3", coded(*_AAC, "-f", "mp4"), "aac"),
    SoundKind(
        "rates.aac",
        "AAC whose rate and channels change in the middle",
        joined(coded(*_AAC, "-ar", "44100"), coded(*_AAC, "-ac", "2")),
        seconds=2 * SOURCE_S,
        slack_s=0.12,
        late_s=0.023,
    ),
    SoundKind(
        "chained.ogg",
        "two Vorbis streams behind each other",
        joined(coded("-c:a", "libvorbis"), coded("-c:a", "libvorbis")),
        seconds=2 * SOURCE_S,
        slack_s=0.12,
    ),
    SoundKind(
        "cut.wav",
        "WAV that breaks off",
        cut(coded(), 0.7),
        seconds=0.7 * SOURCE_S,
        remark="broken_off",
    ),
    SoundKind(
        "cut.m4a",
        "M4A that breaks off",
        cut(coded(*_AAC, *_FAST), 0.7),
        seconds=0.7 * SOURCE_S,
        slack_s=0.2,
        remark="broken_off",
    ),
    SoundKind(
        "cut.opus",
        "Opus that breaks off, page by page: nothing tells",
        cut(coded("-c:a", "libopus"), 0.7),
        seconds=1.0,
    ),
    SoundKind(
        "headless.m4a",
        "M4A that breaks off before its index",
        cut(coded(*_AAC), 0.7),
        refused="unreadable",
    ),
    SoundKind("mute.mp4", "video without sound", with_picture("-an"), refused="no_sound"),
    SoundKind("silent.wav", "silence", coded("-af", "volume=0"), refused="no_speech"),
    SoundKind("short.wav", "a tenth of a second", coded("-t", "0.1"), refused="take_too_short"),
    SoundKind(
        "long.wav",
        "ten minutes and a second",
        coded("-ar", "8000", "-af", "apad=whole_dur=601"),
        refused="take_too_long",
    ),
    SoundKind("empty.ogg", "no bytes at all", holding(b""), refused="empty"),
    SoundKind(
        "text.ogg", "text", holding("大家好，请看附件。".encode()), refused="not_a_recording"
    ),
    SoundKind(
        "v.m3u8", "playlist of a file beside it", holding(_playlist), refused="not_a_recording"
    ),
    SoundKind("list.mp3", "ffconcat script", holding(_ffconcat), refused="not_a_recording"),
    SoundKind(
        "v.slk", "SILK", holding(b"\x02#!SILK_V3\x0c\x00" + bytes(40)), refused="unsupported"
    ),
    SoundKind("zip.wav", "archive", holding(b"PK\x03\x04\x14\x00"), refused="not_a_recording"),
    SoundKind(
        "noise.mp3", "random bytes", holding(bytes(range(1, 256)) * 40), refused="unreadable"
    ),
)
