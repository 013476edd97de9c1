"""Weights on disk: nothing is handed to an engine before it was compared with what was pulled."""

import hashlib
import json
import os
import tempfile
import time

import pytest

from pipeline.engines.registry import NEURAL, engine_weights
from pipeline.engines.weights.catalogue import SETS, sets_for
from pipeline.engines.weights.checking import CHECKED, Depth, examine
from pipeline.engines.weights.finding import Shelf, find
from pipeline.engines.weights.lock import LockedFile, read_lock, write_lock
from pipeline.errors import EngineUnavailable, WeightsAltered, WeightsMissing
from pipeline.speech import scribe

(MUSETALK,) = sets_for("musetalk")
UNET = "musetalkV15/unet.pth"


def content_of(path):
    return path.encode() * 100


def put(folder, names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content_of(name))


def install(models, wanted=MUSETALK):
    """A set as a pull leaves it."""
    put(models / wanted.name, [file.path for file in wanted.files])
    files = {
        file.path: LockedFile(
            source.repository,
            "a" * 40,
            file.source,
            len(content_of(file.path)),
            hashlib.sha256(content_of(file.path)).hexdigest(),
        )
        for source in wanted.sources
        for file in source.files
    }
    write_lock(models, {**read_lock(models), wanted.name: files})
    return Shelf(models)


def wait_until_time_went_on(path):
    """Until what is written now has another time than the file: the clock of a disk goes on by some milliseconds at once."""
    for _ in range(60_000):
        with tempfile.NamedTemporaryFile(dir=path.parent) as now:
            if os.fstat(now.fileno()).st_ctime_ns > path.stat().st_ctime_ns:
                return
        time.sleep(0.001)
    raise AssertionError("the clock stands still")


def turn_a_bit(path):
    wait_until_time_went_on(path)
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)


def test_weights_that_are_as_pulled_are_handed_out(tmp_path):
    weights = find("musetalk", install(tmp_path))

    assert weights.verified
    assert weights.set is MUSETALK
    assert weights.path(UNET) == tmp_path / "musetalk" / UNET


def test_a_file_that_is_no_part_of_a_set_is_a_mistake_of_ours(tmp_path):
    with pytest.raises(KeyError, match=r"secrets\.pth"):
        find("musetalk", install(tmp_path)).path("secrets.pth")


def test_one_turned_bit_is_found_and_named_with_the_command_that_mends_it(tmp_path):
    shelf = install(tmp_path)
    turn_a_bit(tmp_path / "musetalk" / UNET)

    with pytest.raises(WeightsAltered, match=rf"{UNET} is altered.*chorus models pull musetalk"):
        find("musetalk", shelf)


def test_one_turned_bit_is_found_after_the_file_was_found_right(tmp_path):
    shelf = install(tmp_path)
    find("musetalk", shelf)
    turn_a_bit(tmp_path / "musetalk" / UNET)

    with pytest.raises(WeightsAltered, match=UNET):
        find("musetalk", shelf)


def test_a_missing_file_is_named_with_the_command_that_brings_it(tmp_path):
    shelf = install(tmp_path)
    (tmp_path / "musetalk" / UNET).unlink()

    with pytest.raises(WeightsMissing, match=rf"{UNET} is missing.*chorus models pull musetalk"):
        find("musetalk", shelf)


def test_a_folder_in_the_place_of_a_file_is_no_weights(tmp_path):
    shelf = install(tmp_path)
    (tmp_path / "musetalk" / UNET).unlink()
    (tmp_path / "musetalk" / UNET).mkdir()

    with pytest.raises(WeightsAltered, match=UNET):
        find("musetalk", shelf)


def test_a_lock_without_a_file_that_is_wanted_counts_it_as_missing(tmp_path):
    shelf = install(tmp_path)
    files = dict(read_lock(tmp_path)["musetalk"])
    del files[UNET]
    write_lock(tmp_path, {"musetalk": files})

    with pytest.raises(WeightsMissing, match=rf"{UNET} is missing"):
        find("musetalk", shelf)


