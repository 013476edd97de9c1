"""What the adapters know of the catalogue of texts."""

from typing import Literal, Protocol


class Says(Protocol):
    """The catalogue of what the bot says."""

    def __call__(self, language: Literal["en", "zh"], message: str, **args: str | float) -> str:
        """A text in a language."""
        ...
