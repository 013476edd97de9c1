"""Sound and video come in whole, in time and by content; Clips go out exact."""

import struct
import tracemalloc
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.error import FFmpegError

from pipeline import media
from pipeline.errors import (
    EmptyFile,
    InputRejected,
    NoSound,
    NotARecording,
    NotAVideo,
    PictureNotVideo,
    TakeTooLong,
    UnreadableFile,
    UnsupportedCodec,
    VideoTooLarge,
    VideoTooLong,
)
from pipeline.types import VideoFacts
from tests import judges
from tests.corpora.media import chirp, lag_s, number_of, numbered, turn, write_sound, write_video

RATE_HZ = 16_000
SOUNDS = {
    "voice.ogg": ("libopus", {}),
    "voice.mp3": ("libmp3lame", {}),
    "voice.m4a": ("aac", {"container": "mp4"}),
    "voice.wav": ("pcm_s16le", {}),
    "voice.flac": ("flac", {}),
    "voice.webm": ("libopus", {}),
    "voice.mka": ("libopus", {"container": "matroska"}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def clip_sound(folder: Path) -> Path:
    wave = write_sound(folder / "two_seconds.wav", chirp(2.0), "pcm_s16le")
    media.encode_sound(wave, folder / "sound.m4a")
    return folder / "sound.m4a"


@pytest.fixture(scope="module")
def video(folder: Path) -> Path:
    return write_video(folder / "video.mp4", range(60))


def numbers(frames: Iterator[np.ndarray]) -> list[int]:
    return [number_of(planes) for planes in frames]


# Sound


@pytest.mark.parametrize("name", SOUNDS)
def test_every_sort_of_recording_becomes_the_same_sound_at_the_same_time(tmp_path: Path, name: str):
    codec, options = SOUNDS[name]
    source = write_sound(tmp_path / name, chirp(1.5), codec, **options)

    facts = media.keep_recording(source, tmp_path / "sound.flac").facts

    wanted = chirp(1.5, RATE_HZ)
    for heard in (
        media.read_sound(source, RATE_HZ),
        media.read_sound(tmp_path / "sound.flac", RATE_HZ),
    ):
        assert abs(lag_s(wanted, heard, RATE_HZ)) < 0.002
    assert facts.duration_s == pytest.approx(
        1.5, abs=0.03
    )  # MP3 and raw AAC know whole packets only
    assert facts.channels == 1


@pytest.mark.parametrize("name", ["voice.ogg", "voice.m4a"])
def test_a_name_that_lies_changes_nothing(tmp_path: Path, name: str):
    codec, options = SOUNDS[name]
    honest = write_sound(tmp_path / name, chirp(0.6), codec, **options)
    lying = honest.rename(tmp_path / "holiday.mp3")

    assert len(media.read_sound(lying, RATE_HZ)) == 0.6 * RATE_HZ


def test_stereo_stays_stereo_and_more_channels_become_two(tmp_path: Path):
    left, right = chirp(0.5), np.zeros(24_000, np.float32)
    stereo = write_sound(tmp_path / "s.wav", np.stack([left, right]), "pcm_s16le", layout="stereo")
    six = write_sound(tmp_path / "six.flac", np.stack([left] * 6), "flac", layout="5.1")

    kept = [media.keep_recording(source, tmp_path / "out.flac") for source in (stereo, six)]

    assert [of.facts.channels for of in kept] == [2, 6]
    with av.open(str(tmp_path / "out.flac")) as container:
        assert container.streams.audio[0].layout.name == "stereo"


@pytest.mark.parametrize(("right", "heard"), [(1.0, 1.0), (0.0, 0.5), (-1.0, 1.0), (-0.9, 1.0)])
def test_two_channels_are_heard_as_their_mean_and_one_of_them_where_they_cancel(
    tmp_path: Path, right: float, heard: float
):
    voice = chirp(1.0)
    both = write_sound(
        tmp_path / "v.wav", np.stack([voice, right * voice]), "pcm_f32le", layout="stereo"
    )

    samples = media.read_sound(both, 48_000)

    assert np.allclose(samples, heard * voice, atol=1e-4)


def test_the_sound_of_a_clip_is_48_khz_aac_from_0_to_its_end(tmp_path: Path):
    source = write_sound(tmp_path / "v.wav", chirp(3.0, 8000), "pcm_s16le", rate_hz=8000)

    media.encode_sound(source, tmp_path / "sound.m4a")

    told = judges.probe(
        tmp_path / "sound.m4a",
        entries="stream=codec_name,profile,sample_rate,start_time,duration,bit_rate",
    )
    assert (told["codec_name"], told["profile"], told["sample_rate"]) == ("aac", "LC", "48000")
    assert float(told["start_time"]) == 0.0
    assert float(told["duration"]) == pytest.approx(3.0, abs=0.001)


def test_even_telephone_sound_gets_128_kbit(samples: Path, tmp_path: Path):
    media.encode_sound(samples / "voices" / "zh_bus_3s.amr", tmp_path / "sound.m4a")

    told = judges.probe(tmp_path / "sound.m4a", entries="stream=bit_rate")

    assert int(told["bit_rate"]) >= 128_000


def test_a_pause_on_the_phone_is_silence_of_the_same_length(samples: Path):
    source = samples / "voices" / "zh_bus_3s.amr"

    heard = media.read_sound(source, 8000)

    assert len(heard) / 8000 == pytest.approx(3.38, abs=1e-9)


@pytest.mark.parametrize(
    ("magic", "speech", "sid", "rate_hz"),
    [
        (b"#!AMR\n", bytes([7 << 3 | 4]) + bytes(31), bytes([8 << 3 | 4]) + bytes(5), 8000),
        (b"#!AMR-WB\n", bytes([8 << 3 | 4]) + bytes(60), bytes([9 << 3 | 4]) + bytes(5), 16000),
    ],
)
def test_both_kinds_of_amr_decode_frame_by_frame(
    tmp_path: Path, magic: bytes, speech: bytes, sid: bytes, rate_hz: int
):
    no_data = bytes([15 << 3 | 4])
    content = magic + 20 * speech + sid + 9 * no_data + 20 * speech
    source = make_bytes(tmp_path / "phone.amr", content)

    facts = media.keep_recording(source, tmp_path / "sound.flac").facts
    heard = media.read_sound(source, rate_hz)

    assert (facts.rate_hz, facts.duration_s) == (rate_hz, 1.0)
    pause = heard[round(0.4 * rate_hz) : round(0.6 * rate_hz)]
    assert len(heard) == rate_hz
    assert not pause.any()
    assert heard.any()


def test_sound_that_begins_after_the_picture_keeps_its_distance(tmp_path: Path):
    source = write_video(tmp_path / "v.mkv", range(25), sound=chirp(0.5), sound_late_s=0.5)

    heard = media.read_sound(source, RATE_HZ)

    assert np.argmax(np.abs(heard) > 0.01) / RATE_HZ == pytest.approx(0.5, abs=0.02)


def test_a_recording_cut_off_keeps_what_came_before(tmp_path: Path):
    whole = write_sound(tmp_path / "whole.ogg", chirp(4.0), "libopus").read_bytes()
    (tmp_path / "cut.ogg").write_bytes(whole[: len(whole) // 2])

    facts = media.keep_recording(tmp_path / "cut.ogg", tmp_path / "sound.flac").facts

    assert 0.9 < facts.duration_s < 3.1


def test_broken_packets_in_the_middle_cost_no_time(tmp_path: Path):
    path = write_sound(tmp_path / "v.m4a", chirp(3.0), "aac", container="mp4")
    content = bytearray(path.read_bytes())
    begin = content.index(b"mdat") + 4
    middle = begin + (len(content) - begin) // 3
    content[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    path.write_bytes(content)

    heard = media.read_sound(path, RATE_HZ)

    assert len(heard) / RATE_HZ == pytest.approx(3.0, abs=0.05)
    end = slice(round(2.5 * RATE_HZ), round(2.9 * RATE_HZ))
    assert abs(lag_s(chirp(3.0, RATE_HZ)[end], heard[end], RATE_HZ)) < 0.002


def test_a_rate_that_changes_in_the_middle_makes_no_holes(tmp_path: Path):
    parts = [
        write_sound(
            tmp_path / "part", chirp(2.0, rate_hz), "aac", rate_hz=rate_hz, container="adts"
        ).read_bytes()
        for rate_hz in (32_000, 48_000, 32_000)
    ]
    (tmp_path / "v.aac").write_bytes(b"".join(parts))

    heard = media.read_sound(tmp_path / "v.aac", RATE_HZ)

    assert len(heard) / RATE_HZ == pytest.approx(6.0, abs=0.18)  # whole packets only


def test_a_recording_ends_at_the_limit_whatever_its_header_says(tmp_path: Path):
    source = write_sound(tmp_path / "v.wav", chirp(3.0), "pcm_s16le")

    with pytest.raises(TakeTooLong) as refused:
        media.keep_recording(source, tmp_path / "sound.flac", limit_s=2.0)

    assert refused.value.facts == {"seconds": 3.0, "limit_s": 2.0}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.wav"]


# Bad input


def make_picture(path: Path) -> Path:
    cv2.imwrite(str(path), np.full((64, 64, 3), 90, np.uint8))
    return path


def make_gif(path: Path) -> Path:
    with av.open(str(path), "w", format="gif") as out:
        stream = out.add_stream("gif", 10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb8"
        out.mux(stream.encode(av.VideoFrame(64, 64, "rgb8")))
        out.mux(stream.encode(None))
    return path


def make_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def make_headless(path: Path) -> Path:
    """An MP4 that broke off before its index."""
    content = write_video(path, range(20)).read_bytes()
    return make_bytes(path, content[: content.index(b"moov") - 4])


def make_covered(path: Path) -> Path:
    """Sound with a cover picture, which FFmpeg shows as a video stream."""
    picture = make_picture(path.with_name("cover.png")).read_bytes()
    with av.open(str(path), "w", format="mp4") as out:
        sound = out.add_stream("aac", 48_000)
        cover = out.add_stream("mjpeg", 1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = 1024
        frame = av.VideoFrame.from_ndarray(
            cv2.imdecode(np.frombuffer(picture, np.uint8), 1), format="bgr24"
        )
        out.mux(cover.encode(frame.reformat(format="yuvj420p")))
        out.mux(cover.encode(None))
        block = av.AudioFrame.from_ndarray(chirp(1.0)[None], format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = 48_000, 0, Fraction(1, 48_000)
        out.mux(sound.encode(block))
        out.mux(sound.encode(None))
    return path


SEGMENTS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\nfile://{}\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("content", "error", "found"),
    [
        (b"", EmptyFile, None),
        ("Dear all,\nplease find attached…".encode(), NotARecording, "text"),
        ("大家好，请看附件。".encode("gb18030"), NotARecording, "text"),
        (b"%PDF-1.7\n\x93\x8c\x8b", NotARecording, "PDF"),
        (b"PK\x03\x04\x14\x00\x06\x00", NotARecording, "archive"),
        (b"\x7fELF\x02\x01\x01\x00", NotARecording, "program"),
        (b"\x02#!SILK_V3\x14\x00", UnsupportedCodec, None),
        (np.random.default_rng(0).bytes(20_000), UnreadableFile, None),
        (b"OggS" + bytes(500), UnreadableFile, None),
        (b"#!AMR\n", UnreadableFile, None),
    ],
)
def test_what_is_no_recording_is_named(
    tmp_path: Path, content: bytes, error: type[InputRejected], found: str | None
):
    source = make_bytes(tmp_path / "voice.ogg", content)

    with pytest.raises(error) as refused:
        media.keep_recording(source, tmp_path / "sound.flac")

    if found is not None:
        assert refused.value.facts == {"name": "voice.ogg", "found": found}
    assert [path.name for path in tmp_path.iterdir()] == ["voice.ogg"]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (make_picture, NotARecording),
        (make_headless, UnreadableFile),
        (lambda path: write_video(path, range(10)), NoSound),
    ],
)
def test_pictures_are_no_recording(tmp_path: Path, make, error: type[InputRejected]):
    source = make(tmp_path / ("p.png" if make is make_picture else "p.mp4"))

    with pytest.raises(error):
        media.read_sound(source, RATE_HZ)


@pytest.mark.parametrize(
    ("name", "make", "error", "found"),
    [
        ("p.png", make_picture, PictureNotVideo, None),
        ("p.jpg", make_picture, PictureNotVideo, None),
        ("p.gif", make_gif, PictureNotVideo, None),
        ("one.mp4", lambda path: write_video(path, [7]), PictureNotVideo, None),
        ("s.mp3", lambda path: write_sound(path, chirp(0.5), "libmp3lame"), NotAVideo, "sound"),
        ("c.m4a", make_covered, NotAVideo, "sound"),
        ("t.mp4", lambda path: make_bytes(path, b"not a video\n"), NotAVideo, "text"),
        ("a.amr", lambda path: make_bytes(path, b"#!AMR\n\x3c"), NotAVideo, "sound"),
        ("e.mp4", lambda path: make_bytes(path, b""), EmptyFile, None),
        ("h.mp4", make_headless, UnreadableFile, None),
    ],
)
def test_what_is_no_video_is_named(
    tmp_path: Path, name: str, make, error: type[InputRejected], found: str | None
):
    source = make(tmp_path / name)

    with pytest.raises(error) as refused:
        media.probe_video(source)

    wanted = {"name": name} if found is None else {"name": name, "found": found}
    assert refused.value.facts == wanted


def alias_record(place: bytes) -> bytes:
    """The name of a file as QuickTime's aliases have it: twice, for two of the kinds of path that there are."""
    fixed = bytes(14) + bytes([1]) + b"v".ljust(27, b"\0") + bytes(12)
    fixed += bytes([1]) + b"f".ljust(63, b"\0") + bytes(16) + struct.pack(">HH", 1, 1) + bytes(16)
    padded = place + bytes(len(place) % 2)
    paths = b"".join(struct.pack(">HH", kind, len(place)) + padded for kind in (2, 18))
    return fixed + paths + b"\xff\xff"


def with_reference(content: bytes, entry: bytes) -> bytes:
    """An MP4 whose media are said to lie elsewhere, and are not in it: ``entry`` is the data reference behind its size."""
    boxes, at = b"", 0
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        body = content[at + 8 : at + size]
        if kind in {b"moov", b"trak", b"mdia", b"minf", b"dinf"}:
            body = with_reference(body, entry)
        if kind == b"dref":
            body = struct.pack(">III", 0, 1, 4 + len(entry)) + entry
        if kind == b"mdat":
            body = bytes(len(body))
        boxes += struct.pack(">I4s", 8 + len(body), kind) + body
        at += size
    return boxes


@pytest.mark.parametrize("text", [SEGMENTS, "ffconcat version 1.0\nfile {}\n"])
@pytest.mark.parametrize("lead", ["", "\ufeff", "\n"])
def test_a_playlist_opens_no_other_file(tmp_path: Path, video: Path, text: str, lead: str):
    playlist = make_bytes(tmp_path / "list.mp4", (lead + text.format(video)).encode())

    with pytest.raises(NotAVideo):
        media.probe_video(playlist)
    with pytest.raises(NotARecording):
        media.read_sound(playlist, RATE_HZ)


def test_a_film_whose_pictures_lie_in_another_file_does_not_open_it(tmp_path: Path, video: Path):
    referring = tmp_path / "referring.mov"
    # ffprobe -enable_drefs 1 -use_absolute_path 1 finds all frames of the other file.
    entry = b"alis" + bytes(4) + alias_record(bytes(video))
    referring.write_bytes(with_reference(video.read_bytes(), entry))

    with pytest.raises(UnreadableFile):
        media.probe_video(referring)


def test_a_picture_too_large_is_refused_by_the_header(video: Path):
    limits = media.VideoLimits(limit_px=100 * 100)

    with pytest.raises(VideoTooLarge) as refused:
        media.probe_video(video, limits=limits)

    assert refused.value.facts == {"width_px": 160, "height_px": 96, "limit_px": 10_000}


def test_a_video_too_long_is_refused_by_what_decodes(video: Path):
    with pytest.raises(VideoTooLong):
        media.probe_video(video, limits=media.VideoLimits(limit_s=1.0))


def test_no_error_of_ffmpeg_gets_out(monkeypatch: pytest.MonkeyPatch, video: Path):
    kinds = [kind for kind in vars(av.error).values() if isinstance(kind, type)]
    for kind in (kind for kind in kinds if issubclass(kind, FFmpegError)):

        def fail(*_, _kind=kind, **__):
            raise _kind(1, "made up")

        monkeypatch.setattr(av, "open", fail)
        with pytest.raises(UnreadableFile):
            media.probe_video(video)


def test_ffmpeg_keeps_silent_about_broken_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    whole = write_video(tmp_path / "v.mp4", range(40)).read_bytes()
    middle = whole.index(b"mdat") + 900
    make_bytes(tmp_path / "v.mp4", whole[:middle] + bytes(600) + whole[middle + 600 :])

    media.probe_video(tmp_path / "v.mp4")

    assert capfd.readouterr() == ("", "")


# Video


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("h264.mp4", {}),
        ("hevc.mp4", {"codec": "libx265", "options": {"x265-params": "log-level=none"}}),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"cpu-used": "8"}}),
        ("vp8.webm", {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "9"}}),
        ("mpeg4.avi", {"codec": "mpeg4"}),
        ("h264.ts", {}),
        ("ntsc.mkv", {"fps": Fraction(30000, 1001)}),
        ("film.mp4", {"fps": Fraction(24000, 1001)}),
    ],
)
def test_every_frame_comes_once_and_in_order(tmp_path: Path, name: str, options: dict):
    source = write_video(tmp_path / name, range(70), **options)

    facts = media.probe_video(source)

    assert (facts.frames, facts.fps) == (70, Fraction(options.get("fps", 25)))
    assert (facts.width_px, facts.height_px, facts.has_sound) == (160, 96, False)
    assert numbers(media.read_frames(source, facts)) == list(range(70))


