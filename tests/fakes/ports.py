"""Ports for servers that have to be told theirs before they listen."""

import atexit
import random
import socket
from pathlib import Path
from typing import Final

_FIRST: Final = 10_000
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIES: Final = 1000


def free_port() -> int:
    """A port of this machine that nobody listens at, nor comes to before the server does.

    It lies below those that the kernel gives to whoever asks for any port. Other tests are kept from it, in whatever process, by a
    datagram socket at the same number, which stays until this process ends.
    """
    last = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768
    chance = random.SystemRandom()
    for _ in range(_TRIES):
        port = chance.randrange(_FIRST, last)
        sign = socket.socket(type=socket.SOCK_DGRAM)
        try:
            sign.bind(("127.0.0.1", port))
            _look(port)
        except OSError:
            sign.close()
            continue
        atexit.register(sign.close)
        return port
    raise AssertionError(f"no port is free among {_TRIES}")


def _look(port: int) -> None:
    """Raise OSError if somebody listens there."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", port))
