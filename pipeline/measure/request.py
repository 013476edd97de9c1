"""The door through which the disposable child inspects: plain values in, plain values out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pipeline.measure.inspection import examine
from pipeline.sheet import SheetPlan, write_sheet
from pipeline.types import Progress

_SHEET: Final = SheetPlan(columns=8, rows=6)


def inspect_request(request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Inspect what a request names.

    Args:
        request: ``clip`` and, each optional or None, ``voice``, ``template`` and ``sheet``: paths. With ``sheet`` a
            contact sheet of consecutive frames, from the first word on, is written there (PNG).
        progress: As in ``inspect_clip``.

    Returns:
        What ``Inspection.as_json`` gives.

    Raises:
        InputRejected, Stopped: As ``inspect_clip``.
    """
    clip, voice, template, sheet = (
        Path(request[key]) if request.get(key) else None
        for key in ("clip", "voice", "template", "sheet")
    )
    if clip is None:
        raise ValueError("a request to inspect names a clip")
    figures, requested = examine(clip, voice=voice, template=template, progress=progress)
    if sheet is not None:
        write_sheet(clip, sheet, _SHEET, requested)
    return figures.as_json()