def test_a_variable_rate_becomes_constant_without_drift(tmp_path: Path):
    # 30 frames a second, of which the camera left out every fifth and once a whole second
    shown = [n for n in range(200) if n % 5 != 3 and not 90 <= n < 120]
    source = write_video(
        tmp_path / "phone.mkv", shown, times_ms=[round(n * 1000 / 30) for n in shown]
    )

    facts = media.probe_video(source)
    got = numbers(media.read_frames(source, facts))

    wanted = [max(n for n in shown if n <= position) for position in range(200)]
    assert facts.fps == 30
    assert facts.frames == len(got) == 200
    assert got == wanted


def test_slow_motion_is_thinned_to_60(tmp_path: Path):
    source = write_video(tmp_path / "slow.mp4", range(120), fps=120)

    facts = media.probe_video(source)

    assert (facts.fps, facts.frames) == (60, 60)
    assert len(numbers(media.read_frames(source, facts))) == 60


@pytest.mark.parametrize(
    ("matrix", "laid"),
    [
        ((0, 1, -1, 0), lambda luma: np.rot90(luma, -1)),
        ((-1, 0, 0, -1), lambda luma: np.rot90(luma, 2)),
        ((0, -1, 1, 0), np.rot90),
        ((-1, 0, 0, 1), np.fliplr),
        ((0, 1, 1, 0), np.transpose),
    ],
)
def test_a_phone_held_any_way_gives_upright_frames(tmp_path: Path, matrix, laid):
    source = write_video(tmp_path / "phone.mp4", [0b1100100101] * 5)
    flat = media.probe_video(source)
    stored = next(media.read_frames(source, flat))[: flat.height_px]

    turned = turn(source, matrix)
    facts = media.probe_video(turned)
    luma = next(media.read_frames(turned, facts))[: facts.height_px]

    assert luma.shape == (facts.height_px, facts.width_px) == laid(stored).shape
    assert np.array_equal(luma, laid(stored))


