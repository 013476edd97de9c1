"""What people see files called: Clips and Archives when they are downloaded, and Clips inside Archives."""

import re
import unicodedata
from datetime import datetime
from typing import Final

_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\s]+')
"""What Windows refuses in a name, and white space, which breaks links and shells."""
_LONGEST_NAME: Final = 60


def clip_name(number: int, template_name: str) -> str:
    """Name of a Clip's file: the number makes it unique, the Template's name makes it readable."""
    letters = unicodedata.normalize("NFC", template_name)
    safe = _UNSAFE.sub("_", letters)[:_LONGEST_NAME].strip("._ ")
    return f"output_{number:03d}_{safe or 'template'}.mp4"


def archive_name(code: str, created_at: datetime) -> str:
    """Name of an Archive's file: code and time of ordering, by the clock of this machine."""
    return f"chorus_{code}_{created_at.astimezone():%Y%m%d_%H%M%S}.zip"
