"""What is asked of an engine on behalf of one who goes aboard, and what its last line about it means."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class RenderRefused(Exception):
    """The engine says why this Clip cannot be: a Rejection."""

    def __init__(self, code: str, facts: Mapping[str, str | float]) -> None:
        super().__init__(code)
        self.code = code
        self.facts = dict(facts)


class EngineMissing(Exception):
    """The engine asked for is not installed here; the message is the advice."""


class EngineFailed(Exception):
    """The engine crashed, hung or raised, twice, or there is none; the message is what is known of it."""


class EngineAway(Exception):
    """There is no engine here, but one elsewhere; the message is what is known of why."""


class Unheard(Exception):
    """The engine has no words for a Take; the message says why, to the operator."""


class RenderStopped(Exception):
    """The Clip, or the hearing of a Take, was stopped because somebody asked for it."""


class Died(Exception):
    """The engine ended, or was ended, with this Clip aboard."""


class Fault(Exception):
    """The engine raised."""


Figures = Mapping[str, Any] | None
"""What was measured of a Clip, and its flags: fields of ``ClipResult``. None where that could not be."""


@dataclass(frozen=True)
class Rendered:
    """What the engine said of a finished Clip."""

    result: Mapping[str, Any]
    """frames, fps, duration_s, seconds, size_bytes, crc32, sha256."""
    features: Sequence[str]
    """Files it added to the Template's folder."""
    check: "asyncio.Future[Figures] | None" = None
    """What the check of the Clip will find; None if the engine checks nothing."""


@dataclass(frozen=True)
class Errand(Generic[T]):
    """What an engine is to do for one who goes aboard."""

    what: str
    """For the log."""
    request: Mapping[str, Any]
    """Its line, but for ``id`` and ``context``."""
    verdict: Callable[[dict[str, Any]], T]
    """What the last line about it means; raises what else that may be."""
    progress: Callable[[str, int, int], None]
    stop: asyncio.Event
    quiet_s: float
    """So long without a line means that the engine hangs."""
    begin: Callable[[], Awaitable[None]] | None = None
    """Waited for just before the engine is asked; what it raises ends the errand."""
    hands_over: bool = False
    """Whether another worker is to do it, should there be no engine here."""


def rendered(line: dict[str, Any]) -> Rendered:
    """What the last line about a Clip means."""
    match line["event"]:
        case "done":
            return Rendered(line["result"], line["features"], line.get("check"))
        case "rejected":
            raise RenderRefused(line["code"], line["facts"])
        case "unavailable":
            raise EngineMissing(line["advice"])
        case _:
            raise _otherwise(line)


def heard(line: dict[str, Any]) -> Mapping[str, Any]:
    """What the last line about a Take means."""
    match line["event"]:
        case "heard":
            reply: Mapping[str, Any] = line["reply"]
            return reply
        case "unheard":
            raise Unheard(line["why"])
        case _:
            raise _otherwise(line)


def _otherwise(line: dict[str, Any]) -> Exception:
    """What a last line means that is the same for all."""
    if line["event"] == "stopped":
        return RenderStopped()
    if line["event"] == "hindered":
        lacking = OSError(line["errno"], line["why"])
        lacking.add_note(line["trace"])
        return lacking
    return Fault(line.get("trace", "the engine gave no trace"))
