"""What the operator decided, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from worker.contract.archives import MOST_BYTES

Cloud = Literal["none", "off", "only", "on"]
"""Whether links may lead to a cloud store: there is none; there is one, but not for links; there is no other way; as people like."""


@dataclass(frozen=True)
class BotPolicy:
    """The settings the bot obeys; read once, in the wiring."""

    scratch: Path
    """A private folder for files on their way into the store."""
    admins: tuple[str, ...] = ()
    """Entries like ``telegram:user:42``."""
    allow: tuple[str, ...] = ()
    """Entries like ``telegram:chat:-100123`` or ``wecom:user:li``; nobody else is admitted."""
    label_waiver: tuple[str, ...] = ()
    """Entries likewise: who may order without the visible label, once they accepted the duty."""
    max_clips_per_batch: int = 50
    max_clips_per_chat_batch: int | None = None
    """Where several people talk; None: as many as anybody."""
    max_take_s: int = 600
    link_lifetime_s: int = 86_400
    retention_s: int | None = None
    """So long recordings, videos and ZIPs are kept; None: nobody clears them away."""
    cloud: Cloud = "none"
    most_archive_bytes: int = MOST_BYTES
    """Of one ZIP; what is larger comes in several, unless the person wants it otherwise."""
    engine: str = "viseme"
    batches_per_person: int | None = None
    """At once; None, here and below: as many as somebody likes. Administrators may always have more."""
    batches_per_chat: int | None = None
    minutes_per_person: float | None = None
    """Of finished video in a day, by the clock of this machine."""
    minutes_per_chat: float | None = None
    queue: int | None = None
    """Videos that wait in the whole deployment, before new orders are refused."""
    chat_weights: Mapping[str, float] = field(default_factory=dict)
    """By entry, ``telegram:chat:-100123``: how often it is served against a chat that is not named."""

    @property
    def links_last_s(self) -> int:
        """How long Links to something new work: no longer than what they lead to is kept."""
        return min(self.link_lifetime_s, self.retention_s or self.link_lifetime_s)
