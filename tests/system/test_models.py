"""``chorus models`` as somebody types it, against a hub of our own."""

import asyncio
import signal

import pytest

from pipeline.engines.weights.catalogue import SETS, sets_for
from tests.fakes.hub import Hub
from tests.system.commands import chorus, command, environment, last_object

(MUSETALK,) = sets_for("musetalk")
UNET = "musetalkV15/unet.pth"
UNET_BYTES = 1 << 20


@pytest.fixture
async def hub():
    async with Hub() as fake:
        fake.stock(UNET_BYTES)
        yield fake


@pytest.fixture
def type_in(hub, tmp_path):
    async def typed_in(*arguments, typed="", **settings):
        there = {"CHORUS_HUB_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": ""}
        return await asyncio.to_thread(
            chorus, *arguments, data_dir=tmp_path, settings=there | settings, typed=typed
        )

    return typed_in


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


def turn_a_bit(path):
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)


async def test_licences_are_shown_before_anything_is_fetched_and_can_be_declined(hub, type_in):
    done = await type_in("models", "pull", "musetalk", typed="n\n")

    assert done.returncode == 1
    assert "TMElyralab/MuseTalk: CreativeML OpenRAIL-M" in done.stderr
    assert "https://huggingface.co/openai/whisper-tiny" in done.stderr
    assert "--yes" in done.stderr
    assert hub.asked == []


async def test_a_script_that_accepts_the_licences_shows_which(type_in):
    done = await type_in("models", "pull", "musetalk", "--yes")

    assert done.returncode == 0
    assert "TMElyralab/MuseTalk: CreativeML OpenRAIL-M" in done.stderr
    assert "Accept" not in done.stderr


async def test_a_script_without_yes_is_told_so_and_does_not_wait(hub, type_in):
    done = await type_in("models", "pull", "musetalk", "--json")

    assert (done.returncode, last_object(done)["error"]["code"]) == (1, "licence")
    assert hub.asked == []


async def test_weights_are_pulled_verified_and_found(hub, type_in, models):
    pulled = await type_in("models", "pull", "musetalk", typed="y\n")
    again = await type_in("models", "pull", "musetalk", "--json")
    verified = await type_in("models", "verify", "--json")
    where = await type_in("models", "path", "musetalk")
    listed = await type_in("models", "list", "--json")

    assert (pulled.returncode, "✓ musetalk: fetched 4.2 MB" in pulled.stdout) == (0, True)
    assert last_object(again)["models"][0]["fetched_bytes"] == 0
    assert "licence" not in again.stderr
    assert last_object(verified)["ok"] is True
    assert where.stdout == f"{models / 'musetalk'}\n"
    states = {each["name"]: each["state"] for each in last_object(listed)["models"]}
    assert states.pop("musetalk") == "verified"
    assert set(states.values()) == {"absent"}


async def test_verify_names_what_is_wrong_and_pull_mends_it(type_in, models):
    await type_in("models", "pull", "musetalk", "--yes")
    turn_a_bit(models / "musetalk" / UNET)
    (models / "musetalk/sd-vae/config.json").unlink()
    (models / "musetalk/notes.txt").touch()

    verified = await type_in("models", "verify", "--json")
    mended = await type_in("models", "pull", "musetalk", "--yes")
    (models / "musetalk/notes.txt").unlink()
    right = await type_in("models", "verify")

    assert verified.returncode == 1
    assert last_object(verified)["models"] == [
        {
            "name": "musetalk",
            "ok": False,
            "missing": ["sd-vae/config.json"],
            "altered": [UNET],
            "extra": ["notes.txt"],
        }
    ]
    assert "chorus models pull musetalk" in verified.stderr
    assert mended.returncode == right.returncode == 0


