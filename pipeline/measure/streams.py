"""What a pass over a Clip's packets tells without decoding one: how much picture and sound there is, and how they lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from statistics import median

from pipeline.measure.container import MediaStream, read_packets


@dataclass(frozen=True)
class Streams:
    """Seconds are on the container's own clock."""

    frames: int
    anchors: Sequence[float]
    """When the pictures are shown that are shown later than all that are decoded before them."""
    picture_start_s: float
    sound_end_s: float | None
    """None without sound."""
    sound: Mapping[bytes, float]
    """When each packet of sound is first heard, by a hash of what it holds: in silence one is like the other."""


def read_streams(path: Path) -> Streams:
    """Read all packets of a video or a recording.

    Raises:
        UnreadableFile: It is no container we read.
    """
    frames = 0
    anchors: list[float] = []
    picture_start_s: float | None = None
    sound_end_s: float | None = None
    heard: dict[bytes, float] = {}
    for packet in read_packets(path):
        if packet.stream is MediaStream.PICTURE:
            frames += 1
            if not anchors or packet.start_s > anchors[-1]:
                anchors.append(packet.start_s)
            first_s = packet.start_s if picture_start_s is None else picture_start_s
            picture_start_s = min(first_s, packet.start_s)
        else:
            digest = blake2b(packet.content, digest_size=12).digest()
            heard.setdefault(digest, packet.start_s)
            sound_end_s = max(sound_end_s or 0.0, packet.end_s)
    return Streams(frames, anchors, picture_start_s or 0.0, sound_end_s, heard)


def copied_sound_offset_s(clip: Streams, recording: Streams) -> float | None:
    """Tell how much later a recording is heard in a Clip than in itself, where its packets were copied.

    Returns:
        Seconds after the first picture; None where the Clip's sound was encoded anew.
    """
    both = clip.sound.keys() & recording.sound.keys()
    if len(both) < max(len(clip.sound) // 2, 1):
        return None
    late_s = median(clip.sound[digest] - recording.sound[digest] for digest in both)
    return late_s - clip.picture_start_s