@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv422p10le", "yuvj420p"])
def test_other_pixel_formats_become_limited_yuv420p(tmp_path: Path, pix_fmt: str):
    source = write_video(tmp_path / "v.mp4", [0b0101010101] * 3, pix_fmt=pix_fmt)

    facts = media.probe_video(source)
    planes = next(media.read_frames(source, facts))

    assert np.abs(planes.astype(int) - numbered(0b0101010101)).mean() < 3


def test_an_odd_last_row_and_column_are_dropped(tmp_path: Path):
    source = write_video(
        tmp_path / "odd.mkv", range(5), size=(161, 97), codec="ffv1", pix_fmt="yuv420p"
    )

    facts = media.probe_video(source)

    assert (facts.width_px, facts.height_px) == (160, 96)
    assert numbers(media.read_frames(source, facts)) == list(range(5))


def test_8_bit_yuv420p_is_passed_on_bit_for_bit(tmp_path: Path):
    source = write_video(tmp_path / "v.mkv", range(4), codec="ffv1")

    facts = media.probe_video(source)

    for number, planes in enumerate(media.read_frames(source, facts)):
        assert np.array_equal(planes, numbered(number))


# Order


@pytest.mark.parametrize(
    ("template_frames", "clip_frames", "order"),
    [
        (4, 3, [0, 1, 2]),
        (4, 12, [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1]),
        (2, 5, [0, 1, 0, 1, 0]),
        (1, 3, [0, 0, 0]),
    ],
)
def test_a_short_template_plays_forward_and_backward(
    template_frames: int, clip_frames: int, order: list[int]
):
    assert list(media.source_order(template_frames, clip_frames)) == order


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("bframes.mp4", {"options": {"g": "250", "bf": "3"}}),
        ("open.mp4", {"codec": "libx265", "options": {"x265-params": "keyint=12:log-level=none"}}),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "g": "20"}}),
        ("stream.ts", {"options": {"g": "15"}}),
        ("old.avi", {"codec": "mpeg4"}),
    ],
)
def test_frames_read_backward_are_those_read_forward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: dict
):
    source = write_video(tmp_path / name, range(70), **options)
    facts = media.probe_video(source)
    forward = list(media.read_frames(source, facts))
    monkeypatch.setattr("pipeline.rim.reading.BACKWARD_BYTES", 9 * forward[0].nbytes)
    order = [*media.source_order(70, 180), 69, 3, 3, 40]

    got = list(media.read_source_order(source, facts, iter(order)))

    assert len(got) == len(order)
    assert all(np.array_equal(a, forward[b]) for a, b in zip(got, order, strict=True))


