"""Bytes from outside go through a disposable child: tried again if it was killed, ended if nobody wants the result."""

import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from worker.child import Child, ChildKilled, ChildStopped, Refused
from worker.contract.codes import Code
from worker.holdings import Held
from worker.patience import NoLongerWanted

log = logging.getLogger(__name__)

_TRIES: Final = 2
"""Should the child be killed; the second time it is the material."""


Hear = Callable[[Path], Awaitable[Mapping[str, Any]]]
"""Gives the reply to a child that put samples into a file and asks for their words; may raise ChildStopped."""


async def decode(
    child: Child,
    held: Held,
    do: str,
    source: Path,
    name: str,
    folder: Path,
    limits: Mapping[str, float] | None = None,
    hear: Hear | None = None,
) -> dict[str, Any]:
    """Have a child look at what somebody sent.

    Args:
        child: How children are started.
        held: The work it is for.
        do: ``take``, ``template`` or ``picture``.
        source: What was sent.
        name: The name it came with.
        folder: Gets what the child makes; emptied before.
        limits: What the material may be, if not the defaults.
        hear: Replies when the child asks what is said.

    Returns:
        What the child tells.

    Raises:
        Refused: The material is no good.
        ChildFailed: The child failed for a reason of ours.
        NoLongerWanted: The work is to end.
    """
    request: dict[str, Any] = {"do": do, "source": str(source), "name": name, "folder": str(folder)}
    request["limits"] = dict(limits or {})
    reply: Callable[[], Awaitable[Mapping[str, Any]]] | None = None
    if hear is not None:
        samples = folder.with_name("samples")  # beside what is made: all of that is stored
        request["samples"] = str(samples)
        reply = partial(hear, samples)
    for _ in range(_TRIES):
        _empty(folder)
        try:
            return await child.run(request, held.stop, reply)
        except ChildKilled:
            log.warning("the child that decoded for %s was killed", held.lease.item)
        except ChildStopped:
            raise NoLongerWanted from None
    raise Refused(Code.UNREADABLE, {"name": name})


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