def test_files_found_right_are_not_read_again_until_they_are_touched(tmp_path):
    shelf, read = install(tmp_path), []

    for _ in range(2):
        find("musetalk", shelf, lambda path, _done, _total: read.append(path))
    once = sorted(set(read))
    wait_until_time_went_on(tmp_path / "musetalk" / UNET)
    (tmp_path / "musetalk" / UNET).touch()
    find("musetalk", shelf, lambda path, _done, _total: read.append(path))

    assert once == sorted(file.path for file in MUSETALK.files)
    assert sorted(read) == sorted([*once, UNET])


def test_another_file_of_the_same_size_and_time_is_not_taken_for_the_one_that_was_right(tmp_path):
    shelf = install(tmp_path)
    find("musetalk", shelf)
    unet = tmp_path / "musetalk" / UNET
    facts, fake = unet.stat(), unet.with_name("fake")
    fake.write_bytes(bytes(facts.st_size))
    fake.replace(unet)
    os.utime(unet, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    with pytest.raises(WeightsAltered, match=UNET):
        find("musetalk", shelf)


def test_a_folder_that_nobody_may_write_to_serves_all_the_same(tmp_path):
    shelf = install(tmp_path)
    (tmp_path / CHECKED).mkdir()  # what was found right cannot be noted

    assert find("musetalk", shelf).verified


def test_nonsense_among_what_was_noted_costs_no_more_than_reading_again(tmp_path):
    shelf = install(tmp_path)
    (tmp_path / CHECKED).write_text("[1, 2")

    assert find("musetalk", shelf).verified


def test_examining_all_names_what_is_missing_altered_and_extra(tmp_path):
    install(tmp_path)
    find("musetalk", Shelf(tmp_path))
    turn_a_bit(tmp_path / "musetalk" / UNET)
    (tmp_path / "musetalk/sd-vae/config.json").unlink()
    put(tmp_path / "musetalk", ["whisper/pytorch_model.bin", ".DS_Store"])
    (tmp_path / "musetalk/.unet.pth.0123456789ab.partial").touch()

    state = examine(tmp_path, "musetalk", read_lock(tmp_path)["musetalk"], Depth.ALL)

    assert (list(state.altered), list(state.missing)) == ([UNET], ["sd-vae/config.json"])
    assert state.extra == [".DS_Store", "whisper/pytorch_model.bin"]
    assert not state.usable


def test_weights_that_were_not_pulled_name_the_command(tmp_path):
    with pytest.raises(WeightsMissing, match=r"not installed.*chorus models pull musetalk"):
        find("musetalk", Shelf(tmp_path / "nowhere"))


def test_files_that_somebody_put_there_are_not_loaded_unchecked(tmp_path):
    put(tmp_path / "musetalk", [file.path for file in MUSETALK.files])

    with pytest.raises(WeightsMissing, match=r"was not pulled.*chorus models pull musetalk"):
        find("musetalk", Shelf(tmp_path))


def test_a_folder_of_ones_own_is_loaded_unchecked_if_the_operator_says_so(tmp_path):
    put(tmp_path / "own", [file.path for file in MUSETALK.files])

    weights = find("musetalk", Shelf(tmp_path / "models", tmp_path / "own"))

    assert not weights.verified
    assert weights.folder == tmp_path / "own"


def test_a_folder_of_the_project_itself_may_have_pickles_where_we_pull_safetensors(tmp_path):
    pickles = {
        "sd-vae/diffusion_pytorch_model.safetensors": "sd-vae/diffusion_pytorch_model.bin",
        "whisper/model.safetensors": "whisper/pytorch_model.bin",
    }
    put(tmp_path, [pickles.get(file.path, file.path) for file in MUSETALK.files])

    weights = find("musetalk", Shelf(tmp_path / "models", tmp_path))

    assert weights.path("whisper/model.safetensors") == tmp_path / "whisper/pytorch_model.bin"


def test_a_folder_that_lacks_something_says_what(tmp_path):
    put(tmp_path, [file.path for file in MUSETALK.files if file.path != UNET])

    with pytest.raises(WeightsMissing, match=rf"does not look like .*: {UNET} missing"):
        find("musetalk", Shelf(tmp_path / "models", tmp_path))


def test_an_engine_with_two_sets_takes_the_one_that_is_here(tmp_path):
    (newer,) = sets_for("latentsync-1.6")

    assert find("latentsync", install(tmp_path, newer)).set is newer


def test_an_engine_with_both_sets_takes_the_smaller_one_unless_the_other_is_named(tmp_path):
    (older,), (newer,) = sets_for("latentsync-1.5"), sets_for("latentsync-1.6")
    install(tmp_path, newer)
    shelf = install(tmp_path, older)

    assert find("latentsync", shelf).set is older
    assert find("latentsync-1.6", shelf).set is newer


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{}",
        '{"version": 2, "models": {}}',
        '{"version": 1, "models": {"musetalk": {"../../etc/passwd": 1}}}',
        '{"version": 1, "models": {"musetalk": ["x"]}}',
    ],
)
def test_a_damaged_lock_is_a_sentence(tmp_path, damage):
    (tmp_path / "models.lock").write_text(damage)

    with pytest.raises(WeightsAltered, match=r"models\.lock cannot be read.*chorus models pull"):
        find("musetalk", Shelf(tmp_path))


