"""Archives that are too large for one file."""

from typing import Final

MOST_BYTES: Final = 2_000_000_000
"""Of one ZIP, unless somebody asks for more: unzippers with signed 32-bit sizes and many phones end at 2 GiB, chats take files of 2 GB at most, and a download that breaks off costs less."""
