"""How operators write where Redis is, and what is wrong with what they wrote.

::

    redis://[USER:PASSWORD@]HOST[:PORT][/DB]            one server
    rediss://…                                          the same over TLS
    unix://[USER:PASSWORD@]/PATH[?db=DB]                a socket of this machine
    redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/SERVICE[/DB]   the master that these Sentinels name
    rediss+sentinel://…                                 the same, Sentinels and servers over TLS
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.asyncio.connection import parse_url

_SCHEMES: Final = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
_SENTINEL: Final = "+sentinel"
_SENTINEL_PORT: Final = 26379
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/\s]+)(?::(\d{1,5}))?")
_ENCODED: Final = "Signs like / @ : # % in user and password have to be percent-encoded"
_HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True)
class RedisAddress:
    """Where Redis is."""

    options: Mapping[str, Any]
    """What redis-py wants for a connection: host and port or path, user, password, database, and what stood in the query."""
    tls: bool
    sentinels: tuple[tuple[str, int], ...] = ()
    """Host and port of each; none: ``options`` name the server itself."""
    service: str = ""
    """What the Sentinels call the master."""


class NoAddress(ValueError):
    """It cannot be read; the message says why and never quotes it, since it may hold a password."""


def parse_address(url: str) -> RedisAddress:
    """Read an address. Raises NoAddress."""
    try:
        return _read(url)
    except NoAddress:
        raise
    except ValueError:  # its message may quote a piece of a password
        message = f"it cannot be read: is the port a number? {_ENCODED}"
        raise NoAddress(message) from None


def _read(url: str) -> RedisAddress:
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        message = f"it has to begin with {', '.join(f'{each}://' for each in _SCHEMES)}"
        raise NoAddress(message)
    if parts.scheme.endswith(_SENTINEL):
        return _with_sentinels(url)
    if parts.scheme != "unix" and not parts.hostname:
        raise NoAddress(f"it names no host. {_ENCODED}")
    _ = parts.port  # raises where it is no number
    options = dict(parse_url(url))
    options.pop("connection_class", None)  # ours are chosen by what they reach
    return RedisAddress(options, tls=parts.scheme == "rediss")


def _with_sentinels(url: str) -> RedisAddress:
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        message = "behind the Sentinels stands no name of the master they watch, such as /mymaster"
        raise NoAddress(message)
    if database and not database.isdecimal():
        message = "the database behind the name of the master is no number"
        raise NoAddress(message)
    scheme = parts.scheme.removesuffix(_SENTINEL)
    credentials = f"{credentials}@" if credentials else ""
    options = dict(parse_url(f"{scheme}://{credentials}sentinels/{database}?{parts.query}"))
    for name in ("connection_class", "host"):
        options.pop(name, None)
    sentinels = tuple(_host_and_port(each) for each in hosts.split(","))
    return RedisAddress(options, scheme == "rediss", sentinels, unquote(service))


def _host_and_port(written: str) -> tuple[str, int]:
    found = _HOST.fullmatch(written.strip())
    port = int(found[2] or _SENTINEL_PORT) if found else 0
    if found is None or not 0 < port <= _HIGHEST_PORT:
        message = f"“{written}” is no host with a port, such as sentinel-1:{_SENTINEL_PORT}"
        raise NoAddress(message)
    return found[1].strip("[]"), port
