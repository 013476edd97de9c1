"""Learning, with PyTorch: what numpy computes later is what was learned."""

import numpy as np
import pytest

from pipeline.speech import acoustic
from pipeline.speech.loudness import RATE_HZ
from pipeline.speech.phones import Phone
from pipeline.speech.spectrum import spectra
from pipeline.speech.training.examples import Example, example
from pipeline.speech.training.synthesis import Spoken
from tests.corpora.speech import AH, EE, SHUT, babble
from tests.judges import need_module

torch = need_module("torch", "the extra neural is not installed")
learning = need_module("pipeline.speech.training.learning", "the extra neural is not installed")


def said() -> Spoken:
    samples = babble([AH, SHUT, EE, SHUT, AH, EE, SHUT, AH] * 2)
    return Spoken(samples, (Phone("a", 0.0, len(samples) / RATE_HZ),))


def test_what_was_learned_is_computed_alike_with_and_without_pytorch(tmp_path, monkeypatch):
    torch.manual_seed(0)
    network = learning.Network().eval()
    learning.write_weights(network, tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as stored:
        weights = {name: stored[name].astype(np.float32) for name in stored.files}
    monkeypatch.setattr(acoustic, "_weights", lambda: weights)
    for value in network.state_dict().values():
        value.copy_(value.half().float())
    heard = acoustic.evidence(spectra(said().samples, 240), [Phone("M", 0.5, 0.6)])

    ours = acoustic.hear(heard)
    with torch.no_grad():
        theirs = network(torch.from_numpy(heard.T[None].copy()))[0].numpy()

    assert np.abs(ours.width - np.clip(theirs[1], -1, 1)).max() < 1e-3
    assert np.abs(ours.closure - 1 / (1 + np.exp(-theirs[3]))).max() < 1e-3


@pytest.mark.slow
def test_learning_lowers_the_loss(tmp_path):
    examples = [example(said(), np.random.default_rng(seed)) for seed in range(6)]
    losses: list[float] = []
    learning.learn(examples, 6, 1, lambda _epoch, loss: losses.append(loss))

    assert losses[-1] < 0.7 * losses[0]


def test_an_example_shorter_than_a_crop_is_learned_from_too():
    short = Example(np.zeros((50, acoustic.INPUTS), np.float32), np.zeros((50, 5), np.float32))

    assert learning.learn([short], 1, 1) is not None
