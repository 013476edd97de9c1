"""How an Allowance goes into a script, and what comes back of it."""

from typing import Final

from worker.contract.codes import Code
from worker.contract.ports import LimitReached
from worker.contract.records import Allowance, Reason

NO_LIMITS: Final = Allowance(day="")
"""Nothing is counted either."""
_CODES: Final = {
    "person_batches": Code.PERSON_BATCHES,
    "chat_batches": Code.CHAT_BATCHES,
    "person_minutes": Code.PERSON_MINUTES,
    "chat_minutes": Code.CHAT_MINUTES,
    "queue": Code.QUEUE_FULL,
}
_TIMES: Final = {Code.PERSON_MINUTES, Code.CHAT_MINUTES}
_MINUTE_MS: Final = 60_000


def limits_of(allowance: Allowance | None) -> tuple[str | int, ...]:
    """The day, then the limits in the order of ``limit_reached`` in the prelude; empty for none."""
    allowance = allowance or NO_LIMITS
    limits = (
        allowance.batches_per_person,
        allowance.batches_per_chat,
        _milliseconds(allowance.minutes_per_person),
        _milliseconds(allowance.minutes_per_chat),
        allowance.queue,
    )
    return (allowance.day, *("" if limit is None else limit for limit in limits))


def limit_reached(answer: list[str | int], allowance: Allowance) -> LimitReached:
    """What a script answered instead of opening something: the limit's name, what is used, what was asked, the limit."""
    name, *amounts = answer
    code = _CODES[str(name)]
    used, asked, limit = (
        int(amount) / _MINUTE_MS if code in _TIMES else int(amount) for amount in amounts
    )
    facts: dict[str, str | float] = {"used": used, "asked": asked, "limit": limit}
    if code in _TIMES:
        facts["zone"] = allowance.zone
    return LimitReached(Reason(code=code, facts=facts))


def _milliseconds(minutes: float | None) -> int | None:
    return None if minutes is None else round(minutes * _MINUTE_MS)
