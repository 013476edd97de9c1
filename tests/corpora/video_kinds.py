"""Every kind of video that phones, recorders, editors and chat programs produce, made by Debian's ffmpeg from one short source.

What is made is told by ffmpeg's command lines, which are the judge: what our rim reads must look and last as ffmpeg says.
"""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from tests import judges
from tests.corpora.media import turn

SIZE: Final = (640, 360)
FPS: Final = Fraction(25)
FRAMES: Final = 25
"""Of the source."""

Make = Callable[[Path, Path], None]
"""Writes a file (second path) made of the source (first path)."""


@dataclass(frozen=True)
class Kind:
    """One kind of video and what must become of it."""

    name: str
    """Of the file."""
    what: str
    """What it is, for people."""
    make: Make
    fps: Fraction = FPS
    frames: int = FRAMES
    """Of the Template."""
    size: tuple[int, int] = SIZE
    seen: str = "null"
    """ffmpeg's filter that makes the source look as this should look."""
    colour: float = 2.5
    """The largest mean error in levels of R, G and B."""
    refused: str | None = None
    """The code of the Rejection instead."""
    remark: str | None = None
    slack: int = 0
    """Frames by which the number may be wrong: of what breaks off."""


def run(*line: str, given: bytes | None = None) -> bytes:
    """Run ffmpeg; what it writes to its output."""
    command = [judges.need("ffmpeg"), "-v", "error", "-y", "-nostdin", *line]
    if given is not None:
        command.remove("-nostdin")
    done = subprocess.run(command, input=given, capture_output=True, check=True, timeout=120)
    return done.stdout


def video(
    source: Path, out: Path, *options: str, see: str = "null", before: Sequence[str] = ()
) -> None:
    """Encode the source anew: ``see`` is a filter, ``before`` are options of the input."""
    run(*before, "-i", str(source), "-vf", see, *options, str(out))


def made(*options: str, see: str = "null", before: Sequence[str] = ()) -> Make:
    return lambda source, out: video(source, out, *options, see=see, before=before)


X264: Final = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12")
X265: Final = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "12", "-tag:v", "hvc1")
QUIET_X265: Final = ("-x265-params", "log-level=none")
VP9: Final = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "15", "-b:v", "0")  # fmt: skip
WITH_SINE: Final = ("-f", "lavfi", "-i", "sine=440:sample_rate=48000")


def with_sine(*options: str) -> Make:
    """The source with a tone."""

    def make(source: Path, out: Path) -> None:
        run("-i", str(source), *WITH_SINE, "-t", "1", *options, str(out))

    return make


def tags(matrix: str, primaries: str, transfer: str, reach: str = "tv") -> tuple[str, ...]:
    return (
        *("-colorspace", matrix, "-color_primaries", primaries),
        *("-color_trc", transfer, "-color_range", reach),
    )


def graded(primaries: str, transfer: str, matrix: str, pixels: str, more: str = "") -> str:
    """A filter that shows the source's colours by other means (zimg, display-referred)."""
    return (
        "zscale=min=170m:pin=709:tin=709:rangein=limited"
        f":m={matrix}:p={primaries}:t={transfer}:r=limited{more},format={pixels}"
    )


def turned(filters: str, matrix: tuple[int, int, int, int]) -> Make:
    """A phone's video: stored as ``filters`` lay it, with a display matrix that lays it back."""

    def make(source: Path, out: Path) -> None:
        video(source, out, *X264, "-bitexact", see=filters)
        turn(out, matrix)

    return make


def rate(fps: str, *options: str) -> Make:
    """The source at another rate, as long."""
    return made(*X264, *options, see=f"fps={fps}")


def cut(make: Make, share: float) -> Make:
    """The first part of a file, as after a transfer that broke off."""

    def do(source: Path, out: Path) -> None:
        make(source, out)
        content = out.read_bytes()
        out.write_bytes(content[: int(len(content) * share)])

    return do


