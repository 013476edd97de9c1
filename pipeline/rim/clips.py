"""Writing Clips: H.264 and the sound of the Take, in MP4 that plays while it loads."""

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final

import av
from av.audio.stream import AudioStream
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from pipeline.errors import LabelLost, UnreadableFile
from pipeline.label.embedded import EmbeddedLabel, label_of
from pipeline.rim.opening import open_media, writing
from pipeline.rim.planes import to_frame
from pipeline.rim.reading import read_source_order, source_order
from pipeline.types import Planes, VideoFacts

PRESET: Final = "veryfast"
"""On two cores 720p at 136 frames a second; ``faster`` gives half of that for the same size."""
CRF: Final = 20


def clip_frames(duration_s: float, facts: VideoFacts) -> int:
    """Tell how many frames a Clip has: as long as the Take, to the nearest frame, and one at least."""
    return max(round(duration_s * facts.fps), 1)


class ClipWriter:
    """Writes one Clip, frame by frame; it gets its name when it is whole, and leaves nothing behind otherwise.

    Use it in ``with``; where a label cannot be read back, the end of the block raises ``LabelLost``. The sound is copied, not
    encoded again, and keeps pace with the frames, so memory stays flat.
    """

    movflags: ClassVar[str] = "+faststart+use_metadata_tags"
    """The second one: without it, keys that MP4 does not know are lost silently."""

    def __init__(
        self,
        path: Path,
        facts: VideoFacts,
        frames: int,
        sound: Path | None,
        *,
        label: EmbeddedLabel | None,
    ) -> None:
        """Prepare a Clip.

        Args:
            path: Where it is to be; an older file is replaced at the end.
            facts: Size, rate and colours, as of the Template.
            frames: How many frames will be written.
            sound: AAC in MP4, made by ``write_clip_sound``; what lies behind the last frame is left out. None: a silent Clip.
            label: The AI label, written into the container and read back before the Clip gets its name. None: material
                that is not delivered to anybody.
        """
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._facts = facts
        self._frames = frames
        self._sound_path = sound
        self._label = label
        self._written = 0
        self._stack = ExitStack()
        self._packets: Iterator[Packet[AudioStream]] = iter(())

    def __enter__(self) -> "ClipWriter":
        try:
            self._open()
        except BaseException:
            self._abandon()
            raise
        return self

    def write(self, planes: Planes) -> None:
        """Encode the next frame: (height * 3 // 2, width), I420, limited range. Left untouched.

        Raises:
            OSError: The disk is full, for example.
            ValueError: More frames than were announced, or of another size.
        """
        if self._written >= self._frames:
            raise ValueError(f"this Clip has {self._frames} frames")
        if planes.shape != (self._facts.height_px * 3 // 2, self._facts.width_px):
            raise ValueError(f"a frame of {planes.shape} in a Clip of {self._facts}")
        frame = to_frame(planes)
        frame.pts = self._written
        frame.time_base = 1 / self._facts.fps
        self._written += 1
        with writing():
            self._container.mux(self._video.encode(frame))
        self._copy_sound(self._written / self._facts.fps)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._abandon()

    def _open(self) -> None:
        with writing():
            self._container = av.open(
                str(self._partial), "w", format="mp4", container_options={"movflags": self.movflags}
            )
            self._stack.callback(self._container.close)
            if self._label is not None:
                self._container.metadata.update(self._label.as_metadata())
            self._video = self._add_video()
        if self._sound_path is not None:
            self._packets = self._add_sound(self._sound_path)
        self._waiting = next(self._packets, None)

    def _add_video(self) -> VideoStream:
        options = {"preset": PRESET, "crf": str(CRF)}
        stream = self._container.add_stream("libx264", self._facts.fps, options=options)
        stream.width, stream.height = self._facts.width_px, self._facts.height_px
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = 1 / self._facts.fps
        context.thread_type = ThreadType.AUTO
        context.color_range = ColorRange.MPEG
        context.colorspace = self._facts.matrix
        context.color_primaries = self._facts.primaries
        context.color_trc = self._facts.transfer
        return stream

    def _add_sound(self, path: Path) -> "Iterator[Packet[AudioStream]]":
        """Announce the sound; yield its packets, up to the end of the last frame."""
        source = self._stack.enter_context(open_media(path, path.name))
        recorded = source.streams.audio[0]
        with writing():
            stream = self._container.add_stream_from_template(recorded)
        return self._packets_until_end(source, recorded, stream)

    def _packets_until_end(
        self, source: InputContainer, recorded: AudioStream, stream: AudioStream
    ) -> "Iterator[Packet[AudioStream]]":
        end_s = self._frames / self._facts.fps
        for packet in source.demux(recorded):
            # The packet with the encoder's lead-in stands before 0; the MP4 says that it is not to be heard.
            if packet.pts is None or packet.pts * packet.time_base >= end_s:
                continue
            packet.stream = stream
            yield packet

    def _copy_sound(self, until_s: Fraction) -> None:
        while self._waiting is not None and _second(self._waiting) < until_s:
            packet = self._waiting
            # Fetched before muxing: the muxer takes the packet's time stamps for its own.
            self._waiting = next(self._packets, None)
            with writing():
                self._container.mux(packet)

    def _finish(self) -> None:
        if self._written != self._frames:
            raise ValueError(f"{self._written} frames of {self._frames} were written")
        with writing():
            self._container.mux(self._video.encode(None))
        self._copy_sound(self._frames / self._facts.fps)
        with writing():
            self._container.close()
        if self._label is not None:
            _read_back(self._partial, self._label)
        self._partial.replace(self._path)

    def _abandon(self) -> None:
        """Let go of both files; of a Clip that is not whole, nothing stays."""
        try:
            with writing():
                self._stack.close()
        finally:
            self._partial.unlink(missing_ok=True)


def _read_back(path: Path, label: EmbeddedLabel) -> None:
    """Make sure that a label is in a file.

    Raises:
        LabelLost: It is not, or another one.
    """
    try:
        with open_media(path, path.name, ours=True) as container:
            found = label_of(container.metadata)
    except UnreadableFile as error:
        raise LabelLost("the Clip cannot be opened again") from error
    if found != label.fields():
        raise LabelLost(f"the Clip says {found} instead of {label.fields()}")


def transcode(path: Path, facts: VideoFacts, out: Path, frames: int, sound: Path | None) -> None:
    """Decode a Template and encode it as a Clip that changes nothing: what a render is measured against."""
    sources = source_order(facts.frames, frames)
    with ClipWriter(out, facts, frames, sound, label=None) as writer:
        for planes in read_source_order(path, facts, sources):
            writer.write(planes)


def _second(packet: "Packet[AudioStream]") -> Fraction:
    return (packet.pts or 0) * packet.time_base
