"""The label inside the file: who made it, as JSON under the key ``AIGC`` of an MP4's ``moov/udta/meta`` (handler ``mdta``).

Seven fields of text (GB 45438-2025, annex): whether it is made by AI, who produced and who spread it and under which
number, and two reserved ones for signatures. Who produced it is the first to spread it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

KEY: Final = "AIGC"
_MADE_BY_AI: Final = "1"
"""It is; 2 would be: it may be, 3: it is suspected to be."""
_FORBIDDEN: Final = "\"'\\"


@dataclass(frozen=True)
class EmbeddedLabel:
    """What one Clip says of itself.

    Raises:
        ValueError: A value is empty, or holds something else than printable single-byte characters without spaces, quotes
            and backslashes; the message says which and why.
    """

    producer: str
    produce_id: str

    def __post_init__(self) -> None:
        for name, value in (("producer", self.producer), ("produce_id", self.produce_id)):
            check_value(name, value)

    def fields(self) -> dict[str, object]:
        """Give the seven fields, in the order of the standard."""
        return {
            "Label": _MADE_BY_AI,
            "ContentProducer": self.producer,
            "ProduceID": self.produce_id,
            "ReservedCode1": "",
            "ContentPropagator": self.producer,
            "PropagateID": self.produce_id,
            "ReservedCode2": "",
        }

    def as_metadata(self) -> dict[str, str]:
        """Give what is to be written into the container."""
        return {KEY: json.dumps(self.fields(), separators=(",", ":"))}


def check_value(name: str, value: str) -> None:
    """Refuse what no field of the label may hold.

    Args:
        name: Of the value, for the message.
        value: To be written.

    Raises:
        ValueError: See ``EmbeddedLabel``.
    """
    if not value:
        raise ValueError(f"{name} of the AI label is empty")
    for letter in value:
        if not "!" <= letter <= "~" or letter in _FORBIDDEN:
            raise ValueError(
                f"{name} of the AI label holds {letter!r}: only printable ASCII is allowed, "
                "without spaces, quotes and backslashes"
            )


def label_of(metadata: Mapping[str, str]) -> dict[str, object] | None:
    """Find the label in a container's metadata, anyone's; None where there is none or it is no JSON object."""
    for key, text in metadata.items():
        if key.upper() == KEY:
            try:
                label = json.loads(text, parse_constant=_refuse)
            except (ValueError, RecursionError):  # the latter: brackets nested thousands deep
                return None
            return label if isinstance(label, dict) else None
    return None


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON, and could not be printed as such again."""
    raise ValueError(constant)
