"""How a process that may not hold Whisper dictates to one that does.

The samples go through a file that has nothing but them: float32 in this machine's order of bytes, mono, 16 kHz. Who wrote it may
be taken over by what it decoded, so it has no header that could lie. What comes back is JSON, one of::

    {"language": ISO 639-1, "words": [[text, start_s, end_s, probability], ...]}
    {"failed": why there are no words}
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipeline.errors import NotHeard
from pipeline.speech.loudness import RATE_HZ
from pipeline.types import Said, Samples, Word

MOST_S: Final = 7200.0
"""The longest Take that an operator may allow."""
_SAMPLE_BYTES: Final = 4
_MOST_BYTES: Final = round(MOST_S + 1) * RATE_HZ * _SAMPLE_BYTES


def write_samples(path: Path, samples: Samples) -> None:
    """Write (n,) samples, 16 kHz; raises NotHeard where that cannot be."""
    try:
        samples.astype(np.float32, copy=False).tofile(path)
    except OSError as error:
        raise NotHeard(f"the samples could not be written: {error}") from error


def read_samples(path: Path) -> Samples:
    """Read what somebody who is not trusted wrote: (n,) finite samples, not writable.

    Raises:
        NotHeard: They are none, or too many, or do not lie in a file of their own.
    """
    try:
        # A pipe would not be waited for; a link is not followed.
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(opened, "rb") as file:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise NotHeard("what should be samples is no file")
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise NotHeard(f"the samples could not be read: {error}") from error
    if not content or len(content) % _SAMPLE_BYTES or len(content) > _MOST_BYTES:
        raise NotHeard(f"{len(content)} bytes are not the samples of a Take")
    samples = np.frombuffer(content, np.float32)
    if not np.isfinite(samples).all():
        raise NotHeard("samples are not finite")
    return samples


def as_reply(said: Said) -> dict[str, Any]:
    """Tell what was said."""
    return {"language": said.language, "words": [astuple(word) for word in said.words]}


def as_failure(why: str) -> dict[str, Any]:
    """Tell why there are no words."""
    return {"failed": why}


def said_of(reply: Mapping[str, Any]) -> Said:
    """Understand a reply; raises NotHeard if it tells why there are no words."""
    if "failed" in reply:
        raise NotHeard(str(reply["failed"]))
    return Said(reply["language"], tuple(Word(*word) for word in reply["words"]))
