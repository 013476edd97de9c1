"""The Hugging Face hub or a mirror of it: what a revision holds, and its bytes.

The library speaks to it (addresses, tokens, errors, proxies), but does not fetch the files: what it had fetched of a
file when a download broke off it throws away (since 1.0), and where it can it fetches by its own protocol (Xet), which
mirrors do not speak. Here a file is one GET that goes on where the last one ended.
"""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import HfApi, constants, get_session, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

constants.HF_HUB_DISABLE_TELEMETRY = True  # it would tell the hub which programs run us

T = TypeVar("T")

NEWEST: Final = "main"
_US: Final = "chorus"
_PACKAGE: Final = "chorus-bot"
_PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0)
_LONGEST_PAUSE_S: Final = 60.0
"""Of those that the hub asks for."""
_TIMEOUT_S: Final = 30.0
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
_UNAUTHORISED: Final = 401
_FORBIDDEN: Final = 403
_NOT_SATISFIABLE: Final = 416
_PARTIAL: Final = 206
_COMMIT_DIGITS: Final = 40
_SHA256_DIGITS: Final = 64


class HubRefused(Exception):
    """It could not be had; the message says why, and what to do."""


class _Hiccup(Exception):
    """It may go better next time."""

    def __init__(self, said: str, *, pause_s: float = 0.0, look_at: str = "") -> None:
        """``said`` follows a colon; the hub wants ``pause_s``; ``look_at`` is a question for the operator."""
        super().__init__(said)
        self.pause_s = pause_s
        self.look_at = look_at


@dataclass(frozen=True)
class HubFile:
    """One file of a revision."""

    size_bytes: int
    sha256: str | None
    """None of small files, which git itself keeps."""
    git_oid: str
    """Of the file itself, or of the pointer to it."""


@dataclass(frozen=True)
class Revision:
    """What a repository holds at one commit."""

    commit: str
    files: Mapping[str, HubFile]


