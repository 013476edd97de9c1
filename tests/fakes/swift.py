"""A real S3 server for tests: OpenStack Swift with its s3api, from its Python package.

It checks signatures, expiry and multipart rules as strictly as the large services do. Swift lives in an environment
of its own, made once in a cache folder (``SWIFT_CACHE`` or the user's), because its dependencies are none of
the product's. It needs a disk with user extended attributes.
"""

import contextlib
import http
import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.fakes.ports import free_port
from tests.fakes.s3_server import (
    S3Server,
    ServerUnavailable,
    answers,
    environment,
    running,
    wait_until,
)

_PACKAGES = ("swift==2.38.3", "pyeclib")
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
conn_timeout = 60
node_timeout = 60
container_update_timeout = 60
error_suppression_limit = 1000000
"""
"""Its own limits are for fleets with spare disks and daemons that catch up: here a listing would lack for ever what a container was
told too late, and a disk that was slow ten times would be left out for a minute.
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


@contextlib.contextmanager
def swift_server(folder: Path) -> Iterator[S3Server]:
    """Run a Swift whose data lie in ``folder`` until the block is left.

    Raises:
        ServerUnavailable: It cannot be installed or started here.
    """
    _check_attributes(folder)
    programs = environment("swift", _PACKAGES) / "bin"
    secret = secrets.token_hex(16)
    ports = {kind: free_port() for kind in (*_DISKS, "proxy")}
    etc = _configure(folder, ports, secret)
    rings = json.dumps({kind: ports[kind] for kind in _DISKS})
    subprocess.run([programs / "python", "-c", _RINGS, rings], cwd=etc, check=True, timeout=240)
    with contextlib.ExitStack() as servers:
        for kind in ports:
            command = [programs / f"swift-{kind}-server", etc / f"{kind}-server.conf"]
            more = {"SWIFT_DIR": str(etc)}
            servers.enter_context(running(command, etc / f"{kind}.log", more))
        logs = sorted(etc.glob("*.log"))
        for kind in _DISKS:
            wait_until(partial(answers, ports[kind], "/"), logs)  # whatever: it listens
        wait_until(partial(answers, ports["proxy"], "/healthcheck", http.HTTPStatus.OK), logs)
        yield S3Server("swift", f"http://127.0.0.1:{ports['proxy']}", "test:tester", secret)


def _check_attributes(folder: Path) -> None:
    try:
        os.setxattr(folder, "user.chorus", b"1")
    except OSError as error:
        raise ServerUnavailable(f"{folder} takes no user extended attributes: {error}") from error


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
