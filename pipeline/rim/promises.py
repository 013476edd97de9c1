"""How long a recording or a video says it is, where one that turns out shorter was broken off."""

import re
import struct
from typing import Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

_GUESSED: Final = frozenset({"aac", "ac3", "amr", "asf", "mpeg", "mpegts", "ogg"})
"""Containers that do not tell: what FFmpeg says of them is a guess, or is read from what is there."""
_MP3_HEADS: Final = (b"Xing", b"Info", b"VBRI")
"""Only an MP3 that begins with one of these knows how many frames it has."""
_UNKNOWN_BYTES: Final = 0x7FFF_F000
"""A WAV of so many bytes or more, or of none, was written by somebody who did not know yet."""
_CLOCK: Final = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)", re.ASCII)
_LONGEST_S: Final = 24 * 3600.0
"""A header that tells of more tells nonsense."""


def promised_s(
    container: InputContainer, stream: AudioStream, head: bytes, *, has_picture: bool
) -> float | None:
    """Tell how long the header says the sound is.

    Args:
        container: Of the recording.
        stream: Its sound.
        head: Its first bytes.
        has_picture: Whether it is a video: then the length of the whole says little about the sound.

    Returns:
        Seconds; None where the header says nothing, or nothing that could be believed.
    """
    said_s = _said_s(container, stream, head, has_picture=has_picture)
    return said_s if said_s is not None and said_s <= _LONGEST_S else None


def _said_s(
    container: InputContainer, stream: AudioStream, head: bytes, *, has_picture: bool
) -> float | None:
    kind = container.format.name
    if kind in _GUESSED or (kind == "mp3" and not any(mark in head for mark in _MP3_HEADS)):
        return None
    if kind == "wav" and stream.codec_context.name.startswith("pcm_"):
        return _wav_s(head)
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    whole_s = container.duration / av.time_base if container.duration else None
    tagged_s = _clock_s(stream.metadata.get("DURATION", ""))
    if tagged_s is not None and whole_s is not None:
        begin_s = (container.start_time or 0) / av.time_base
        return min(tagged_s, whole_s) - max(begin_s, 0.0)  # tags outlive a cut
    return None if has_picture else whole_s


def promised_picture_s(container: InputContainer, stream: VideoStream, *, has_sound: bool) -> float:
    """Tell how long the header says the picture is.

    Args:
        container: Of the video.
        stream: Its picture.
        has_sound: Whether it has sound, too: then the length of the whole says little about the picture.

    Returns:
        Seconds; 0.0 where the header says nothing, or nothing that could be believed.
    """
    said_s = _said_picture_s(container, stream, has_sound=has_sound)
    return said_s if said_s <= _LONGEST_S else 0.0


def _said_picture_s(container: InputContainer, stream: VideoStream, *, has_sound: bool) -> float:
    kind = container.format.name
    if kind in _GUESSED:
        return 0.0
    if kind == "avi" and stream.average_rate:
        # FFmpeg makes an AVI's length fit to the file's, but keeps the number of frames that its header has.
        return float(stream.frames / stream.average_rate)
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    whole_s = 0.0 if has_sound else (container.duration or 0) / av.time_base
    end_s = _clock_s(stream.metadata.get("DURATION", ""))
    if end_s is None:
        return whole_s
    return max(end_s - max(float((stream.start_time or 0) * (stream.time_base or 0)), 0.0), 0.0)


def _wav_s(head: bytes) -> float | None:
    """Read the length of the ``data`` chunk, which FFmpeg corrects where the file is shorter."""
    bytes_per_s, place = 0, 12
    while place + 16 <= len(head):
        name, size = struct.unpack_from("<4sI", head, place)
        if name == b"fmt ":
            (bytes_per_s,) = struct.unpack_from("<I", head, place + 16)
        if name == b"data":
            known = bytes_per_s and 0 < size < _UNKNOWN_BYTES
            return size / bytes_per_s if known else None
        place += 8 + size + size % 2
    return None


def _clock_s(text: str) -> float | None:
    """Read Matroska's ``00:00:10.008000000``, which tells when a track ends; None where it holds something else."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds = map(float, found.groups())
    return 3600 * hours + 60 * minutes + seconds
