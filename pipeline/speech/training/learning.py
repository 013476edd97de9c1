"""Learning: gradient descent on examples, with PyTorch (the extra ``neural``); the result runs without it.

The network is a temporal convolution (Bai, Kolter & Koltun, "An empirical evaluation of generic convolutional and recurrent
networks for sequence modeling", 2018) with gates, made of what a few lines of numpy can repeat: ``pipeline.speech.acoustic``.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from typing_extensions import override

from pipeline.speech.acoustic import DILATIONS, INPUTS, WIDTH
from pipeline.speech.training.examples import LABELS, Example

_CROP: Final = 320
"""Frames of an example learned from at a time."""
_CROPS_PER_STEP: Final = 48
_FASTEST: Final = 2e-3
"""Highest learning rate; rises over the first tenth of the steps, falls to nothing along a cosine."""
_WEIGHTS: Final = (8.0, 2.0, 2.0)
"""Of the squared errors of opening, width and rounding beside the cross entropies of closure and teeth."""
_CLOSURE_WEIGHT: Final = 1.5
_TEETH_WEIGHT: Final = 2.0
"""A contact missed costs so much more than one invented: recall is wanted before precision."""


class Block(nn.Module):  # type: ignore[misc, unused-ignore] # without the extra mypy knows no Module
    """One gated residual convolution over three frames, ``dilation`` apart."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(WIDTH, 2 * WIDTH, 3, padding=dilation, dilation=dilation)
        self.mixing = nn.Conv1d(WIDTH, WIDTH, 1)

    @override
    def forward(self, x: Any) -> Any:
        """(n, WIDTH, frames) to the same shape."""
        value, gate = self.convolution(x).chunk(2, dim=1)
        return x + self.mixing(torch.relu(value) * torch.sigmoid(gate))


class Network(nn.Module):  # type: ignore[misc, unused-ignore] # likewise
    """(n, INPUTS, frames) evidence to (n, 5, frames): opening, width, rounding, and log odds of closure and teeth."""

    def __init__(self) -> None:
        super().__init__()
        self.entry = nn.Conv1d(INPUTS, WIDTH, 5, padding=2)
        self.blocks = nn.ModuleList(Block(dilation) for dilation in DILATIONS)
        self.exit = nn.Conv1d(WIDTH, len(LABELS), 1)
        self.dropout = nn.Dropout1d(0.05)

    @override
    def forward(self, x: Any) -> Any:
        """Hear."""
        x = torch.relu(self.entry(x))
        for block in self.blocks:
            x = self.dropout(block(x))
        return self.exit(torch.relu(x))


def learn(
    examples: Sequence[Example],
    epochs: int,
    seed: int,
    told: Callable[[int, float], None] = lambda _epoch, _loss: None,
) -> Network:
    """Teach a network.

    Args:
        examples: In any order.
        epochs: How often each is met.
        seed: Of the order, the crops and the first weights.
        told: Called with (epoch, mean loss) as it goes.
    """
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    network = Network()
    steps = epochs * -(-_crops(examples) // _CROPS_PER_STEP)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_FASTEST, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _FASTEST, total_steps=steps + epochs, pct_start=0.1
    )
    for epoch in range(epochs):
        losses = []
        for evidence, labels, mask in _batches(examples, generator):
            loss = _loss(network(evidence), labels, mask)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        told(epoch, float(np.mean(losses)))
    network.eval()
    return network


def write_weights(network: Network, path: Path) -> None:
    """Write the weights as half-precision numbers, in the layout ``acoustic`` reads: (taps * inputs, outputs) matrices."""
    arrays: dict[str, NDArray[np.float16]] = {}
    for name, value in network.state_dict().items():
        array = value.numpy()
        if array.ndim == 3:  # (outputs, inputs, taps)
            array = array.transpose(2, 1, 0).reshape(-1, array.shape[0])
        arrays[name] = array.astype(np.float16)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type] # its stub takes the names for its own arguments


def _crops(examples: Sequence[Example]) -> int:
    return sum(max(1, round(len(example.evidence) / _CROP)) for example in examples)


def _batches(
    examples: Sequence[Example], generator: np.random.Generator
) -> Iterator[tuple[Any, Any, Any]]:
    """Yield (n, INPUTS, frames), (n, 5, frames), (n, frames); crops at random places, padded with nothing."""
    places = [
        index
        for index, example in enumerate(examples)
        for _ in range(max(1, round(len(example.evidence) / _CROP)))
    ]
    generator.shuffle(places)
    for first in range(0, len(places), _CROPS_PER_STEP):
        chosen = [examples[index] for index in places[first : first + _CROPS_PER_STEP]]
        evidence = np.zeros((len(chosen), _CROP, INPUTS), np.float32)
        labels = np.zeros((len(chosen), _CROP, len(LABELS)), np.float32)
        mask = np.zeros((len(chosen), _CROP), np.float32)
        for row, example in enumerate(chosen):
            start = int(generator.integers(0, max(1, len(example.evidence) - _CROP + 1)))
            count = min(_CROP, len(example.evidence) - start)
            evidence[row, :count] = example.evidence[start : start + count]
            labels[row, :count] = example.labels[start : start + count]
            mask[row, :count] = 1
        yield (
            torch.from_numpy(evidence.transpose(0, 2, 1).copy()),
            torch.from_numpy(labels.transpose(0, 2, 1).copy()),
            torch.from_numpy(mask),
        )


def _loss(answer: Any, labels: Any, mask: Any) -> Any:
    """Squared error of what is a position, cross entropy of what is a contact; mean over the frames there are."""
    total = torch.zeros_like(mask)
    for row, weight in enumerate(_WEIGHTS):
        total = total + weight * (answer[:, row] - labels[:, row]) ** 2
    for row, weight in ((3, _CLOSURE_WEIGHT), (4, _TEETH_WEIGHT)):
        total = total + nn.functional.binary_cross_entropy_with_logits(
            answer[:, row],
            labels[:, row],
            reduction="none",
            pos_weight=torch.tensor(weight),
        )
    return (total * mask).sum() / mask.sum()
