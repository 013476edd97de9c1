"""Weights from a hub of our own: what comes, what breaks off, what is refused."""

import asyncio
import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import close_session, constants, hf_hub_download

from config.hub import Hub
from config.pulling import PullFailed, alone, pull
from pipeline.engines.weights.catalogue import sets_for
from pipeline.engines.weights.checking import Depth, examine
from pipeline.engines.weights.lock import read_lock
from tests.fakes.hub import TOKEN
from tests.fakes.hub import Hub as FakeHub

(MUSETALK,) = sets_for("musetalk")
UNET = "musetalkV15/unet.pth"
UNET_BYTES = 3 << 20
QUICK = (0.0, 0.0, 0.0)


@pytest.fixture
async def hub(monkeypatch, tmp_path):
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_ENDPOINT", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    async with FakeHub() as fake:
        fake.stock(UNET_BYTES)
        yield fake
        close_session()


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


async def pulled(hub, models, wanted=MUSETALK, endpoint=None):
    def work():
        with alone(models, lambda: None):
            return pull(wanted, models, Hub(endpoint or hub.url, QUICK), lambda *_: None)

    return await asyncio.to_thread(work)


def is_whole(models, wanted=MUSETALK):
    return examine(models, wanted.name, read_lock(models)[wanted.name], Depth.ALL).usable


def has_come(models, path=UNET):
    """What is there of a file that is still being fetched."""
    folder = (models / MUSETALK.name / path).parent
    return sum(each.stat().st_size for each in folder.glob(".*.partial"))


async def test_the_hub_of_these_tests_is_one_that_the_library_itself_downloads_from(
    hub, tmp_path, monkeypatch
):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)

    for name in (UNET, "musetalkV15/musetalk.json"):
        path = await asyncio.to_thread(
            hf_hub_download,
            "TMElyralab/MuseTalk",
            name,
            endpoint=hub.url,
            cache_dir=tmp_path,
            token=False,
        )

        content = await asyncio.to_thread(Path(path).read_bytes)
        assert content == hub.content("TMElyralab/MuseTalk", name)


async def test_a_pull_brings_every_file_in_the_official_layout(hub, models):
    came_of_it = await pulled(hub, models)

    for source in MUSETALK.sources:
        for file in source.files:
            content = (models / "musetalk" / file.path).read_bytes()
            assert content == hub.content(source.repository, file.source)
    assert came_of_it.folder == models / "musetalk"
    assert came_of_it.fetched_bytes == sum(hub.sent.values())
    assert not list(models.rglob("*.partial"))


async def test_the_lock_names_commit_and_hash_of_every_file(hub, models):
    await pulled(hub, models)

    lock = json.loads((models / "models.lock").read_text())
    unet = lock["models"]["musetalk"][UNET]
    assert lock["models"]["musetalk"].keys() == {file.path for file in MUSETALK.files}
    assert unet["revision"] == hub.repositories["TMElyralab/MuseTalk"].main
    assert unet["size_bytes"] == UNET_BYTES
    assert len(unet["sha256"]) == 64


async def test_weights_stay_at_their_revision_when_the_newest_moved_on(hub, models):
    first = await pulled(hub, models)
    old = hub.content("TMElyralab/MuseTalk", UNET)
    hub.commit("TMElyralab/MuseTalk", {UNET: b"another network"})
    (models / "musetalk" / UNET).unlink()

    second = await pulled(hub, models)

    assert second.revisions == first.revisions
    assert (models / "musetalk" / UNET).read_bytes() == old


async def test_a_pull_that_broke_off_before_the_large_files_goes_on_with_the_same_revision(
    hub, models
):
    hub.fails, hub.fails_for = [404] * 9, lambda path: path.endswith("unet.pth")
    with pytest.raises(PullFailed):
        await pulled(hub, models)
    hub.fails = []
    old = hub.content("TMElyralab/MuseTalk", UNET)
    hub.commit("TMElyralab/MuseTalk", {UNET: b"another network"})

    await pulled(hub, models)

    assert (models / "musetalk" / UNET).read_bytes() == old


async def test_what_is_here_is_not_asked_for_again(hub, models):
    await pulled(hub, models)
    asked = len(hub.asked)

    again = await pulled(hub, models)

    assert again.fetched_bytes == 0
    assert len(hub.asked) == asked


