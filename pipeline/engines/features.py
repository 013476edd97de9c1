"""What an engine computed of a Template, kept in the Template's folder: each file appears whole or not at all."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def draft_of(features: Path | None) -> Iterator[Path]:
    """Give a folder for files that are being made.

    At the end of the block they are moved into ``features``; if it raises, or where ``features`` is None, they are removed (a file
    that is mapped into memory stays readable).
    """
    if features is None:
        with tempfile.TemporaryDirectory(prefix="chorus-features-") as scratch:
            yield Path(scratch)
        return
    with tempfile.TemporaryDirectory(prefix=".features-", dir=features) as scratch:
        draft = Path(scratch)
        yield draft
        for made in sorted(draft.iterdir()):
            made.replace(features / made.name)
