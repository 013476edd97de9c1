"""The media rim: containers and codecs on one side, arrays on the other. Nothing else in the pipeline opens a container.

Material from outside is told apart by content, never by name, and anything FFmpeg has against it arrives as a
Rejection (``pipeline.errors``). ``read_…`` and ``probe_…`` decode, ``keep_recording``, ``write_…`` and ``ClipWriter`` encode; they give
a file its name only when it is whole.
"""

from pipeline.rim.clips import CRF, PRESET, ClipWriter, clip_frames, transcode
from pipeline.rim.glances import glance
from pipeline.rim.meter import Levels
from pipeline.rim.planes import as_planes, as_rgb
from pipeline.rim.reading import (
    BACKWARD_BYTES,
    read_frames,
    read_source_order,
    read_with_alpha,
    source_order,
)
from pipeline.rim.recording import (
    Kept,
    keep_recording,
    measure_blocks,
    measure_sound,
    read_recording,
)
from pipeline.rim.sound import Block, mono_blocks, read_sound
from pipeline.rim.sound_files import CLIP_RATE_HZ, encode_sound, write_clip_sound, write_recording
from pipeline.rim.telephony import CODECS, through_codec
from pipeline.rim.video import VideoLimits, probe_video

__all__ = [
    "BACKWARD_BYTES",
    "CLIP_RATE_HZ",
    "CODECS",
    "CRF",
    "PRESET",
    "Block",
    "ClipWriter",
    "Kept",
    "Levels",
    "VideoLimits",
    "as_planes",
    "as_rgb",
    "clip_frames",
    "encode_sound",
    "glance",
    "keep_recording",
    "measure_blocks",
    "measure_sound",
    "mono_blocks",
    "probe_video",
    "read_frames",
    "read_recording",
    "read_sound",
    "read_source_order",
    "read_with_alpha",
    "source_order",
    "through_codec",
    "transcode",
    "write_clip_sound",
    "write_recording",
]
