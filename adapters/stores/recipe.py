"""What stands on the disk for an Archive that is not written: the list of what it is made of."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from worker.contract.ports import ArchiveEntry
from worker.contract.virtual_zip import VirtualZip


class Ingredient(BaseModel):
    """One ArchiveEntry, as JSON."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    name: str
    size_bytes: int
    crc32: int
    key: str | None
    content: bytes | None


class Recipe(BaseModel):
    """A VirtualZip, as JSON."""

    model_config = ConfigDict(frozen=True)

    modified_at: datetime
    size_bytes: int
    """Of the whole ZIP; so that listing need not lay it out."""
    entries: tuple[Ingredient, ...]

    @classmethod
    def of(cls, entries: Sequence[ArchiveEntry], whole: VirtualZip, moment: datetime) -> "Recipe":
        """Write down what a ZIP is made of."""
        ingredients = tuple(Ingredient(**vars(entry)) for entry in entries)
        return cls(modified_at=moment, size_bytes=whole.size_bytes, entries=ingredients)

    def zip(self) -> VirtualZip:
        """Lay the ZIP out again: the same bytes as the first time."""
        entries = [ArchiveEntry(**entry.model_dump()) for entry in self.entries]
        return VirtualZip(entries, self.modified_at)
