"""What stands for LatentSync's official code, against formulas written anew from its description."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'neural' is not installed")
pytest.importorskip("diffusers", reason="the extra 'neural' is not installed")
pytest.importorskip("transformers", reason="the extra 'neural' is not installed")

from pipeline.engines.latentsync import parity
from pipeline.engines.latentsync.faces import places
from pipeline.engines.latentsync.mask import drawn_mask, mask_for
from pipeline.engines.latentsync.models import Models, load_models
from pipeline.engines.neural.place import Place
from pipeline.engines.port import Sampling
from pipeline.engines.weights.finding import Shelf, find
from tests.corpora.checkpoints import write_latentsync

CPU = Place(torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = write_latentsync(tmp_path_factory.mktemp("weights"))
    loaded = load_models(find("latentsync", Shelf(Path("nowhere"), folder)), CPU)
    return replace(loaded, mask=mask_for(drawn_mask(), 64))


def smooth_picture(height: int, width: int, seed: int = 0) -> Any:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


def test_what_the_nose_is_off_by_is_added_to_the_shift_and_remembered():
    spots = np.array([[[40, 50], [80, 48], [63, 75]], [[41, 50], [82, 49], [60, 77]]])

    first, second = parity.official_matrices(spots, 256)

    def standard(points: Any) -> tuple[Any, Any, float]:
        centre = points.mean(axis=0)
        own = points - centre
        return centre, own, float(np.sqrt((own**2).sum() / 5))  # six numbers, one less

    wanted_centre, wanted, wanted_spread = standard(places(256))
    biases = []
    for three, matrix in zip(spots.astype(float), (first, second), strict=True):
        centre, own, spread = standard(three)
        bias = wanted[2] / wanted_spread - own[2] / spread
        biases.append(bias if not biases else 0.2 * biases[-1] + 0.8 * bias)
        # The turn that is best: of complex numbers, the phase of their scalar product.
        z, w = (points @ (1, 1j) for points in (own, wanted))
        turn = np.vdot(z, w) / abs(np.vdot(z, w))
        scale = wanted_spread / spread
        linear = scale * np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
        assert np.allclose(matrix[:, :2], linear)
        assert np.allclose(matrix[:, 2], wanted_centre - linear @ centre + biases[-1])


def test_a_face_is_drawn_bilinearly_cut_to_whole_levels_and_grey_beside_the_frame():
    frame = smooth_picture(120, 100)
    matrix = np.array([[1.4, 0.2, -20.0], [-0.2, 1.4, -10.0]])

    face = parity.aligned(frame, matrix, 64)

    upright = cv2.warpAffine(
        frame.astype(np.float32), matrix, (52, 70), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=(127, 127, 127),
    ).astype(np.uint8)  # fmt: skip
    wanted = cv2.resize(upright, (64, 64), interpolation=cv2.INTER_LANCZOS4)
    apart = np.abs(face.astype(int) - wanted)
    assert face.shape == (64, 64, 3)
    assert np.median(apart) <= 1
    assert (apart <= 3).mean() > 0.97  # OpenCV has places to 1/32 of a pixel
    far = parity.aligned(frame, np.array([[1.0, 0, 900], [0, 1, 900]]), 64)
    assert set(np.unique(far)) == {127}


def test_what_was_kept_surrounds_what_was_made():
    pictures = torch.full((1, 2, 2, 3), 255, dtype=torch.uint8)
    mask = np.array([[1, 1], [0, 0.5]], np.float32)

    whole = parity.completed(torch.full((1, 3, 2, 2), -0.5), pictures, mask)

    assert whole[0, 0].tolist() == [[1, 1], [-0.5, 0.25]]


def test_a_face_goes_back_to_where_it_came_from_and_the_rest_keeps_its_bits():
    frame = smooth_picture(240, 200)
    matrix = np.array([[0.5, 0.02, -10.0], [-0.02, 0.5, -12.0]])
    face = parity.aligned(frame, matrix, 128)
    values = torch.from_numpy(face).permute(2, 0, 1).float() / 127.5 - 1

    same = parity.put_back(frame, values, matrix)
    white = parity.put_back(frame, torch.ones_like(values), matrix)

    corners = np.array([[0, 0], [104, 0], [104, 139], [0, 139]], np.float64)
    inside = np.zeros(frame.shape[:2], np.uint8)
    back = cv2.invertAffineTransform(matrix)
    outline = corners @ back[:, :2].T + back[:, 2]
    cv2.fillPoly(inside, [np.round(outline).astype(np.int32)], 1)
    changed = (white != frame).any(axis=2)
    assert not changed[cv2.dilate(inside, np.ones((3, 3), np.uint8)) == 0].any()
    core = cv2.erode(inside, np.ones((61, 61), np.uint8)) > 0
    assert core.any()
    assert (white[core] >= 254).all()
    assert np.abs(same.astype(int) - frame)[core].mean() < 3


def test_the_soft_edge_is_a_twentieth_of_the_side_and_ends_within_the_face():
    mask = np.zeros((200, 200), np.float32)
    mask[40:160, 40:160] = 1

    soft = parity._softened(mask)

    edge = 120 // 20
    hard = np.zeros_like(mask)
    hard[40 + edge : 160 - edge + 1, 40 + edge : 160 - edge + 1] = 1
    places_ = np.arange(-edge, edge + 1)
    sigma = 0.3 * (edge - 1) + 0.8
    bell = np.exp(-0.5 * (places_ / sigma) ** 2)
    wanted = np.convolve(hard[100], bell / bell.sum(), mode="same")
    assert np.allclose(soft[100], wanted, atol=1e-5)


def test_the_official_way_makes_clips_side_by_side_and_the_last_one_shorter(
    models: Models, monkeypatch: pytest.MonkeyPatch
):
    rng = np.random.default_rng(12)
    frames = [smooth_picture(120, 100, seed) for seed in range(3)]
    spots = np.array([[[35, 40], [65, 40], [50, 55]]] * 3) + np.arange(3)[:, None, None]
    samples = rng.normal(0, 0.1, 16_000 * 34 // 50).astype(np.float32)
    asked: list[Any] = []

    class Watched(parity.Diffusion):
        def __call__(self, known: Any, tokens: Any, noise: Any) -> Any:
            asked.append((known, tokens, noise))
            return super().__call__(known, tokens, noise)

    monkeypatch.setattr(parity, "Diffusion", Watched)
    draw = torch.Generator().manual_seed(1247)

    made = list(
        parity.official_render(models, parity.Scene(frames, spots), samples, draw, Sampling(2, 1.0))
    )

    assert len(made) == 34 // 2 + 2
    assert [known.shape[1] for known, *_ in asked] == [16, 3]
    again = torch.Generator().manual_seed(1247)
    assert torch.equal(asked[0][2], torch.randn(1, 4, 8, 8, generator=again))  # the noise is first
    order = [0, 1, 2, 2, 1, 0] * 4
    matrices = list(parity.official_matrices(spots, 64))
    for first, (known, *_) in zip((0, 16), asked, strict=True):
        some = order[first : min(first + 16, 19)]
        pictures = np.stack([parity.aligned(frames[at], matrices[at], 64) for at in some])
        with torch.inference_mode():
            wanted = models.see(torch.from_numpy(pictures), again)
        assert torch.equal(known[0], wanted)
    for out, at in zip(made, order, strict=False):
        assert out.shape == (120, 100, 3)
        assert np.array_equal(out[-3:], frames[at][-3:])  # below the upright picture
