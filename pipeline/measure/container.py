"""What a finished video's container says: when its streams begin, and its embedded AI label."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from pipeline.label.embedded import label_of
from pipeline.rim.opening import open_media, picture_stream, sound_stream, stored_packets

_MICROSECONDS: Final = 1_000_000
"""FFmpeg counts a container's start in these (AV_TIME_BASE)."""


@dataclass(frozen=True)
class ContainerFacts:
    """Starts are in seconds on the container's own clock; ``sound_start_s`` is None without sound."""

    start_s: float
    picture_start_s: float
    sound_start_s: float | None
    label: dict[str, object] | None
    """The embedded label; None where there is none or it is no JSON object."""


def read_container(path: Path) -> ContainerFacts:
    """Read a video's header.

    Raises:
        UnreadableFile: It is no container we read.
    """
    with open_media(path, path.name) as container:
        start_s = (container.start_time or 0) / _MICROSECONDS
        picture, sound = picture_stream(container), sound_stream(container)
        starts = [
            start_s
            if stream is None or stream.start_time is None or stream.time_base is None
            else float(stream.start_time * stream.time_base)
            for stream in (picture, sound)
        ]
        label = label_of(container.metadata)
    return ContainerFacts(start_s, starts[0], None if sound is None else starts[1], label)


class MediaStream(Enum):
    """Which one of a file's two streams."""

    PICTURE = "picture"
    SOUND = "sound"


@dataclass(frozen=True)
class MediaPacket:
    """One packet, encoded as it is. Seconds are on the container's own clock."""

    stream: MediaStream
    start_s: float
    end_s: float
    content: bytes
    """Of sound only; a picture's is left where it is."""


def read_packets(path: Path) -> Iterator[MediaPacket]:
    """Read a file's picture and sound as they are encoded, in the order of the file.

    Raises:
        UnreadableFile: It is no container we read.
    """
    with open_media(path, path.name, ours=True) as container:
        wanted = {
            MediaStream.PICTURE: picture_stream(container),
            MediaStream.SOUND: sound_stream(container),
        }
        kinds = {stream.index: kind for kind, stream in wanted.items() if stream is not None}
        streams = [stream for stream in wanted.values() if stream is not None]
        for packet in stored_packets(container, *streams):
            if packet.pts is None or packet.time_base is None:
                continue
            kind = kinds[packet.stream.index]
            yield MediaPacket(
                kind,
                float(packet.pts * packet.time_base),
                float((packet.pts + (packet.duration or 0)) * packet.time_base),
                bytes(packet) if kind is MediaStream.SOUND else b"",
            )
