"""Putting videos into the library, and taking them out: the objects and the record together."""

import asyncio
import contextlib
import hashlib
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path

from bot.picks import means_something
from worker.contract import keys
from worker.contract.ports import Ledger, ObjectStore
from worker.contract.records import TemplateRecord, TemplateState

_CHUNK_BYTES = 1 << 20
_RECORD = "template.json"
"""Of a Template, and of what was computed of its video."""


def name_of_file(file_name: str) -> str:
    """What a Template is called whose maker gave no name: as its file, so that it can be typed."""
    stem = file_name.rpartition(".")[0] or file_name
    return next((name for name in (stem, file_name) if not means_something(name)), f"“{file_name}”")


def readable(file_name: str) -> str:
    """A file's name as text: one that is not UTF-8 comes from an old Chinese system, or is read as far as it can be."""
    try:
        raw = file_name.encode("utf-8", "surrogateescape")  # as Python holds names it cannot read
    except UnicodeEncodeError:  # half a letter, out of a platform's JSON
        return file_name.encode("utf-8", "replace").decode()
    for encoding in ("utf-8", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    return raw.decode("utf-8", "replace")


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
    name = name and readable(name)
    sha256, size_bytes = await asyncio.to_thread(_measure, path)
    for known in await ledger.templates():
        if known.sha256 == sha256 and name in {None, known.name}:
            if known.state is not TemplateState.FAILED:
                return known
            await remove_from_library(ledger, store, known)  # an incident of ours: once more
    template_id = f"{int(time.time() * 1000):011x}{secrets.token_hex(4)}"
    record = TemplateRecord(
        id=template_id,
        name=name or name_of_file(readable(path.name)),
        file_name=readable(file_name or path.name),
        sha256=sha256,
        size_bytes=size_bytes,
        created_at=datetime.now(UTC),
    )
    await store.put_file(keys.template(template_id, "source"), path)
    # From which it would be brought back, should Redis lose it before it is prepared.
    await store.put_bytes(keys.template(template_id, _RECORD), record.model_dump_json().encode())
    return await ledger.add_template(record)


async def remove_from_library(ledger: Ledger, store: ObjectStore, template: TemplateRecord) -> None:
    """Remove a Template's objects and forget it; what was computed of the video stays while others share it.

    Its record goes first, from which it would be brought back, and the ledger's last: after an outage of the store it can
    still be named, and removed to the end.
    """
    doomed = [facts.key async for facts in store.list(keys.template(template.id, ""))]
    others = [other for other in await ledger.templates() if other.id != template.id]
    if all(other.sha256 != template.sha256 for other in others):
        doomed += [facts.key async for facts in store.list(keys.prepared(template.sha256, ""))]
    doomed += [facts.key async for facts in store.list(keys.LINEUPS)]  # it may be seen there
    # Records before what they speak of: half of it counts as nothing, here as in what was computed.
    for key in sorted(doomed, key=lambda key: not key.endswith(f"/{_RECORD}")):
        await store.delete(key)
    await ledger.remove_template(template.id)