def test_reading_backward_takes_no_more_memory_for_a_longer_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = write_video(tmp_path / "v.mp4", range(200), options={"g": "250"})
    facts = media.probe_video(source)
    frame_bytes = facts.width_px * facts.height_px * 3 // 2
    monkeypatch.setattr("pipeline.rim.reading.BACKWARD_BYTES", 10 * frame_bytes)
    tracemalloc.start()

    for _ in media.read_source_order(source, facts, iter(range(199, -1, -1))):
        pass

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 14 * frame_bytes


def test_what_a_reader_is_given_is_its_own_to_change(video: Path):
    facts = media.probe_video(video)
    clean = list(media.read_source_order(video, facts, media.source_order(60, 130)))

    spoiled = []
    for planes in media.read_source_order(video, facts, media.source_order(60, 130)):
        spoiled.append(planes.copy())
        planes[:] = 0

    assert all(np.array_equal(a, b) for a, b in zip(clean, spoiled, strict=True))


# Clips


@pytest.mark.parametrize("fps", [25, Fraction(30000, 1001)])
def test_a_clip_is_as_long_as_its_take_and_its_sound_starts_at_zero(
    tmp_path: Path, clip_sound: Path, fps
):
    source = write_video(tmp_path / "v.mp4", range(30), fps=fps)
    facts = media.probe_video(source)
    frames = media.clip_frames(2.0, facts)

    media.transcode(source, facts, tmp_path / "clip.mp4", frames, clip_sound)

    made = media.probe_video(tmp_path / "clip.mp4")
    assert (made.frames, made.fps, made.has_sound) == (frames, facts.fps, True)
    assert abs(made.duration_s - 2.0) <= 1 / facts.fps
    assert numbers(media.read_frames(tmp_path / "clip.mp4", made)) == list(
        media.source_order(30, frames)
    )
    heard = media.read_sound(tmp_path / "clip.mp4", RATE_HZ)
    assert abs(lag_s(chirp(2.0, RATE_HZ), heard, RATE_HZ)) < 0.002
    assert len(heard) / RATE_HZ == pytest.approx(2.0, abs=0.03)


