"""A disposable child that decodes nothing; speaks the protocol of ``pipeline.sandbox``.

What it does stands in the source, as text: ``reject``, ``die``, ``die once``, ``fail``, ``slow``; anything else is fine.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path

_TOLD = {
    "take": {"duration_s": 1.0, "speech_s": 0.8},
    "template": {
        "facts": {"width_px": 64, "height_px": 48, "fps": "25", "frames": 25, "duration_s": 1.0},
        "face_share": 1.0,
    },
}
_FILES = {
    "take": ("sound.m4a", "speech.npz"),
    "template": ("track.npz", "poster.jpg", "template.json"),
}


def _say(event: str, **facts: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Be the child."""
    request = json.load(sys.stdin)
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
    told = _TOLD[request["do"]]
    for name in _FILES[request["do"]]:
        content = json.dumps(told) if name == "template.json" else f"{name} of {what}"
        Path(request["folder"], name).write_text(content)
    _say("done", result=told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
