"""The frames of a Template with something else behind the presenter."""

from collections.abc import Iterator

import cv2
import numpy as np

from pipeline.backdrop.keying import Keyer
from pipeline.backdrop.scenery import field_of, make_scenery
from pipeline.engines.port import Performance
from pipeline.faces.planes import split
from pipeline.media import read_source_order, read_with_alpha
from pipeline.options import Background
from pipeline.types import Pixels, Planes


def can_replace(performance: Performance) -> bool:
    """Whether anything but the presenter can be told from the presenter."""
    return performance.facts.alpha or performance.key_colour is not None


def read_replaced(
    performance: Performance, sources: Iterator[int], background: Background | None
) -> Iterator[Planes]:
    """Read a Template's frames, with another background where one is asked for and possible.

    Args:
        performance: The Template.
        sources: Which frames, in any order.
        background: None: as the Template is; a transparent one on white.

    Yields:
        One frame (I420) for each position, each a new array of its own.

    Raises:
        UnreadableFile: The Template no longer decodes.
        ValueError: The background cannot be read.
    """
    video, facts = performance.video, performance.facts
    if background is None or not can_replace(performance):
        yield from read_source_order(video, facts, sources)
        return
    scenery = make_scenery(background, facts)
    if facts.alpha:
        for planes, alpha in read_with_alpha(video, facts, sources):
            if scenery is None:
                scenery = field_of(planes, 255 - _halved(alpha))
            lay_over(planes, alpha, scenery)
            yield planes
        return
    keyer = Keyer(performance.key_colour or (0, 0, 0))
    for planes in read_source_order(video, facts, sources):
        if scenery is None:
            scenery = field_of(planes, keyer.cover(planes))
        keyer.replace(planes, scenery)
        yield planes


def lay_over(planes: Planes, alpha: Pixels, scenery: Planes) -> None:
    """Mix a frame with what is behind it, in place.

    Args:
        planes: I420, its colours not multiplied with its alpha.
        alpha: (h, w) 0 where the frame is transparent to 255.
        scenery: I420 of the same size.
    """
    half = _halved(alpha)
    for plane, behind, weight in zip(
        split(planes), split(scenery), (alpha, half, half), strict=True
    ):
        own = cv2.multiply(plane, weight, scale=1 / 255)
        cv2.add(own, cv2.multiply(behind, cv2.bitwise_not(weight), scale=1 / 255), dst=plane)


def _halved(alpha: Pixels) -> Pixels:
    size = (alpha.shape[1] // 2, alpha.shape[0] // 2)
    return np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.uint8)
