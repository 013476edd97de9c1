"""Backgrounds: a screen is recognised, what is behind the presenter is replaced, and the presenter stays."""

import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.backdrop.keying import Keyer
from pipeline.backdrop.replacing import lay_over, read_replaced
from pipeline.backdrop.scenery import make_scenery
from pipeline.backdrop.screen import KeyColour, ScreenFinder
from pipeline.engines.port import Performance
from pipeline.faces.planes import split
from pipeline.media import ClipWriter, as_planes, as_rgb, probe_video, read_frames
from pipeline.options import Background
from pipeline.types import Track, VideoFacts
from tests.presenters import video_facts

WIDTH_PX, HEIGHT_PX = 320, 240
GREEN, BLUE = (30, 180, 50), (30, 60, 200)
SKIN, HAIR = (205, 160, 135), (35, 25, 20)


def facts_of(width: int = WIDTH_PX, height: int = HEIGHT_PX, *, matrix: int = 1) -> VideoFacts:
    fps = Fraction(25)
    return VideoFacts("h264", width, height, fps, 10, 0.4, has_sound=False, matrix=matrix)


def presenter(
    screen: tuple[int, int, int], move_px: int = 0, light: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """RGB of a head with thin hair before a screen that is lit unevenly, and how much of a pixel is presenter (0-1)."""
    large = 4
    height, width = HEIGHT_PX * large, WIDTH_PX * large
    cover = np.zeros((height, width), np.uint8)
    paint = np.full((height, width, 3), HAIR, np.uint8)
    middle = (width // 2 + move_px * large, height * 5 // 9)
    for turn in range(0, 360, 6):
        far = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))]) * height * 0.4
        end = (round(middle[0] + far[0]), round(middle[1] + far[1]))
        cv2.line(cover, middle, end, 255, large, cv2.LINE_AA)
    cv2.circle(cover, middle, height // 4, 255, -1, cv2.LINE_AA)
    cv2.circle(paint, middle, height // 5, SKIN, -1)
    alpha = cv2.resize(cover, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA) / 255.0
    own = cv2.resize(paint, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    shade = np.linspace(0.85, 1.1, WIDTH_PX)[None, :, None] * light
    behind = np.clip(np.array(screen) * shade, 0, 255) * np.ones((HEIGHT_PX, 1, 1))
    mixed = own * alpha[..., None] + behind * (1 - alpha[..., None])
    return np.round(mixed).astype(np.uint8), alpha


def planes_of(rgb: np.ndarray) -> np.ndarray:
    return as_planes(np.ascontiguousarray(rgb), facts_of())


def found_in(frames: list[np.ndarray]) -> KeyColour | None:
    finder = ScreenFinder(len(frames))
    for planes in frames:
        finder.look(planes)
    return finder.found()


def scenery_of(colour: str) -> np.ndarray:
    scenery = make_scenery(Background(colour=colour), facts_of())
    assert scenery is not None
    return scenery


@pytest.mark.parametrize("screen", [GREEN, BLUE, (20, 120, 40), (0, 255, 0), (90, 200, 90)])
def test_a_green_or_blue_screen_is_recognised(screen: tuple[int, int, int]):
    frames = [planes_of(presenter(screen, move)[0]) for move in range(-20, 20, 4)]

    key = found_in(frames)

    assert key is not None
    u, v = key[1] - 128, key[2] - 128
    assert np.hypot(u, v) > 30


@pytest.mark.parametrize(
    "wall", [(200, 200, 200), (225, 215, 195), (170, 190, 215), (120, 60, 50), (20, 20, 20)]
)
def test_a_wall_is_no_screen(wall: tuple[int, int, int]):
    assert found_in([planes_of(presenter(wall)[0])] * 5) is None


def test_a_picture_of_one_tint_all_over_is_no_screen():
    assert found_in([planes_of(np.full((HEIGHT_PX, WIDTH_PX, 3), GREEN, np.uint8))] * 5) is None


def test_a_screen_that_is_seen_at_the_beginning_alone_is_none():
    screen, wall = planes_of(presenter(GREEN)[0]), planes_of(presenter((200, 200, 200))[0])

    assert found_in([screen] * 6 + [wall] * 4) is None


def test_edges_that_change_from_green_to_blue_are_no_screen():
    green, blue = planes_of(presenter(GREEN)[0]), planes_of(presenter(BLUE)[0])

    assert found_in([green, blue] * 5) is None


def keyed(
    screen: tuple[int, int, int], colour: str, **options: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """RGB with another background, what it should be, and the presenter's share."""
    rgb, alpha = presenter(screen, **options)
    planes = planes_of(rgb)
    key = found_in([planes])
    assert key is not None
    Keyer(key).replace(planes, scenery_of(colour))
    behind = np.array(list(bytes.fromhex(colour[1:])))
    own = presenter((0, 0, 0), **options)[0].astype(float)
    want = own + behind * (1 - alpha[..., None])
    return as_rgb(planes, facts_of()).astype(float), want, alpha


@pytest.mark.parametrize("screen", [GREEN, BLUE])
@pytest.mark.parametrize(("colour", "hair"), [("#c02020", 24), ("#ffffff", 60), ("#101018", 24)])
def test_presenter_hair_and_background_are_what_they_would_be_before_that_background(
    screen: tuple[int, int, int], colour: str, hair: float
):
    got, want, alpha = keyed(screen, colour)

    apart = np.abs(got - want).mean(axis=2)
    assert apart[alpha == 0].mean() < 4
    assert apart[alpha == 1].mean() < 6
    # Colour has half the size, so black strands of one pixel are half as dark on white.
    assert apart[(alpha > 0) & (alpha < 1)].mean() < hair


@pytest.mark.parametrize("screen", [GREEN, BLUE])
def test_no_cast_of_the_screen_is_left_in_hair(screen: tuple[int, int, int]):
    got, _, alpha = keyed(screen, "#808080")

    strongest = int(np.argmax(screen))
    others = [channel for channel in range(3) if channel != strongest]
    hair = (alpha > 0.2) & (alpha < 0.95)
    cast = got[hair][:, strongest] - got[hair][:, others].max(axis=1)
    assert cast.mean() < 4
    assert np.percentile(cast, 99) < 25


def test_thin_hair_is_kept():
    got, _, alpha = keyed(GREEN, "#ffffff")

    strands = (alpha > 0.4) & (alpha < 0.9)
    assert got[strands].mean() < 190  # all white would be 255


def test_noise_and_darker_light_later_on_leave_the_background_still():
    rng, key = np.random.default_rng(4), found_in([planes_of(presenter(GREEN)[0])])
    assert key is not None
    keyer, seen = Keyer(key), []
    for light in (1.0, 0.95, 0.9, 1.05):
        rgb, alpha = presenter(GREEN, light=light)
        noisy = np.clip(rgb + rng.normal(0, 4, rgb.shape), 0, 255).astype(np.uint8)
        planes = planes_of(noisy)
        keyer.replace(planes, scenery_of("#4060a0"))
        seen.append(split(planes)[0][cv2.erode((alpha == 0).astype(np.uint8), None) > 0])

    assert np.percentile(np.ptp(np.stack(seen), axis=0), 99.9) <= 2


def test_something_green_in_the_middle_of_the_presenter_does_not_become_a_hole():
    rgb, _ = presenter(GREEN)
    cv2.circle(rgb, (WIDTH_PX // 2, HEIGHT_PX * 5 // 9), 14, (120, 170, 120), -1)
    planes = planes_of(rgb)
    key = found_in([planes])
    assert key is not None

    Keyer(key).replace(planes, scenery_of("#ff0000"))

    red, green, _ = as_rgb(planes, facts_of())[HEIGHT_PX * 5 // 9, WIDTH_PX // 2].astype(int)
    assert red < green + 60


def test_the_gap_between_arm_and_body_is_open():
    rgb, _ = presenter(GREEN)
    cv2.circle(rgb, (WIDTH_PX // 2, HEIGHT_PX * 5 // 9), 14, GREEN, -1)
    planes = planes_of(rgb)
    key = found_in([planes])
    assert key is not None

    Keyer(key).replace(planes, scenery_of("#ff0000"))

    assert as_rgb(planes, facts_of())[HEIGHT_PX * 5 // 9, WIDTH_PX // 2].tolist()[0] > 230


@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_a_colour_is_seen_as_it_was_asked_for(matrix: int):
    facts = facts_of(matrix=matrix)

    scenery = make_scenery(Background(colour="#3a7bd5"), facts)

    assert scenery is not None
    assert np.abs(as_rgb(scenery, facts)[10, 10].astype(int) - (0x3A, 0x7B, 0xD5)).max() <= 3


@pytest.mark.parametrize("colour", ["blue", "#12345", "#12345g", ""])
def test_what_is_no_colour_is_refused(colour: str):
    with pytest.raises(ValueError, match=r"colour|hex"):
        make_scenery(Background(colour=colour), facts_of())


@pytest.mark.parametrize("size", [(640, 480), (100, 400), (500, 50), (WIDTH_PX, HEIGHT_PX)])
def test_a_picture_fills_the_frame_with_its_middle_in_the_middle(
    size: tuple[int, int], tmp_path: Path
):
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[size[1] // 2 - 4 : size[1] // 2 + 4, size[0] // 2 - 4 : size[0] // 2 + 4] = 255
    cv2.imwrite(str(tmp_path / "p.png"), picture)

    scenery = make_scenery(Background(picture=tmp_path / "p.png"), facts_of())

    assert scenery is not None
    rows, columns = np.nonzero(split(scenery)[0] > 120)
    assert scenery.shape == (HEIGHT_PX * 3 // 2, WIDTH_PX)
    assert abs(rows.mean() - HEIGHT_PX / 2) < 2
    assert abs(columns.mean() - WIDTH_PX / 2) < 2


def test_a_blurred_picture_keeps_its_light_and_loses_its_lines(tmp_path: Path):
    stripes = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    stripes[::4] = stripes[1::4] = 255
    cv2.imwrite(str(tmp_path / "p.png"), stripes)

    sharp, soft = (
        make_scenery(Background(picture=tmp_path / "p.png", blur=blur), facts_of())
        for blur in (False, True)
    )

    assert sharp is not None
    assert soft is not None
    assert split(soft)[0].std() < 0.1 * split(sharp)[0].std()
    assert abs(float(split(soft)[0].mean()) - float(split(sharp)[0].mean())) < 4


def template(path: Path, screen: tuple[int, int, int]) -> Performance:
    facts = facts_of()
    with ClipWriter(path, facts, 6, None, label=None) as writer:
        for frame in range(6):
            writer.write(planes_of(presenter(screen, frame)[0]))
    probed = probe_video(path)
    finder = ScreenFinder(probed.frames)
    for _ in finder.watch(read_frames(path, probed)):
        pass
    track = Track(np.full((6, 468, 2), np.nan, np.float32), np.zeros(6, np.float32))
    return Performance(path, probed, track, key_colour=finder.found())


def test_frames_are_read_with_another_background_in_the_order_asked_for(tmp_path: Path):
    performance = template(tmp_path / "t.mp4", GREEN)

    frames = list(read_replaced(performance, iter([3, 2, 5]), Background(colour="#2030c0")))

    plain = list(read_frames(performance.video, performance.facts))
    for planes, source in zip(frames, [3, 2, 5], strict=True):
        rgb = as_rgb(planes, performance.facts)
        before = as_rgb(plain[source], performance.facts)
        assert np.abs(rgb[5, 5].astype(int) - (0x20, 0x30, 0xC0)).max() < 6
        middle = (HEIGHT_PX * 5 // 9, WIDTH_PX // 2)
        assert np.abs(rgb[middle].astype(int) - before[middle]).max() < 8


def test_without_colour_and_picture_a_field_of_the_presenters_own_colours_is_put_there(
    tmp_path: Path,
):
    performance = template(tmp_path / "t.mp4", GREEN)

    first, second = read_replaced(performance, iter([0, 1]), Background(blur=True))

    rgb = as_rgb(first, performance.facts)[:20].astype(int)
    assert (rgb[..., 1] - rgb.max(axis=2, initial=0, where=[True, False, True])).max() < 12
    assert np.abs(np.diff(rgb, axis=1)).max() < 12
    assert np.abs(first[:10].astype(int) - second[:10]).max() <= 2


@pytest.mark.parametrize("background", [None, Background(colour="#ff0000")])
def test_a_template_without_a_screen_stays_as_it_is(tmp_path: Path, background: Background | None):
    performance = template(tmp_path / "t.mp4", (200, 200, 200))

    frames = list(read_replaced(performance, iter([0, 1]), background))

    plain = list(read_frames(performance.video, performance.facts))
    assert np.array_equal(frames[0], plain[0])
    assert np.array_equal(frames[1], plain[1])


def test_a_transparent_frame_is_mixed_by_its_own_alpha():
    planes, alpha = (
        planes_of(np.full((HEIGHT_PX, WIDTH_PX, 3), SKIN, np.uint8)),
        np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8),
    )
    alpha[:, 160:] = 255
    alpha[:, 100:160] = 128

    lay_over(planes, alpha, scenery_of("#0000ff"))

    rgb = as_rgb(planes, facts_of()).astype(int)
    assert np.abs(rgb[50, 20] - (0, 0, 255)).max() <= 4
    assert np.abs(rgb[50, 250] - SKIN).max() <= 3
    assert np.abs(rgb[50, 130] - np.add(SKIN, (0, 0, 255)) / 2).max() <= 8


def test_behind_a_transparent_video_stands_what_was_asked_for(tmp_path: Path):
    path = tmp_path / "t.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuva420p"
        for _ in range(3):
            frame = av.VideoFrame(WIDTH_PX, HEIGHT_PX, "yuva420p")
            opaque = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
            opaque[:, WIDTH_PX // 2 :] = 255
            half = np.full((HEIGHT_PX // 2, WIDTH_PX // 2), 128, np.uint8)
            layers = (np.full_like(opaque, 120), half, half, opaque)
            for plane, layer in zip(frame.planes, layers, strict=True):
                padded = np.zeros((layer.shape[0], plane.line_size), np.uint8)
                padded[:, : layer.shape[1]] = layer
                plane.update(padded.tobytes())
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    facts = probe_video(path)
    nobody = Track(np.full((3, 468, 2), np.nan, np.float32), np.zeros(3, np.float32))
    performance = Performance(path, facts, nobody)

    frames = list(read_replaced(performance, iter([1, 0]), Background(colour="#d01020")))

    rgb = as_rgb(frames[0], facts).astype(int)
    assert facts.alpha
    assert np.abs(rgb[100, 20] - (0xD0, 0x10, 0x20)).max() <= 5
    assert np.ptp(rgb[100, WIDTH_PX - 20]) <= 2
    assert len(frames) == 2


@pytest.mark.slow
@pytest.mark.alone
def test_keying_1080p_takes_at_most_twice_the_time_of_encoding_it(tmp_path: Path):
    large = cv2.resize(presenter(GREEN)[0], (1920, 1080), interpolation=cv2.INTER_CUBIC)
    facts = facts_of(1920, 1080)
    planes, keyer = as_planes(large, facts), Keyer((120, 90, 80))
    scenery = make_scenery(Background(colour="#203040"), facts)
    assert scenery is not None
    rounds = 25
    grain = np.random.default_rng(7)  # a camera's; without it there is nothing to encode
    frames = [planes + grain.integers(0, 6, planes.shape, np.uint8) for _ in range(rounds)]
    keyer.replace(planes.copy(), scenery)  # what is made once
    before = time.process_time()  # of all threads
    for frame in frames:
        keyer.replace(frame, scenery)
    keyed = time.process_time()
    with ClipWriter(tmp_path / "clip.mp4", facts, rounds, None, label=None) as writer:
        for frame in frames:
            writer.write(frame)
    encoded = time.process_time()

    assert (keyed - before) / (encoded - keyed) < 2  # 0.4 to 0.9 on two cores


def test_the_woman_on_green_gets_another_background(samples: Path):
    video = samples / "templates" / "woman_greenscreen_720x974.mp4"
    facts = video_facts(video)
    finder = ScreenFinder(facts.frames)
    frames = list(finder.watch(read_frames(video, facts)))
    key = finder.found()

    assert key is not None
    planes = frames[100]
    before = as_rgb(planes, facts).astype(int)
    scenery = make_scenery(Background(colour="#c03030"), facts)
    assert scenery is not None
    Keyer(key).replace(planes, scenery)
    rgb = as_rgb(planes, facts).astype(int)
    is_green = before[..., 1] - np.maximum(before[..., 0], before[..., 2]) > 100
    assert np.abs(rgb[is_green].mean(axis=0) - (0xC0, 0x30, 0x30)).max() < 6
    assert (rgb[..., 1] - np.maximum(rgb[..., 0], rgb[..., 2])).max() < 40
    face = np.s_[250:330, 340:400]
    assert np.abs(rgb[face] - before[face]).mean() < 2


@pytest.mark.parametrize("name", ["man_idle_720x1080", "presenter_1080x1920_hevc_30fps"])
def test_real_rooms_are_no_screens(samples: Path, name: str):
    video = samples / "templates" / f"{name}.mp4"
    facts = video_facts(video)
    finder = ScreenFinder(facts.frames)
    for _, planes in zip(range(60), read_frames(video, facts), strict=False):
        finder.look(planes)

    assert finder.found() is None
