"""The face parser: which pixel is skin, nose, lip. A BiSeNet (Yu et al., 2018) on a trunk of ResNet-18, of our own making, for the public weights."""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from pipeline.engines.musetalk.sizes import PARSED_PX
from pipeline.engines.neural.calling import FixedCall
from pipeline.engines.neural.loading import fill, on_meta, read_state
from pipeline.errors import WeightsAltered
from pipeline.types import Pixels

CLASSES: Final = 19
_MEAN: Final = (0.485, 0.456, 0.406)
_SPREAD: Final = (0.229, 0.224, 0.225)
"""ImageNet's, for R, G and B."""
_TRUNK: Final = (64, 64, 128, 256, 512)
"""Channels of the published network's stem and four layers."""


class Folded(nn.Module):
    """Convolution, normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h, w)."""
        return functional.relu(self.bn(self.conv(x)))


class Residual(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        inner = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        beside = x if self.downsample is None else self.downsample(x)
        return functional.relu(beside + inner)


class Trunk(nn.Module):
    """ResNet-18 without its classifier."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        stem, *layers = channels
        self.conv1 = nn.Conv2d(3, stem, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        before = stem
        for number, width in enumerate(layers, 1):
            blocks = [Residual(before, width, 1 if number == 1 else 2), Residual(width, width, 1)]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
            before = width

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, 3, h, w) to maps of an eighth, a sixteenth and a thirty-second of its size."""
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        eighth = self.layer2(self.layer1(x))
        sixteenth = self.layer3(eighth)
        return eighth, sixteenth, self.layer4(sixteenth)


class Refined(nn.Module):
    """A map weighed by what it shows as a whole."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = Folded(inputs, outputs, 3)
        self.conv_atten = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h, w)."""
        x = self.conv(x)
        return x * torch.sigmoid(self.bn_atten(self.conv_atten(_mean(x))))


class Context(nn.Module):
    """The trunk, and what its coarser maps say to the finer ones."""

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.resnet = Trunk(channels)
        self.arm16 = Refined(channels[3], width)
        self.arm32 = Refined(channels[4], width)
        self.conv_head32 = Folded(width, width, 3)
        self.conv_head16 = Folded(width, width, 3)
        self.conv_avg = Folded(channels[4], width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, h, w) to the trunk's map of an eighth, and one of the context of the same size."""
        eighth, sixteenth, least = self.resnet(x)
        coarse = self.arm32(least) + self.conv_avg(_mean(least))
        coarse = self.conv_head32(functional.interpolate(coarse, sixteenth.shape[2:]))
        finer = self.arm16(sixteenth) + coarse
        return eighth, self.conv_head16(functional.interpolate(finer, eighth.shape[2:]))


class Fusion(nn.Module):
    """Trunk and context together, weighed likewise."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.convblk = Folded(inputs, width, 1)
        self.conv1 = nn.Conv2d(width, width // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(width // 4, width, 1, bias=False)

    def forward(self, trunk: Tensor, context: Tensor) -> Tensor:
        """Two maps to one, (n, width, h, w)."""
        x = self.convblk(torch.cat([trunk, context], dim=1))
        gate = torch.sigmoid(self.conv2(functional.relu(self.conv1(_mean(x)))))
        return x + x * gate


class Head(nn.Module):
    """A map's answer: how much each pixel is of each class."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.conv = Folded(inputs, width, 3)
        self.conv_out = nn.Conv2d(width, CLASSES, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, 19, h, w)."""
        return self.conv_out(self.conv(x))


class FaceParser(nn.Module):
    """The whole network, named as the public file names it. Two of its heads helped it to learn and are never asked."""

    def __init__(self, channels: tuple[int, ...] = _TRUNK) -> None:
        super().__init__()
        width = channels[2]
        self.cp = Context(channels, width)
        self.ffm = Fusion(channels[2] + width, 2 * width)
        self.conv_out = Head(2 * width, 2 * width)
        self.conv_out16 = Head(width, width // 2)
        self.conv_out32 = Head(width, width // 2)

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, 3, h, w), normalised, to (n, 19, h, w)."""
        told = self.conv_out(self.ffm(*self.cp(pictures)))
        return functional.interpolate(told, pictures.shape[2:], mode="bilinear", align_corners=True)

    def classes(self, pictures: Tensor) -> Tensor:
        """(n, 3, h, w), normalised, to the class of each pixel, (n, h, w), 8 bits."""
        return self(pictures).argmax(dim=1).to(torch.uint8)


def load_parser(weights: Path) -> FaceParser:
    """Load the parser from the public file; its widths are read off the file. Raises WeightsAltered."""
    state = read_state(weights)
    try:
        widths = [len(state["cp.resnet.conv1.weight"])]
        widths += [len(state[f"cp.resnet.layer{layer}.0.conv1.weight"]) for layer in range(1, 5)]
    except (KeyError, TypeError) as error:
        raise WeightsAltered(f"{weights} is no face parser: it lacks {error}.") from error
    parser: FaceParser = fill(
        on_meta(lambda: FaceParser(tuple(widths)), weights, "face parser"), state, weights
    )
    return parser


def parse(classes: FixedCall[Tensor], pictures: list[Pixels]) -> NDArray[np.uint8]:
    """Tell the class of each pixel.

    Args:
        classes: A parser's.
        pictures: (h, w, 3) RGB each.

    Returns:
        (n, 512, 512), whatever size the pictures have.
    """
    told = classes.run(torch.stack([_normalised(picture) for picture in pictures]))
    return np.concatenate([some.cpu().numpy() for some in told])


def _normalised(picture: Pixels) -> Tensor:
    size = (PARSED_PX, PARSED_PX)
    scaled = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    shares = scaled.astype(np.float32) / 255
    even = (shares - np.array(_MEAN, np.float32)) / np.array(_SPREAD, np.float32)
    return torch.from_numpy(np.ascontiguousarray(even.transpose(2, 0, 1)))


def _mean(x: Tensor) -> Tensor:
    return x.mean(dim=(2, 3), keepdim=True)
