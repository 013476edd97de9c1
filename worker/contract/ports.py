"""The ports of the working side, as the bot, the door and the stores see them."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from worker.contract.records import (
    Allowance,
    BatchRecord,
    Chat,
    Fact,
    Lineup,
    MessageRef,
    Order,
    Outlook,
    Person,
    Reason,
    TakeRecord,
    TemplateRecord,
    UnderWay,
    Utterance,
)


class StoreUnavailable(Exception):
    """The object store cannot be reached or refuses us: an Outage, to be tried again with backoff."""


class StoreRefused(StoreUnavailable):
    """The store will hardly take this however often it is asked; a few more tries may show an upload anew."""


class StoreForbids(StoreUnavailable):
    """The store does not let us: nothing at all, while keys or rights are wrong, or just not this."""


class ObjectMissing(Exception):
    """There is no such object (any more)."""


class LedgerUnavailable(Exception):
    """Redis cannot be reached, or has no memory or disk left: an Outage; any call of the Ledger but its streams may raise it."""


class LimitReached(Exception):
    """More than is allowed was ordered; nothing was opened. The reason names the limit."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


@dataclass(frozen=True)
class ObjectFacts:
    """What a store knows of an object."""

    key: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class Link:
    """A signed URL that downloads one object."""

    url: str
    lasts_s: int
    """From now; less than was asked for where what signs it ends before."""
    sure: bool = True
    """False: what signs it ends at a time nobody knows, and the Link with it."""


@dataclass(frozen=True)
class Lifecycle:
    """What a store was brought to do by itself, with Takes, Clips and Archives."""

    retention_days: int | None = None
    """Deleted after so many days; None: nothing is, we sweep ourselves."""
    cold_days: int | None = None
    """To a cheaper class after so many days; None: the store has none, refuses it, or would delete them before."""
    old_versions: bool = True
    """What deleting leaves in a bucket with versions goes after a day; False: the store refuses that."""
    cold_refusal: str = ""
    """What it answered to that, where it is not plain that it has none."""
    refusal: str = ""
    """Why nothing was set."""


@dataclass(frozen=True)
class ArchiveEntry:
    """One file of an Archive: either an object of the store or bytes of its own (the manifest)."""

    name: str
    """Name inside the ZIP; flat, safe on Windows."""
    size_bytes: int
    crc32: int
    key: str | None = None
    content: bytes | None = None


