"""How Redis says that it cannot do now what is right in itself: an Outage, to whoever speaks with it on either side."""

from typing import Final

_SAID: Final = (
    "command not allowed when used memory",  # no memory left
    "MISCONF",  # its disk takes no more
    "NOREPLICAS",  # too few replicas follow
    "UNBLOCKED",  # it became a replica while we listened
    "READONLY",
    "read only replica",  # the same, as redis-py shortens it
    "MASTERDOWN",  # a replica that lost its master, and is not to answer then
    "LOADING",
    "BUSY Redis",  # with a script that takes long
    "No matching script",  # loaded into the master of before, looked for on the one of now
)
"""Parts of replies: within a script or a transaction they stand behind other words. Nothing was changed then."""


def tells_of_outage(reply: str) -> bool:
    """Whether it will work again without anybody changing the request."""
    return any(words in reply for words in _SAID)
