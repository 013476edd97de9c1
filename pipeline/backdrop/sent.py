"""A picture as somebody sent it, made safe: decoded, upright, opaque, not larger than it will ever be shown, and written anew."""

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from pipeline.errors import EmptyFile, UnreadableFile, VideoTooLarge
from pipeline.types import Pixels

PICTURE: Final = "picture.png"
_LONGEST_PX: Final = 2048
"""Of a side."""
_MOST_BYTES: Final = 100 * 2**20
_MOST_PX: Final = 120_000_000
"""Before it is made smaller: the largest sensor of a phone, but for one, in one piece of memory of 360 MB."""
_WHITE: Final = 255


def keep_picture(source: Path, name: str, folder: Path) -> dict[str, Any]:
    """Make ``picture.png`` (8-bit RGB, at most 2048 px a side, EXIF orientation applied) of what was sent.

    Args:
        source: As it came.
        name: The name it came with, for messages.
        folder: Gets the picture; nothing if it is none.

    Returns:
        ``width_px`` and ``height_px`` of the picture that was made.

    Raises:
        EmptyFile, UnreadableFile: It is no picture that can be read here.
        VideoTooLarge: It has more pixels than any camera.
    """
    size_bytes = source.stat().st_size
    if not size_bytes:
        raise EmptyFile(name=name)
    if size_bytes > _MOST_BYTES:
        raise UnreadableFile(name=name)
    picture = _smaller(_decode(np.fromfile(source, np.uint8), name))
    done, png = cv2.imencode(".png", picture)
    if not done:
        raise OSError(f"cannot encode {PICTURE}")
    draft = folder / f".{PICTURE}.partial"
    draft.write_bytes(png.tobytes())
    draft.replace(folder / PICTURE)
    return {"width_px": picture.shape[1], "height_px": picture.shape[0]}


def _decode(content: Pixels, name: str) -> Pixels:
    """Decode to (h, w, 3) BGR; what is transparent becomes white."""
    try:
        # In this order: the first turns a picture as its EXIF says, the second keeps transparency, which cameras do not have.
        colours = cv2.imdecode(content, cv2.IMREAD_COLOR)
        whole = (
            cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if _may_be_transparent(content) else None
        )
    except (cv2.error, MemoryError) as error:  # too many pixels, for one
        raise UnreadableFile(name=name) from error
    if colours is None:
        raise UnreadableFile(name=name)
    height, width = colours.shape[:2]
    if width * height > _MOST_PX:
        raise VideoTooLarge(width_px=width, height_px=height, limit_px=_MOST_PX)
    picture = np.asarray(colours, np.uint8)
    if whole is None or whole.ndim != 3 or whole.shape[2] != 4:  # three axes, four channels
        return picture
    alpha = whole[..., 3:].astype(np.float32) / (255 if whole.dtype == np.uint8 else 65535)
    if alpha.shape[:2] != picture.shape[:2]:
        return picture
    return np.asarray(np.round(picture * alpha + _WHITE * (1 - alpha)), np.uint8)


def _may_be_transparent(content: Pixels) -> bool:
    return not content[:2].tobytes().startswith(b"\xff\xd8")  # of all that cameras write: no JPEG


def _smaller(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    scale = _LONGEST_PX / max(width, height)
    if scale >= 1:
        return picture
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
