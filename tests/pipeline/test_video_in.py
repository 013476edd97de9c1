"""Videos of every colour, size and state come in as BT.709 would show them, at the size of a Clip, in time."""

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline import media
from pipeline.errors import UnsupportedCodec
from pipeline.templates import analysis_as_json, analysis_from_json, report
from pipeline.types import Track, VideoFacts
from tests import judges
from tests.corpora.media import chirp, number_of, numbered, write_video
from tests.corpora.video_kinds import run

PQ, HLG, SDR_10 = 16, 18, 14
BT709, BT2020, P3 = 1, 9, 12
PATCH_PX = 16


# Colours. The reference is computed here anew, one colour at a time, from the Recommendations.


def pq_to_nits(signal: float) -> float:
    """ITU-R BT.2100-2, table 4."""
    power = signal ** (32 / 2523)
    return 10_000 * (max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (16384 / 2610)


def nits_to_pq(nits: float) -> float:
    power = (nits / 10_000) ** (2610 / 16384)
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** (2523 / 32)


def hlg_to_nits(rgb: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100-2, table 5, at 1000 nits."""
    a, b, c = 0.17883277, 1 - 4 * 0.17883277, 0.5 - 0.17883277 * np.log(4 * 0.17883277)
    scene = np.array([v * v / 3 if v <= 0.5 else (np.exp((v - c) / a) + b) / 12 for v in rgb])
    return 1000 * (0.2627 * scene[0] + 0.678 * scene[1] + 0.0593 * scene[2]) ** 0.2 * scene


def eetf(nits: float) -> float:
    """ITU-R BT.2390-10, 5.4.1: 1000 nits to 203, black stays black."""
    top = nits_to_pq(203) / nits_to_pq(1000)
    e1, ks = min(nits_to_pq(nits) / nits_to_pq(1000), 1.0), 1.5 * top - 0.5
    if e1 > ks:
        t = (e1 - ks) / (1 - ks)
        e1 = (2 * t**3 - 3 * t**2 + 1) * ks + (t**3 - 2 * t**2 + t) * (1 - ks)
        e1 += (-2 * t**3 + 3 * t**2) * top
    return pq_to_nits(e1 * nits_to_pq(1000))


TO_BT709 = {
    # ITU-R BT.2087-0, annex 2; Display P3: the same computed for its primaries (SMPTE RP 431-2, D65)
    BT2020: [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    P3: [[1.2249, -0.2249, 0.0], [-0.0420, 1.0420, 0.0], [-0.0197, -0.0786, 1.0984]],
}


def shown(rgb: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    """What R, G, B (0-1) should look like in BT.709, 0-255."""
    if transfer == PQ:
        light = np.array([pq_to_nits(value) for value in rgb])
    else:
        light = hlg_to_nits(rgb) if transfer == HLG else rgb**2.4
    if transfer in {PQ, HLG}:
        luminance = max(float(light @ [0.2627, 0.678, 0.0593]), 1e-9)
        light = light * eetf(luminance) / luminance / 203
    light = np.array(TO_BT709[primaries]) @ light
    grey = min(max(float(light @ [0.2126, 0.7152, 0.0722]), 0.0), 1.0)
    while light.min() < -1e-4 or light.max() > 1.0001:
        light = grey + (light - grey) * 0.999
    return 255 * np.clip(light, 0, 1) ** (1 / 2.4)


MATRICES = {BT2020: (0.2627, 0.0593), BT709: (0.2126, 0.0722), 14: (0.2627, 0.0593)}


def as_ten_bits(rgb: np.ndarray, matrix: int) -> tuple[int, int, int]:
    """Y, U, V of limited range (ITU-T H.273, 8.3)."""
    kr, kb = MATRICES[matrix]
    luma = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2]
    blue, red = (rgb[2] - luma) / (2 - 2 * kb), (rgb[0] - luma) / (2 - 2 * kr)
    return round(64 + 876 * luma), round(512 + 896 * blue), round(512 + 896 * red)


def write_patches(path: Path, patches: np.ndarray, colours: tuple[int, int, int]) -> Path:
    """A video of two frames, a row of flat patches: (n, 3) R, G, B, 0-1; ``colours`` are matrix, primaries, transfer."""
    matrix, primaries, transfer = colours
    width = PATCH_PX * len(patches)
    planes = [np.empty((rows, width // (PATCH_PX // rows)), np.uint16) for rows in (16, 8, 8)]
    for number, patch in enumerate(patches):
        for plane, value in zip(planes, as_ten_bits(patch, matrix), strict=True):
            size = plane.shape[0]
            plane[:, number * size : (number + 1) * size] = value
    flat = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(-1, width)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = width, PATCH_PX, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries = matrix, primaries
        context.color_trc, context.color_range = transfer, 1
        for number in range(2):
            frame = av.VideoFrame.from_ndarray(flat, format="yuv420p10le")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            frame.colorspace, frame.color_primaries = matrix, primaries
            frame.color_trc, frame.color_range = transfer, 1
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def read_patches(path: Path) -> np.ndarray:
    facts = media.probe_video(path)
    assert (facts.matrix, facts.primaries, facts.transfer) == (1, 1, 1)
    rgb = media.as_rgb(next(media.read_frames(path, facts)), facts)
    middles = rgb[6:10].reshape(4, -1, PATCH_PX, 3)[:, :, 6:10]
    return np.asarray(middles.mean(axis=(0, 2)))


RAMP = np.repeat(np.linspace(0, 1, 24)[:, None], 3, axis=1)
FACES = np.array([[0.58, 0.52, 0.48], [0.5, 0.43, 0.38], [0.42, 0.34, 0.3], [0.35, 0.27, 0.24]])
"""Skin of four people, as PQ and HLG have it."""
CLOTHES = np.array([[0.3, 0.35, 0.5], [0.45, 0.3, 0.3], [0.34, 0.45, 0.37], [0.5, 0.48, 0.3]])


@pytest.mark.parametrize(
    ("transfer", "matrix", "primaries"),
    [(PQ, BT2020, BT2020), (HLG, BT2020, BT2020), (SDR_10, BT2020, BT2020), (1, BT709, P3)],
)
@pytest.mark.parametrize(
    ("patches", "mean", "worst"), [(RAMP, 0.7, 2.0), (FACES, 1.0, 3.0), (CLOTHES, 1.5, 4.0)]
)
def test_high_dynamic_range_and_wide_gamuts_look_as_the_recommendations_say(
    tmp_path: Path,
    transfer: int,
    matrix: int,
    primaries: int,
    patches: np.ndarray,
    mean: float,
    worst: float,
):
    source = write_patches(tmp_path / "v.mkv", patches, (matrix, primaries, transfer))

    got = read_patches(source)

    error = np.abs(got - [shown(patch, transfer, primaries) for patch in patches])
    assert error.mean() < mean
    assert error.max() < worst


def test_colours_that_bt709_has_not_keep_their_hue(tmp_path: Path):
    pure = np.array([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [0.5, 0.5, 0]])
    source = write_patches(tmp_path / "v.mkv", pure, (BT2020, BT2020, PQ))

    red, green, blue, yellow = read_patches(source)

    assert red[0] > 2 * max(red[1:])
    assert green[1] > 1.5 * max(green[0], green[2])
    assert blue[2] > 1.3 * max(blue[:2])
    assert min(yellow[:2]) > 1.5 * yellow[2]


def test_hdr_that_does_not_name_its_primaries_is_taken_for_bt2020(tmp_path: Path):
    named = write_patches(tmp_path / "a.mkv", FACES, (BT2020, BT2020, PQ))
    unnamed = write_patches(tmp_path / "b.mkv", FACES, (BT2020, 2, PQ))

    assert np.array_equal(read_patches(named), read_patches(unnamed))


def test_colours_that_nobody_here_can_read_are_named(tmp_path: Path):
    source = write_patches(tmp_path / "v.mkv", FACES, (14, BT2020, PQ))

    with pytest.raises(UnsupportedCodec) as refused:
        media.probe_video(source)

    assert refused.value.facts == {"codec": "ffv1, ICtCp", "second": 0.0}


# Transparency


def write_alpha(path: Path, codec: str, pix_fmt: str, alphas: list[int], **options: str) -> Path:
    """Frames of numbers, of which the left half has an alpha of its own in each."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, 25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, pix_fmt
        for number, alpha in enumerate(alphas):
            rgb = av.VideoFrame.from_ndarray(numbered(number), format="yuv420p").to_ndarray(
                format="rgb24"
            )
            transparency = np.full((96, 160, 1), 255, np.uint8)
            transparency[:, :80] = alpha
            frame = av.VideoFrame.from_ndarray(
                np.concatenate([rgb, transparency], axis=2), format="rgba"
            ).reformat(format=pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


ALPHA_CODECS = [
    ("v.mkv", "ffv1", "yuva420p"),
    ("v.mov", "prores_ks", "yuva444p10le"),
    ("q.mov", "qtrle", "argb"),
    ("p.mov", "png", "rgba"),
    ("v.webm", "libvpx-vp9", "yuva420p"),
]


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), ALPHA_CODECS)
def test_what_is_transparent_stands_on_white(tmp_path: Path, name: str, codec: str, pix_fmt: str):
    extra = {"auto-alt-ref": "0", "crf": "10"} if codec.startswith("libvpx") else {}
    source = write_alpha(tmp_path / name, codec, pix_fmt, [0] * 6, **extra)

    facts = media.probe_video(source)
    luma = next(media.read_frames(source, facts))[:96]

    assert facts.alpha
    assert np.abs(luma[:, :76].astype(int) - 235).mean() < 2
    assert np.abs(luma[:48, 84:].astype(int) - numbered(0)[:48, 84:]).mean() < 4


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), ALPHA_CODECS)
def test_colours_and_transparency_are_read_apart(
    tmp_path: Path, name: str, codec: str, pix_fmt: str
):
    extra = {"auto-alt-ref": "0", "crf": "10"} if codec.startswith("libvpx") else {}
    alphas = list(range(20, 220, 20))
    source = write_alpha(tmp_path / name, codec, pix_fmt, alphas, **extra)
    facts = media.probe_video(source)
    order = [0, 1, 2, 9, 8, 7, 6, 3]

    read = list(media.read_with_alpha(source, facts, iter(order)))

    for position, (planes, alpha) in zip(order, read, strict=True):
        assert planes.shape == (144, 160)
        assert alpha.shape == (96, 160)
        assert abs(float(alpha[:, :70].mean()) - alphas[position]) < 4
        assert alpha[:, 90:].min() > 250
        if alphas[position] > 30:  # what is hardly seen need not be kept
            assert number_of(planes) == position


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), ALPHA_CODECS)
def test_a_video_that_is_opaque_everywhere_has_no_transparency(
    tmp_path: Path, name: str, codec: str, pix_fmt: str
):
    extra = {"auto-alt-ref": "0"} if codec.startswith("libvpx") else {}
    source = write_alpha(tmp_path / name, codec, pix_fmt, [255] * 5, **extra)

    facts = media.probe_video(source)

    assert not facts.alpha
    assert next(media.read_with_alpha(source, facts, iter([2])))[1].min() == 255