def damaged(make: Make) -> Make:
    """Garbage in the middle."""

    def do(source: Path, out: Path) -> None:
        make(source, out)
        content = bytearray(out.read_bytes())
        middle = len(content) // 2
        content[middle : middle + len(content) // 12] = bytes(len(content) // 12)
        out.write_bytes(content)

    return do


def renamed_codec(source: Path, out: Path) -> None:
    video(source, out, *X264)
    out.write_bytes(out.read_bytes().replace(b"avc1", b"evc1"))


def bytes_of(content: bytes) -> Make:
    return lambda _source, out: (out.write_bytes(content), None)[1]


def playlist(text: str) -> Make:
    """A text that names the source, which must not be opened by it."""
    return lambda source, out: (out.write_text(text.format(source), "utf-8"), None)[1]


def loop_of(source: Path, out: Path, *options: str, seconds: int, see: str) -> None:
    video(source, out, "-t", str(seconds), *options, see=see, before=["-stream_loop", "-1"])


def two_sizes(source: Path, out: Path) -> None:
    """A stream whose pictures become smaller in its middle."""
    parts = [out.with_suffix(f".{part}.ts") for part in ("a", "b")]
    video(source, parts[0], *X264, "-frames:v", "13")
    video(source, parts[1], *X264, see="trim=start_frame=13,setpts=PTS-STARTPTS,scale=480:270")
    joined = f"concat:{parts[0]}|{parts[1]}"
    run("-i", joined, "-c", "copy", "-f", "mpegts", str(out))
    for part in parts:
        part.unlink()


def phone_hlg(source: Path, out: Path) -> None:
    """Ten bits, bright, wide and lying on its side."""
    laid = "scale=3840:2160,transpose=cclock,"
    shine = graded("2020", "arib-std-b67", "2020_ncl", "yuv420p10le", ":npl=203:agamma=false")
    colours = "log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"
    video(source, out, *X265, "-bitexact", "-x265-params", colours, see=laid + shine)
    turn(out, (0, 1, -1, 0))


def locked(source: Path, out: Path) -> None:
    key = ("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb")
    name = ("-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
    video(source, out, *X264, "-encryption_scheme", "cenc-aes-ctr", *key, *name)


def still(source: Path, out: Path) -> None:
    run("-i", str(source), "-frames:v", "1", str(out))


def covered_sound(source: Path, out: Path) -> None:
    cover = out.with_suffix(".jpg")
    still(source, cover)
    mapped = ("-map", "0", "-map", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic")
    run(*WITH_SINE, "-i", str(cover), *mapped, "-t", "1", str(out))
    cover.unlink()


HIDDEN: Final = "drawbox=0:0:160:360:white:fill"
"""What a video looks like on white whose left quarter is transparent."""


def transparent(*options: str, pixels: str) -> Make:
    """A video whose left quarter is transparent, and red underneath."""

    def make(source: Path, out: Path) -> None:
        mask = f"color=white:s={SIZE[0]}x{SIZE[1]}:r=25,drawbox=0:0:160:360:black:fill,format=gray"
        seen = f"[0]drawbox=0:0:160:360:red:fill,format={pixels}[a]"
        graph = f"{mask}[m];{seen};[a][m]alphamerge,format={pixels}"
        run("-i", str(source), "-filter_complex", graph, "-frames:v", "25", *options, str(out))

    return make


def late(source: Path, out: Path) -> None:
    sound = ("-itsoffset", "0.48", *WITH_SINE)
    run("-i", str(source), *sound, "-shortest", "-t", "1", "-c:v", "copy", "-c:a", "aac", str(out))


def empty_edit(source: Path, out: Path) -> None:
    """The picture begins half a second after the sound, which an edit list tells."""
    line = ("-itsoffset", "0.52", "-i", str(source), *WITH_SINE, "-map", "0:v", "-map", "1:a")
    run(*line, "-t", "1.52", "-c:v", "copy", "-c:a", "aac", str(out))


def trimming_edit(source: Path, out: Path) -> None:
    """Cut without encoding anew: the frames from the key frame on are there, and an edit list hides the first ones."""
    whole = out.with_suffix(".whole.mp4")
    loop_of(source, whole, *X264, "-g", "50", "-bf", "2", seconds=2, see="null")
    run("-ss", "0.4", "-i", str(whole), "-c", "copy", str(out))
    whole.unlink()


def hours(_source: Path, out: Path) -> None:
    run("-f", "lavfi", "-i", "color=gray:s=64x64:r=1/60", "-t", "36000", *X264, str(out))


_GIF_FRAME: Final = bytes.fromhex("21f904000a000000 2c00000000020002000002031204 0500")
HUGE_GIF: Final = b"GIF89a" + bytes.fromhex("803e803e800000 000000ffffff") + 5 * _GIF_FRAME + b";"
"""16 000 × 16 000, of which five frames fill a corner."""

VFR: Final = "select='not(eq(mod(n,5),3))*not(between(n,10,14))'"
"""Of each five frames one is missing, and a fifth of a second at once."""
INTERLACED: Final = "fps=50,tinterlace=interleave_top,fieldorder=tff"
FASTSTART: Final = ("-movflags", "+faststart")

PICTURES: Final[tuple[Kind, ...]] = (
    Kind("h264.mp4", "H.264, MP4", made(*X264)),
    Kind("h264_10.mp4", "H.264 4:2:2, 10 bit", made(*X264, *tags("bt709", "bt709", "bt709"), see=graded("709", "709", "709", "yuv422p10le"))),
    Kind("hevc.mp4", "HEVC", made(*X265, *QUIET_X265)),
    Kind("vp9.webm", "VP9, WebM", made(*VP9)),
    Kind("vp8.webm", "VP8, WebM", made("-c:v", "libvpx", "-crf", "8", "-b:v", "4M")),
    Kind("av1.mp4", "AV1", made("-c:v", "libsvtav1", "-preset", "10", "-crf", "20")),
    Kind("prores.mov", "ProRes 422", made("-c:v", "prores_ks", see="format=yuv422p10le")),
    Kind("mjpeg.avi", "Motion JPEG, AVI", made("-c:v", "mjpeg", "-q:v", "2", see="scale=out_range=pc,format=yuvj420p")),
    Kind("moving.gif", "GIF", made(see="split[a][b];[a]palettegen[p];[b][p]paletteuse"), colour=4),
    Kind("mpeg4.avi", "MPEG-4 part 2, AVI", made("-c:v", "mpeg4", "-q:v", "2")),
    Kind("mpeg2.mpg", "MPEG-2, program stream", made("-c:v", "mpeg2video", "-q:v", "2")),
    Kind("h264.ts", "H.264, transport stream", made(*X264)),
    Kind("h264.flv", "H.264, Flash video", made(*X264)),
    Kind("mpeg4.3gp", "MPEG-4, 3GP", made("-c:v", "mpeg4", "-q:v", "2")),
    Kind("wmv2.wmv", "Windows Media", made("-c:v", "wmv2", "-q:v", "2")),
    Kind("h264.mkv", "H.264, Matroska", made(*X264)),
    Kind("theora.ogv", "Theora, Ogg", made("-c:v", "libtheora", "-q:v", "9")),
    Kind("sound_inside.mov", "H.264 and AAC, QuickTime", with_sine(*X264, "-c:a", "aac")),
    Kind("fragments.mp4", "H.264, MP4 in fragments", made(*X264, "-g", "10", "-movflags", "frag_keyframe+empty_moov+default_base_moof")),
    Kind("browser.webm", "a browser's recorder: VP8 and Opus, WebM without a length", with_sine("-c:v", "libvpx", "-crf", "8", "-b:v", "4M", "-c:a", "libopus", "-live", "1")),
    Kind("camcorder.mts", "a camcorder's H.264 and AC-3, AVCHD", with_sine(*X264, "-c:a", "ac3", "-f", "mpegts", "-mpegts_m2ts_mode", "1")),
    Kind("xdcam.mxf", "MPEG-2 and PCM, MXF", with_sine("-c:v", "mpeg2video", "-q:v", "2", "-c:a", "pcm_s16le", "-ar", "48000")),
    Kind("dnxhr.mxf", "DNxHR, MXF", made("-c:v", "dnxhd", "-profile:v", "dnxhr_hq", see="format=yuv422p")),
    Kind("dnxhr.mov", "DNxHR, QuickTime", made("-c:v", "dnxhd", "-profile:v", "dnxhr_hq", see="format=yuv422p")),
    Kind("cineform.mov", "CineForm, QuickTime", made("-c:v", "cfhd", see="format=yuv422p10le")),
    Kind("tape.dv", "DV, pixels 64:45", made("-c:v", "dvvideo", see="scale=720:576,setsar=64/45,format=yuv420p"), size=(1024, 576)),
    Kind("real.rm", "RealVideo", made("-c:v", "rv20", "-q:v", "2", see="scale=352:288"), size=(352, 288)),
)  # fmt: skip

COLOURS: Final[tuple[Kind, ...]] = (
    Kind("hdr10.mp4", "HDR10 (PQ, BT.2020, 10 bit)", made(*X265, "-x265-params", "log-level=none:hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc", see=graded("2020", "smpte2084", "2020_ncl", "yuv420p10le", ":npl=203")), colour=3),
    Kind("hlg.mp4", "HLG (BT.2020, 10 bit)", made(*X265, "-x265-params", "log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc", see=graded("2020", "arib-std-b67", "2020_ncl", "yuv420p10le", ":npl=203:agamma=false")), colour=3),
    Kind("bt2020.mp4", "BT.2020, 10 bit, ordinary brightness", made(*X265, "-x265-params", "log-level=none:colorprim=bt2020:transfer=bt2020-10:colormatrix=bt2020nc", see=graded("2020", "2020_10", "2020_ncl", "yuv420p10le")), colour=3),
    Kind("p3.mov", "Display P3, 10 bit", made(*X264, *tags("bt709", "smpte432", "bt709"), see=graded("smpte432", "709", "709", "yuv420p10le")), colour=3),
    Kind("full.mp4", "full range", made(*X264, *tags("bt709", "bt709", "bt709", "pc"), see=graded("709", "709", "709", "yuv420p").replace("r=limited,", "r=full,"))),
    Kind("bt601_in_hd.mp4", "BT.601 in 720p", made(*X264, *tags("smpte170m", "smpte170m", "smpte170m"), see="scale=1280:720:out_color_matrix=smpte170m"), size=(1280, 720)),
    Kind("smpte240.mp4", "SMPTE 240M", made(*X264, *tags("smpte240m", "bt709", "bt709"), see="format=gbrp,scale=out_color_matrix=smpte240m:flags=accurate_rnd+full_chroma_int")),
    Kind("bt709_small.mp4", "BT.709 in 360p", made(*X264, *tags("bt709", "bt709", "bt709"), see=graded("709", "709", "709", "yuv420p"))),
    Kind("rgb.mkv", "RGB without loss", made("-c:v", "libx264rgb", "-qp", "0", "-preset", "ultrafast", see="format=rgb24")),
    Kind("yuv444.mkv", "4:4:4", made(*X264, see="format=yuv444p")),
    Kind("gray.mkv", "grey", made("-c:v", "ffv1", see="format=gray"), seen="hue=s=0", colour=4),
    Kind("palette.mov", "palette of 256 colours, QuickTime", made("-c:v", "png", "-pix_fmt", "pal8", see="split[a][b];[a]palettegen=reserve_transparent=0[p];[b][p]paletteuse"), colour=4),
    Kind("alpha.webm", "VP9 with transparency", transparent(*VP9, "-auto-alt-ref", "0", pixels="yuva420p"), seen=HIDDEN, colour=3),
    Kind("alpha_vp8.webm", "VP8 with transparency", transparent("-c:v", "libvpx", "-auto-alt-ref", "0", "-crf", "8", "-b:v", "4M", pixels="yuva420p"), seen=HIDDEN, colour=3),
    Kind("alpha.mov", "ProRes 4444 with transparency", transparent("-c:v", "prores_ks", "-profile:v", "4444", pixels="yuva444p10le"), seen=HIDDEN, colour=3),
    Kind("alpha_qtrle.mov", "QuickTime Animation with transparency", transparent("-c:v", "qtrle", pixels="argb"), seen=HIDDEN, colour=3),
    Kind("opaque.mov", "ProRes 4444, opaque", made("-c:v", "prores_ks", "-profile:v", "4444", see="format=yuva444p10le")),
)  # fmt: skip

SHAPES: Final[tuple[Kind, ...]] = (
    Kind("turned_90.mp4", "phone, turned by 90°", turned("transpose=cclock", (0, 1, -1, 0))),
    Kind("turned_180.mp4", "phone, turned by 180°", turned("hflip,vflip", (-1, 0, 0, -1))),
    Kind("turned_270.mp4", "phone, turned by 270°", turned("transpose=clock", (0, -1, 1, 0))),
    Kind("mirrored.mp4", "front camera, mirrored", turned("hflip", (-1, 0, 0, 1))),
    Kind("odd.mkv", "odd size, 641 × 361", made("-c:v", "ffv1", see="pad=641:361:0:0")),
    Kind("wide_pixels.mp4", "pixels 4:3, 480 × 360", made(*X264, see="scale=480:360,setsar=4/3")),
    Kind("4k.mp4", "4K, 3840 × 2160", made(*X264, see="scale=3840:2160"), size=(1920, 1080)),
    Kind("4k_10.mp4", "4K of cinema, 4096 × 2160, HEVC 10 bit", made(*X265, *QUIET_X265, see="scale=4096:2160,format=yuv420p10le"), size=(1920, 1012)),
    Kind("4k_hlg.mov", "a phone's 4K, HLG, turned by 90°", phone_hlg, size=(1920, 1080), colour=3),
    Kind("interlaced.mp4", "interlaced, 50 half pictures", made(*X264, "-flags", "+ildct+ilme", "-x264-params", "tff=1", see=INTERLACED)),
    Kind("two_sizes.ts", "becomes smaller in the middle", two_sizes),
)  # fmt: skip

TIMES: Final[tuple[Kind, ...]] = (
    Kind("fps4.mp4", "4 a second", rate("4"), fps=Fraction(24000, 1001), frames=24),
    Kind("fps23976.mp4", "23.976 a second", rate("24000/1001"), fps=Fraction(24000, 1001), frames=24),
    Kind("fps24.mp4", "24 a second", rate("24"), fps=Fraction(24), frames=24),
    Kind("fps2997.mp4", "29.97 a second", rate("30000/1001"), fps=Fraction(30000, 1001), frames=30),
    Kind("fps30.mp4", "30 a second", rate("30"), fps=Fraction(30), frames=30),
    Kind("fps50.mp4", "50 a second", rate("50"), fps=Fraction(50), frames=50),
    Kind("fps5994.mp4", "59.94 a second", rate("60000/1001"), fps=Fraction(60000, 1001), frames=60),
    Kind("fps60.mp4", "60 a second", rate("60"), fps=Fraction(60), frames=60),
    Kind("fps120.mp4", "120 a second", rate("120"), fps=Fraction(60), frames=60),
    Kind("fps240.mp4", "240 a second", rate("240"), fps=Fraction(60), frames=60),
    Kind("vfr.mp4", "variable rate, with gaps", made(*X264, "-vsync", "vfr", see=VFR)),
    Kind("vfr.mkv", "variable rate, times in milliseconds", made(*X264, "-vsync", "vfr", see=VFR)),
    Kind("late_sound.mp4", "sound 0.48 s late", late),
    Kind("empty_edit.mp4", "picture 0.52 s late, by an edit list", empty_edit),
    Kind("trimming_edit.mp4", "the first 0.4 s hidden by an edit list", trimming_edit, frames=40, slack=2),
    Kind("starts_late.ts", "begins at 10 s", made(*X264, "-output_ts_offset", "10")),
)  # fmt: skip

BROKEN: Final[tuple[Kind, ...]] = (
    Kind("cut.mp4", "MP4 cut at 60 %", cut(made(*X264, *FASTSTART), 0.6), frames=14, slack=4, remark="broken_off"),
    Kind("cut.mkv", "Matroska cut at 60 %", cut(made(*X264), 0.6), frames=14, slack=4, remark="broken_off"),
    Kind("cut.avi", "AVI cut at 60 %", cut(made("-c:v", "mpeg4", "-q:v", "2"), 0.6), frames=14, slack=4, remark="broken_off"),
    Kind("cut.flv", "Flash video cut at 60 %", cut(made(*X264), 0.6), frames=14, slack=4, remark="broken_off"),
    Kind("cut.ts", "transport stream cut at 60 % (which has no header to say so)", cut(made(*X264), 0.6), frames=14, slack=4),
    Kind("damaged.mp4", "zeros in the middle", damaged(made(*X264, "-g", "5", "-bf", "0")), colour=4),
    Kind("cut_early.mp4", "MP4 without its index", cut(made(*X264), 0.6), refused="unreadable"),
    Kind("hours.mp4", "ten hours in a small file", hours, refused="video_too_long"),
    Kind("gap.mp4", "ten hours between the first frame and the second", made(*X264, "-vsync", "passthrough", see="setpts='(N/25+if(N,36000,0))/TB'"), refused="video_too_long"),
    Kind("huge.gif", "256 megapixels in 100 bytes, GIF", bytes_of(HUGE_GIF), refused="video_too_large"),
    Kind("pixel.mkv", "a single pixel", made("-c:v", "ffv1", see="scale=1:1,format=bgr0"), refused="no_face"),
    Kind("locked.mp4", "encrypted", locked, refused="unsupported"),
    Kind("unknown.mp4", "a codec nobody here decodes", renamed_codec, refused="unsupported"),
    Kind("empty.mp4", "no bytes", bytes_of(b""), refused="empty"),
    Kind("text.mp4", "text", bytes_of(b"Dear all,\nplease find attached the video.\n"), refused="not_a_video"),
    Kind("list.m3u8", "playlist (HLS)", playlist("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nfile://{}\n#EXT-X-ENDLIST\n"), refused="not_a_video"),
    Kind("list.mp4", "playlist (concat)", playlist("ffconcat version 1.0\nfile {}\n"), refused="not_a_video"),
    Kind("cover.m4a", "sound with a cover picture", covered_sound, refused="not_a_video"),
    Kind("picture.png", "picture", still, refused="picture"),
    Kind("picture.jpg", "picture", still, refused="picture"),
    Kind("still.gif", "GIF of one picture", still, refused="picture"),
    Kind("wall.mp4", "nobody in it", made(*X264, see="drawbox=0:0:640:360:gray:fill"), refused="no_face"),
)  # fmt: skip

VIDEO_KINDS: Final = (*PICTURES, *COLOURS, *SHAPES, *TIMES, *BROKEN)

__all__ = ["FPS", "FRAMES", "SIZE", "VIDEO_KINDS", "Kind", "run"]
