"""Downloading through a Link, as a browser would: resumed where it broke off, named as the server says."""

import asyncio
from pathlib import Path

import aiohttp

from config.cli.output import Failed, Report

_TRIES = 5
_PAUSE_S = 0.5
_CHUNK_BYTES = 1 << 20


async def download(link: str, folder: Path, report: Report) -> Path:
    """Download a Link into a folder and return the file's path.

    The file has its name only once it is whole. ``report`` gets stage ``download`` in bytes. Raises Failed when the
    Link is refused, or breaks off more than a few times.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    partial = folder / ".download.part"
    await asyncio.to_thread(partial.unlink, missing_ok=True)
    for attempt in range(1, _TRIES + 1):
        try:
            name = await _fetch(link, partial, report)
        except aiohttp.ClientResponseError as error:
            raise Failed(f"The link was refused: {error.status} {error.message}.") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            if attempt == _TRIES:
                raise Failed(f"The download broke off {_TRIES} times: {error}.") from None
            await asyncio.sleep(_PAUSE_S * attempt)
        else:
            return await asyncio.to_thread(partial.replace, folder / Path(name).name)
    raise AssertionError("unreachable")


async def _fetch(link: str, partial: Path, report: Report) -> str:
    have = partial.stat().st_size if partial.exists() else 0  # noqa: ASYNC240 - one look
    headers = {"Range": f"bytes={have}-"} if have else {}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(link, headers=headers) as answer,
    ):
        answer.raise_for_status()
        resumed = answer.status == 206
        have = have if resumed else 0
        total = have + (answer.content_length or 0)
        with partial.open("ab" if resumed else "wb") as file:
            async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                file.write(chunk)
                have += len(chunk)
                report("download", have, total)
        disposition = answer.content_disposition
        return (disposition and disposition.filename) or "archive.zip"
