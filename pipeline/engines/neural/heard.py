"""What an ear makes of a Take, once: the states lie in a file beside its sound, and are mapped from there."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from pipeline.engines.neural.sound import steps_of
from pipeline.engines.port import Speech
from pipeline.types import Samples

HeardStates = NDArray[np.float16]
"""(steps, layers, width), mapped from a file."""


class Ear(Protocol):
    """What hears: see ``hearing``."""

    layers: int
    width: int

    def hear(self, samples: Samples) -> Iterator[NDArray[np.float32]]:
        """Yield the states of a recording, piece after piece."""
        ...


class Heard:
    """Listens to Takes; for several threads."""

    def __init__(self, ear: Ear, read: Callable[[Path], Iterator[Samples]], mark: str) -> None:
        """``read`` decodes a Take's sound as the ear wants it; ``mark`` tells ears apart."""
        self._ear = ear
        self._read = read
        self._mark = mark
        self._turn = threading.Lock()

    def states(self, speech: Speech) -> HeardStates:
        """Give the states of a Take, from the file or else from the ear."""
        path = speech.sound.with_name(f"{speech.sound.stem}-{self._mark}.npy")
        if not path.is_file():
            with self._turn:
                if not path.is_file():
                    self._hear(speech.sound, path)
        states: HeardStates = np.load(path, mmap_mode="r", allow_pickle=False)
        return states

    def _hear(self, sound: Path, path: Path) -> None:
        with tempfile.TemporaryDirectory(prefix=".heard-", dir=path.parent) as scratch:
            samples = _on_disk(self._read(sound), Path(scratch, "samples"))
            shape = (max(steps_of(len(samples)), 1), self._ear.layers, self._ear.width)
            draft = Path(scratch, path.name)
            states = open_memmap(draft, "w+", np.float16, shape)
            at = 0
            for heard in self._ear.hear(samples):
                states[at : at + len(heard)] = heard
                at += len(heard)
            states.flush()
            draft.replace(path)


def _on_disk(blocks: Iterator[Samples], path: Path) -> Samples:
    """Put a recording into a file and map it: of an hour only what is being heard is in memory."""
    with path.open("wb") as file:
        for block in blocks:
            file.write(np.ascontiguousarray(block, np.float32).data)
    if not path.stat().st_size:  # which cannot be mapped
        return np.zeros(0, np.float32)
    return np.memmap(path, np.float32, "r")
