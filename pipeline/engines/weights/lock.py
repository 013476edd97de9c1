"""``models.lock`` in MODELS_DIR: which file of which revision each set was pulled from, and its hash.

JSON: ``{"version": 1, "models": {set: {path: {"repository", "revision", "source", "size_bytes", "sha256"}}}}``. What stands
in it, later pulls hold to. To take a newer revision, delete the set's entry and pull again.
"""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pipeline.errors import WeightsAltered

LOCK: Final = "models.lock"
_VERSION: Final = 1
_SHA256: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class LockedFile:
    """One file as it was pulled first."""

    repository: str
    revision: str
    """Commit, 40 hex digits."""
    source: str
    """Its path in the repository."""
    size_bytes: int
    sha256: str


Lock = Mapping[str, Mapping[str, LockedFile]]
"""Per set, per path below the set's folder."""


def read_lock(models: Path) -> Lock:
    """Read what was pulled into MODELS_DIR; empty if nothing was.

    Raises:
        WeightsAltered: The file is not one of ours, or was damaged; says what to do.
    """
    path = models / LOCK
    try:
        told = json.loads(path.read_text("utf-8"))
        return {
            name: {file: _locked(file, facts) for file, facts in files.items()}
            for name, files in _models(told).items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsAltered(
            f"{path} cannot be read ({type(error).__name__}: {error}). Put back a copy of it, or delete it and pull "
            "again: chorus models pull NAME."
        ) from None


def _models(told: Mapping[str, Any]) -> Mapping[str, Any]:
    if told["version"] != _VERSION:
        raise ValueError(f"version {told['version']}, not {_VERSION}")
    models: Mapping[str, Any] = told["models"]
    return models


def _locked(path: str, facts: Mapping[str, Any]) -> LockedFile:
    inside = PurePosixPath(path)
    file = LockedFile(**facts)
    if inside.is_absolute() or ".." in inside.parts or not _SHA256.fullmatch(file.sha256):
        raise ValueError(f"{path!r} has no place there")
    return file


def write_lock(models: Path, lock: Lock) -> None:
    """Write what was pulled; whoever reads meanwhile finds the old one or the new one. Raises OSError."""
    written = {
        name: {path: asdict(file) for path, file in sorted(files.items())}
        for name, files in sorted(lock.items())
    }
    write_json(models / LOCK, {"version": _VERSION, "models": written})


def write_json(path: Path, value: object) -> None:
    """Replace a file by JSON, whole or not at all. Raises OSError."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
    ) as draft:
        try:
            json.dump(value, draft, indent=1)
            draft.write("\n")
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).chmod(0o644)
            Path(draft.name).replace(path)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
