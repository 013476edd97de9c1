"""What the operator decided, as values."""

from dataclasses import dataclass
from pathlib import Path


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
    max_take_s: int = 600
    link_lifetime_s: int = 86_400
    engine: str = "viseme"
