"""A download through the door is held, whatever the store, so that the janitor waits for it."""

import subprocess
import sys
from pathlib import Path

import boto3

from adapters.stores.holds import Holds
from adapters.stores.s3 import S3Store
from config.settings import Settings
from config.wiring import make_store
from worker.contract.tokens import TokenCodec

KEY = "archives/b/1.zip"
HOLD = """import sys; from pathlib import Path; from adapters.stores.holds import Holds
with Holds(Path(sys.argv[1])).hold(sys.argv[2]): print(1, flush=True); input()"""


def test_what_another_process_sends_is_held_until_it_dies(tmp_path):
    line = [sys.executable, "-c", HOLD, tmp_path, KEY]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        held = [Holds(tmp_path).is_held(key) for key in (KEY, "archives/b/2.zip")]
        holder.kill()
        holder.wait()

    assert held == [True, False]
    assert not Holds(tmp_path).is_held(KEY)


def test_only_what_nobody_holds_is_cleared_away(tmp_path):
    holds = Holds(tmp_path)
    with holds.hold("archives/b/2.zip"):
        pass

    with holds.hold(KEY), holds.hold(KEY):
        holds.clear()

        assert len(list(tmp_path.iterdir())) == 1
        assert holds.is_held(KEY)
    holds.clear()
    assert list(tmp_path.iterdir()) == []


async def test_the_configured_cloud_store_tells_other_processes_what_is_downloaded_through_us(
    tmp_path: Path, monkeypatch
):
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    settings = Settings(store="s3", s3_bucket="b", data_dir=tmp_path, _env_file=None)
    codec = TokenCodec(b"a secret of tests only, long enough")
    door, worker = (make_store(settings, codec, str) for _ in range(2))

    with door.hold(KEY):
        held = worker.is_held(KEY)

    assert held
    assert not worker.is_held(KEY)
    for store in (door, worker):
        await store.close()


async def test_a_store_without_a_folder_holds_nothing():
    store = S3Store("b", session=boto3.Session("key", "secret"))

    with store.hold(KEY):
        assert not store.is_held(KEY)
    await store.close()
