"""Engines by name."""

from typing import Final

from pipeline.engines.port import LipSync
from pipeline.engines.viseme.engine import VisemeEngine
from pipeline.errors import EngineUnavailable

EMBEDDED: Final = "viseme"
"""The engine that works everywhere."""
NEURAL: Final = ("musetalk", "latentsync")
"""Engines with weights, for a GPU; this version brings none of them yet."""


def open_engine(name: str) -> LipSync:
    """Make an engine ready for use.

    Raises:
        EngineUnavailable: There is no engine of that name, or it cannot be used here; says what to do.
    """
    if name == EMBEDDED:
        return VisemeEngine()
    if name in NEURAL:
        raise EngineUnavailable(
            f"The engine {name!r} needs a GPU, the extra 'neural' (uv sync --extra neural) and its weights, "
            f"and this version cannot run it yet; use {EMBEDDED!r}, which needs neither."
        )
    known = ", ".join((EMBEDDED, *NEURAL))
    raise EngineUnavailable(f"There is no engine {name!r}; choose one of {known}.")
