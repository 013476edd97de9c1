"""Hands TCP connections on from one address of this machine to another: what a router does for a network of its own."""

import asyncio
import contextlib
from typing import Self


class Forwarder:
    """Listens at one address, leads to a port of the loopback."""

    def __init__(self, host: str, port: int) -> None:
        """``port``: of 127.0.0.1, where it leads to; it listens at ``host``, at a port of its own."""
        self._host = host
        self._port = port

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, self._host, 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
            await asyncio.gather(_pass(reader, back), _pass(there, writer))


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(1 << 16):
            target.write(chunk)
            await target.drain()
    target.close()
