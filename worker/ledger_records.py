"""How records lie in Redis hashes: what never changes as one JSON, what changes as fields of its own."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from pydantic import TypeAdapter

from worker.contract.records import (
    Archive,
    BatchRecord,
    BatchState,
    Chat,
    ClipRecord,
    ClipResult,
    ClipState,
    MessageRef,
    Order,
    Person,
    Reason,
    TakeRecord,
    TemplateRecord,
)

Fields = Mapping[str, str]
_ARCHIVES: Final = TypeAdapter(tuple[Archive, ...])


def pairs(flat: Sequence[str]) -> dict[str, str]:
    """The fields of a hash, from a script's flat list."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def name_of_chat(chat: Chat) -> str:
    """One word for a chat, whatever its threads."""
    return ":".join(quote(part, safe="") for part in (chat.platform, chat.account, chat.id))


def name_of_member(chat: Chat, person: Person) -> str:
    """One word for a person, in whatever chat of a platform."""
    return ":".join(quote(part, safe="") for part in (chat.platform, chat.account, person.id))


def name_of_person(person: Person) -> str:
    """One word for a person of a chat."""
    return quote(person.id, safe="")


def take_of(fields: Fields) -> TakeRecord:
    """The record of a Take's hash."""
    return TakeRecord.model_validate(
        {
            **json.loads(fields["record"]),
            "state": fields["state"],
            "analyses": int(fields["analyses"]),
            "reason": _reason(fields["reason"]),
            **_facts(fields["facts"]),
        }
    )


def template_of(fields: Fields) -> TemplateRecord:
    """The record of a Template's hash."""
    return TemplateRecord.model_validate(
        {
            **json.loads(fields["record"]),
            "name": fields["name"],
            "state": fields["state"],
            "reason": _reason(fields["reason"]),
            **_facts(fields["facts"]),
        }
    )


def batch_of(batch_id: str, fields: Fields, clips: Sequence[Fields]) -> BatchRecord:
    """The record of a Batch's hash and its Clips' hashes."""
    message = fields.get("message", "")
    return BatchRecord(
        id=batch_id,
        code=fields["code"],
        order=Order.model_validate_json(fields["order"]),
        state=BatchState(fields["state"]),
        created_at=_moment(fields["created_ms"]),
        finished_at=_moment_or_none(fields.get("finished_ms")),
        expired_at=_moment_or_none(fields.get("expired_ms")),
        clips=tuple(_clip_of(number, clip) for number, clip in enumerate(clips, 1)),
        cancelled=fields["cancelled"] == "1",
        round=int(fields["round"]),
        archive_key=fields.get("archive_key"),
        archive_size_bytes=int(fields.get("archive_size", 0)),
        archive_name=fields.get("archive_name"),
        more_archives=_archives(fields.get("more_archives", "")),
        packed_bytes=int(fields.get("packed", 0)),
        progress_message=MessageRef.model_validate_json(message) if message else None,
        reason=_reason(fields["reason"]),
    )


def fields_of_order(order: Order) -> dict[str, str | int]:
    """What the scripts themselves need of an order: who is charged, how it stands in the index, what it costs."""
    return {
        "member": name_of_member(order.chat, order.person),
        "weight": repr(order.weight),
        "urgent": "1" if order.urgent else "",
        "clip_ms": round(order.clip_s * 1000),
        "engine": order.engine,
    }


def optional_fields(batch: BatchRecord) -> dict[str, str]:
    """The fields of a Batch's hash that not every Batch has."""
    message = batch.progress_message
    known = {
        **{name: str(value) for name, value in fields_of_order(batch.order).items()},
        "message": message.model_dump_json() if message else None,
        "finished_ms": _milliseconds(batch.finished_at),
        "expired_ms": _milliseconds(batch.expired_at),
        "archive_key": batch.archive_key,
        "archive_size": str(batch.archive_size_bytes) if batch.archive_key else None,
        "archive_name": batch.archive_name,
        "more_archives": written_archives(batch.more_archives) or None,
    }
    return {name: value for name, value in known.items() if value is not None}


def fields_of_clip(clip: ClipRecord, gone: str) -> tuple[str | int, ...]:
    """The values of a Clip's hash, in the order ``restore_batch`` has; ``gone`` is said should its Template be."""
    return (
        clip.template_id,
        clip.template_name,
        clip.template_file,
        gone,
        clip.state,
        clip.done,
        clip.total,
        clip.attempts,
        clip.reason.model_dump_json() if clip.reason else "",
        clip.result.model_dump_json() if clip.result else "",
        *(_milliseconds(at) or "" for at in (clip.queued_at, clip.started_at, clip.ended_at)),
    )


def _clip_of(number: int, fields: Fields) -> ClipRecord:
    result = fields["result"]
    return ClipRecord(
        number=number,
        template_id=fields["template"],
        template_name=fields["name"],
        template_file=fields["file"],
        state=ClipState(fields["state"]),
        done=int(fields["done"]),
        total=int(fields["total"]),
        attempts=int(fields["attempts"]),
        reason=_reason(fields["reason"]),
        result=ClipResult.model_validate_json(result) if result else None,
        queued_at=_moment_or_none(fields.get("queued_ms")),
        started_at=_moment_or_none(fields.get("started_ms")),
        ended_at=_moment_or_none(fields.get("ended_ms")),
    )


def written_archives(archives: Sequence[Archive]) -> str:
    """Parts of an Archive as they lie in a hash; empty for none."""
    return _ARCHIVES.dump_json(tuple(archives)).decode() if archives else ""


def _archives(written: str) -> tuple[Archive, ...]:
    return _ARCHIVES.validate_json(written) if written else ()


def _reason(written: str) -> Reason | None:
    return Reason.model_validate_json(written) if written else None


def _facts(written: str) -> dict[str, Any]:
    return dict(json.loads(written)) if written else {}


def _milliseconds(moment: datetime | None) -> str | None:
    return None if moment is None else str(round(moment.timestamp() * 1000))


def _moment_or_none(written_ms: str | None) -> datetime | None:
    return _moment(written_ms) if written_ms else None


def _moment(written_ms: str) -> datetime:
    return datetime.fromtimestamp(int(written_ms) / 1000, UTC)
