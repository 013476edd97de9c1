"""Where faults end: logged with an incident id, which the person is told, and the others go on."""

import logging
import secrets
from collections.abc import Awaitable, Callable

from bot.desk import Desk
from bot.outages import OUTAGES, GaveUp, insist
from bot.ports import Chat, ChatError, ChatUnreachable, Person
from worker.contract.codes import Code
from worker.contract.records import Reason

_LOG = logging.getLogger(__name__)


async def guarded(
    desk: Desk,
    chat: Chat,
    person: Person,
    key: str,
    what: str,
    attempt: Callable[[], Awaitable[None]],
    *,
    limit_s: float | None = None,
) -> None:
    """The top of the message loop: outages are waited out, a fault is logged and answered with its id."""
    try:
        await insist(attempt, what, limit_s)
    except GaveUp as error:
        incident = secrets.token_hex(4)
        _LOG.error(
            "%s: an outage: incident %s: %r",
            what,
            incident,
            error.__cause__,
            extra={"incident": incident},
        )
        if not await _apologise(desk, chat, person, key, incident):
            # Nobody is left without a word: it is tried for as long as that cannot be said.
            await guarded(desk, chat, person, key, what, attempt, limit_s=limit_s)
    except ChatUnreachable as error:
        _LOG.info("%s: the chat refuses us for good: %s", what, error)
    except Exception:  # noqa: BLE001 - the top of the message loop: log, answer, go on
        incident = secrets.token_hex(4)
        _LOG.exception("%s: incident %s", what, incident, extra={"incident": incident})
        await _apologise(desk, chat, person, key, incident)


async def succeeds(attempt: Callable[[], Awaitable[None]], what: str) -> bool:
    """Wait outages out; False for a fault, of which the log hears."""
    try:
        await insist(attempt, what)
    except Exception:  # noqa: BLE001 - the top of a loop: log, try otherwise
        _LOG.exception("%s: not told", what)
        return False
    return True


async def _apologise(desk: Desk, chat: Chat, person: Person, key: str, incident: str) -> bool:
    """Name an incident; False if that cannot be said now."""
    reason = Reason(code=Code.INCIDENT, incident=incident)
    try:
        language = await desk.language_of(chat, person)
        text = desk.texts.reason(language, reason)
        await desk.post(chat, text, key=f"{key}:incident")
    except OUTAGES as error:
        _LOG.warning("Incident %s cannot be told: %s", incident, error)
        return False
    except ChatError as error:  # for whatever reason: the others go on
        _LOG.warning("Incident %s cannot be told, ever: %s", incident, error)
    return True
