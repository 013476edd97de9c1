"""A real Ceph with its S3 gateway, for tests: one monitor, one manager, one disk in a sparse file, all on this machine.

It is stricter than others about signatures, and its lifecycle runs: one of its days lasts as long as we say. Its
programs are Debian's (radosgw, ceph-mon, ceph-osd, ceph-mgr, ceph-common).
"""

import contextlib
import secrets
import subprocess
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.fakes.ports import free_port
from tests.fakes.s3_server import S3Server, answers, running, wait_until

LIFECYCLE_DAY_S = 5
"""How long a day is in rules of a lifecycle."""

_DISK_BYTES = 12 << 30  # of a file full of holes; it wants as much
_COMMAND_S = 240

# The gateway asks the monitor with messages that are checked but not encrypted: with no authentication at all it would
# be turned away for ever.
_CONF = """[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]
public network = 127.0.0.0/8
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 2
mon allow pool size one = true
osd crush chooseleaf type = 0
run dir = {folder}
admin socket = {folder}/$name.asok
pid file = {folder}/$name.pid
log file = {folder}/$name.log
crash dir = {folder}
mon data = {folder}/mon
mgr data = {folder}/mgr
osd data = {folder}/osd
osd objectstore = bluestore
bluestore block size = {disk}
osd memory target = 939524096
[client.rgw.a]
ms mon client mode = crc
auth client required = none
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw lc debug interval = {day}
rgw thread pool size = 32
"""


@contextlib.contextmanager
def ceph_server(folder: Path) -> Iterator[S3Server]:
    """Run it, with all its data in ``folder``, until the block is left.

    Raises:
        ServerUnavailable: It does not start here.
    """
    v2, v1, port = free_port(), free_port(), free_port()
    fsid, disk = str(uuid.uuid4()), str(uuid.uuid4())
    for name in ("mon", "mgr", "osd", "rgw"):
        (folder / name).mkdir()
    conf = folder / "ceph.conf"
    facts = {"v2": v2, "v1": v1, "port": port, "folder": folder, "fsid": fsid}
    conf.write_text(_CONF.format(**facts, disk=_DISK_BYTES, day=LIFECYCLE_DAY_S))
    key, secret = "TESTER", secrets.token_hex(16)
    with contextlib.ExitStack() as servers:
        _mon(conf, folder, fsid, f"[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]", servers)
        servers.enter_context(_daemon(["ceph-mgr", "-i", "x"], conf, folder))
        _run(["ceph", "osd", "new", disk, "0"], conf)
        _run(["ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk], conf)
        servers.enter_context(_daemon(["ceph-osd", "-i", "0"], conf, folder))
        user = ["--uid=t", "--display-name=t", f"--access-key={key}", f"--secret-key={secret}"]
        _run(["radosgw-admin", "user", "create", *user], conf)
        servers.enter_context(_daemon(["radosgw", "-n", "client.rgw.a"], conf, folder))
        wait_until(partial(answers, port, "/"), sorted(folder.glob("*.log")))
        yield S3Server("ceph", f"http://127.0.0.1:{port}", key, secret, knows_lifecycle=True)


def _mon(conf: Path, folder: Path, fsid: str, address: str, servers: contextlib.ExitStack) -> None:
    map_ = folder / "monmap"
    made = ["--create", "--clobber", "--addv", "a", address, "--fsid", fsid, str(map_)]
    subprocess.run(["monmaptool", *made], check=True, capture_output=True, timeout=_COMMAND_S)
    _run(["ceph-mon", "--mkfs", "-i", "a", "--monmap", str(map_), "--keyring", "/dev/null"], conf)
    servers.enter_context(_daemon(["ceph-mon", "-i", "a"], conf, folder))


def _run(command: list[str], conf: Path) -> None:
    program, *rest = command
    subprocess.run(
        [program, "-c", conf, *rest], check=True, capture_output=True, timeout=_COMMAND_S
    )


def _daemon(
    command: list[str], conf: Path, folder: Path
) -> contextlib.AbstractContextManager[None]:
    program, *rest = command
    log = folder / f"{program}.out"
    return running([program, "-c", conf, *rest, "-f"], log, stop_s=0.2)  # its data are thrown away
