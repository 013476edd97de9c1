"""Opening a file from outside: by what it holds, never by its name, and never anything beside it."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import av
import av.logging
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.errors import UnreadableFile


# What FFmpeg has to say about broken input we say in our own words: its lines must not fill the operator's log.
def _be_silent() -> None:
    av.logging.set_level(None)
    av.logging.set_libav_level(av.logging.PANIC)


_be_silent()

_FORMATS: Final = ",".join(
    (
        *("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "ogg", "avi", "flv", "asf"),
        *("mpegts", "mpeg", "gif", "wav", "w64", "flac", "mp3", "aac", "aiff", "caf", "au", "ac3"),
        *("amr", "wv", "ape", "mxf", "dv", "rm"),
    )
)
"""Demuxers that may be used. Playlists (hls, concat, dash, sdp) are not here: they would open further files."""

_NO_PROBE_BYTES: Final = "5000"
_NO_PROBE: Final[list[Any]] = [{"skip_frame": "all"}, {"skip_frame": "all"}]
"""For each stream of a file of ours: picture and sound. PyAV's stub takes these options for text."""


@contextmanager
def open_media(path: Path, name: str, *, ours: bool = False) -> Iterator[InputContainer]:
    """Open a container for reading; any error of FFmpeg inside the block becomes UnreadableFile.

    Of a file of ours the header is believed: a first picture that is not decoded, only to learn of what kind it is,
    saves 5 ms of 720p. FFmpeg gets an open descriptor instead of a path, and no other protocol: so it sees no file name to guess from, and
    nothing in the file can make it open another one.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    options = {"fd": str(descriptor), "protocol_whitelist": "fd", "format_whitelist": _FORMATS}
    if ours:
        options["probesize"] = _NO_PROBE_BYTES
    try:
        with av.open(
            "fd:",
            "r",
            container_options=options,
            stream_options=_NO_PROBE if ours else [],
            metadata_errors="replace",
        ) as container:
            yield container
    except FFmpegError as error:
        raise UnreadableFile(name=name) from error
    finally:
        os.close(descriptor)


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The sound somebody would hear when playing the file; None if it has none."""
    return container.streams.best("audio")  # type: ignore[return-value]  # typed as Stream


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The moving picture of a file; None if it has none. A cover picture is none."""
    for stream in container.streams.video:
        if not stream.disposition & (Disposition.attached_pic | Disposition.still_image):
            return stream
    return None


def codec_of(container: InputContainer, stream: AudioStream | VideoStream) -> str:
    """Name the codec of a stream for people: FFmpeg's name, or the four letters the file has for it.

    A stream that nothing here decodes has no codec context to ask; FFmpeg's description of the file still knows.
    """
    if stream.codec_context is not None:
        return str(stream.codec_context.name)
    av.logging.set_level(av.logging.INFO)  # it is written into the log, nowhere else
    av.logging.set_libav_level(av.logging.INFO)
    try:
        description = container.dumps_format()
    finally:
        _be_silent()
    found = re.search(
        rf"Stream #0:{stream.index}\b[^\n]*?: (?:Video|Audio): (\S+?),? (?:\((.*?) /)?", description
    )
    if found is None:
        return "?"
    name, letters = found.groups()
    return letters if name == "none" and letters else name


def decode_sound(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Yield what decodes; packets that do not are skipped."""
    for packet in packets(container, stream):
        try:
            frames = packet.decode()
        except FFmpegError:
            continue
        for frame in frames:
            if isinstance(frame, AudioFrame):
                yield frame


def decode_packet(packet: "Packet[Stream]") -> Iterator[VideoFrame]:
    """Yield the pictures that the decoder gives for a packet: none if it does not decode."""
    try:
        frames = packet.decode()
    except FFmpegError:
        return
    for frame in frames:
        if isinstance(frame, VideoFrame):
            yield frame


def packets(
    container: InputContainer, stream: AudioStream | VideoStream
) -> "Iterator[Packet[Stream]]":  # quoted: Packet is generic for type checkers only
    """Yield a stream's packets; the last one is empty and makes the decoder give what it still holds."""
    packet: Packet[Stream] | None = None
    for packet in stored_packets(container, stream):
        yield packet
    if packet is None or packet.size:  # the file broke off
        flush: Packet[Stream] = Packet()
        flush.stream = stream
        yield flush


def stored_packets(
    container: InputContainer, *streams: AudioStream | VideoStream
) -> "Iterator[Packet[Stream]]":
    """Yield the packets of some streams in the order of the file, and an empty one at the end of each.

    A file that breaks off in the middle ends there. Streams that begin in the middle (a transport stream may have them)
    are passed over: PyAV knows none of those, and raises IndexError at each of their packets.
    """
    stored = container.demux(*streams)
    while True:
        try:
            packet = next(stored)
        except IndexError:
            stored = container.demux(*streams)  # goes on behind that packet
            continue
        except (StopIteration, FFmpegError):
            return
        yield packet


@contextmanager
def writing() -> Iterator[None]:
    """Errors of FFmpeg while it writes are no fault of the material: they become OSError (disk full, for example)."""
    try:
        yield
    except FFmpegError as error:
        raise OSError(error.errno, error.strerror, error.filename) from error
