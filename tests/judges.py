"""Programs that are not ours and judge what we make."""

import os
import shutil
import subprocess

import pytest


def need(program: str) -> str:
    """Tell where a program is; skip at home, fail in CI, where it must be installed."""
    path = shutil.which(program)
    if path is not None:
        return path
    if os.environ.get("CI") == "true":
        pytest.fail(f"{program} is not installed")
    pytest.skip(f"{program} is not installed")


def probe(path: object, *, entries: str, streams: str = "") -> dict[str, str]:
    """Ask ffprobe about a file: ``entries`` as its -show_entries takes them, of one kind of stream."""
    line = [need("ffprobe"), "-v", "error", "-show_entries", entries, "-of", "default=nw=1"]
    chosen = ["-select_streams", streams] if streams else []
    told = subprocess.run([*line, *chosen, str(path)], capture_output=True, text=True, check=True)
    return dict(pair.split("=", 1) for pair in told.stdout.split())
