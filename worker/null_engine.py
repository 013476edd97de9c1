"""An engine process that renders nothing: what is measured with it is the queue. ``python -m worker.null_engine LOG SECONDS [PER_MEGAPIXEL]``.

It speaks the protocol of ``worker.engine``. Each Clip takes SECONDS, and PER_MEGAPIXEL more for what it would render: its
sound and video hold how long and how large they are, as text. Every render is noted on a line of LOG, by the name that stands
in the label.
"""

import hashlib
import json
import sys
import threading
import zlib
from pathlib import Path
from typing import Any, Final

_LOCK: Final = threading.Lock()
_FPS: Final = 25
_CLIP: Final = b"no video"
SOUND: Final = "sound.flac"


def _tell(event: str, **facts: object) -> None:
    with _LOCK:
        sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
        sys.stdout.flush()


def _render(
    request: dict[str, Any], log: Path, cost: tuple[float, float], stop: threading.Event
) -> None:
    length_s = float((Path(request["take"]) / SOUND).read_text())
    megapixels = float(Path(request["video"]).read_text()) * _FPS * length_s
    frames = max(round(length_s * _FPS), 1)
    _tell("progress", id=request["id"], stage="render", done=0, total=frames)
    if stop.wait(cost[0] + cost[1] * megapixels):
        _tell("stopped", id=request["id"])
        return
    Path(request["out"]).write_bytes(_CLIP)
    with log.open(
        "a"
    ) as lines:  # one write below a page: whole, whoever else writes (open(2), O_APPEND)
        lines.write(request["options"]["label"]["produce_id"] + "\n")
    result = {
        "frames": frames,
        "fps": float(_FPS),
        "duration_s": length_s,
        "size_bytes": len(_CLIP),
        "crc32": zlib.crc32(_CLIP),
        "sha256": hashlib.sha256(_CLIP).hexdigest(),
    }
    _tell("done", id=request["id"], result=result, features=[])


def main() -> None:
    """Be the engine process."""
    log, seconds, *more = sys.argv[1:]
    cost = float(seconds), float(more[0]) if more else 0.0
    stops: dict[str, threading.Event] = {}
    _tell("ready", engines=["viseme"], unavailable={})
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "cancel":
            if stop := stops.get(request["id"]):
                stop.set()
            continue
        stop = stops[request["id"]] = threading.Event()
        threading.Thread(target=_render, args=(request, Path(log), cost, stop), daemon=True).start()


if __name__ == "__main__":
    main()
