"""Long sounds in parts that see a little of their neighbours, so that memory stays flat and no seam is heard."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
"""(channels, n) samples."""


def in_parts(
    blocks: Iterator[Sound], treat: Callable[[Sound], Sound], part: int, margin: int
) -> Iterator[Sound]:
    """Treat a sound part by part.

    Args:
        blocks: (channels, any number) samples that follow on each other.
        treat: Gives as many samples as it gets; what it does to a sample depends on ``margin`` others on each side at most.
        part: Samples treated at a time.
        margin: Zeros stand for what is before the beginning and behind the end.

    Yields:
        The whole sound, in blocks.
    """
    held: list[Sound] = []
    samples, channels = 0, None
    for block in blocks:
        if channels is None:
            channels = len(block)
            held.append(np.zeros((channels, margin), np.float32))
            samples = margin
        held.append(block)
        samples += block.shape[1]
        while samples >= part + 2 * margin:
            joined = np.concatenate(held, axis=1)
            yield treat(joined[:, : part + 2 * margin])[:, margin : margin + part]
            held = [joined[:, part:]]
            samples -= part
    if channels is not None and samples > margin:
        rest = np.concatenate([*held, np.zeros((channels, margin), np.float32)], axis=1)
        yield treat(rest)[:, margin:-margin]