@pytest.mark.parametrize("path", ["../outside.bin", "/etc/passwd", "a/../../b"])
def test_a_lock_that_points_outside_its_folder_is_refused(tmp_path, path):
    install(tmp_path)
    lock = json.loads((tmp_path / "models.lock").read_text())
    lock["models"]["musetalk"][path] = lock["models"]["musetalk"][UNET]
    (tmp_path / "models.lock").write_text(json.dumps(lock))

    with pytest.raises(WeightsAltered, match="has no place there"):
        read_lock(tmp_path)


def test_what_is_written_to_the_lock_is_what_is_read(tmp_path):
    install(tmp_path)
    lock = read_lock(tmp_path)

    write_lock(tmp_path, lock)

    assert read_lock(tmp_path) == lock
    assert [path.name for path in tmp_path.iterdir() if "lock" in path.name] == ["models.lock"]


def test_an_engine_whose_extra_and_weights_are_missing_names_both_commands(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.engines.registry.find_spec", lambda _name: None)

    with pytest.raises(EngineUnavailable) as missing:
        engine_weights("musetalk", Shelf(tmp_path))

    assert "uv sync --extra neural" in str(missing.value)
    assert "chorus models pull musetalk" in str(missing.value)


def test_an_engine_that_has_its_weights_still_asks_for_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.engines.registry.find_spec", lambda _name: None)

    with pytest.raises(EngineUnavailable, match="uv sync --extra neural"):
        engine_weights("musetalk", install(tmp_path))


def test_an_engine_that_has_everything_gets_its_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.engines.registry.find_spec", lambda _name: object())

    weights = engine_weights("musetalk", install(tmp_path))

    assert weights is not None
    assert weights.verified


def test_the_embedded_engine_needs_no_weights(tmp_path):
    assert engine_weights("viseme", Shelf(tmp_path)) is None


def test_every_set_says_where_it_comes_from_and_under_which_licence():
    for each in SETS:
        assert each.engine in {*NEURAL, None}
        for source in each.sources:
            assert source.licence.name
            assert source.licence.link == f"https://huggingface.co/{source.repository}"


def test_every_neural_engine_has_a_set():
    assert {each.engine for each in SETS} >= set(NEURAL)


def test_the_speech_side_finds_what_a_pull_of_its_set_brings(tmp_path):
    (whisper,) = sets_for(scribe.WEIGHTS)
    install(tmp_path, whisper)

    assert scribe.installed(tmp_path) == tmp_path / whisper.name
