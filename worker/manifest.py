"""What an Archive holds: the videos, a manifest for programs that says what became of every Clip, a report for people."""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from worker.contract.codes import Code
from worker.contract.names import clip_name
from worker.contract.ports import ArchiveEntry
from worker.contract.records import BatchRecord, ClipRecord, ClipState, TakeRecord

MANIFEST: Final = "manifest.json"
REPORT: Final = "report.txt"

_HEADERS_BYTES: Final = 200
"""At least what a ZIP needs for an entry beside its content and, twice, its name."""
_END_BYTES: Final = 200
_NAMING_BYTES: Final = 400
"""At most what the manifest and the report need to say in which Archive a video is."""

Report = Callable[[BatchRecord, TakeRecord | None, Mapping[str, str]], str]
"""Writes what became of a Batch for people, in the language of who ordered; the same for the same Batch.

It gets, by the name of a video, the name of the Archive it is in, where there are several.
"""


def clips_of(batch: BatchRecord) -> list[ArchiveEntry]:
    """The Clips that are done, under names people can use."""
    return [
        ArchiveEntry(
            clip_name(clip.number, clip.template_name),
            clip.result.size_bytes,
            clip.result.crc32,
            key=clip.result.key,
        )
        for clip in batch.clips
        if clip.state is ClipState.DONE and clip.result
    ]


def written_of(files: Mapping[str, bytes]) -> list[ArchiveEntry]:
    """Files whose bytes stand in the Archive only."""
    return [
        ArchiveEntry(name, len(content), zlib.crc32(content), content=content)
        for name, content in files.items()
    ]


def parts_of(
    clips: Sequence[ArchiveEntry], beside: Sequence[ArchiveEntry], most_bytes: int
) -> list[list[ArchiveEntry]]:
    """Share Clips out, in their order, so that each Archive of some of them stays below a size; what is larger alone is alone.

    Args:
        clips: The videos.
        beside: What stands in every one of the Archives.
        most_bytes: Of an Archive.
    """
    besides = sum(_room(entry) for entry in beside) + _END_BYTES + _NAMING_BYTES * len(clips)
    parts: list[list[ArchiveEntry]] = [[]]
    filled = besides
    for clip in clips:
        if parts[-1] and filled + _room(clip) > most_bytes:
            parts.append([])
            filled = besides
        parts[-1].append(clip)
        filled += _room(clip)
    return parts


def _room(entry: ArchiveEntry) -> int:
    return entry.size_bytes + _HEADERS_BYTES + 2 * len(entry.name.encode())


def manifest_of(
    batch: BatchRecord,
    take: TakeRecord | None,
    captions: Sequence[str] = (),
    archives: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What was asked, and what became of every Clip, with the names the files came under.

    Args:
        batch: With its Clips.
        take: The recording; None if the ledger no longer knows it.
        captions: Names of the files of captions.
        archives: By the name of a video the name of the Archive it is in, where there are several.
    """
    archives = archives or {}
    order = batch.order
    return {
        "batch": batch.id,
        "code": batch.code,
        "round": batch.round,
        "ordered_at": batch.created_at.isoformat(),
        "take": {
            "id": order.take_id,
            "sha256": order.take_id,
            "file": order.take_name,
            "seconds": take.duration_s if take else None,
            "analyses": take.analyses if take else None,
            "remarks": [each.model_dump(mode="json") for each in take.remarks] if take else None,
        },
        "engine": order.engine,
        "options": order.options.model_dump(mode="json"),
        "captions": list(captions),
        "clips": [_clip_in_manifest(batch, clip, archives) for clip in batch.clips],
    }


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """As it is written."""
    return json.dumps(manifest, ensure_ascii=False, indent=2).encode()


def report_bytes(report: str) -> bytes:
    """As it is written: Windows shows it right, Chinese too, in its oldest editor."""
    return report.replace("\n", "\r\n").encode("utf-8-sig")


def _clip_in_manifest(
    batch: BatchRecord, clip: ClipRecord, archives: Mapping[str, str]
) -> dict[str, Any]:
    name = clip_name(clip.number, clip.template_name)
    there = clip.state is ClipState.DONE
    missing = clip.reason is not None and clip.reason.code is Code.CLIP_GONE
    told: dict[str, Any] = {
        "order": batch.code,
        "number": clip.number,
        "name": name if there else None,
        "archive": archives.get(name),
        "template": clip.template_name,
        "template_file": clip.template_file,
        "take_file": batch.order.take_name,
        "state": "missing" if missing else clip.state,
        "reason": clip.reason.model_dump(mode="json", exclude_none=True) if clip.reason else None,
    }
    for field in ("queued_at", "started_at", "ended_at"):
        moment = getattr(clip, field)
        told[field] = moment.isoformat() if moment else None
    if clip.result and there:
        told |= clip.result.model_dump(mode="json", exclude={"key", "crc32"})
    return told