async def test_a_pull_that_was_killed_goes_on_where_it_was(hub, type_in, models, tmp_path):
    hub.holds.add(UNET)
    there = environment(tmp_path, settings={"CHORUS_HUB_ENDPOINT": hub.url})
    process = await asyncio.create_subprocess_exec(
        *command(["models", "pull", "musetalk", "--yes"]), env=there
    )
    await asyncio.wait_for(hub.held.wait(), 240)
    while not (partial := list((models / "musetalk/musetalkV15").glob(".*.partial"))):
        await asyncio.sleep(0.01)
    while (had := partial[0].stat().st_size) < UNET_BYTES // 4:
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    had = partial[0].stat().st_size
    hub.holds.clear()

    done = await type_in("models", "pull", "musetalk", "--yes")

    starts = [each.starts_at for each in hub.asked_for("resolve") if UNET in each.path]
    assert done.returncode == 0
    assert starts == [None, had]
    assert (models / "musetalk" / UNET).read_bytes() == hub.content("TMElyralab/MuseTalk", UNET)


async def test_a_pull_that_is_interrupted_says_so_without_a_traceback(hub, models, tmp_path):
    hub.holds.add(UNET)
    there = environment(tmp_path, settings={"CHORUS_HUB_ENDPOINT": hub.url})
    process = await asyncio.create_subprocess_exec(
        *command(["models", "pull", "musetalk", "--yes"]),
        env=there,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    await asyncio.wait_for(hub.held.wait(), 240)
    process.send_signal(signal.SIGINT)
    _, said = await process.communicate()

    assert process.returncode == 130
    assert said.decode().strip().endswith("Stopped.")
    assert "Traceback" not in said.decode()


@pytest.mark.slow
async def test_the_doctor_has_a_line_for_every_set(type_in, models):
    await type_in("models", "pull", "musetalk", "latentsync", "--yes")
    turn_a_bit(models / "musetalk" / UNET)

    done = await type_in("check", "--json", CHORUS_ENGINE="musetalk")

    lines = {each["name"]: each for each in last_object(done)["checks"]}
    assert done.returncode == 1
    assert {f"weights {each.name}" for each in SETS} <= lines.keys()
    assert lines["weights musetalk"]["ok"] is lines["engine"]["ok"] is False
    assert f"{UNET} is altered" in lines["weights musetalk"]["detail"]
    assert "chorus models pull musetalk" in lines["weights musetalk"]["advice"]
    assert lines["weights latentsync-1.5"]["ok"] is True
    assert lines["weights latentsync-1.6"]["ok"] is None


@pytest.mark.slow
@pytest.mark.parametrize("serving", ["worker", "up"])
async def test_a_worker_whose_weights_are_altered_does_not_start(type_in, models, serving):
    await type_in("models", "pull", "musetalk", "--yes")
    turn_a_bit(models / "musetalk" / UNET)

    done = await type_in(serving, CHORUS_ENGINE="musetalk")

    assert done.returncode == 1
    assert f"{UNET} is altered" in done.stderr
    assert "chorus models pull musetalk" in done.stderr
    assert "Traceback" not in done.stderr


async def test_names_that_are_none_are_wrong_usage(type_in):
    for verb in ("pull", "verify", "path"):
        done = await type_in("models", verb, "wav2lip")

        assert done.returncode == 2
        assert "musetalk, latentsync-1.5, latentsync-1.6, faster-whisper" in done.stderr


async def test_what_was_not_pulled_cannot_be_verified(type_in):
    named = await type_in("models", "verify", "musetalk")
    unnamed = await type_in("models", "verify")

    assert (named.returncode, unnamed.returncode) == (1, 0)
    assert "chorus models pull musetalk" in named.stderr
    assert "Nothing was pulled yet" in unnamed.stdout


async def test_the_path_of_what_is_not_here_says_how_to_bring_it(type_in):
    done = await type_in("models", "path", "faster-whisper")

    assert (done.returncode, done.stdout) == (1, "")
    assert "chorus models pull faster-whisper" in done.stderr


async def test_an_address_that_is_none_is_refused_by_its_name(type_in):
    done = await type_in("models", "list", CHORUS_HUB_ENDPOINT="hf-mirror.com")

    assert done.returncode == 2
    assert "CHORUS_HUB_ENDPOINT" in done.stderr
