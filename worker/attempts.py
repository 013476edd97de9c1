"""What attempts at a Clip left in the store: one that is whole counts, whoever made it."""

import contextlib
from datetime import datetime

from pydantic import ValidationError

from worker.contract import keys
from worker.contract.ports import ObjectMissing, ObjectStore
from worker.contract.records import ClipResult


async def finished_attempt(
    store: ObjectStore, batch_id: str, number: int
) -> tuple[ClipResult, datetime] | None:
    """A finished Clip whose bytes are there, and when it was finished; None without one. Raises StoreUnavailable."""
    beginning = keys.clip_attempts(batch_id, number)
    records = [
        facts async for facts in store.list(beginning) if facts.key.endswith(keys.CLIP_RESULT)
    ]
    for facts in records:
        with contextlib.suppress(ObjectMissing, ValidationError):
            result = ClipResult.model_validate_json(await store.get_bytes(facts.key))
            if (await store.stat(result.key)).size_bytes == result.size_bytes:
                return result, facts.modified_at
    return None
