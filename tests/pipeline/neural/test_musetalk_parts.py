"""MuseTalk's parts against small formulas written anew from its description: audio windows, places, masks, latents, looping, pasting."""

import json
import math
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'neural' is not installed")
pytest.importorskip("diffusers", reason="the extra 'neural' is not installed")
pytest.importorskip("transformers", reason="the extra 'neural' is not installed")
soxr = pytest.importorskip("soxr", reason="the extra 'neural' is not installed")

from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image
from transformers import WhisperConfig, WhisperModel

from pipeline.engines.musetalk import masks, parity
from pipeline.engines.musetalk.audio import (
    official_frames,
    official_window_starts,
    sinusoid,
    tokens_of,
    window_starts,
)
from pipeline.engines.musetalk.boxes import boxes_of
from pipeline.engines.musetalk.models import Models, load_models
from pipeline.engines.musetalk.parser import FaceParser
from pipeline.engines.neural.calling import FixedCall
from pipeline.engines.neural.official import official_order
from pipeline.engines.neural.pasting import box_matrix, cut_out
from pipeline.engines.neural.place import Place
from pipeline.engines.neural.sound import read_for_models
from pipeline.engines.weights.finding import Shelf, find
from pipeline.errors import WeightsAltered
from pipeline.media import as_planes, as_rgb
from pipeline.types import Track, VideoFacts
from tests.corpora.checkpoints import (
    FULL,
    codec_config,
    unet_config,
    whisper_config,
    write_musetalk,
)
from tests.pipeline.neural.formulas import log_mel
from tests.pipeline.neural.things import face, make_speech

