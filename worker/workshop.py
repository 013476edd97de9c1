"""What every kind of work has at hand, and how work says that it cannot be done."""

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from worker.cache import Cache
from worker.contract.codes import Code
from worker.contract.ports import ObjectStore
from worker.contract.records import Reason
from worker.ledger import RedisLedger


class Impossible(Exception):
    """The work cannot be done, for a reason people are told."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


def refusal(code: Code | str, **facts: str | float) -> Impossible:
    """An ``Impossible`` that is the person's to change."""
    return Impossible(Reason(code=Code(code), facts=facts))


@dataclass(frozen=True)
class Workshop:
    """Ledger, store and disk, shared by all work of one foreman."""

    ledger: RedisLedger
    store: ObjectStore
    cache: Cache
    scratch: Path
    """Holds one folder for each piece of work, while it lasts."""

    @contextlib.contextmanager
    def own_folder(self) -> Iterator[Path]:
        """A scratch folder that is gone afterwards."""
        folder = self.new_folder()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def new_folder(self) -> Path:
        """A scratch folder that is the caller's to remove."""
        folder = self.scratch / uuid.uuid4().hex
        folder.mkdir(parents=True)
        return folder
