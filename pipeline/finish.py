"""What a Clip gets beside its mouth: captions and the AI label, drawn into the composed frame."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.captions.burning import Captions, caption_words
from pipeline.engines.port import Performance, Prepared, Speech
from pipeline.label.visible import FaceRoom, face_room, label_frames, place_label
from pipeline.lettering import Placed, Spot
from pipeline.options import ClipOptions
from pipeline.types import Planes

_MOST_FACES: Final = 250
"""Frames of the Template whose faces are asked for room."""


class Finish:
    """The finish of one Clip. Not for several threads."""

    def __init__(
        self, prepared: Prepared, speech: Speech, options: ClipOptions, sources: Sequence[int]
    ) -> None:
        """Set and place all that will be drawn.

        Args:
            prepared: The Template.
            speech: The Take.
            options: What is asked for.
            sources: The Template frame of each frame of the Clip.

        Raises:
            ValueError: The options ask for a label that the standard does not allow.
        """
        facts = prepared.performance.facts
        size = (facts.width_px, facts.height_px)
        face = _room(prepared.performance, sources)
        self._captions: Captions | None = None
        if options.captions:
            self._captions = caption_words(speech.words, size, facts.fps, len(sources), face)
        self._label: Placed | None = None
        self._label_frames = 0
        if options.label.text.strip():
            band = None if self._captions is None else self._captions.band
            self._label = place_label(options.label.text, size, face, band)
            self._label_frames = label_frames(options.label.seconds, facts.fps, len(sources))

    def draw(self, planes: Planes, frame: int) -> None:
        """Draw what belongs into a frame of the Clip (I420), in place."""
        for placed in self._drawn(frame):
            placed.draw(planes)

    def spots(self, frame: int) -> Sequence[Spot]:
        """Tell where ``draw`` changes a frame."""
        return [placed.spot for placed in self._drawn(frame)]

    def _drawn(self, frame: int) -> Sequence[Placed]:
        captions = None if self._captions is None else self._captions.at(frame)
        label = self._label if frame < self._label_frames else None
        return [placed for placed in (captions, label) if placed is not None]


def _room(performance: Performance, sources: Sequence[int]) -> FaceRoom:
    """Tell where the face is in the frames that will be shown."""
    used = np.unique(np.asarray(sources, np.intp))
    some = used[:: max(len(used) // _MOST_FACES, 1)]
    return face_room(performance.track.landmarks[some])
