"""From a stream's packets to its pictures: with their transparency, without the combs of interlaced video."""

from collections.abc import Callable, Iterator
from typing import Final, cast

from av.codec.context import CodecContext, ThreadType
from av.container import InputContainer
from av.error import BlockingIOError as MoreNeeded
from av.error import EOFError as NoMore
from av.error import FFmpegError, PatchWelcomeError
from av.filter.graph import Graph
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.errors import UnsupportedCodec
from pipeline.rim.opening import codec_of, packets

_ALPHA_DECODERS: Final = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's own decoders of these leave out the second picture, beside the first one, that is the transparency."""


def decode_pictures(
    container: InputContainer, stream: VideoStream, *, alpha: bool = False
) -> Iterator[VideoFrame]:
    """Yield what decodes, in the order of display; packets that do not are skipped.

    Args:
        container: Read from where it stands.
        stream: One of its.
        alpha: By a decoder that keeps transparency, which is slower.

    Raises:
        UnsupportedCodec: Nothing decodes, because the decoder lacks something that the stream needs.
    """
    context = _alpha_decoder(stream) if alpha else None
    decode = (context or stream.codec_context).decode
    return _progressive(_decoded(container, stream, decode))


def keeps_alpha_aside(stream: VideoStream) -> bool:
    """Whether a WebM says that it has transparency beside its pictures."""
    return stream.metadata.get("alpha_mode") == "1" and stream.codec_context.name in _ALPHA_DECODERS


def _alpha_decoder(stream: VideoStream) -> VideoCodecContext | None:
    if not keeps_alpha_aside(stream):
        return None
    own = stream.codec_context
    context = cast(VideoCodecContext, CodecContext.create(_ALPHA_DECODERS[own.name], "r"))
    context.extradata, context.options = own.extradata, own.options
    context.thread_type = ThreadType.AUTO
    return context


def _decoded(
    container: InputContainer,
    stream: VideoStream,
    decode: "Callable[[Packet[Stream]], list[VideoFrame]]",
) -> Iterator[VideoFrame]:
    seen, lacking = False, False
    for packet in packets(container, stream):
        if not seen:
            _refuse_encrypted(container, stream, packet)
        try:
            frames = decode(packet)
        except PatchWelcomeError:
            lacking = True
            continue
        except FFmpegError:
            continue
        for frame in frames:
            seen = True
            yield frame
    if lacking and not seen:
        raise UnsupportedCodec(codec=codec_of(container, stream), second=0.0)


def _refuse_encrypted(
    container: InputContainer, stream: VideoStream, packet: "Packet[Stream]"
) -> None:
    if packet.has_sidedata("encryption_info"):
        second = float((packet.pts or 0) * (stream.time_base or 1))
        named = f"{codec_of(container, stream)}, encrypted"
        raise UnsupportedCodec(codec=named, second=round(max(second, 0.0), 2))


def _progressive(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """Make whole pictures of frames that hold two half ones, one for each; the others pass as they are."""
    filled: _LinesFilled | None = None
    for frame in frames:
        if filled is None and not frame.interlaced_frame:
            yield frame
            continue
        if filled is None or filled.kind != _kind(frame):
            if filled is not None:
                yield from filled.rest()
            filled = _LinesFilled(frame)
        yield from filled.fill(frame)
    if filled is not None:
        yield from filled.rest()


def _kind(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


class _LinesFilled:
    """FFmpeg's motion-adaptive deinterlacer; it looks one frame ahead."""

    def __init__(self, first: VideoFrame) -> None:
        self.kind = _kind(first)
        self._graph = Graph()
        source = self._graph.add(
            "buffer",
            video_size=f"{first.width}x{first.height}",
            pix_fmt=first.format.name,
            time_base=str(first.time_base),
            colorspace=str(int(first.colorspace)),
            range=str(int(first.color_range)),
        )
        whole = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
        self._graph.link_nodes(source, whole, self._graph.add("buffersink")).configure()

    def fill(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        self._graph.push(frame)
        return self._pulled()

    def rest(self) -> Iterator[VideoFrame]:
        self._graph.push(None)
        return self._pulled()

    def _pulled(self) -> Iterator[VideoFrame]:
        while True:
            try:
                yield cast(VideoFrame, self._graph.pull())
            except (MoreNeeded, NoMore):
                return
