import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
import redis

from config.embedded_redis import EmbeddedRedis, redis_socket

PATIENCE_S = 60.0
JOIN = "from config.embedded_redis import EmbeddedRedis; from pathlib import Path; import sys\n"
HOLD = JOIN + "with EmbeddedRedis(Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"


def processes_of(
    folder: Path, names: Sequence[str] = ("config.redis_keeper", "redis-server")
) -> list[psutil.Process]:
    """Keeper and server of one DATA_DIR."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            is_zombie = process.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:  # it is gone, or just leaving
            continue
        if any(name in line for name in names) and str(folder) in line and not is_zombie:
            found.append(process)
    return found


def keeper_and_server(folder: Path) -> tuple[psutil.Process, psutil.Process]:
    """Of a DATA_DIR in use; another keeper may just be finding out that there is one."""
    [server] = processes_of(folder, ["redis-server"])
    keeper = server.parent()
    assert keeper is not None
    return keeper, server


def wait_until_gone(folder: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while there := processes_of(folder):
        assert time.monotonic() < end, f"still there after {PATIENCE_S} s: {there}"
        os.sched_yield()


def hold(folder: Path) -> "subprocess.Popen[str]":
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "in\n"
    return holder


def leave(holder: "subprocess.Popen[str]") -> None:
    holder.communicate("")


def test_a_second_user_joins_and_the_last_one_out_stops_the_server(tmp_path):
    first = hold(tmp_path)
    with EmbeddedRedis(tmp_path) as second:
        # Servers only: another keeper may just be finding out that there is one.
        servers = processes_of(tmp_path, ["redis-server"])
        leave(first)
        with redis.Redis.from_url(second.url) as client:
            answers = client.ping()

    assert (len(servers), answers) == (1, True)
    wait_until_gone(tmp_path)


def test_what_was_written_is_there_at_the_next_start(tmp_path):
    with EmbeddedRedis(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        client.set("batch", "K7Q2")
    wait_until_gone(tmp_path)

    with EmbeddedRedis(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        kept = client.get("batch")

    assert kept == b"K7Q2"


@pytest.mark.alone
def test_the_server_ends_within_two_seconds_of_a_sigkill_of_its_only_user(tmp_path):
    holder = hold(tmp_path)

    killed = time.monotonic()
    holder.kill()
    wait_until_gone(tmp_path)
    took_s = time.monotonic() - killed
    leave(holder)

    assert took_s < 2


def test_a_killed_keeper_takes_the_server_along_and_is_replaced(tmp_path):
    with EmbeddedRedis(tmp_path) as server:
        keeper, _ = keeper_and_server(tmp_path)
        keeper.send_signal(signal.SIGKILL)
        end = time.monotonic() + PATIENCE_S
        with redis.Redis.from_url(server.url) as client:
            while True:
                server.ensure()
                try:
                    client.ping()
                except redis.ConnectionError:
                    assert time.monotonic() < end
                else:
                    if keeper.pid not in {p.pid for p in processes_of(tmp_path)}:
                        break

    wait_until_gone(tmp_path)


def test_it_listens_on_no_network_port(tmp_path):
    with EmbeddedRedis(tmp_path):
        listening = [
            connection
            for process in keeper_and_server(tmp_path)
            for connection in process.net_connections("inet")
        ]

    assert listening == []


@pytest.mark.parametrize("depth", [1, 12])
def test_a_long_data_dir_gets_a_socket_path_the_kernel_accepts(tmp_path, depth):
    folder = tmp_path.joinpath(*["a-rather-long-name"] * depth)

    assert len(os.fsencode(redis_socket(folder))) < 108
