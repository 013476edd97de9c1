"""A Hugging Face hub: repositories with commits, large files on another host, gates, and what goes wrong on the way.

It answers as the hub does, so that ``huggingface_hub`` itself downloads from it (``tests/config/test_hub.py``): the facts of a
revision with names, sizes and hashes; ``resolve`` with ``X-Repo-Commit`` and ``ETag``, large files with ``X-Linked-Etag``,
``X-Linked-Size``, ``X-Xet-Hash`` and a redirect to a signed address of a store, which knows ranges and no tokens.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from aiohttp import web

from pipeline.engines.weights.catalogue import SETS

TOKEN: Final = "hf_the-token-of-these-tests"  # noqa: S105 - of this fake alone
_LARGE: Final = (".bin", ".pth", ".pt", ".safetensors")
"""Kept in the store; the rest is kept by git."""
_CHUNK_BYTES: Final = 1 << 14


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    starts_at: int | None
    """From which byte on; None: no range."""
    token: str | None
    agent: str


@dataclass
class Repository:
    """One repository and its history."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    main: str = ""
    gated: bool = False
    """Wants a token of somebody who accepted its conditions."""


class Hub:
    """The hub and its store, on two ports."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.asked: list[Request] = []
        """Every request, of the store too."""
        self.sent: dict[str, int] = {}
        """Bytes that went out, by name of the file in its repository, whichever request they answered."""
        self.cuts: dict[str, list[int]] = {}
        """By name: after how many bytes the connection breaks, of one answer after the other."""
        self.fails: list[int] = []
        """Status of the next answers, instead of what they should be; they are taken from the front."""
        self.fails_for: Callable[[str], bool] = lambda _path: True
        """Which requests those are for."""
        self.spoils: set[str] = set()
        """Names of files of which a bit is turned on the way."""
        self.ranges = True
        """False: all of a file is sent, whatever part was asked for."""
        self.holds: set[str] = set()
        """Names of files that are held back in the middle until ``go_on`` is set."""
        self.held = asyncio.Event()
        self.go_on = asyncio.Event()
        self.exaggerates: dict[str, int] = {}
        """By name: the size that is told of a file."""

    async def __aenter__(self) -> Self:
        self._runners: list[web.AppRunner] = []
        self._names: dict[str, tuple[str, bytes]] = {}
        self.url = await self._serve(
            [
                web.get("/api/models/{owner}/{name}/revision/{revision}", self._facts),
                web.get("/api/models/{owner}/{name}", self._facts),
                web.get("/{owner}/{name}/resolve/{revision}/{path:.+}", self._resolve),
                web.get("/page-of-a-proxy/{tail:.*}", self._page),
                web.route("*", "/{tail:.*}", self._nothing),
            ]
        )
        self.store_url = await self._serve([web.get("/{oid}", self._stored)])
        return self

    async def __aexit__(self, *_: object) -> None:
        self.go_on.set()
        for runner in self._runners:
            await runner.cleanup()

    async def _serve(self, routes: Sequence[web.RouteDef]) -> str:
        app = web.Application(middlewares=[self._noted])
        app.router.add_routes(routes)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    def commit(self, repository: str, files: Mapping[str, bytes]) -> str:
        """Add a commit that changes these files, and move ``main`` to it; its id."""
        there = self.repositories.setdefault(repository, Repository())
        content = {**there.commits.get(there.main, {}), **files}
        facts = sorted((path, _sha256(each)) for path, each in content.items())
        there.main = _git_oid(json.dumps([len(there.commits), facts]).encode())
        there.commits[there.main] = content
        return there.main

    def stock(self, large_bytes: int = 3 << 20) -> None:
        """Put in every file of the catalogue; large ones differ, and have so many bytes."""
        for model in SETS:
            for source in model.sources:
                if source.repository not in self.repositories:
                    names = [file.source for file in source.files]
                    files = {name: made_up(source.repository + name, large_bytes) for name in names}
                    self.commit(source.repository, files)

    def content(self, repository: str, path: str, commit: str = "") -> bytes:
        """What a file holds."""
        there = self.repositories[repository]
        return there.commits[commit or there.main][path]

    def asked_for(self, part: str) -> list[Request]:
        """Requests with this in their path."""
        return [request for request in self.asked if part in request.path]

    @web.middleware
    async def _noted(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Any],
    ) -> web.StreamResponse:
        wanted = request.http_range.start if "Range" in request.headers else None
        token = request.headers.get("Authorization")
        agent = request.headers.get("User-Agent", "")
        self.asked.append(Request(request.method, request.path, wanted, token, agent))
        if self.fails and self.fails_for(request.path):
            return web.Response(status=self.fails.pop(0), text="try later")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(
            text="<html>Please log in to the network.</html>", content_type="text/html"
        )

    async def _nothing(self, _request: web.Request) -> web.StreamResponse:
        raise _error(404, "", "Not Found")

    async def _facts(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        there, commit = self._find(request, name)
        files = there.commits[commit]
        with_blobs = "blobs" in request.query
        told = [
            self._sibling(path, each, with_blobs=with_blobs) for path, each in sorted(files.items())
        ]
        return web.json_response(
            {
                "_id": "6600000000000000000000aa",
                "id": name,
                "modelId": name,
                "sha": commit,
                "private": False,
                "gated": "auto" if there.gated else False,
                "disabled": False,
                "downloads": 7,
                "likes": 1,
                "tags": ["license:mit"],
                "lastModified": "2025-06-11T08:00:00.000Z",
                "createdAt": "2025-06-11T08:00:00.000Z",
                "siblings": told,
            }
        )

    def _sibling(self, path: str, content: bytes, *, with_blobs: bool) -> dict[str, object]:
        if not with_blobs:
            return {"rfilename": path}
        size = self.exaggerates.get(path, len(content))
        if not path.endswith(_LARGE):
            return {"rfilename": path, "size": size, "blobId": _git_oid(content)}
        sha256 = _sha256(content)
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
        return {
            "rfilename": path,
            "size": size,
            "blobId": _git_oid(pointer.encode()),
            "lfs": {"sha256": sha256, "size": size, "pointerSize": len(pointer)},
        }

    def _find(self, request: web.Request, name: str) -> tuple[Repository, str]:
        """A repository and the commit asked for; raises the hub's refusal."""
        there = self.repositories.get(name)
        allowed = request.headers.get("Authorization") == f"Bearer {TOKEN}"
        if there is None:  # who may not know whether it is there gets 401
            raise _error(404 if allowed else 401, "RepoNotFound", "Repository not found")
        if there.gated and not allowed:
            known = "Authorization" in request.headers
            raise _error(403 if known else 401, "GatedRepo", f"Access to {name} is restricted.")
        wanted = request.match_info.get("revision", "main")
        commit = there.main if wanted == "main" else wanted
        if commit not in there.commits:
            raise _error(404, "RevisionNotFound", f"Invalid rev id: {wanted}")
        return there, commit

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        there, commit = self._find(request, name)
        path = request.match_info["path"]
        if path not in there.commits[commit]:
            raise _error(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": commit})
        content = there.commits[commit][path]
        if not path.endswith(_LARGE):
            headers = {"X-Repo-Commit": commit, "ETag": f'"{_git_oid(content)}"'}
            return await self._send(request, path, content, headers)
        sha256 = _sha256(content)
        self._names[sha256] = (path, content)
        return web.Response(
            status=302,
            headers={
                "X-Repo-Commit": commit,
                "X-Linked-Etag": f'"{sha256}"',
                "X-Linked-Size": str(len(content)),
                "X-Xet-Hash": sha256,
                "Link": f'<{self.url}/api/models/{name}/xet-read-token/{commit}>; rel="xet-auth"',
                "Location": f"{self.store_url}/{sha256}?Signature=secret-of-the-store",
            },
        )

    async def _stored(self, request: web.Request) -> web.StreamResponse:
        path, content = self._names[request.match_info["oid"]]
        return await self._send(request, path, content, {"ETag": '"of-the-store"'})

    async def _send(
        self, request: web.Request, path: str, content: bytes, headers: dict[str, str]
    ) -> web.StreamResponse:
        first = request.http_range.start or 0 if self.ranges else 0
        if first >= len(content) and first:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
        body = content[first:]
        if path in self.spoils:
            body = bytes([body[0] ^ 1]) + body[1:]
        answer = web.StreamResponse(status=206 if first else 200, headers=headers)
        answer.content_length = len(body)
        if first:
            last = len(content) - 1
            answer.headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        await answer.prepare(request)
        if request.method != "HEAD":
            await self._write(request, answer, path, body)
        return answer

    async def _write(
        self, request: web.Request, answer: web.StreamResponse, path: str, body: bytes
    ) -> None:
        cut = self.cuts[path].pop(0) if self.cuts.get(path) else None
        for at in range(0, len(body), _CHUNK_BYTES):
            chunk = body[at : at + _CHUNK_BYTES]
            if cut is not None and at + len(chunk) > cut:
                await answer.write(chunk[: cut - at])
                self._count(path, cut - at)
                if request.transport is not None:
                    request.transport.close()  # what was written goes out first
                return
            if path in self.holds and at >= len(body) // 2 and not self.go_on.is_set():
                self.held.set()
                await self.go_on.wait()
            await answer.write(chunk)
            self._count(path, len(chunk))

    def _count(self, path: str, sent: int) -> None:
        self.sent[path] = self.sent.get(path, 0) + sent


def made_up(seed: str, large_bytes: int) -> bytes:
    """Content that is always the same for a name, and different for each."""
    if not seed.endswith(_LARGE):
        return json.dumps({"made": seed}).encode()
    return hashlib.shake_128(seed.encode()).digest(large_bytes)


def _error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> web.HTTPException:
    kind = {401: web.HTTPUnauthorized, 403: web.HTTPForbidden}.get(status, web.HTTPNotFound)
    told = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
    body = json.dumps({"error": message})
    return kind(text=body, content_type="application/json", headers={**told, **(headers or {})})


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _git_oid(content: bytes) -> str:
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()
