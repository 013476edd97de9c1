"""What is worth saying about material that is used all the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CLIPPED: Final = "clipped"
"""The recording was too loud for the microphone. Facts: ``share`` (0-1 of the time somebody speaks)."""
NOISY: Final = "noisy"
"""There is much noise between the words. Facts: ``snr_db``, how far speech is above it."""
BROKEN_OFF: Final = "broken_off"
"""The file ends before its time. Facts: ``seconds`` (what decodes), ``declared_s``."""


@dataclass(frozen=True)
class Remark:
    """One remark; as plain JSON {"code": ..., "facts": {...}}."""

    code: str
    facts: Mapping[str, float]