async def test_a_connection_that_breaks_twice_costs_no_byte_twice(hub, models):
    hub.cuts[UNET] = [1_000_000, 1_500_000]

    await pulled(hub, models)

    starts = [request.starts_at for request in hub.asked_for("resolve") if UNET in request.path]
    assert starts == [None, 1_000_000, 2_500_000]
    assert hub.sent[UNET] == UNET_BYTES
    assert is_whole(models)


async def test_a_pull_that_gave_up_goes_on_where_it_was(hub, models):
    hub.cuts[UNET] = [2_000_000, *[0] * 9]
    with pytest.raises(PullFailed, match=r"TMElyralab/MuseTalk.*What has come is kept"):
        await pulled(hub, models)
    assert has_come(models) == 2_000_000
    hub.cuts.clear()

    again = await pulled(hub, models)

    assert hub.sent[UNET] == UNET_BYTES
    assert again.fetched_bytes == UNET_BYTES - 2_000_000 + 3 * UNET_BYTES
    assert is_whole(models)


async def test_a_server_that_knows_no_ranges_sends_all_again(hub, models):
    hub.ranges = False
    hub.cuts[UNET] = [1_000_000]

    await pulled(hub, models)

    assert is_whole(models)
    assert hub.sent[UNET] == 1_000_000 + UNET_BYTES


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_hub_that_is_busy_is_asked_again(hub, models, status):
    hub.fails, hub.fails_for = [status] * 3, lambda path: "unet.pth" in path

    await pulled(hub, models)

    assert is_whole(models)


async def test_an_answer_of_503_in_the_middle_keeps_what_has_come(hub, models):
    hub.cuts[UNET] = [1_000_000]
    hub.fails_for = lambda path: path.endswith("unet.pth") and hub.sent.get(UNET, 0) == 1_000_000
    hub.fails = [503, 503]

    await pulled(hub, models)

    assert hub.sent[UNET] == UNET_BYTES


async def test_a_hub_that_stays_down_is_named_with_its_answer(hub, models):
    hub.fails = [502] * 20

    with pytest.raises(PullFailed, match=r"127\.0\.0\.1:\d+: it answered 502\..*pull again later"):
        await pulled(hub, models)


async def test_without_a_network_the_sentence_says_where_to_look(hub, models):
    with pytest.raises(PullFailed, match=r"127\.0\.0\.1:1: no connection.*CHORUS_HUB_ENDPOINT"):
        await pulled(hub, models, endpoint="http://127.0.0.1:1")


async def test_a_page_that_is_no_hub_is_told_apart(hub, models):
    with pytest.raises(PullFailed, match="does not answer like a Hugging Face hub"):
        await pulled(hub, models, endpoint=f"{hub.url}/page-of-a-proxy")


@pytest.mark.parametrize("path", [UNET, "musetalkV15/musetalk.json"])
async def test_bytes_that_changed_on_their_way_are_not_let_in(hub, models, path):
    hub.spoils.add(path)

    with pytest.raises(PullFailed, match=rf"{path} of TMElyralab/MuseTalk came with another cont"):
        await pulled(hub, models)

    assert not (models / "musetalk" / path).exists()
    assert not list((models / "musetalk" / path).parent.glob(".*.partial"))


async def test_a_file_that_changed_under_its_revision_is_refused(hub, models):
    await pulled(hub, models)
    there = hub.repositories["TMElyralab/MuseTalk"]
    there.commits[there.main][UNET] = os.urandom(UNET_BYTES)
    (models / "musetalk" / UNET).unlink()

    with pytest.raises(PullFailed, match="another content than it should have"):
        await pulled(hub, models)

    assert not (models / "musetalk" / UNET).exists()


async def test_a_file_that_grew_under_its_revision_is_not_written_to_the_end(hub, models):
    await pulled(hub, models)
    there = hub.repositories["TMElyralab/MuseTalk"]
    there.commits[there.main][UNET] = bytes(2 * UNET_BYTES)
    (models / "musetalk" / UNET).unlink()

    with pytest.raises(PullFailed, match="sends more of"):
        await pulled(hub, models)

    assert has_come(models) <= UNET_BYTES


