"""How long what we sign with lasts: a presigned URL dies with the temporary credentials that signed it."""

from typing import Final

import boto3

_STS_END: Final = "a role's session lasts 12 hours at most"


def why_links_end_early(session: boto3.Session, lifetime_s: int) -> str | None:
    """Why a Link signed now would not live its whole time; None if nothing is known against it.

    May read files and ask the machine's metadata service: it blocks.
    """
    credentials = session.get_credentials()
    if credentials is None or credentials.get_frozen_credentials().token is None:
        return None  # none at all is told by the first call; without a token they are lasting ones
    if not hasattr(credentials, "refresh_needed"):
        return f"they are signed with a session token whose end is not known ({_STS_END})"
    if credentials.refresh_needed(refresh_in=lifetime_s):
        return f"the temporary credentials that sign them end before ({_STS_END})"
    return None