# Sizes


@pytest.mark.parametrize(
    ("size", "clip"),
    [
        ((3840, 2160), (1920, 1080)),
        ((4096, 2160), (1920, 1012)),
        ((2160, 3840), (1080, 1920)),
        ((1440, 1440), (1080, 1080)),
        ((2560, 1080), (1920, 810)),
        ((1920, 1080), (1920, 1080)),
        ((1080, 1920), (1080, 1920)),
    ],
)
def test_a_clip_has_at_most_1080_by_1920_in_the_shape_of_its_template(
    tmp_path: Path, size: tuple[int, int], clip: tuple[int, int]
):
    source = write_video(tmp_path / "v.mp4", [5, 9], size=size, codec="mpeg4")

    facts = media.probe_video(source)
    read = list(media.read_frames(source, facts))

    assert (facts.width_px, facts.height_px) == clip
    assert [number_of(planes) for planes in read] == [5, 9]
    assert read[0].shape == (clip[1] * 3 // 2, clip[0])


@pytest.mark.parametrize(
    ("size", "aspect", "clip"),
    [((1, 1), 1, (2, 2)), ((1, 100), 1, (2, 100)), ((64, 48), Fraction(1, 200), (2, 48))],
)
def test_a_video_of_next_to_no_size_is_read_as_the_least_there_can_be(
    tmp_path: Path, size: tuple[int, int], aspect: Fraction | int, clip: tuple[int, int]
):
    judges.need("ffmpeg")
    line = (
        "-f",
        "lavfi",
        "-i",
        "testsrc=d=0.2",
        "-vf",
        f"scale={size[0]}:{size[1]},setsar={aspect}",
    )
    run(*line, "-c:v", "ffv1", "-pix_fmt", "bgr0", str(tmp_path / "v.mkv"))

    facts = media.probe_video(tmp_path / "v.mkv")
    read = list(media.read_frames(tmp_path / "v.mkv", facts))

    assert (facts.width_px, facts.height_px) == clip
    assert len(read) == facts.frames
    assert read[0].shape == (clip[1] * 3 // 2, clip[0])


# Times


def test_ten_minutes_of_a_variable_rate_end_within_a_frame(tmp_path: Path):
    chance = np.random.default_rng(5)
    times_ms = np.cumsum(chance.choice([33, 34, 33, 34, 67, 200], 11_000)).tolist()
    times_ms = [0, *(time for time in times_ms if time < 600_000)]
    numbers = [number % 1024 for number in range(len(times_ms))]
    source = write_video(
        tmp_path / "phone.mkv", numbers, times_ms=times_ms, codec="mpeg4", options={"g": "50"}
    )

    facts = media.probe_video(source)
    read = [number_of(planes) for planes in media.read_frames(source, facts)]

    frame_ms = 1000 / facts.fps
    assert facts.fps == 30
    assert abs(facts.duration_s - times_ms[-1] / 1000) < 2 / 30
    due = [float(frame_ms * (place + Fraction(1, 2))) for place in range(len(read))]
    newest = np.searchsorted(times_ms, due, side="right") - 1
    late = sum(shown != number % 1024 for shown, number in zip(read, newest, strict=True))
    assert late <= 5  # as near to one place as to the next


@pytest.mark.parametrize("fps", [90, 100, 120, 144, 240, 1000])
def test_a_second_of_slow_motion_stays_a_second(tmp_path: Path, fps: int):
    source = write_video(tmp_path / "v.mp4", range(fps), fps=fps, codec="mpeg4")

    facts = media.probe_video(source)

    assert (facts.fps, facts.frames, facts.duration_s) == (60, 60, 1.0)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.gif"])
def test_the_last_picture_of_a_slow_animation_stays_as_long_as_the_others(
    tmp_path: Path, name: str
):
    judges.need("ffmpeg")
    made = ("-f", "lavfi", "-i", "testsrc=s=160x96:r=1:d=4", "-pix_fmt", "rgb8")
    run(*made[:4], *(made[4:] if name == "v.gif" else ()), str(tmp_path / name))

    facts = media.probe_video(tmp_path / name)

    assert facts.duration_s == pytest.approx(4.0, abs=0.03)
    assert facts.declared_s == pytest.approx(4.0, abs=0.03)


def test_a_picture_that_stays_for_minutes_is_decoded_once(tmp_path: Path):
    numbers = range(300)
    times_ms = [*(number * 40 for number in numbers[:-1]), 400_000]
    source = write_video(
        tmp_path / "v.mkv", numbers, times_ms=times_ms, codec="mpeg4", options={"g": "300"}
    )
    started = time.process_time()

    facts = media.probe_video(source)
    shown = [number_of(planes) for planes in media.read_frames(source, facts)]

    assert shown == [*range(299), *[298] * (facts.frames - 300), 299]
    assert facts.frames > 9_900
    assert time.process_time() - started < 30  # 90 s and more if each of them is looked up


def test_frames_lost_in_the_middle_keep_their_time(tmp_path: Path):
    source = write_video(
        tmp_path / "v.mkv", range(60), codec="mpeg4", options={"g": "1", "b": "2000000"}
    )
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 12] = bytes(len(content) // 12)
    source.write_bytes(content)

    facts = media.probe_video(source)
    read = [number_of(planes) for planes in media.read_frames(source, facts)]

    assert facts.frames == 60
    assert read[:25] == list(range(25))
    assert read[40:] == list(range(40, 60))


def test_a_stream_that_begins_in_the_middle_changes_nothing(tmp_path: Path):
    large = {"codec": "mpeg2video", "size": (640, 384), "options": {"g": "1", "b": "4000000"}}
    silent = write_video(tmp_path / "a.ts", range(400), **large)
    heard = write_video(tmp_path / "b.ts", range(400, 420), **large, sound=chirp(0.8))
    joined = tmp_path / "v.ts"
    # FFmpeg looks for streams at the beginning and at the end, and PyAV knows only those.
    joined.write_bytes(silent.read_bytes() + heard.read_bytes() + silent.read_bytes())

    facts = media.probe_video(joined)

    assert set(range(420)) <= set(numbers(media.read_frames(joined, facts)))


def combs(luma: np.ndarray) -> float:
    """How much neighbouring lines differ more than lines of one half picture do."""
    lines = luma.astype(int)
    return float(np.abs(lines[1:-1] * 2 - lines[:-2] - lines[2:]).mean())


@pytest.mark.parametrize("reversed_order", [False, True])
def test_interlaced_video_has_no_combs(tmp_path: Path, reversed_order):
    fields = "testsrc2=s=320x240:r=50:d=1,scroll=h=0.02"
    lines = f"{fields},tinterlace=interleave_top,fieldorder=tff"
    whole = ("-f", "lavfi", "-i", f"{fields},fps=25", "-c:v", "ffv1", str(tmp_path / "p.mkv"))
    run(*whole)
    encoder = ("-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme", "-pix_fmt", "yuv420p")
    run("-f", "lavfi", "-i", lines, *encoder, str(tmp_path / "i.ts"))

    seen = {}
    for name in ("p.mkv", "i.ts"):
        facts = media.probe_video(tmp_path / name)
        order = range(20, 8, -1) if reversed_order else range(8, 20)
        read = media.read_source_order(tmp_path / name, facts, iter(order))
        seen[name] = [combs(planes[: facts.height_px]) for planes in read]

    assert facts.frames == 25
    assert np.mean(seen["i.ts"]) < 1.6 * np.mean(seen["p.mkv"])


# Promises


def keep(share: float) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return cut


@pytest.mark.parametrize(
    ("name", "container", "share", "declared_s"),
    [
        ("v.mkv", None, 0.6, 4.0),
        ("v.mkv", None, 1.0, 4.0),
        ("v.avi", None, 0.6, 4.0),
        ("v.avi", None, 1.0, 4.0),
        ("v.mp4", None, 1.0, 4.0),
        ("v.ts", None, 0.6, 0.0),
        ("v.flv", None, 0.6, 4.0),
    ],
)
def test_a_header_says_how_much_there_was(
    tmp_path: Path, name: str, container: str | None, share: float, declared_s: float
):
    codec = "libx264" if name.endswith(("ts", "flv")) else "mpeg4"
    source = write_video(tmp_path / name, range(100), codec=codec, container=container)
    keep(share)(source)

    facts = media.probe_video(source)

    assert facts.declared_s == pytest.approx(declared_s, abs=0.1)
    assert facts.duration_s == pytest.approx(4 * share, abs=1)


def test_a_video_that_begins_late_promises_no_more_than_it_has(tmp_path: Path):
    times_ms = range(10_000, 14_000, 40)
    source = write_video(
        tmp_path / "v.mkv", range(100), times_ms=times_ms, sound=chirp(4), sound_late_s=10.0
    )

    facts = media.probe_video(source)
    kept = media.keep_recording(source, tmp_path / "sound.flac")

    assert (facts.frames, facts.declared_s) == (100, pytest.approx(4.0, abs=0.1))
    assert kept.declared_s == pytest.approx(kept.facts.duration_s, abs=0.1)
    assert kept.facts.duration_s == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("lie", ["inf:00:00", "nan:00:00", "-9:00:00", "9e9:00:0", "99999:0:0"])
def test_a_header_that_tells_nonsense_promises_nothing(tmp_path: Path, lie: str):
    source = write_video(tmp_path / "v.mkv", range(100), codec="mpeg4")
    content = source.read_bytes()
    assert content.count(b"00:00:04.") == 1
    source.write_bytes(content.replace(b"00:00:04.", lie.encode()))

    facts = media.probe_video(source)

    assert facts.declared_s in {0.0, 4.0}


@pytest.mark.parametrize(
    ("decoded_s", "declared_s", "codes"),
    [
        (2.0, 4.0, ["broken_off"]),
        (3.8, 4.0, []),
        (4.0, 4.0, []),
        (4.0, 0.0, []),
        (4.2, 4.0, []),
        (300.0, 305.0, []),
        (300.0, 320.0, ["broken_off"]),
    ],
)
def test_a_video_that_ends_before_its_time_is_remarked_on(
    decoded_s: float, declared_s: float, codes: list[str]
):
    frames = round(decoded_s * 25)
    facts = VideoFacts(
        "h264", 160, 96, Fraction(25), frames, decoded_s, has_sound=False, declared_s=declared_s
    )
    track = Track(np.zeros((frames, 468, 2), np.float32), np.ones(frames, np.float32))

    told = report(facts, track)

    assert [remark.code for remark in told.remarks] == codes
    assert analysis_from_json(analysis_as_json(told)) == told


def test_a_codec_that_nothing_decodes_is_named(tmp_path: Path):
    source = write_video(tmp_path / "v.mp4", range(5))
    source.write_bytes(source.read_bytes().replace(b"avc1", b"evc1"))

    with pytest.raises(UnsupportedCodec) as refused:
        media.probe_video(source)

    assert refused.value.facts == {"codec": "evc", "second": 0.0}


def test_a_locked_video_is_named(tmp_path: Path):
    judges.need("ffmpeg")
    plain = write_video(tmp_path / "v.mp4", range(10))
    key = ("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb")
    name = ("-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
    scheme = ("-encryption_scheme", "cenc-aes-ctr", *key, *name)
    run("-i", str(plain), "-c", "copy", *scheme, str(tmp_path / "locked.mp4"))

    with pytest.raises(UnsupportedCodec) as refused:
        media.probe_video(tmp_path / "locked.mp4")

    assert refused.value.facts == {"codec": "h264, encrypted", "second": 0.0}


def numbers(frames: Iterator[np.ndarray]) -> list[int]:
    return [number_of(planes) for planes in frames]


def test_pictures_that_change_their_size_are_scaled_to_the_first(tmp_path: Path):
    parts = [
        write_video(tmp_path / "a.ts", range(10)),
        write_video(tmp_path / "b.ts", range(10, 20), size=(240, 144)),
    ]
    joined = tmp_path / "v.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))

    facts = media.probe_video(joined)

    assert (facts.width_px, facts.height_px) == (160, 96)
    assert set(range(20)) <= set(numbers(media.read_frames(joined, facts)))
