"""Putting videos into the library, and taking them out: the objects and the record together."""

import asyncio
import hashlib
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path

from worker.contract import keys
from worker.contract.ports import Ledger, ObjectStore
from worker.contract.records import TemplateRecord, TemplateState

_CHUNK_BYTES = 1 << 20


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _measure(path: Path) -> tuple[str, int]:
    return sha256_of(path), path.stat().st_size


async def add_to_library(
    ledger: Ledger,
    store: ObjectStore,
    path: Path,
    name: str | None = None,
    *,
    file_name: str | None = None,
) -> TemplateRecord:
    """Have a video prepared as a Template and return its record, as it stands now.

    The same bytes are the same Template: one that is there (or was refused) is returned as it is, unless
    another ``name`` is asked for. ``file_name`` is what it was called where it came from.
    """
    sha256, size_bytes = await asyncio.to_thread(_measure, path)
    for known in await ledger.templates():
        if known.sha256 == sha256 and name in {None, known.name}:
            if known.state is not TemplateState.FAILED:
                return known
            await remove_from_library(ledger, store, known)  # an incident of ours: once more
    template_id = f"{int(time.time() * 1000):011x}{secrets.token_hex(4)}"
    await store.put_file(keys.template(template_id, "source"), path)
    return await ledger.add_template(
        TemplateRecord(
            id=template_id,
            name=name or path.stem,
            file_name=file_name or path.name,
            sha256=sha256,
            size_bytes=size_bytes,
            created_at=datetime.now(UTC),
        )
    )


async def remove_from_library(ledger: Ledger, store: ObjectStore, template: TemplateRecord) -> None:
    """Forget a Template and remove its objects; what was computed of the video stays while others share it."""
    await ledger.remove_template(template.id)
    doomed = [facts.key async for facts in store.list(keys.template(template.id, ""))]
    if all(other.sha256 != template.sha256 for other in await ledger.templates()):
        doomed += [facts.key async for facts in store.list(keys.prepared(template.sha256, ""))]
    doomed += [facts.key async for facts in store.list(keys.LINEUPS)]  # it may be seen there
    for key in doomed:
        await store.delete(key)