class Hub:
    """Reads repositories of models."""

    def __init__(
        self,
        endpoint: str | None = None,
        pauses_s: Sequence[float] = _PAUSES_S,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        """Nothing is asked yet.

        Args:
            endpoint: URL of a mirror; None: as ``HF_ENDPOINT`` says, or the hub itself.
            pauses_s: Between tries that got no further; there is one more try than pauses.
            timeout_s: A connection without a byte for so long is given up.
        """
        self._endpoint = (endpoint or constants.ENDPOINT).rstrip("/")
        self._pauses_s = pauses_s
        self._timeout_s = timeout_s
        # A mirror gets the token that stands in the environment for it, not the one of `hf auth login`.
        is_hub = urlsplit(self._endpoint).hostname in {"huggingface.co", "hf.co"}
        self._token = None if is_hub else os.environ.get("HF_TOKEN") or False

    @property
    def host(self) -> str:
        """Who is asked, for people."""
        return urlsplit(self._endpoint).netloc

    def look(self, repository: str, revision: str = NEWEST) -> Revision:
        """Find out what a repository holds. Raises HubRefused."""
        api = HfApi(
            endpoint=self._endpoint,
            token=self._token,
            library_name=_US,
            library_version=version(_PACKAGE),
        )

        def ask() -> Revision:
            facts = api.model_info(
                repository, revision=revision, files_metadata=True, timeout=self._timeout_s
            )
            files = {each.rfilename: _file(each) for each in facts.siblings or ()}
            return Revision(_hex(facts.sha, _COMMIT_DIGITS), files)

        try:
            return self._tried(ask, repository, self._pauses_s[:1], lambda: 0)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise HubRefused(
                f"{self.host} does not answer like a Hugging Face hub ({type(error).__name__}): check "
                "CHORUS_HUB_ENDPOINT, and whether a proxy stands in between."
            ) from None

    def fetch(
        self,
        repository: str,
        revision: str,
        source: str,
        size_bytes: int,
        into: Path,
        told: Callable[[int], None],
    ) -> None:
        """Fetch what is still missing of a file. What has come stays in ``into``, whatever happens.

        Args:
            repository: Owner and name.
            revision: Commit.
            source: Path in the repository.
            size_bytes: Of the whole file; nothing beyond is written.
            into: Where its beginning is, if there is one.
            told: Called with how many bytes are there.

        Raises:
            HubRefused: It could not be had.
            OSError: It could not be written.
        """
        url = hf_hub_url(repository, source, revision=revision, endpoint=self._endpoint)
        into.touch()

        def go_on() -> None:
            try:
                self._go_on(url, source, size_bytes, into, told)
            except EntryNotFoundError:
                raise HubRefused(f"{repository} has no file {source} (any more).") from None

        self._tried(go_on, repository, self._pauses_s, lambda: into.stat().st_size)

    def _go_on(
        self, url: str, source: str, size_bytes: int, into: Path, told: Callable[[int], None]
    ) -> None:
        had = into.stat().st_size
        if had == size_bytes:
            return
        headers = build_hf_headers(
            token=self._token, library_name=_US, library_version=version(_PACKAGE)
        )
        # Unpacked on the way, a file's bytes could not be counted.
        headers |= {"accept-encoding": "identity"} | ({"range": f"bytes={had}-"} if had else {})
        asked = get_session().stream("GET", url, headers=headers, timeout=self._timeout_s)
        with asked as answer, into.open("ab") as file:
            if answer.status_code == _NOT_SATISFIABLE:
                file.truncate(0)
                raise _Hiccup(f"it has no byte {had}")
            hf_raise_for_status(answer)
            if had and not _goes_on_at(had, answer):
                file.truncate(had := 0)
                if answer.status_code == _PARTIAL:
                    raise _Hiccup("it sent another part than was asked for")
            for chunk in answer.iter_bytes():
                had += len(chunk)
                if had > size_bytes:
                    raise HubRefused(f"{self.host} sends more of {source} than the file has.")
                file.write(chunk)
                told(had)
        if had < size_bytes:
            raise _Hiccup(f"the connection ended after {had} of {size_bytes} bytes")

    def _tried(
        self,
        work: Callable[[], T],
        repository: str,
        pauses_s: Sequence[float],
        done: Callable[[], int],
    ) -> T:
        """Do it, again after what passes; tries that got further do not count."""
        vain = 0
        while True:
            before = done()
            try:
                return self._told(work, repository)
            except _Hiccup as hiccup:
                vain = 0 if done() > before else vain + 1
                if vain > len(pauses_s):
                    raise HubRefused(
                        f"{repository} cannot be fetched from {self.host}: {hiccup}. {hiccup.look_at}"
                        "What has come is kept; pull again later."
                    ) from None
                time.sleep(hiccup.pause_s or (pauses_s[max(vain, 1) - 1] if pauses_s else 0.0))

    def _told(self, work: Callable[[], T], repository: str) -> T:
        """Turn what the libraries raise into a hiccup or a refusal."""
        try:
            return work()
        except OfflineModeIsEnabled:
            raise HubRefused("HF_HUB_OFFLINE is set, so nothing is fetched: unset it.") from None
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status in _PASSING:
                raise _Hiccup(
                    f"it answered {status}", pause_s=_asked_pause_s(error.response)
                ) from None
            raise HubRefused(self._refusal(error, repository)) from None
        except httpx2.TransportError as error:
            raise _Hiccup(
                f"no connection, or one that broke ({type(error).__name__})",
                look_at="Is the network there, and CHORUS_HUB_ENDPOINT right? ",
            ) from None
        except httpx2.HTTPError as error:
            raise HubRefused(
                f"{repository} cannot be fetched from {self.host}: {type(error).__name__}."
            ) from None

    def _refusal(self, error: HfHubHTTPError, repository: str) -> str:
        status = error.response.status_code
        if isinstance(error, GatedRepoError):
            return (
                f"{repository} is gated: accept its conditions at https://huggingface.co/{repository} with an account of "
                "yours, put a token of that account into HF_TOKEN, and pull again."
            )
        if isinstance(error, RevisionNotFoundError):
            return (
                f"{repository} no longer has the revision in models.lock. Delete the set's entry there to take "
                "the newest one."
            )
        if isinstance(error, RepositoryNotFoundError) or status == _UNAUTHORISED:
            return (
                f"{self.host} does not show {repository}: it is not there, or it takes a token in HF_TOKEN that may "
                f"read it ({status})."
            )
        if status == _FORBIDDEN:
            return f"{self.host} forbids {repository} ({status}): check what the token in HF_TOKEN may read."
        return f"{repository} cannot be fetched: {self.host} answered {status}."


def _file(told: RepoSibling) -> HubFile:
    if told.lfs is not None:
        sha256 = _hex(told.lfs.sha256, _SHA256_DIGITS)
        return HubFile(int(told.lfs.size), sha256, str(told.blob_id))
    return HubFile(int(told.size or 0), None, _hex(told.blob_id, _COMMIT_DIGITS))


def _hex(text: str | None, digits: int) -> str:
    """Refuse what is no hash; it would become part of the lock, and of file names."""
    if text is None or not re.fullmatch(f"[0-9a-f]{{{digits}}}", text):
        raise ValueError(f"no hash of {digits} digits")
    return text


def _goes_on_at(had: int, answer: httpx2.Response) -> bool:
    """Whether it sends the rest: some servers know no ranges, and send all again."""
    return answer.status_code == _PARTIAL and answer.headers.get("content-range", "").startswith(
        f"bytes {had}-"
    )


def _asked_pause_s(answer: httpx2.Response) -> float:
    wanted = answer.headers.get("retry-after", "")
    return min(float(wanted), _LONGEST_PAUSE_S) if wanted.isdigit() else 0.0
