"""The weights that an engine may load."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.engines.weights.catalogue import ModelSet, Wanted, sets_for
from pipeline.engines.weights.checking import Depth, Hashed, State, examine, untold
from pipeline.engines.weights.lock import read_lock
from pipeline.errors import WeightsAltered, WeightsMissing


@dataclass(frozen=True)
class Shelf:
    """Where weights stand on this machine."""

    models: Path
    """MODELS_DIR; it need not exist."""
    unverified: Path | None = None
    """A folder in the layout of the engine's set that is loaded unchecked in its place: the operator's risk."""


@dataclass(frozen=True)
class Weights:
    """One set, whole and ready to be loaded.

    Load pickles (``.pth``, ``.pt``, ``.bin``) with ``weights_only=True`` all the same: unverified ones come from anybody.
    """

    set: ModelSet
    folder: Path
    verified: bool
    """Every byte is what was pulled; False: it is the folder that somebody pointed at with ``--unverified``."""

    def path(self, name: str) -> Path:
        """Where a file of the set is, by its path in the catalogue; it exists, maybe under the name it has instead.

        Raises:
            KeyError: The set has no such file.
        """
        wanted = next((file for file in self.set.files if file.path == name), None)
        if wanted is None:
            raise KeyError(name)
        return self.folder / (_there(self.folder, wanted) or wanted.path)


def find(name: str, shelf: Shelf, told: Hashed = untold) -> Weights:
    """Find weights and check them; call this right before they are loaded.

    Args:
        name: A set, or an engine: the first of its sets that is here.
        shelf: Where to look.
        told: Called while files are hashed, which they are the first time and after they were touched.

    Raises:
        WeightsMissing: They are not here, or not all of them; says which command brings them.
        WeightsAltered: They are not what was pulled; says which command mends that.
        ValueError: There are no weights of that name.
    """
    sets = sets_for(name)
    if not sets:
        raise ValueError(f"no weights are called {name!r}")
    if shelf.unverified is not None:
        return _as_given(sets[0], shelf.unverified)
    lock = read_lock(shelf.models)
    pulled = next((each for each in sets if each.name in lock), None)
    if pulled is None:
        raise WeightsMissing(_not_pulled(sets[0], shelf.models))
    files = {file.path: lock[pulled.name].get(file.path) for file in pulled.files}
    unknown = [path for path, file in files.items() if file is None]
    known = {path: file for path, file in files.items() if file is not None}
    state = examine(shelf.models, pulled.name, known, Depth.TOUCHED, told)
    if unknown or not state.usable:
        raise _not_whole(state, unknown)
    return Weights(pulled, shelf.models / pulled.name, verified=True)


def _as_given(wanted: ModelSet, folder: Path) -> Weights:
    missing = [file.path for file in wanted.files if _there(folder, file) is None]
    if missing:
        raise WeightsMissing(
            f"{folder} does not look like the weights {wanted.name!r}: {', '.join(missing)} missing. "
            f"chorus models pull {wanted.name} brings them all."
        )
    return Weights(wanted, folder, verified=False)


def _there(folder: Path, wanted: Wanted) -> str | None:
    """Under which of its names a file is there."""
    names = (wanted.path, *wanted.instead)
    return next((name for name in names if (folder / name).is_file()), None)


def _not_pulled(wanted: ModelSet, models: Path) -> str:
    said = f"The weights {wanted.name!r} are not installed. "
    if (models / wanted.name).is_dir():
        said = f"What is in {models / wanted.name} was not pulled, so nobody knows whether it is right. "
    return f"{said}This installs them: chorus models pull {wanted.name}"


def _not_whole(state: State, unknown: list[str]) -> WeightsMissing | WeightsAltered:
    wrong = ", ".join(
        [text for text in (state.complaint(),) if text] + [f"{path} is missing" for path in unknown]
    )
    said = f"The weights {state.name!r} are not as they should be: {wrong}. This mends them: chorus models pull {state.name}"
    return WeightsAltered(said) if state.altered else WeightsMissing(said)
