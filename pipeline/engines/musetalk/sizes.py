"""Sizes that the published networks have."""

from typing import Final

FACE_PX: Final = 256
"""Side of the square face that is generated."""
PARSED_PX: Final = 512
"""Side of the picture that the face parser looks at."""