CPU = Place(torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = write_musetalk(tmp_path_factory.mktemp("weights"))
    return load_models(find("musetalk", Shelf(Path("nowhere"), folder)), CPU)


def test_the_stock_networks_have_the_published_number_of_keys_and_parameters():
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(unet_config(FULL))
        codec = AutoencoderKL.from_config(codec_config(FULL))
        parser = FaceParser()
        whisper = WhisperModel(WhisperConfig(**whisper_config(FULL)))

    def counted(model: Any) -> tuple[int, int]:
        return len(model.state_dict()), sum(p.numel() for p in model.parameters())

    assert counted(unet) == (686, 849_947_844)
    assert counted(codec) == (248, 83_653_863)
    assert counted(whisper.encoder)[1] == pytest.approx(8.2e6, rel=0.01)
    assert sum(v.numel() for v in parser.state_dict().values()) * 4 == pytest.approx(
        53.3e6, rel=0.003
    )


def test_tiny_networks_have_the_same_keys_as_the_published_ones(models: Models):
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(unet_config(FULL))
        codec = AutoencoderKL.from_config(codec_config(FULL))

    assert models.unet.state_dict().keys() == unet.state_dict().keys()
    assert models.codec.model.state_dict().keys() == codec.state_dict().keys()


def parser_keys() -> set[str]:
    """The keys of the public file, from its structure: convolutions without bias, normalisations with five values."""
    keys: set[str] = set()

    def convolution(name: str) -> None:
        keys.add(f"{name}.weight")

    def norm(name: str) -> None:
        values = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        keys.update(f"{name}.{value}" for value in values)

    def folded(name: str) -> None:
        convolution(f"{name}.conv")
        norm(f"{name}.bn")

    convolution("cp.resnet.conv1")
    norm("cp.resnet.bn1")
    for layer in range(1, 5):
        for block in range(2):
            for number in (1, 2):
                convolution(f"cp.resnet.layer{layer}.{block}.conv{number}")
                norm(f"cp.resnet.layer{layer}.{block}.bn{number}")
        if layer > 1:
            convolution(f"cp.resnet.layer{layer}.0.downsample.0")
            norm(f"cp.resnet.layer{layer}.0.downsample.1")
    for size in (16, 32):
        folded(f"cp.arm{size}.conv")
        convolution(f"cp.arm{size}.conv_atten")
        norm(f"cp.arm{size}.bn_atten")
        folded(f"cp.conv_head{size}")
        folded(f"conv_out{size}.conv")
        convolution(f"conv_out{size}.conv_out")
    folded("cp.conv_avg")
    folded("ffm.convblk")
    convolution("ffm.conv1")
    convolution("ffm.conv2")
    folded("conv_out.conv")
    convolution("conv_out.conv_out")
    return keys


def test_the_parser_is_named_as_the_public_file_names_it():
    assert set(FaceParser().state_dict()) == parser_keys()


def test_places_are_sines_in_even_columns_and_cosines_in_odd_ones():
    table = sinusoid(50, 384)

    for place, column in ((0, 0), (1, 0), (7, 10), (49, 382)):
        angle = place * 10000 ** (-column / 384)
        assert table[place, column] == pytest.approx(math.sin(angle), abs=1e-6)
        assert table[place, column + 1] == pytest.approx(math.cos(angle), abs=1e-6)


def test_at_25_frames_a_second_each_frame_hears_four_steps_before_and_five_behind_its_own():
    assert window_starts(range(4), Fraction(25)).tolist() == [-4, -2, 0, 2]
    assert official_window_starts(4, Fraction(25)).tolist() == [-4, -2, 0, 2]


@pytest.mark.parametrize("rate", ["24", "25", "30000/1001", "30", "50", "60"])
def test_after_ten_minutes_the_ear_is_where_the_frame_is(rate: str):
    fps = Fraction(rate)
    frame = round(600 * fps)

    start = int(window_starts([frame], fps)[0])

    assert abs((start + 4) / 50 - float(frame / fps)) < 0.02


def test_the_official_rate_is_whole_and_its_padding_goes_by_frames():
    fps = Fraction(30000, 1001)  # taken for 29
    assert official_window_starts(3, fps).tolist() == [0 - 4, 1 - 4, 3 - 4]
    assert official_window_starts(3, Fraction(24)).tolist() == [0 - 6, 2 - 6, 4 - 6]
    assert official_frames(16_000 * 10 + 8_000, fps) == 304


def test_tokens_go_step_by_step_with_silence_outside_and_places_added():
    states = np.arange(6 * 2 * 4, dtype=np.float32).reshape(6, 2, 4) + 1

    tokens = tokens_of(states, np.array([-4, 1]))

    places = sinusoid(20, 4)
    assert tokens.shape == (2, 20, 4)
    assert np.allclose(tokens[0, :8], places[:8])  # four steps before the start, two layers each
    assert np.allclose(tokens[0, 8] - places[8], states[0, 0])
    assert np.allclose(tokens[0, 9] - places[9], states[0, 1])
    assert np.allclose(tokens[1, 0] - places[0], states[1, 0])
    assert np.allclose(tokens[1, 10:], places[10:])  # behind the end


def test_the_ear_hears_each_half_minute_by_itself_and_gives_the_last_state_normalised(
    models: Models,
):
    rng = np.random.default_rng(5)
    loud = rng.normal(0, 0.3, 480_000).astype(np.float32)
    soft = rng.normal(0, 0.001, 24_000).astype(np.float32)
    encoder: Any = models.ear.encoder._model
    seen: list[Any] = []
    hooks = [
        encoder.layers[0].register_forward_pre_hook(
            lambda _m, given, kept: seen.append(given[0] if given else kept["hidden_states"]),
            with_kwargs=True,
        ),
        *(
            layer.register_forward_hook(lambda _m, _g, told: seen.append(told[0] if isinstance(told, tuple) else told))
            for layer in encoder.layers[:3]
        ),
        encoder.layer_norm.register_forward_hook(lambda _m, _g, told: seen.append(told)),
    ]  # fmt: skip

    heard = list(models.ear.hear(np.concatenate([loud, soft])))
    for hook in hooks:
        hook.remove()

    assert [len(states) for states in heard] == [1500, 75]
    wanted = torch.cat(
        [torch.stack(seen[at : at + 5], dim=2) for at in (0, 5)]
    )  # (pieces, 1500, 5, width)
    assert np.allclose(heard[0], wanted[0], atol=1e-5)
    assert np.allclose(heard[1], wanted[1, :75], atol=1e-5)
    with torch.inference_mode():
        alone = encoder(
            torch.from_numpy(log_mel(soft, 480_000)[None]).float(), output_hidden_states=True
        )
    assert np.allclose(heard[1], torch.stack(alone.hidden_states, dim=2)[0, :75], atol=2e-4)


def test_the_sound_of_a_clip_is_brought_to_16_khz_and_keeps_its_length(tmp_path: Path):
    speech = make_speech(tmp_path, 1.3)

    samples = np.concatenate(list(read_for_models(speech.sound)))

    assert np.array_equal(samples, parity.official_samples(speech.sound, 48_000))
    assert abs(len(samples) - 1.3 * 16_000) <= 2
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * 16_000 / len(samples) == pytest.approx(140, abs=4)


def test_latents_are_the_mean_of_masked_then_whole_face_scaled(models: Models):
    rng = np.random.default_rng(2)
    pictures = torch.from_numpy(rng.integers(0, 256, (1, 256, 256, 3), dtype=np.uint8))

    with torch.inference_mode():
        seen = models.see(pictures)

        shares = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
        masked = shares.clone()
        masked[:, :, 128:] = -1  # black
        codec = models.codec.model
        for at, x in ((slice(0, 4), masked), (slice(4, 8), shares)):
            moments = codec.quant_conv(codec.encoder(x))
            assert torch.allclose(seen[:, at], moments[:, :4] * 0.18215, atol=1e-5)


def test_drawn_latents_take_one_normal_number_for_each_masked_ones_first(models: Models):
    pictures = torch.full((1, 256, 256, 3), 90, dtype=torch.uint8)

    with torch.inference_mode():
        drawn = models.see(pictures, torch.Generator().manual_seed(3))

        normal = torch.Generator().manual_seed(3)
        shares = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
        masked = shares.clone()
        masked[:, :, 128:] = -1
        codec = models.codec.model
        for at, x in ((slice(0, 4), masked), (slice(4, 8), shares)):
            mean, log_variance = codec.quant_conv(codec.encoder(x)).chunk(2, dim=1)
            noise = torch.randn(mean.shape, generator=normal)
            sample = mean + noise * (0.5 * log_variance.clamp(-30, 20)).exp()
            assert torch.allclose(drawn[:, at], sample * 0.18215, atol=1e-5)


def test_a_face_is_the_decoded_prediction_at_step_zero_rounded_to_8_bits(models: Models):
    draw = torch.Generator().manual_seed(4)
    latents = torch.randn(2, 8, 32, 32, generator=draw)
    tokens = torch.randn(2, 50, 32, generator=draw)

    with torch.inference_mode():
        faces, finite = models.generate(latents, tokens)

        unet: Any = models.unet
        told = unet(latents, torch.tensor([0, 0]), tokens).sample
        pictures = models.codec.model.decode(told / 0.18215).sample
    wanted = np.round(np.clip(pictures.numpy() / 2 + 0.5, 0, 1) * 255).transpose(0, 2, 3, 1)
    assert faces.shape == (2, 256, 256, 3)
    assert finite.tolist() == [True, True]
    assert np.abs(faces.numpy().astype(int) - wanted).max() <= 1


def test_a_box_reaches_from_ear_to_ear_and_lies_about_the_nose_with_ten_pixels_below_the_chin():
    points = face()
    track = Track(np.stack([points] * 5), np.ones(5, np.float32))

    box = boxes_of(track, 320)[2]

    left, right = points[234, 0], points[454, 0]
    bottom = points[152, 1] + 0.0125 * (right - left)
    middle = (points[195, 1] + points[5, 1]) / 2
    assert np.allclose(box, [left, 2 * middle - bottom, right, bottom + 10], atol=1e-3)


def test_a_box_does_not_step_from_pixel_to_pixel_nor_tremble_with_the_mesh():
    rng = np.random.default_rng(0)
    drift = np.stack([face(np.array([120 + frame / 4, 190])) for frame in range(40)])
    noisy = drift + rng.normal(0, 0.4, drift.shape).astype(np.float32)

    boxes = boxes_of(Track(noisy, np.ones(40, np.float32)), 320)

    steps = np.diff(boxes[5:-5, 0])
    assert steps.mean() == pytest.approx(0.25, abs=0.05)
    raw = np.diff(noisy[5:-5, 234, 0])
    assert steps.std() < 0.4 * raw.std()


def test_a_box_ends_at_the_frames_edges_and_gaps_stay_gaps():
    points = np.stack([face(np.array([120.0, y])) for y in (60, 60, 60, 300, 300)])
    points[2] = np.nan

    boxes = boxes_of(Track(points, np.ones(5, np.float32)), 320)

    assert np.isnan(boxes[2]).all()
    assert boxes[0, 1] == 0
    assert boxes[4, 3] == 320


def test_cutting_at_whole_pixels_is_what_the_official_resize_does():
    rng = np.random.default_rng(6)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (200, 220, 3), dtype=np.uint8), (0, 0), 1.5)
    facts = VideoFacts("h264", 220, 200, Fraction(25), 1, 0.04, has_sound=False)
    planes = as_planes(picture, facts)
    box = np.array([31, 22, 161, 179])

    ours = cut_out(planes, facts, box_matrix(box, 256), 256)

    official = parity.crop(as_rgb(planes, facts), box)
    apart = np.abs(ours.astype(int) - official)
    # The frame's chroma is brought to full size region by region, so that a level more or less is no surprise.
    assert apart.max() <= 6
    assert (apart <= 1).mean() > 0.98


