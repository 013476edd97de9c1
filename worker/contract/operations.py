"""What happened, for whoever keeps the record: an order opened, a Clip done, a callback refused, somebody admitted.

An operation is a line of the log with facts of its own. Who told it need not know who listens: the log shows it, the record
of operations (``chorus log``) keeps it, and where traces are collected one that took time is a span.
"""

import logging
import time
from typing import Any, Final

LOGGER: Final = "chorus.operations"
_LOG: Final = logging.getLogger(LOGGER)
_LOG.setLevel(logging.INFO)  # the record is kept, however little the log tells


def note(
    what: str, *, batch_id: str | None = None, began_s: float | None = None, **facts: Any
) -> None:
    """Tell an operation.

    Args:
        what: A thing and what became of it: ``clip.done``.
        batch_id: Whose Batch it belongs to.
        began_s: When it began, if it took time: seconds since 1970; it ends now.
        facts: Short values, never texts of people, links or tokens.
    """
    if began_s is not None:
        facts["seconds"] = round(time.time() - began_s, 3)
    told = {"batch_id": batch_id, "began_s": began_s, **facts}
    known = {name: value for name, value in told.items() if value not in (None, "")}
    _LOG.info(what, extra={"operation": known})
