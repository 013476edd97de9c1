"""Which part of a file a request asks for (RFC 9110 sections 13 and 14), as plain functions."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from worker.contract.ports import ObjectFacts

_SINGLE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*", re.ASCII | re.IGNORECASE)


_MOST_DIGITS = 18
_FAR_BEHIND = 10**_MOST_DIGITS
"""Bytes; no file is as large."""


class RangeNotSatisfiable(Exception):
    """The range begins behind the last byte."""


@dataclass(frozen=True)
class Slice:
    """Consecutive bytes of a file."""

    start: int
    size_bytes: int
    whole: bool
    """Nobody asked for a part, or not in a way that is answered with one."""


def etag(facts: ObjectFacts) -> str:
    """A strong validator: what lies under a key never changes."""
    digest = hashlib.sha256(f"{facts.key}\0{facts.size_bytes}".encode()).hexdigest()
    return f'"{digest[:32]}"'


def http_date(moment: datetime) -> str:
    """As ``Last-Modified`` writes it; ``moment`` is in UTC."""
    return format_datetime(moment, usegmt=True)


def wanted(headers: Mapping[str, str], facts: ObjectFacts) -> Slice:
    """The bytes a GET asks for.

    One range is served; several, other units and what cannot be understood are answered with the whole file,
    as section 14.2 allows. So is a resumed download (``If-Range``) of something else than this file.

    Args:
        headers: Of the request; names in any case.
        facts: Of the object.

    Raises:
        RangeNotSatisfiable: To be answered with 416.
    """
    whole = Slice(0, facts.size_bytes, whole=True)
    condition = headers.get("If-Range")
    if condition is not None and condition.strip() not in {
        etag(facts),
        http_date(facts.modified_at),
    }:
        return whole
    match = _SINGLE.fullmatch(headers.get("Range", "").strip())
    if match is None or match.groups() == ("", ""):
        return whole
    first, last = map(_position, match.groups())
    if first is not None and last is not None and first > last:
        return whole  # section 14.1.1: invalid, so it is as if it were not there
    if first is None:
        start, end = max(facts.size_bytes - (last or 0), 0), facts.size_bytes
    else:
        start, end = first, facts.size_bytes if last is None else min(last + 1, facts.size_bytes)
    if start >= end:
        raise RangeNotSatisfiable
    return Slice(start, end - start, whole=False)


def _position(digits: str) -> int | None:
    """What digits say, at most what is behind the end of any file: Python refuses to read more than 4300 of them."""
    if not digits:
        return None
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= _MOST_DIGITS else _FAR_BEHIND
