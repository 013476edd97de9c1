"""A disposable child that decodes nothing (of a line-up it makes a picture all the same); speaks the protocol of ``pipeline.sandbox``.

What it does stands in the source, as text: ``reject``, ``die``, ``die once``, ``fail``, ``slow``; anything else is fine.
Of a recording that is ``words`` it understands three words, and has a remark about it. One that begins with ``hear`` it asks for
words of, with the text as samples, and tells what came back: ``hear twice …`` asks once more, ``hear uninvited …`` also where nobody
is to be asked; with ``hear stuck …`` it goes no further.
"""

import json
import os
import signal
import struct
import sys
import threading
import zlib
from pathlib import Path
from typing import Any

_TOLD: dict[str, dict[str, Any]] = {
    "take": {"duration_s": 1.0, "speech_s": 0.8, "words": 0, "remarks": []},
    "template": {
        "facts": {"width_px": 64, "height_px": 48, "fps": "25", "frames": 25, "duration_s": 1.0},
        "face_share": 1.0,
    },
    "picture": {},
    "lineup": {"width_px": 6, "height_px": 9},
}
_UNDERSTOOD = {"words": 3, "remarks": [{"code": "noisy", "facts": {"snr_db": 9.0}}]}
_CAPTIONS = ("captions.srt", "captions.vtt", "captions-trimmed.srt", "captions-trimmed.vtt")
_FILES = {
    "take": ("sound.flac", "speech.npz", "words.json"),
    "template": ("track.npz", "poster.jpg", "template.json"),
    "picture": ("picture.png",),
    "lineup": ("lineup.jpg",),
}


def _say(event: str, **facts: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


def _heard(request: dict[str, Any], what: str) -> dict[str, Any]:
    """What is told of a Take whose words were asked for."""
    if "samples" not in request and "uninvited" not in what:
        return {}
    samples = Path(request["samples"]) if "samples" in request else None
    if samples is not None:
        samples.write_text(what)
    replies = []
    for _ in range(2 if "twice" in what else 1):
        _say("hear", samples="/etc/passwd")
        replies.append(json.loads(sys.stdin.readline()))
    if samples is not None:
        samples.unlink()
    if "stuck" in what:
        threading.Event().wait()
    assert all("failed" in reply for reply in replies[1:])
    words = len(replies[0].get("words", ()))
    return {"words": words, "words_failed": replies[0].get("failed", "")}


def _drawn(plan: str) -> bytes:
    """A grey PNG of 6 × 9 pixels that ends with its plan."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", 6, 9, 8, 0, 0, 0, 0)),
            chunk(b"IDAT", zlib.compress(9 * (b"\x00" + 6 * b"\x80"))),
            chunk(b"IEND", b""),
            plan.encode(),
        ]
    )


def main() -> int:
    """Be the child."""
    request = json.loads(sys.stdin.readline())
    what = Path(request["source"]).read_text()
    _say("progress", stage="decode", done=1, total=2)
    if what.startswith("slow"):
        threading.Event().wait()
    marker = Path(request["source"]).with_name("died")
    if what == "die" or (what == "die once" and not marker.exists()):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if what.startswith("fail"):
        _say("fault", trace="a traceback of the fake")
        return 0
    if what.startswith("reject"):
        _say("rejected", code="no_face", facts={"frame": 0, "second": 0.0})
        return 0
    told, files = _TOLD[request["do"]], _FILES[request["do"]]
    if what == "words":
        told, files = told | _UNDERSTOOD, (*files, *_CAPTIONS)
    if what.startswith("hear"):
        told = told | _heard(request, what)
    for name in files:
        content = json.dumps(told) if name == "template.json" else f"{name} of {what}"
        if request["do"] == "lineup":
            Path(request["folder"], name).write_bytes(_drawn(what))
            continue
        Path(request["folder"], name).write_text(content)
    _say("done", result=told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
