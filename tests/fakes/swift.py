"""A real S3 server for tests: OpenStack Swift with its s3api, from its Python package.

It checks signatures, expiry and multipart rules as strictly as the large services do. Swift lives in an environment
of its own, made once in a cache folder (``SWIFT_CACHE`` or the user's), because its dependencies are none of
the product's. It needs a disk with user extended attributes.
"""

import contextlib
import fcntl
import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from worker.children import die_with_parent

_PACKAGES = ("swift==2.38.3", "pyeclib")
_INSTALL_S = 300
_START_S = 30
_STOP_S = 5
_DISKS = ("account", "container", "object")

_RINGS = """
import json, sys
from swift.common.ring import RingBuilder
for kind, port in json.loads(sys.argv[1]).items():
    builder = RingBuilder(2, 1, 0)
    place = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d1", "weight": 1}
    builder.add_dev(place)
    builder.rebalance()
    builder.get_ring().save(f"{kind}.ring.gz")
"""

_SWIFT_CONF = """[swift-hash]
swift_hash_path_suffix = {salt}
swift_hash_path_prefix = x
[swift-constraints]
max_header_size = 16384
[storage-policy:0]
name = default
default = yes
"""

_DEFAULT_CONF = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {etc}
devices = {node}
mount_check = false
"""

_DISK_CONF = """[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""

_PROXY_CONF = """[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache s3api tempauth bulk slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
check_bucket_owner = false
min_segment_size = 5242880
allow_multipart_uploads = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
"""


class SwiftUnavailable(Exception):
    """No Swift can be run here; the message says why."""


@dataclass(frozen=True)
class Swift:
    """A running server."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str


@contextlib.contextmanager
def swift_server(folder: Path) -> Iterator[Swift]:
    """Run a Swift whose data lie in ``folder`` until the block is left.

    Raises:
        SwiftUnavailable: It cannot be installed or started here.
    """
    _check_attributes(folder)
    programs = _environment() / "bin"
    secret = secrets.token_hex(16)
    ports = dict(zip((*_DISKS, "proxy"), _free_ports(4), strict=True))
    etc = _configure(folder, ports, secret)
    rings = json.dumps({kind: ports[kind] for kind in _DISKS})
    subprocess.run([programs / "python", "-c", _RINGS, rings], cwd=etc, check=True, timeout=60)
    with contextlib.ExitStack() as running:
        for kind in ports:
            running.enter_context(_server(programs / f"swift-{kind}-server", etc, kind))
        _wait_until_healthy(ports["proxy"], folder)
        yield Swift(f"http://127.0.0.1:{ports['proxy']}", "test:tester", secret, "us-east-1")


def _check_attributes(folder: Path) -> None:
    try:
        os.setxattr(folder, "user.chorus", b"1")
    except OSError as error:
        raise SwiftUnavailable(f"{folder} takes no user extended attributes: {error}") from error


def _environment() -> Path:
    """The environment with Swift in it, made if need be; processes that come at once wait for each other."""
    cache = Path(os.environ.get("SWIFT_CACHE") or platformdirs.user_cache_path("chorus-tests"))
    cache.mkdir(parents=True, exist_ok=True)
    home, complete = cache / "swift", cache / "swift" / "complete"
    with (cache / "swift.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists() or complete.read_text() != " ".join(_PACKAGES):
            shutil.rmtree(home, ignore_errors=True)
            _install(home)
            complete.write_text(" ".join(_PACKAGES))
    return home


def _install(home: Path) -> None:
    uv = os.environ.get("UV") or shutil.which(
        "uv"
    )  # `uv run` tells where it is, also when it is on no path
    if uv is None:
        raise SwiftUnavailable("uv is not installed")
    for command in (
        [uv, "venv", "--quiet", "--python", "3.11", str(home)],
        [uv, "pip", "install", "--quiet", "--python", str(home / "bin" / "python"), *_PACKAGES],
    ):
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_S)
        except (subprocess.SubprocessError, OSError) as error:
            raise SwiftUnavailable(f"Swift cannot be installed: {error}") from error


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _configure(folder: Path, ports: dict[str, int], secret: str) -> Path:
    etc, node = folder / "etc", folder / "node"
    etc.mkdir()
    (node / "d1").mkdir(parents=True)
    (etc / "swift.conf").write_text(_SWIFT_CONF.format(salt=secrets.token_hex(8)))
    user = os.environ.get("USER") or _user_name()
    for kind, port in ports.items():
        head = _DEFAULT_CONF.format(port=port, user=user, etc=etc, node=node)
        body = _DISK_CONF.format(kind=kind) if kind in _DISKS else _proxy_conf(secret)
        (etc / f"{kind}-server.conf").write_text(head + body)
    return etc


def _user_name() -> str:
    import pwd  # noqa: PLC0415 - only where the environment does not tell

    return pwd.getpwuid(os.getuid()).pw_name


def _proxy_conf(secret: str) -> str:
    simple = ("catch_errors", "gatekeeper", "healthcheck", "bulk", "slo", "dlo", "symlink")
    filters = "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in simple)
    return _PROXY_CONF.format(secret=secret) + filters


@contextlib.contextmanager
def _server(program: Path, etc: Path, kind: str) -> Iterator[None]:
    with (etc / f"{kind}.log").open("wb") as log:
        server = subprocess.Popen(
            [program, etc / f"{kind}-server.conf"],
            env={**os.environ, "SWIFT_DIR": str(etc)},
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent(),
        )
        try:
            yield
        finally:
            server.terminate()
            try:
                server.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_healthy(port: int, folder: Path) -> None:
    end = time.monotonic() + _START_S
    while not _healthy(port):
        if time.monotonic() > end:
            logs = "".join(path.read_text()[-500:] for path in folder.glob("etc/*.log"))
            raise SwiftUnavailable(f"Swift does not start: {logs}")
        time.sleep(0.05)


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
