"""Commands that run an engine ask for its weights first."""

from pathlib import Path

import pytest

from config.cli.output import Failed
from config.cli.weights import refuse_missing_engine, with_unverified
from config.settings import Settings
from config.shelf import shelf_of
from config.system import Wanted, _parts
from pipeline.engines.weights.catalogue import sets_for

(MUSETALK,) = sets_for("musetalk")


@pytest.fixture
def own(tmp_path):
    """Weights of one's own, as far as their names go."""
    for file in MUSETALK.files:
        path = tmp_path / "own" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "own"


@pytest.fixture
def with_extra(monkeypatch):
    monkeypatch.setattr("pipeline.engines.registry.find_spec", lambda _name: object())


def test_weights_of_ones_own_are_taken_with_a_warning(tmp_path, own, with_extra, capsys):
    settings = with_unverified(Settings(data_dir=tmp_path, engine="musetalk"), own)

    refuse_missing_engine(settings)

    assert f"⚠ The weights in {own} are loaded unchecked" in capsys.readouterr().err


def test_without_them_the_engine_is_refused_with_the_command(tmp_path, with_extra):
    with pytest.raises(Failed, match="chorus models pull musetalk"):
        refuse_missing_engine(Settings(data_dir=tmp_path, engine="musetalk"))


def test_a_folder_that_is_given_for_a_command_wins_over_the_settings(tmp_path, own):
    settings = Settings(data_dir=tmp_path, unverified_weights=Path("elsewhere"))

    assert shelf_of(with_unverified(settings, own)).unverified == own
    assert shelf_of(with_unverified(settings, None)).unverified == Path("elsewhere").absolute()


def test_the_processes_of_a_command_get_the_folder_too(tmp_path, own):
    settings = Settings(data_dir=tmp_path, unverified_weights=own)

    (worker,) = _parts(settings, "redis://", Wanted(worker=True), None)

    assert worker.environment["CHORUS_UNVERIFIED_WEIGHTS"] == str(own)