def test_a_template_is_played_forward_and_backward_with_both_ends_twice():
    assert official_order(9, 3) == [0, 1, 2, 2, 1, 0, 0, 1, 2]


def test_the_official_box_lies_about_the_noses_bridge_and_is_none_where_a_detector_is_asked():
    points = np.random.default_rng(3).uniform(60, 180, (68, 2))
    points[29] = (121.9, 100.9)
    points[8] = (120, 190.7)
    points[0, 0], points[16, 0] = 40.6, 205.2

    box = parity.official_box(points)

    assert box is not None
    assert box.tolist() == [40, 100 - (190 - 100), 205, 190]
    points[0, 0] = -3
    assert parity.official_box(points) is None
    points[0, 0] = 40
    points[29, 1] = 20  # above the frame's edge the box is cut
    assert parity.official_box(points)[1] == 0


def test_the_official_sound_is_the_mean_of_channels_at_their_own_rate_then_resampled(
    tmp_path: Path,
):
    rng = np.random.default_rng(8)
    channels = (rng.normal(0, 3000, (44_100, 2))).astype("<i2")
    with wave.open(str(tmp_path / "take.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(channels.tobytes())

    samples = parity.official_samples(tmp_path / "take.wav", 44_100)

    mean = (channels.astype(np.float32) / 32768).mean(axis=1)
    wanted = soxr.resample(mean, 44_100, 16_000, quality="HQ")
    assert len(samples) == 16_000
    assert np.allclose(samples, wanted, atol=1e-6)


def test_the_square_is_half_as_large_again_about_the_box():
    assert masks.square_of(np.array([50, 40, 151, 180])) == (100 - 105, 110 - 105, 210)


def classes_of_a_face() -> np.ndarray:
    classes = np.zeros((512, 512), np.uint8)
    cv2.ellipse(classes, (256, 256), (130, 170), 0, 0, 360, 1, -1)
    cv2.ellipse(classes, (256, 250), (25, 45), 0, 0, 360, 10, -1)
    cv2.ellipse(classes, (256, 340), (50, 12), 0, 0, 360, 12, -1)
    cv2.ellipse(classes, (256, 352), (45, 10), 0, 0, 360, 13, -1)
    return classes


def test_skin_grows_at_the_chin_and_shrinks_in_the_cheeks():
    classes = classes_of_a_face()

    wanted = masks.jaw_classes(classes)

    column = wanted[:, 256]
    assert column[426 + 1]  # the chin ends at 426
    assert np.flatnonzero(column)[-1] == 426 + 6
    assert not wanted[classes == 10].any()
    assert wanted[classes == 12].all()
    row = np.flatnonzero(wanted[256])
    assert row[0] > 126  # cheeks are taken narrowly: the face begins at 126
    assert wanted[0].max() == 0


def test_a_spot_of_skin_grows_to_a_wall_above_and_a_gable_below_it():
    classes = np.zeros((512, 512), np.uint8)
    classes[300, 256] = 1

    wanted = masks.jaw_classes(classes) > 0

    assert np.flatnonzero(wanted.any(axis=1)).tolist() == list(range(300 - 16, 300 + 7))
    assert wanted.sum(axis=1)[284:307].tolist() == [21] * 13 + [19, 17, 15, 13, 11, 9, 7, 5, 3, 1]


def test_the_mask_lies_in_the_box_and_the_lower_half_with_the_official_blur():
    wanted = np.full((512, 512), 255, np.uint8)
    box = np.array([50, 40, 150, 180])
    square = masks.square_of(box)

    mask = masks.jaw_mask(wanted, box, square)

    side = square[2]
    hard = np.zeros((side, side), np.uint8)
    hard[side // 2 : box[3] - square[1], box[0] - square[0] : box[2] - square[0]] = 255
    kernel = int(0.05 * side // 2 * 2) + 1
    assert kernel % 2 == 1
    assert np.array_equal(mask, cv2.GaussianBlur(hard, (kernel, kernel), 0))


def test_pasting_rounds_as_pillow_does():
    rng = np.random.default_rng(9)
    below, above = rng.integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)
    mask = rng.integers(0, 256, (40, 50), dtype=np.uint8)
    wanted = Image.fromarray(below)
    wanted.paste(Image.fromarray(above), (0, 0), Image.fromarray(mask))

    assert np.array_equal(parity.blend(below, above, mask), np.asarray(wanted))


@pytest.mark.parametrize("box", [(-0, 0, 60, 70), (150, 100, 220, 200), (60, 40, 140, 150)])
def test_putting_back_at_the_frames_edges_is_what_pillow_does(box: tuple[int, ...]):
    rng = np.random.default_rng(11)
    frame = rng.integers(0, 256, (200, 220, 3), dtype=np.uint8)
    made = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    edges = np.array(box)
    square = masks.square_of(edges)
    mask = masks.jaw_mask(np.full((512, 512), 255, np.uint8), edges, square)

    out = parity.put_back(frame, made, edges, square, mask)

    left, top, right, bottom = box
    body = Image.fromarray(frame)
    large = body.crop((square[0], square[1], square[0] + square[2], square[1] + square[2]))
    large.paste(
        Image.fromarray(cv2.resize(made, (right - left, bottom - top))),
        (left - square[0], top - square[1]),
    )
    body.paste(large, square[:2], Image.fromarray(mask))
    assert np.array_equal(out, np.asarray(body))


def test_the_official_way_makes_a_frame_for_each_whole_frame_of_sound(models: Models):
    rng = np.random.default_rng(12)
    frames = rng.integers(0, 256, (2, 120, 100, 3), dtype=np.uint8)
    boxes = np.array([[20, 20, 70, 90], [21, 20, 71, 90]])
    scene = parity.Scene(list(frames), boxes, Fraction(25))
    samples = rng.normal(0, 0.1, 16_000 // 5 + 100).astype(np.float32)

    made = list(parity.official_render(models, scene, samples, torch.Generator().manual_seed(0)))

    assert len(made) == 5
    for out, at in zip(made, [0, 1, 1, 0, 0], strict=True):
        assert out.shape == (120, 100, 3)
        assert np.array_equal(out[:40], frames[at][:40])  # above the middle of the box


class Scarce:
    """A device with room for a few rows."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.calls: list[int] = []

    def __call__(self, values: Any, more: Any) -> Any:
        self.calls.append(len(values))
        if len(values) > self.room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return values + more


def test_where_the_memory_does_not_suffice_fewer_frames_go_at_once_and_none_is_lost():
    device = Scarce(3)
    call = FixedCall(device, CPU, 16)
    values = torch.arange(9.0)

    made = torch.cat(call.run(values, values))

    assert torch.equal(made, 2 * values)
    assert device.calls == [16, 8, 4, 2, 2, 2, 2, 2]
    assert call.rows == 2
    assert len([note for note in call.notes if "does not suffice" in note]) == 3


def test_when_not_even_one_frame_fits_it_is_an_error():
    call = FixedCall(Scarce(0), CPU, 2)

    with pytest.raises(torch.cuda.OutOfMemoryError):
        call.run(torch.zeros(2), torch.zeros(2))


def test_every_call_has_the_same_number_of_rows():
    device = Scarce(99)
    call = FixedCall(device, CPU, 4)

    made = torch.cat(call.run(torch.arange(9.0), torch.zeros(9)))

    assert device.calls == [4, 4, 4]
    assert made.tolist() == list(range(9))


def test_a_speed_up_that_fails_is_told_once_and_done_without(monkeypatch: pytest.MonkeyPatch):
    call = FixedCall(Scarce(99), CPU, 4)
    call._speedup = "compile"

    def broken(*_given: Any, **_kept: Any) -> Any:
        raise RuntimeError("no compiler here\nlong trace")

    monkeypatch.setattr(torch, "compile", broken)

    first, second = (call.run(torch.ones(2), torch.ones(2))[0] for _ in range(2))

    assert first.tolist() == second.tolist() == [2, 2]
    assert call.notes == ["Speeding up by 'compile' failed (no compiler here); it runs as it is."]


def test_what_a_network_is_described_as_has_to_fit_its_ear(tmp_path: Path):
    folder = write_musetalk(tmp_path)
    path = folder / "musetalkV15" / "musetalk.json"
    told = json.loads(path.read_text()) | {"cross_attention_dim": 48}
    path.write_text(json.dumps(told))

    with pytest.raises(WeightsAltered, match=r"of another shape: .*attn2\.to_k\.weight"):
        load_models(find("musetalk", Shelf(Path("nowhere"), folder)), CPU)
