"""What the doctor finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    name: str
    ok: bool | None
    """None: not in use, or less than it could be, which is no fault."""
    detail: str
    advice: str = ""


def good(name: str, detail: str) -> Finding:
    """All is well."""
    return Finding(name, ok=True, detail=detail)


def bad(name: str, detail: str, advice: str = "") -> Finding:
    """It does not work like this."""
    return Finding(name, ok=False, detail=detail, advice=advice)


def unused(name: str, detail: str, advice: str = "") -> Finding:
    """Not in use, or less than it could be."""
    return Finding(name, ok=None, detail=detail, advice=advice)