async def test_an_altered_file_is_mended_by_a_pull(hub, models):
    await pulled(hub, models)
    content = bytearray((models / "musetalk" / UNET).read_bytes())
    content[UNET_BYTES // 2] ^= 1
    (models / "musetalk" / UNET).write_bytes(content)

    again = await pulled(hub, models)

    assert again.fetched_bytes == UNET_BYTES
    assert is_whole(models)


async def test_files_that_somebody_put_there_are_kept_if_they_are_right(hub, models):
    unet = models / "musetalk" / UNET
    unet.parent.mkdir(parents=True)
    unet.write_bytes(hub.content("TMElyralab/MuseTalk", UNET))

    await pulled(hub, models)

    assert UNET not in hub.sent
    assert is_whole(models)


async def test_what_two_sets_share_is_fetched_once(hub, models):
    (latentsync,) = sets_for("latentsync-1.5")
    await pulled(hub, models)

    await pulled(hub, models, latentsync)

    assert hub.sent["diffusion_pytorch_model.safetensors"] == UNET_BYTES
    assert is_whole(models)
    assert is_whole(models, latentsync)


@pytest.mark.parametrize("token", ["", "hf_of-somebody-who-did-not-accept"])
async def test_a_gated_repository_says_how_to_get_in(hub, models, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    hub.repositories["openai/whisper-tiny"].gated = True

    with pytest.raises(PullFailed, match=r"huggingface\.co/openai/whisper-tiny .*HF_TOKEN"):
        await pulled(hub, models)


async def test_what_is_forbidden_is_a_sentence(hub, models):
    hub.fails = [403]

    with pytest.raises(PullFailed, match=r"forbids TMElyralab/MuseTalk \(403\).*HF_TOKEN"):
        await pulled(hub, models)


async def test_a_token_opens_what_is_gated_and_never_leaves_the_hub(hub, models, monkeypatch):
    hub.repositories["TMElyralab/MuseTalk"].gated = True
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    await pulled(hub, models)

    of_the_hub = [request for request in hub.asked if request.path.count("/") > 1]
    of_the_store = [request for request in hub.asked if request.path.count("/") == 1]
    assert {request.token for request in of_the_hub} == {f"Bearer {TOKEN}"}
    assert {request.token for request in of_the_store} == {None}


async def test_a_mirror_does_not_get_the_token_of_a_login(hub, models, monkeypatch, tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))

    await pulled(hub, models)

    assert {request.token for request in hub.asked} == {None}


async def test_a_token_stands_in_no_sentence(hub, models, monkeypatch, caplog):
    monkeypatch.setenv("HF_TOKEN", "hf_of-somebody-else")
    hub.repositories["TMElyralab/MuseTalk"].gated = True

    with caplog.at_level("DEBUG"), pytest.raises(PullFailed) as refused:
        await pulled(hub, models)

    assert "hf_of" not in str(refused.value) + caplog.text


@pytest.mark.parametrize(("token", "said"), [("", "401"), (TOKEN, "404")])
async def test_a_repository_that_is_not_there_is_a_sentence(hub, models, monkeypatch, token, said):
    monkeypatch.setenv("HF_TOKEN", token)
    del hub.repositories["openai/whisper-tiny"]

    with pytest.raises(PullFailed, match=rf"does not show openai/whisper-tiny.*{said}"):
        await pulled(hub, models)


async def test_a_revision_that_is_gone_says_what_to_delete(hub, models):
    await pulled(hub, models)
    there = hub.repositories["TMElyralab/MuseTalk"]
    there.commits = {"f" * 40: there.commits[there.main]}
    there.main = "f" * 40
    (models / "musetalk" / UNET).unlink()

    with pytest.raises(PullFailed, match=r"no longer has the revision.*Delete the set's entry"):
        await pulled(hub, models)


async def test_a_file_that_the_repository_lacks_is_named(hub, models):
    there = hub.repositories["TMElyralab/MuseTalk"]
    del there.commits[there.main][UNET]

    with pytest.raises(PullFailed, match=rf"TMElyralab/MuseTalk has no file {UNET}"):
        await pulled(hub, models)


async def test_a_disk_that_is_too_small_is_told_before_a_byte_comes(hub, models):
    hub.exaggerates[UNET] = 10**15

    with pytest.raises(PullFailed, match=r"needs 1000000\.\d GB .* are free"):
        await pulled(hub, models)

    assert hub.sent == {}


async def test_a_disk_that_fills_up_meanwhile_is_a_sentence(hub, models):
    await pulled(hub, models)
    locked = read_lock(models)["musetalk"][UNET]
    unet = models / "musetalk" / UNET
    unet.unlink()
    unet.with_name(f".unet.pth.{locked.sha256[:12]}.partial").symlink_to("/dev/full")

    with pytest.raises(PullFailed, match="No space left on device"):
        await pulled(hub, models)


async def test_a_folder_that_cannot_be_written_is_a_sentence(hub):
    with pytest.raises(PullFailed, match=r"Nothing can be written to /proc/models.*MODELS_DIR"):
        await pulled(hub, Path("/proc/models"))


async def test_a_hub_that_falls_silent_is_asked_for_the_rest(hub, models):
    hub.holds.add(UNET)

    def work():
        with alone(models, lambda: None):
            pull(MUSETALK, models, Hub(hub.url, QUICK, timeout_s=1.0), lambda *_: None)

    def is_asked_for_the_rest():
        asked = [each.starts_at for each in hub.asked_for("resolve") if UNET in each.path]
        return any(start is not None and start >= UNET_BYTES // 2 for start in asked)

    pulling = asyncio.create_task(asyncio.to_thread(work))
    while not is_asked_for_the_rest() and not pulling.done():
        await asyncio.sleep(0.01)
    hub.go_on.set()
    await pulling

    assert is_asked_for_the_rest()
    assert is_whole(models)


async def test_two_pulls_at_once_fetch_everything_once(hub, models):
    hub.holds.add(UNET)
    waited = threading.Event()

    def second():
        with alone(models, waited.set):
            return pull(MUSETALK, models, Hub(hub.url, QUICK), lambda *_: None)

    first = asyncio.create_task(pulled(hub, models))
    await hub.held.wait()
    other = asyncio.create_task(asyncio.to_thread(second))
    assert await asyncio.to_thread(waited.wait, 60)
    hub.go_on.set()
    await first

    assert (await other).fetched_bytes == 0
    assert hub.sent[UNET] == UNET_BYTES
    assert is_whole(models)


async def test_progress_is_told_up_to_the_last_byte(hub, models):
    told = []

    def work():
        with alone(models, lambda: None):
            pull(MUSETALK, models, Hub(hub.url, QUICK), lambda *each: told.append(each))

    await asyncio.to_thread(work)

    of_the_unet = [done for path, done, total in told if path == UNET and total == UNET_BYTES]
    assert of_the_unet == sorted(of_the_unet)
    assert of_the_unet[-1] == UNET_BYTES


async def test_nothing_is_asked_but_facts_and_files(hub, models):
    """No telemetry, nothing of Xet, though the hub offers it and its package is installed."""
    await pulled(hub, models)

    assert all(
        request.path.startswith("/api/models/")
        or "/resolve/" in request.path
        or len(request.path) == 65
        for request in hub.asked
    )
    assert not hub.asked_for("xet")
    assert {request.agent.split("/")[0] for request in hub.asked} == {"chorus"}
    assert all("torch" not in request.agent for request in hub.asked)


async def test_a_hash_that_is_none_is_refused_before_it_names_a_file(hub, models, monkeypatch):
    monkeypatch.setattr("tests.fakes.hub._git_oid", lambda _content: "../../../../etc/cron.d/x")

    with pytest.raises(PullFailed, match="does not answer like a Hugging Face hub"):
        await pulled(hub, models)


async def test_a_set_that_grew_with_a_new_version_takes_the_rest_at_the_same_revision(hub, models):
    source = MUSETALK.sources[0]
    smaller = replace(
        MUSETALK, sources=(replace(source, files=source.files[1:]), *MUSETALK.sources[1:])
    )
    first = await pulled(hub, models, smaller)
    hub.commit("TMElyralab/MuseTalk", {UNET: b"another network"})

    second = await pulled(hub, models)

    assert second.revisions == first.revisions
    assert is_whole(models)
