"""A real nginx that runs the configuration operators get, with the places of a test in it."""

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from worker.children import die_with_parent

CONFIGURATION = Path(__file__).parents[2] / "config" / "nginx.conf"

_MAIN = """{user}daemon off;
pid {folder}/nginx.pid;
error_log {folder}/errors.log;
events {{}}
http {{
    types {{}}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/chorus.conf;
}}
"""


_CDN = """server {{
    listen 127.0.0.1:{port};
    access_log off;
    location / {{
        proxy_pass {origin};
        proxy_set_header Host {host};
    }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx."""

    url: str
    folder: Path

    @property
    def access_log(self) -> str:
        """What it wrote down of requests."""
        return (self.folder / "access.log").read_text()


@contextlib.contextmanager
def nginx(program: str, folder: Path, port: int, door: str, store: Path) -> Iterator[Nginx]:
    """Run it until the block is left.

    Args:
        program: Path of nginx.
        folder: For its files.
        port: To listen at.
        door: The web door behind it, a URL.
        store: The folder of the store.
    """
    with _running(program, folder, port, _placed(folder, port, door, store)):
        yield Nginx(f"http://127.0.0.1:{port}", folder)


@contextlib.contextmanager
def plain_front(program: str, folder: Path, port: int, origin: str) -> Iterator[None]:
    """Run one that does what a CDN does: passes path and query on, and asks its origin by the origin's name."""
    server = _CDN.format(port=port, origin=origin, host=origin.partition("//")[2])
    with _running(program, folder, port, server):
        yield


@contextlib.contextmanager
def _running(program: str, folder: Path, port: int, configuration: str) -> Iterator[None]:
    user = "user root;\n" if os.geteuid() == 0 else ""  # tests write into folders of their own user
    (folder / "chorus.conf").write_text(configuration)
    (folder / "nginx.conf").write_text(_MAIN.format(user=user, folder=folder))
    with (folder / "output.log").open("wb") as log:
        server = subprocess.Popen(
            [program, "-p", folder, "-c", folder / "nginx.conf"],
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent(),
        )
    try:
        _wait_until_it_listens(server, port, folder)
        yield
    finally:
        server.terminate()
        server.wait(60)


def _placed(folder: Path, port: int, door: str, store: Path) -> str:
    """The configuration, without TLS and with our places in it."""
    written = CONFIGURATION.read_text()
    for pattern, place in (
        (r"listen 443 ssl http2;", f"listen 127.0.0.1:{port};"),
        (r"\n *ssl_certificate\w* .*;", ""),
        (r"http://127\.0\.0\.1:8080", door),
        (r"/var/lib/chorus/store/", f"{store}/"),
        (r"/var/log/nginx/chorus\.log", f"{folder}/access.log"),
        (r"/var/log/nginx/chorus-errors\.log", f"{folder}/errors.log"),
    ):
        written, count = re.subn(pattern, place, written)
        assert count, f"the configuration has no {pattern}"
    return written


def _wait_until_it_listens(server: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    end = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nginx does not start: {(folder / 'output.log').read_text()}")
