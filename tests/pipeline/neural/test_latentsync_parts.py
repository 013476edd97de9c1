"""LatentSync's parts against small formulas written anew from its description, and against the stock classes it came from."""

import math
import re
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'neural' is not installed")
pytest.importorskip("diffusers", reason="the extra 'neural' is not installed")
pytest.importorskip("transformers", reason="the extra 'neural' is not installed")
pytest.importorskip("soxr", reason="the extra 'neural' is not installed")

from diffusers import DDIMScheduler, UNetMotionModel
from PIL import Image
from torch import nn
from torch.nn import functional

from pipeline.engines.latentsync.audio import centres, official_frames, tokens_of
from pipeline.engines.latentsync.faces import fitted, places, spots_of, square_matrix
from pipeline.engines.latentsync.mask import (
    cover_of,
    drawn_mask,
    latent_mask,
    mask_for,
    read_mask,
)
from pipeline.engines.latentsync.models import Models, load_models
from pipeline.engines.latentsync.sampling import Diffusion, draw_noise
from pipeline.engines.latentsync.schedule import schedule
from pipeline.engines.latentsync.stretches import STRETCH_FRAMES, shares_of, stretches_of
from pipeline.engines.latentsync.unet import ClipUNet
from pipeline.engines.neural.hearing import WholeEar, load_openai_encoder
from pipeline.engines.neural.place import Place
from pipeline.engines.port import Sampling
from pipeline.engines.weights.finding import Shelf, find
from pipeline.errors import WeightsAltered
from pipeline.types import Track
from tests.corpora.checkpoints import (
    TINY,
    latentsync_widths,
    openai_whisper,
    table_of_places,
    write_latentsync,
)
from tests.pipeline.neural.formulas import log_mel
from tests.pipeline.neural.things import face

