"""The engines there are, without loading any of them."""

from typing import Final

EMBEDDED: Final = "viseme"
"""The engine that works everywhere."""
NEURAL: Final = ("musetalk", "latentsync")
"""Engines with weights, for a GPU."""
