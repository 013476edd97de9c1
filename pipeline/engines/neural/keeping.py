"""What an engine with models knows of a Template: arrays with a row for each frame, in files of the Template's folder, mapped from there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import DTypeLike, NDArray

from pipeline.engines.features import draft_of

_FORMAT: Final = 1
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Kept:
    """The files of one engine: ``name.npz``, written last, and ``name-key.npy`` for each large array."""

    name: str
    mark: str
    """What they have to have been made with."""
    rows: Mapping[str, tuple[tuple[int, ...], DTypeLike]]
    """Shape and type of a frame's row of each large array, by key."""

    def recall(self, features: Path, frames: int) -> tuple[Arrays, Arrays] | None:
        """Take back small and large arrays; None where nothing is, or it belongs to other weights or another Template."""
        try:
            with np.load(features / f"{self.name}.npz", allow_pickle=False) as kept:
                known = int(kept["format"]) == _FORMAT and str(kept["mark"]) == self.mark
                small = {key: kept[key] for key in kept.files if key not in {"format", "mark"}}
            large = {
                key: np.load(features / self._file(key), mmap_mode="r", allow_pickle=False)
                for key in self.rows
            }
        except (OSError, KeyError, ValueError):
            return None
        fits = {len(array) for array in (*small.values(), *large.values())} == {frames}
        return (small, large) if known and fits else None

    @contextmanager
    def draft(self, features: Path | None, frames: int, small: Arrays) -> Iterator[Arrays]:
        """Give large arrays to be filled; at the end of the block they are kept, with the small ones, whole or not at all."""
        with draft_of(features) as draft:
            large = {
                key: open_memmap(draft / self._file(key), "w+", kind, (frames, *shape))
                for key, (shape, kind) in self.rows.items()
            }
            yield large
            for array in large.values():
                array.flush()
            with (draft / f"{self.name}.npz").open("wb") as file:
                named: dict[str, Any] = {**small, "format": np.array(_FORMAT)}
                np.savez(file, mark=np.array(self.mark), **named)

    def _file(self, key: str) -> str:
        return f"{self.name}-{key}.npy"
