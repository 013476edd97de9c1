"""A real browser that somebody clicks a link in: Debian's chromium, without a window."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

_START_S = 120.0
_DOWNLOAD_S = 120.0


class Browser:
    """Speaks the DevTools protocol to it; one thing at a time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last_id = 0

    async def download(self, url: str, folder: Path) -> Path:
        """Follow a link; returns the file, under the name that the browser gave it."""
        await self._ask(
            "Browser.setDownloadBehavior",
            behavior="allow",
            downloadPath=str(folder),
            eventsEnabled=True,
        )
        await self._tell("Target.createTarget", url=url)
        name = ""
        async with asyncio.timeout(_DOWNLOAD_S):
            while True:
                said = await self._socket.receive_json()
                told = said.get("params", {})
                if said.get("method") == "Browser.downloadWillBegin":
                    name = told["suggestedFilename"]
                if said.get("method") == "Browser.downloadProgress":
                    if told["state"] == "completed":
                        return folder / name
                    if told["state"] == "canceled":
                        raise RuntimeError(f"the browser gave up downloading {name}")

    async def _tell(self, method: str, **params: Any) -> int:
        self._last_id += 1
        await self._socket.send_json({"id": self._last_id, "method": method, "params": params})
        return self._last_id

    async def _ask(self, method: str, **params: Any) -> None:
        number = await self._tell(method, **params)
        async with asyncio.timeout(_START_S):
            while (said := await self._socket.receive_json()).get("id") != number:
                pass
        if "error" in said:
            raise RuntimeError(f"the browser refuses {method}: {said['error']}")


@contextlib.asynccontextmanager
async def browser(program: str, folder: Path) -> AsyncIterator[Browser]:
    """Run it, with a profile of its own in ``folder``, until the block is left."""
    process = await asyncio.create_subprocess_exec(
        program,
        "--headless=new",
        "--no-sandbox",  # tests run as root, where it has none
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        port, path = await _address(folder / "DevToolsActivePort")
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket,
        ):
            yield Browser(socket)
    finally:
        process.terminate()
        await process.wait()


async def _address(written: Path) -> tuple[str, str]:
    """Where it listens, which it writes down once it does."""
    async with asyncio.timeout(_START_S):
        while True:
            with contextlib.suppress(FileNotFoundError, ValueError):
                port, path = _lines(written)[:2]
                return port, path
            await asyncio.sleep(0.05)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()
