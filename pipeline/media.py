"""The media rim: containers and codecs on one side, arrays on the other. Nothing else in the pipeline opens a container.

Material from outside is told apart by content, never by name, and anything FFmpeg has against it arrives as a
Rejection (``pipeline.errors``). ``read_…`` and ``probe_…`` decode, ``encode_sound`` and ``ClipWriter`` encode; both
writers give a file its name only when it is whole.
"""

from pipeline.rim.clips import CRF, PRESET, ClipWriter, clip_frames, transcode
from pipeline.rim.glances import glance
from pipeline.rim.planes import as_rgb
from pipeline.rim.sound import CLIP_RATE_HZ, encode_sound, read_sound
from pipeline.rim.telephony import CODECS, through_codec
from pipeline.rim.video import (
    BACKWARD_BYTES,
    VideoLimits,
    probe_video,
    read_frames,
    read_source_order,
    read_with_alpha,
    source_order,
)

__all__ = [
    "BACKWARD_BYTES",
    "CLIP_RATE_HZ",
    "CODECS",
    "CRF",
    "PRESET",
    "ClipWriter",
    "VideoLimits",
    "as_rgb",
    "clip_frames",
    "encode_sound",
    "glance",
    "probe_video",
    "read_frames",
    "read_sound",
    "read_source_order",
    "read_with_alpha",
    "source_order",
    "through_codec",
    "transcode",
]
