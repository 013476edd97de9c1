"""Engines by name."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pipeline.engines.gathering import Gathering
from pipeline.engines.names import EMBEDDED, NEURAL
from pipeline.engines.port import ANY_HARDWARE, Hardware, LipSync
from pipeline.engines.viseme.engine import VisemeEngine
from pipeline.engines.weights.catalogue import sets_for
from pipeline.engines.weights.checking import Hashed, untold
from pipeline.engines.weights.finding import Shelf, Weights, find
from pipeline.errors import EngineUnavailable, WeightsMissing

_EXTRA: Final = ("torch", "diffusers", "transformers", "soxr")
"""What the extra ``neural`` installs that they cannot do without."""

NO_SHELF: Final = Shelf(Path("models"))
"""Of whoever opens engines that need no weights."""


def open_engine(name: str, shelf: Shelf = NO_SHELF, hardware: Hardware = ANY_HARDWARE) -> LipSync:
    """Make an engine ready for use: its models are loaded, and warmed where they run on a GPU.

    Args:
        name: ``viseme``, ``musetalk``, ``latentsync``, or one of their sets of weights (``latentsync-1.6``).
        shelf: Where weights stand.
        hardware: What models run on.

    Raises:
        EngineUnavailable: There is no engine of that name, or it cannot be used here; says what to do.
    """
    weights = engine_weights(name, shelf)
    if weights is None:
        return VisemeEngine()
    if weights.set.engine == "musetalk":
        # PyTorch takes seconds to load, and need not be installed.
        from pipeline.engines.musetalk.engine import open_musetalk  # noqa: PLC0415

        return Gathering(open_musetalk(weights, hardware))
    from pipeline.engines.latentsync.engine import open_latentsync  # noqa: PLC0415

    # A Window is a call of its own: more of them at once would only keep whoever asks to stop waiting.
    return Gathering(open_latentsync(name, weights, hardware), windows=1)


def engine_weights(name: str, shelf: Shelf, told: Hashed = untold) -> Weights | None:
    """Find out whether an engine can be opened, without loading it: its weights, checked; None if it needs none.

    Args:
        name: As for ``open_engine``.
        shelf: Where weights stand.
        told: Called while files are hashed.

    Raises:
        EngineUnavailable: There is no engine of that name, or the extra or its weights are missing; says which
            commands install them.
    """
    if name == EMBEDDED:
        return None
    wanted = next((each for each in sets_for(name) if each.engine in NEURAL), None)
    if wanted is None:
        known = ", ".join((EMBEDDED, *NEURAL))
        raise EngineUnavailable(f"There is no engine {name!r}; choose one of {known}.")
    bare = [module for module in _EXTRA if find_spec(module) is None]
    try:
        weights = find(name, shelf, told)
    except WeightsMissing as missing:
        if bare:
            raise EngineUnavailable(f"{_no_extra(name)} {missing}") from None
        raise
    if bare:
        raise EngineUnavailable(_no_extra(name))
    return weights


def _no_extra(name: str) -> str:
    return f"The engine {name!r} needs what is not installed here: uv sync --extra neural."
