"""The way between a client and a TCP server, which can be cut, and half-opened: nothing comes through, and nobody is told."""

import asyncio
import contextlib
from typing import Self


class TcpWire:
    """Passes bytes on, until told otherwise."""

    def __init__(self, socket_path: str) -> None:
        """Say where it leads: to a unix socket."""
        self._path = socket_path
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._cut = False
        self.connections = 0
        """That were asked for, whatever became of them."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open.set()
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """Break what is connected, and whatever is connected from now on."""
        self._cut = True
        for writer in list(self._writers):
            writer.transport.abort()

    def half_open(self) -> None:
        """Let nothing through any more, in either direction; connections stay as they are, new ones are taken."""
        self._open.clear()

    def mend(self) -> None:
        """From now on it works; what was held back on half-open connections is lost with them."""
        if not self._open.is_set():
            for writer in list(self._writers):
                writer.transport.abort()
        self._open.set()
        self._cut = False

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._cut:
            writer.transport.abort()
            return
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            await self._open.wait()
            there, back = await asyncio.open_unix_connection(self._path)
            self._writers.add(back)
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
            self._writers.discard(back)
            back.transport.abort()
        self._writers.discard(writer)
        writer.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(1 << 16):
                await self._open.wait()
                target.write(chunk)
                await target.drain()
        target.transport.abort()
