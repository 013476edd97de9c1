"""How long what we sign with lasts: a presigned URL dies with the temporary credentials that signed it."""

from bisect import bisect_left
from typing import Final

import boto3

_STS_END: Final = "a role's session lasts 12 hours at most"


def sure_s(session: boto3.Session, lifetime_s: int) -> int | None:
    """For how many seconds from now a Link surely works, ``lifetime_s`` at most; None if the end of what signs it is not known.

    May read files and ask the machine's metadata service: it blocks.
    """
    credentials = session.get_credentials()
    if credentials is None or credentials.get_frozen_credentials().token is None:
        return lifetime_s  # none at all is told by the first call; without a token they are lasting ones
    if not hasattr(credentials, "refresh_needed"):
        return None
    # When they end is told to nobody, only whether it is sooner than something.
    after_s = range(1, lifetime_s + 1)
    return bisect_left(
        after_s, 1, key=lambda seconds: credentials.refresh_needed(refresh_in=seconds)
    )


def doubt_of(known_s: int | None, lifetime_s: int) -> str | None:
    """Why a Link would not live its whole time, by how long it surely works; None if nothing is known against it."""
    if known_s is None:
        return f"they are signed with a session token whose end is not known ({_STS_END})"
    if known_s < lifetime_s:
        return f"the temporary credentials that sign them end before ({_STS_END})"
    return None