CPU = Place(torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = write_latentsync(tmp_path_factory.mktemp("weights"))
    loaded = load_models(find("latentsync", Shelf(Path("nowhere"), folder)), CPU)
    return replace(loaded, mask=mask_for(drawn_mask(), 64))


@pytest.fixture(scope="module")
def lively() -> ClipUNet:
    """A network whose numbers are large enough to tell layers apart."""
    unet = ClipUNet(latentsync_widths(TINY)).eval()
    draw = torch.Generator().manual_seed(3)
    for key, values in unet.state_dict().items():
        values.copy_(torch.randn(values.shape, generator=draw) * 0.2)
        if key.endswith(".pe"):
            values.copy_(table_of_places(*values.shape[1:]))
    return unet.requires_grad_(requires_grad=False)


def stock_name(key: str) -> str:
    """The name that diffusers has for what the checkpoint calls ``key``."""
    key = key.replace(".temporal_transformer", "").replace("ff_norm", "norm3")
    key = key.replace("attention_blocks.0.pos_encoder.pe", "pos_embed.pe")
    key = re.sub(r"attention_blocks\.(\d)", lambda m: f"attn{int(m[1]) + 1}", key)
    return re.sub(r"\bnorms\.(\d)", lambda m: f"norm{int(m[1]) + 1}", key)


def stock(**more: Any) -> Any:
    return UNetMotionModel(
        in_channels=13, out_channels=4, num_attention_heads=8, motion_num_attention_heads=8,
        motion_max_seq_length=24, use_motion_mid_block=False, **more,
    )  # fmt: skip


def second_table(key: str) -> bool:
    """Diffusers keeps one of the two tables of a motion module, which are alike."""
    return "attention_blocks.1.pos_encoder" in key


def test_the_network_has_the_keys_shapes_and_parameters_of_the_released_one():
    with torch.device("meta"):
        ours, theirs = ClipUNet(), stock(cross_attention_dim=384)

    state = ours.state_dict()
    assert len(state) == 1246
    assert sum(p.numel() for p in ours.parameters()) == 1_267_099_844
    moving = [p.numel() for name, p in ours.named_parameters() if "motion_modules." in name]
    assert sum(moving) == 417_137_600
    assert len([key for key in state if key.endswith(".pe")]) == 40
    assert {stock_name(k): v.shape for k, v in state.items() if not second_table(k)} == {
        k: v.shape for k, v in theirs.state_dict().items()
    }


def test_a_narrow_network_has_the_same_keys(models: Models):
    with torch.device("meta"):
        full = ClipUNet()

    assert models.unet.state_dict().keys() == full.state_dict().keys()


class OverClips(nn.GroupNorm):
    """Statistics over all of five frames."""

    def forward(self, x: Any) -> Any:
        together = x.unflatten(0, (-1, 5)).transpose(1, 2)
        return super().forward(together.contiguous()).transpose(1, 2).flatten(0, 1)


class OverFrames(nn.GroupNorm):
    """Statistics of each frame by itself, where the stock class has (clips, channels, frames, h, w)."""

    def forward(self, x: Any) -> Any:
        alone = x.transpose(1, 2)
        return super().forward(alone.flatten(0, 1)).unflatten(0, alone.shape[:2]).transpose(1, 2)


def test_the_network_computes_what_the_stock_one_does_with_the_official_norms(lively: ClipUNet):
    reference = stock(
        cross_attention_dim=TINY.hearing, block_out_channels=TINY.unet, norm_num_groups=8
    ).eval()
    state = {stock_name(k): v for k, v in lively.state_dict().items() if not second_table(k)}
    reference.load_state_dict(state, strict=True)
    for name, module in reference.named_modules():
        if isinstance(module, nn.GroupNorm):
            if name.rsplit(".", 1)[-1] in {"norm1", "norm2", "conv_norm_out"}:
                module.__class__ = OverClips
            elif "motion_modules" in name:
                module.__class__ = OverFrames
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(2, 13, 5, 8, 8, generator=draw)
    tokens = torch.randn(10, 50, TINY.hearing, generator=draw)

    with torch.inference_mode():
        told, _ = lively(x.transpose(1, 2).flatten(0, 1), torch.tensor(321), tokens, 5)
        wanted = reference(x, torch.tensor(321), tokens).sample

    apart = told.unflatten(0, (2, 5)).transpose(1, 2) - wanted
    assert float(apart.abs().max()) < 2e-5 * float(wanted.std())


def test_between_whole_steps_the_last_layer_alone_is_asked(lively: ClipUNet):
    draw = torch.Generator().manual_seed(2)
    first, later = torch.randn(2, 3, 13, 8, 8, generator=draw)
    tokens = torch.randn(3, 50, TINY.hearing, generator=draw)
    last: Any = lively.up_blocks[3]
    made: list[Any] = []
    hook = last.motion_modules[1].register_forward_hook(lambda _m, _i, out: made.append(out))
    shown: list[Any] = []
    watch = last.resnets[2].register_forward_pre_hook(lambda _m, given: shown.append(given[0]))

    with torch.inference_mode():
        whole, kept = lively(first, torch.tensor(951), tokens, 3)
        same = lively.again(first, torch.tensor(951), tokens, 3, kept)
        lively.again(later, torch.tensor(901), tokens, 3, kept)
        entered = lively.conv_in(later)
    hook.remove()
    watch.remove()

    assert len(made) == 1
    assert torch.equal(kept, made[0])
    assert torch.allclose(same, whole, atol=1e-6)
    assert torch.equal(shown[2], torch.cat([kept, entered], dim=1))


@pytest.mark.parametrize("steps", [1, 7, 20, 50])
def test_steps_are_those_of_ddim_with_the_official_configuration(steps: int):
    reference = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip
    reference.set_timesteps(steps)
    draw = torch.Generator().manual_seed(4)
    x, noise = torch.randn(2, 3, 4, generator=draw)

    made = schedule(steps)

    assert [step.time for step in made] == reference.timesteps.tolist()
    for step in made:
        wanted = reference.step(noise, step.time, x, eta=0.0).prev_sample
        assert torch.allclose(step.keep * x + step.add * noise, wanted, atol=2e-5)


def test_twenty_steps_go_from_951_to_1_and_take_the_predicted_noise_out():
    made = schedule(20)

    assert [step.time for step in made] == list(range(951, 0, -50))
    signal = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
    now, later = signal[951], signal[901]
    clean, noise = 0.7, -1.3
    x = math.sqrt(now) * clean + math.sqrt(1 - now) * noise
    wanted = math.sqrt(later) * clean + math.sqrt(1 - later) * noise
    assert made[0].keep * x + made[0].add * noise == pytest.approx(wanted, abs=1e-4)


class Told:
    """A network that remembers what it was shown, and answers by a rule."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, int, Any]] = []

    def __call__(self, x: Any, step: Any, tokens: Any, frames: int) -> tuple[Any, Any]:
        assert frames == 3
        self.asked.append(("whole", x, int(step), tokens))
        return self._answer(x, tokens), len(self.asked)

    def again(self, x: Any, step: Any, tokens: Any, frames: int, kept: Any) -> Any:
        self.asked.append((f"again {kept}", x, int(step), tokens))
        return self._answer(x, tokens)

    @staticmethod
    def _answer(x: Any, tokens: Any) -> Any:
        return 0.1 * x[:, :4] + tokens.mean(dim=(1, 2))[:, None, None, None]


def things_to_diffuse() -> tuple[Any, Any, Any, Any]:
    draw = torch.Generator().manual_seed(5)
    known = torch.randn(1, 3, 8, 4, 4, generator=draw)
    tokens = torch.randn(1, 3, 50, 8, generator=draw)
    noise = torch.randn(1, 4, 4, 4, generator=draw)
    mask = torch.rand(4, 4, generator=draw)
    return known, tokens, noise, mask


def test_the_network_is_shown_noise_mask_masked_face_and_reference_in_that_order():
    known, tokens, noise, mask = things_to_diffuse()
    told: Any = Told()

    Diffusion(told, mask, Sampling(4, 1.0, 1))(known, tokens, noise)

    way, x, time, heard = told.asked[0]
    assert (way, time, x.shape) == ("whole", 751, (3, 13, 4, 4))
    for frame in range(3):
        assert torch.equal(x[frame, :4], noise[0])  # the same for every frame
        assert torch.equal(x[frame, 4], mask)
        assert torch.equal(x[frame, 5:], known[0, frame])
    assert torch.equal(heard, tokens[0])
    assert [asked[2] for asked in told.asked] == [751, 501, 251, 1]


def test_guidance_goes_beyond_the_hearing_ones_answer_away_from_the_deaf_ones():
    known, tokens, noise, mask = things_to_diffuse()
    told: Any = Told()

    made = Diffusion(told, mask, Sampling(5, 1.5, 1))(known, tokens, noise)[0]

    _, x, _, heard = told.asked[0]
    assert len(x) == 6
    assert not heard[:3].any()
    assert torch.equal(heard[3:], tokens[0])
    wanted = noise.expand(3, -1, -1, -1)
    for step in schedule(5):
        hearing = 0.1 * wanted + tokens[0].mean(dim=(1, 2))[:, None, None, None]
        deaf = 0.1 * wanted
        wanted = step.keep * wanted + step.add * (deaf + 1.5 * (hearing - deaf))
    assert torch.allclose(made, wanted, atol=1e-4)


def test_every_third_step_asks_the_whole_network_and_those_between_go_on_from_it():
    known, tokens, noise, mask = things_to_diffuse()
    told: Any = Told()

    Diffusion(told, mask, Sampling(7, 1.0, 3))(known, tokens, noise)

    ways = [way for way, *_ in told.asked]
    assert ways == ["whole", "again 1", "again 1", "whole", "again 4", "again 4", "whole"]


def test_noise_is_the_same_wherever_it_is_drawn_and_another_for_another_seed():
    assert torch.equal(draw_noise(7, 8), draw_noise(7, 8))
    assert not torch.equal(draw_noise(7, 8), draw_noise(8, 8))
    wanted = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1247))
    assert torch.equal(draw_noise(1247, 8), wanted)


def test_each_frame_hears_four_steps_before_and_five_behind_its_own_with_edges_that_go_on():
    states = np.arange(12 * 2 * 3, dtype=np.float32).reshape(12, 2, 3)

    tokens = tokens_of(states, centres(range(3, 7), Fraction(25)))

    assert tokens.shape == (4, 20, 3)
    for number, frame in enumerate(range(3, 7)):
        wanted = [states[min(max(2 * frame + at, 0), 11)] for at in range(-4, 6)]
        assert np.array_equal(tokens[number], np.concatenate(wanted))


@pytest.mark.parametrize("rate", ["24", "25", "30000/1001", "30", "50", "60"])
def test_after_ten_minutes_the_ear_is_where_the_frame_is(rate: str):
    fps = Fraction(rate)
    frame = round(600 * fps)

    assert abs(int(centres([frame], fps)[0]) / 50 - float(frame / fps)) < 0.02


def test_the_official_code_makes_two_frames_more_than_the_sound_has():
    assert [official_frames(steps) for steps in (100, 101, 750)] == [52, 52, 377]


def test_the_mask_is_open_beside_the_nose_and_below_it():
    mask = drawn_mask()

    made_anew = mask == 0
    assert made_anew.mean() == pytest.approx(0.407, abs=0.003)
    assert np.flatnonzero(made_anew.any(axis=1))[[0, -1]].tolist() == [95, 242]
    assert np.flatnonzero(made_anew[100]).tolist() == [*range(9, 78), *range(178, 247)]
    for row, first, last in ((128, 9, 247), (168, 12, 244), (192, 26, 230), (242, 131, 152)):
        assert np.flatnonzero(made_anew[row]).tolist() == list(range(first, last + 1))


def test_the_network_is_shown_every_eighth_pixel_of_the_mask_at_its_own_size():
    small, large = (mask_for(drawn_mask(), size) for size in (256, 512))

    assert set(np.unique(small)) == {0.0, 1.0}
    assert np.array_equal(latent_mask(small), small[::8, ::8])
    assert latent_mask(large).shape == (64, 64)
    assert len(np.unique(large)) > 2  # edges between kept and made anew
    assert np.abs(large[::2, ::2] - small).mean() < 0.01


def test_the_projects_own_mask_is_taken_where_it_lies_beside_the_weights(tmp_path: Path):
    own = np.full((256, 256, 3), 255, np.uint8)
    own[130:200] = 0
    Image.fromarray(own).save(tmp_path / "mask.png")

    assert np.array_equal(read_mask(tmp_path), own[:, :, 0])
    Image.fromarray(own[:100]).save(tmp_path / "mask.png")
    with pytest.raises(WeightsAltered, match=r"mask\.png is no mask"):
        read_mask(tmp_path)
    (tmp_path / "mask.png").write_text("no picture")
    with pytest.raises(WeightsAltered, match=r"mask\.png cannot be read"):
        read_mask(tmp_path)


def test_what_is_pasted_is_what_was_made_anew_with_a_soft_edge():
    cover = cover_of(mask_for(drawn_mask(), 256)).astype(int)

    assert cover[70:100, 40:90].min() > 250
    assert cover[:40].max() == 0  # brows and eyes
    assert cover[55, 64] == 0  # the nose
    assert max(cover[:, 0].max(), cover[-1].max()) < 5
    assert np.abs(np.diff(cover, axis=1)).max() < 90


def test_a_face_is_brought_to_its_places_by_turn_size_and_shift_alone():
    angle, scale, shift = 0.4, 1.7, np.array([30.0, -12.0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = places(256)
    spots = scale * target @ turn.T + shift

    matrix = fitted(spots, target)

    assert np.allclose(spots @ matrix[:, :2].T + matrix[:, 2], target, atol=1e-9)
    assert np.allclose(matrix[:, :2] @ matrix[:, :2].T, np.eye(2) / scale**2)
    assert target.tolist() == [
        pytest.approx([17 * 2.8, 20 * 2.8]), pytest.approx([58 * 2.8, 20 * 2.8]), pytest.approx([37.5 * 2.8, 40 * 2.8]),
    ]  # fmt: skip


def test_a_face_that_is_seen_mirrored_is_not_mirrored_back():
    spots = places(256) * (-1, 1)

    assert np.linalg.det(fitted(spots, places(256))[:, :2]) > 0


@pytest.mark.parametrize("size", [256, 512])
def test_the_square_shows_brows_and_nose_where_the_network_has_them(size: int):
    spots = places(256) / 2 + (40, 50)

    matrix = square_matrix(spots, size)

    # From the frame to the square; the upright picture of 75 : 100 becomes a square by its pixels' edges.
    shares = (places(size) + 0.5) / (np.array([75, 100]) * 2.8 * size / 256)
    seen = shares * size - 0.5
    assert np.allclose(seen @ matrix[:, :2].T + matrix[:, 2], spots, atol=1e-6)


def test_brows_and_nose_are_steadied_means_of_the_mesh():
    points = face()
    track = Track(np.stack([points] * 5), np.ones(5, np.float32))
    track.landmarks[1] = np.nan

    spots = spots_of(track)

    assert np.isnan(spots[1]).all()
    nose = points[[168, 197, 5, 4, 75, 97, 2, 326, 305]].mean(axis=0)
    assert np.allclose(spots[3, 2], nose, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 15, 16, 17, 18, 19, 20, 29, 30, 31, 250, 251])
def test_stretches_take_every_frame_once_and_overlap_where_one_passes_into_the_next(frames: int):
    stretches = stretches_of(frames)

    taken = [frame for each in stretches for frame in range(each.begin, each.end)]
    assert taken == list(range(frames))
    for each in stretches:
        assert each.first <= each.begin
        assert each.end <= each.first + STRETCH_FRAMES
        assert each.first + STRETCH_FRAMES <= max(frames, STRETCH_FRAMES)
    for one, other in pairwise(stretches):
        assert other.begin == one.first + STRETCH_FRAMES - 3
        assert other.end - other.begin > 3


def test_an_overlap_passes_evenly_from_one_to_the_other():
    assert shares_of(3).tolist() == [0.25, 0.5, 0.75]


def openai_states(state: dict[str, Any], mel: Any, heads: int) -> list[Any]:
    """The states of OpenAI's encoder, from its definition and by its own names."""
    p = {key: values.float() for key, values in state.items()}
    x = functional.gelu(
        functional.conv1d(mel, p["encoder.conv1.weight"], p["encoder.conv1.bias"], padding=1)
    )
    x = functional.gelu(
        functional.conv1d(
            x, p["encoder.conv2.weight"], p["encoder.conv2.bias"], stride=2, padding=1
        )
    )
    x = x.transpose(1, 2) + p["encoder.positional_embedding"]
    states, width = [x], x.shape[2]
    for layer in range(4):
        at = f"encoder.blocks.{layer}"

        def linear(name: str, values: Any, at: str = at) -> Any:
            return values @ p[f"{at}.{name}.weight"].T + p.get(f"{at}.{name}.bias", torch.zeros(()))

        def norm(name: str, values: Any, at: str = at) -> Any:
            return functional.layer_norm(
                values, (width,), p[f"{at}.{name}.weight"], p[f"{at}.{name}.bias"]
            )

        h = norm("attn_ln", x)
        q, k, v = (
            linear(f"attn.{part}", h).unflatten(2, (heads, -1)).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        weights = (q @ k.transpose(2, 3) / math.sqrt(width / heads)).softmax(dim=3)
        x = x + linear("attn.out", (weights @ v).transpose(1, 2).flatten(2))
        x = x + linear("mlp.2", functional.gelu(linear("mlp.0", norm("mlp_ln", x))))
        states.append(x)
    return states  # fmt: skip


def test_the_ear_takes_the_loudest_place_of_all_and_gives_the_last_state_as_it_comes(
    tmp_path: Path,
):
    told = openai_whisper(TINY, 5)
    torch.save(told, tmp_path / "tiny.pt")
    ear = WholeEar(load_openai_encoder(tmp_path / "tiny.pt"), CPU)
    rng = np.random.default_rng(5)
    loud = rng.normal(0, 0.3, 480_000)
    soft = rng.normal(0, 0.001, 24_100)
    samples = np.concatenate([loud, soft]).astype(np.float32)

    heard = list(ear.hear(samples))

    assert [states.shape for states in heard] == [(1500, 5, TINY.hearing), (75, 5, TINY.hearing)]
    mel = log_mel(samples)
    assert mel.shape == (80, 3150)
    last = np.zeros((1, 80, 3000), np.float32)  # behind the end there is 0.0, which is not silence
    last[0, :, :150] = mel[:, 3000:]
    wanted = torch.stack(openai_states(told["model_state_dict"], torch.from_numpy(last), 2), dim=2)
    assert np.allclose(heard[1], wanted[0, :75], atol=2e-3)
    assert np.abs(heard[1]).mean() > 0.1


def test_nothing_is_heard_where_nothing_is(models: Models):
    assert list(models.ear.hear(np.zeros(100, np.float32))) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t["model_state_dict"].pop("encoder.ln_post.bias"), r"missing: encoder\.ln_post\.bias"),
        (lambda t: t["model_state_dict"].update(mask=torch.zeros(1)), "unknown: mask"),
        (lambda t: t.pop("dims"), "no Whisper in OpenAI's layout"),
        (lambda t: t["dims"].pop("n_mels"), "describes no Whisper"),
    ],
)  # fmt: skip
def test_another_whisper_is_refused_by_what_openai_calls_its_parts(
    tmp_path: Path, change: Any, said: str
):
    told = openai_whisper(TINY, 5)
    change(told)
    torch.save(told, tmp_path / "tiny.pt")

    with pytest.raises(WeightsAltered, match=said):
        load_openai_encoder(tmp_path / "tiny.pt")


def test_latents_are_those_of_the_face_with_a_grey_gap_then_of_the_whole_one(models: Models):
    rng = np.random.default_rng(2)
    pictures = torch.from_numpy(rng.integers(0, 256, (1, 64, 64, 3), dtype=np.uint8))

    with torch.inference_mode():
        seen = models.see(pictures)
        drawn = models.see(pictures, torch.Generator().manual_seed(3))

        shares = pictures.permute(0, 3, 1, 2).float() / 255 * 2 - 1
        codec, normal = models.codec.model, torch.Generator().manual_seed(3)
        masked = shares * torch.from_numpy(models.mask)
        assert masked[0, :, 50, 32].tolist() == [0, 0, 0]
        for at, x in ((slice(0, 4), masked), (slice(4, 8), shares)):
            mean, log_variance = codec.quant_conv(codec.encoder(x)).chunk(2, dim=1)
            assert torch.allclose(seen[:, at], mean * 0.18215, atol=1e-5)
            noise = torch.randn(mean.shape, generator=normal)  # masked first
            sample = mean + noise * (0.5 * log_variance.clamp(-30, 20)).exp()
            assert torch.allclose(drawn[:, at], sample * 0.18215, atol=1e-5)
