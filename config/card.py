"""What a process shows of itself on the roster."""

import contextlib
import os
import secrets
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from config.nvml import gpu_memory
from config.redaction import Redactor, secrets_of
from config.settings import Settings
from worker.roster import Card


def card_maker(
    settings: Settings,
    role: Literal["worker", "front end"],
    *,
    name: str | None = None,
    device: str = "",
    gpu: str | None = None,
    slots: int = 0,
    trouble: Callable[[], str] = str,
    platforms: tuple[str, ...] = (),
) -> Callable[[], Card]:
    """Makes the card as it is at each moment; blocks shortly.

    Args:
        settings: Of this machine.
        role: Which side of Chorus the process is.
        name: None: one is made.
        device: Where a worker computes.
        gpu: The UUID of the GPU that this is, if it is one.
        slots: Clips that a worker renders at a time.
        trouble: Tells why a worker has no engine now; empty while it has.
        platforms: Chats that a front end serves.
    """
    host, since = socket.gethostname(), datetime.now(UTC)
    redactor = Redactor(secrets_of(settings))
    named = name or f"{host}-{os.getpid()}-{secrets.token_hex(4)}"

    def card() -> Card:
        memory = gpu_memory(gpu) if gpu else None
        return Card(
            name=named,
            role=role,
            host=host,
            pid=os.getpid(),
            since=since,
            engine=settings.engine if role == "worker" else "",
            device=device,
            slots=slots,
            engine_trouble=redactor.value(trouble()),
            platforms=platforms,
            disk_free_bytes=_free(settings.data_dir),
            gpu_used_bytes=memory[0] if memory else None,
            gpu_total_bytes=memory[1] if memory else None,
        )

    return card


def _free(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free
    return 0
