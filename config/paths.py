"""Where things lie under DATA_DIR, and the key made there."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from config.settings import Settings

_SOCKET_PATH_BYTES = 100  # sun_path holds 108 with its end (unix(7)); some room for the name


def private_folder(path: Path) -> Path:
    """Make a folder only its owner can enter."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def store_folder(settings: Settings) -> Path:
    """The local object store."""
    return private_folder(settings.data_dir / "store")


def work_folder(settings: Settings) -> Path:
    """Caches and scratch files of the worker."""
    return private_folder(settings.data_dir / "work")


def models_folder(settings: Settings) -> Path:
    """Where weights are looked for; it need not exist."""
    return (settings.models_dir or settings.data_dir / "models").absolute()


def log_folder(settings: Settings) -> Path:
    """Logs of processes that have no terminal of their own."""
    return private_folder(settings.data_dir / "logs")


def socket_path(data_dir: Path, name: str) -> Path:
    """Path of a private unix socket; a DATA_DIR too long for one gets a folder in the temporary directory."""
    path = data_dir / "run" / name
    if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES:
        private_folder(path.parent)
        return path
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    folder = private_folder(Path(tempfile.gettempdir()) / f"chorus-{os.getuid()}-{digest}")
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder / name


def secret_key(settings: Settings) -> bytes:
    """The key that signs tokens: the configured one, or one made at the first start and kept in DATA_DIR."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    path = private_folder(settings.data_dir) / "secret.key"
    fresh = path.with_name(f".secret.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(32))
        try:
            path.hardlink_to(fresh)  # whoever links first has made the key; nobody sees half of one
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()