def test_ffprobe_finds_a_clip_as_promised(tmp_path: Path, clip_sound: Path, video: Path):
    facts = media.probe_video(video)
    out = tmp_path / "clip.mp4"

    media.transcode(video, facts, out, 50, clip_sound)

    told = judges.probe(
        out, entries="stream=codec_name,pix_fmt,r_frame_rate,nb_frames,duration", streams="v"
    )
    assert told == {
        "codec_name": "h264",
        "pix_fmt": "yuv420p",
        "r_frame_rate": "25/1",
        "nb_frames": "50",
        "duration": "2.000000",
    }
    content = out.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_clip_says_the_colours_of_its_template(tmp_path: Path):
    facts = VideoFacts(
        "h264", 160, 96, Fraction(25), 3, 0.12, has_sound=False, matrix=6, primaries=5, transfer=6
    )

    with media.ClipWriter(tmp_path / "clip.mp4", facts, 3, None, label=None) as writer:
        for number in range(3):
            writer.write(numbered(number))

    made = media.probe_video(tmp_path / "clip.mp4")
    assert (made.matrix, made.primaries, made.transfer) == (6, 5, 6)


def write_clip(out: Path, facts: VideoFacts, sound: Path | None, numbers: Iterator[int]) -> None:
    with media.ClipWriter(out, facts, 3, sound, label=None) as writer:
        for number in numbers:
            writer.write(numbered(number))


