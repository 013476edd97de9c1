"""Programs that are not ours and judge what we make."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest


def need(program: str) -> str:
    """Tell where a program is; skip at home, fail in CI, where it must be installed."""
    # Not in our own environment: packages bring programs of the same name there, a redis-server without TLS for one.
    own = Path(sys.prefix, "bin")
    folders = [each for each in os.get_exec_path() if Path(each) != own]
    path = shutil.which(program, path=os.pathsep.join([*folders, "/usr/sbin", "/sbin"]))
    if path is not None:
        return path
    if os.environ.get("CI") == "true":
        pytest.fail(f"{program} is not installed")
    pytest.skip(f"{program} is not installed")


def need_module(name: str, reason: str) -> ModuleType:
    """Import a module of an extra at the top of a test file; skip the file at home, fail in CI."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(reason, allow_module_level=True)


def probe(path: object, *, entries: str, streams: str = "") -> dict[str, str]:
    """Ask ffprobe about a file: ``entries`` as its -show_entries takes them, of one kind of stream."""
    line = [need("ffprobe"), "-v", "error", "-show_entries", entries, "-of", "default=nw=1"]
    chosen = ["-select_streams", streams] if streams else []
    told = subprocess.run([*line, *chosen, str(path)], capture_output=True, text=True, check=True)
    return dict(pair.split("=", 1) for pair in told.stdout.split())