class ObjectStore(Protocol):
    """Where the bytes are. Keys are spelled by ``worker.contract.keys``; every call may raise StoreUnavailable.

    Objects never change under their key, except small JSON records, which are replaced whole.
    """

    async def put_file(
        self, key: str, path: Path, content_type: str = "application/octet-stream"
    ) -> None:
        """Store a file; it appears whole or not at all."""
        ...

    async def put_bytes(
        self, key: str, content: bytes, content_type: str = "application/json"
    ) -> None:
        """Store a small object; it appears whole or not at all."""
        ...

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], size_bytes: int) -> None:
        """Store what a stream yields, whose size is known beforehand, in flat memory."""
        ...

    async def put_archive(
        self,
        key: str,
        entries: Sequence[ArchiveEntry],
        modified_at: datetime,
        near: Mapping[str, Path] | None = None,
        noted: Callable[[int], None] | None = None,
    ) -> int:
        """Make a ZIP (stored, not deflated) of objects of this store; returns its exact size in bytes.

        ``near`` names files of this machine that hold what lies under a key; they may go at any time. ``noted`` hears, in the
        loop, how many further bytes lie in the store, where that takes time. The same entries give the same bytes. Raises
        ObjectMissing naming the key of a missing entry.
        """
        ...

    async def get_file(self, key: str, path: Path) -> None:
        """Fetch an object into a file; raises ObjectMissing."""
        ...

    async def get_bytes(self, key: str) -> bytes:
        """Fetch a small object; raises ObjectMissing."""
        ...

    def open_range(self, key: str, start: int, size_bytes: int) -> AsyncIterator[bytes]:
        """Yield ``size_bytes`` bytes from ``start``; raises ObjectMissing."""
        ...

    def local_path(self, key: str) -> Path | None:
        """Where the object's bytes lie as one file of this machine, to be read only; None if nowhere."""
        ...

    def is_virtual(self, key: str) -> bool:
        """Whether the object is computed while it is read, and takes no room."""
        ...

    async def clear_unfinished(self) -> None:
        """Clear away what uploads left that broke off a day ago or before."""
        ...

    async def stat(self, key: str) -> ObjectFacts:
        """Raises ObjectMissing; for an Archive also when one of its entries is gone."""
        ...

    def list(self, prefix: str) -> AsyncIterator[ObjectFacts]:
        """Every object whose key begins with ``prefix``."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; no error if it is gone already."""
        ...

    async def sign(self, key: str, lifetime_s: int, filename: str) -> Link:
        """A Link that downloads the object under ``filename`` (UTF-8) until the lifetime ends, or what signs it."""
        ...

    async def keeps_versions(self) -> bool:
        """Whether what is deleted stays as an old version, as far as the store says so."""
        ...

    async def apply_lifecycle(self, cold_days: int, retention_days: int) -> Lifecycle:
        """Ask the store to expire Takes, Clips and Archives by itself; tells what came of it."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Ledger(Protocol):
    """Who ordered what and how far it is: the truth, in Redis. Every change is atomic and may be repeated."""

    async def is_blank(self) -> bool:
        """Whether what the store remembers may be missing here: Redis lost its memory, or is new. Nothing may go then."""
        ...

    async def open_take(self, take: TakeRecord, teller: Utterance | None = None) -> TakeRecord:
        """Have a recording analysed, unless it is or was already; its bytes are in the store.

        ``teller`` is put into the outbox once the Take is settled (at once if it is). A FAILED Take is
        analysed again. Returns the record as it stands.
        """
        ...

    async def take(self, take_id: str) -> TakeRecord | None:
        """None if unknown."""
        ...

    async def takes_ordered(self) -> frozenset[str]:
        """Ids of the Takes of all Batches there are, of anybody; those that expired need theirs no longer."""
        ...

    async def pictures_ordered(self) -> frozenset[str]:
        """SHA-256 of the pictures behind the presenters of all Batches there are, likewise."""
        ...

    async def remove_take(self, take_id: str) -> bool:
        """Forget a Take that nobody uses any more (its objects are removed by the caller); False if it is being analysed."""
        ...

    async def add_template(self, template: TemplateRecord) -> TemplateRecord:
        """Have a video prepared; its bytes are in the store. A taken name gets a number behind it."""
        ...

    async def templates(self) -> Sequence[TemplateRecord]:
        """The library, by name; without withdrawn ones."""
        ...

    async def template(self, template_id: str) -> TemplateRecord | None:
        """None if unknown."""
        ...

    async def preparing(self, template_ids: Collection[str]) -> frozenset[str]:
        """Which of these Templates are still being prepared."""
        ...

    async def remove_template(self, template_id: str) -> None:
        """Forget a Template (its objects are removed by the caller)."""
        ...

    async def open_lineup(self, lineup: Lineup, chat: Chat, person: Person) -> None:
        """Have a picture of Templates drawn, for somebody; it appears in the store."""
        ...

    async def open_batch(self, order: Order, allowance: Allowance | None = None) -> BatchRecord:
        """Make a Batch of an order; the same order key gives the same Batch.

        ``allowance`` is checked in the same step. Raises LimitReached.
        """
        ...

    async def batch(self, batch_id: str) -> BatchRecord | None:
        """None if unknown."""
        ...

    async def batch_by_code(self, code: str) -> BatchRecord | None:
        """Whatever the case of the letters; None if unknown."""
        ...

    async def history(
        self, chat: Chat, person: Person | None, offset: int, limit: int
    ) -> Sequence[BatchRecord]:
        """Batches of a chat (of one person if given), newest first."""
        ...

    async def under_way(
        self, chat: Chat, person: Person | None, looked: int, told: int
    ) -> UnderWay:
        """What is still to come in a chat (for one person if given), in one step.

        Only so many of the newest Batches are looked through, and so many of those told.
        """
        ...

    async def active_batches(self, mailbox: str) -> Sequence[str]:
        """Ids of the Batches of a mailbox about which something is still to be told."""
        ...

    async def outlook(self, batch_id: str) -> Outlook:
        """Who comes before this Batch, and how long it will still take."""
        ...

    async def cancel(self, batch_id: str) -> BatchRecord | None:
        """End a Batch: waiting Clips are taken out, running ones asked to stop, done ones kept. None if unknown.

        A Batch with done Clips still gets an Archive of them and ends as cancelled.
        """
        ...

    async def retry(self, batch_id: str, allowance: Allowance | None = None) -> BatchRecord | None:
        """Set the failed and cancelled Clips of an ended Batch waiting again, in a new round; None if nothing is to retry.

        ``allowance`` is checked in the same step. Raises LimitReached.
        """
        ...

    async def forget_batch(self, batch_id: str) -> None:
        """Remove an ended Batch from the ledger (its objects are removed by the caller)."""
        ...

    async def note_progress_message(self, batch_id: str, message: MessageRef | None) -> None:
        """Remember which message shows the progress."""
        ...

    async def close_batch(self, batch_id: str, round_: int) -> BatchRecord | None:
        """The chat took (or finally refused) the Outcome of this round: ready becomes delivered or partial."""
        ...

    def facts(self) -> AsyncIterator[Fact]:
        """What happens, from now on; ends only by cancellation. Survives reconnects."""
        ...

    def outbox(self, mailbox: str, consumer: str) -> AsyncIterator[tuple[str, Utterance]]:
        """What is to be told through a mailbox: (entry, utterance); first what another consumer left unfinished.

        An entry comes again, to somebody, until ``told`` is called for it.
        """
        ...

    async def told(self, mailbox: str, entry: str) -> None:
        """The chat took it, or finally refused it."""
        ...

    async def counted(self, since: datetime) -> Mapping[str, float]:
        """What all processes counted since the hour of a moment, at most eight days ago, by name (``worker/contract/figures.py``)."""
        ...

    async def workers(self) -> int:
        """Foremen alive."""
        ...

    async def engines(self) -> tuple[str, ...]:
        """Engines that every foreman alive can run; none while there is no foreman, or all are starting."""
        ...