@pytest.mark.parametrize("written", [0, 2, 4])
def test_a_clip_with_too_few_or_too_many_frames_is_not_made(
    tmp_path: Path, video: Path, written: int
):
    facts = media.probe_video(video)

    with pytest.raises(ValueError, match="frames"):
        write_clip(tmp_path / "clip.mp4", facts, None, iter(range(written)))

    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_fails_leaves_nothing_and_keeps_the_older_one(
    tmp_path: Path, video: Path, clip_sound: Path
):
    facts = media.probe_video(video)
    older = make_bytes(tmp_path / "clip.mp4", b"older")

    with pytest.raises(ZeroDivisionError):
        write_clip(older, facts, clip_sound, (1 // number for number in (1, 0)))

    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    assert older.read_bytes() == b"older"


def test_a_clip_that_cannot_be_written_is_no_fault_of_the_material(tmp_path: Path, video: Path):
    facts = media.probe_video(video)

    with pytest.raises(FileNotFoundError):
        write_clip(tmp_path / "gone" / "clip.mp4", facts, None, iter(range(3)))


def test_a_picture_for_people_has_the_colours_of_the_video():
    facts = VideoFacts("h264", 16, 16, Fraction(25), 1, 0.04, has_sound=False, matrix=1)
    planes = np.full((24, 16), 128, np.uint8)
    planes[:16] = 235

    assert media.as_rgb(planes, facts).min() >= 253


def test_a_picture_that_nothing_decodes_is_named_by_its_letters(tmp_path: Path):
    video = write_video(tmp_path / "v.avi", range(5), codec="mpeg4")
    video.write_bytes(video.read_bytes().replace(b"FMP4", b"QQ42"))

    with pytest.raises(UnsupportedCodec) as refused:
        media.probe_video(video)

    assert refused.value.facts == {"codec": "QQ42", "second": 0.0}


@pytest.mark.parametrize(
    ("channels", "rate_hz"), [(9, 48_000), (64, 48_000), (1, 1_912_610_624)], ids=str
)
def test_channels_and_rates_that_nobody_can_convert_are_named(
    tmp_path: Path, channels: int, rate_hz: int
):
    source = tmp_path / "s.wav"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(1)
        file.setframerate(rate_hz)
        file.writeframes(bytes(range(255)) * channels * 8)

    with pytest.raises(UnsupportedCodec) as refused:
        media.keep_recording(source, tmp_path / "out.flac")

    named = f"pcm_u8, {channels} channels at {rate_hz} Hz"
    assert refused.value.facts == {"codec": named, "second": 0.0}
    assert list(tmp_path.iterdir()) == [source]


def test_a_sound_that_nothing_decodes_is_named(tmp_path: Path):
    sound = write_sound(tmp_path / "s.wav", chirp(0.5), "adpcm_ima_wav")
    content = sound.read_bytes()
    sound.write_bytes(content[:20] + b"\x51\x51" + content[22:])  # the format tag

    with pytest.raises(UnsupportedCodec) as refused:
        media.encode_sound(sound, tmp_path / "out.m4a")

    assert "QQ" in str(refused.value.facts["codec"])
