import os
import re
from pathlib import Path

import pytest

from config.paths import secret_key
from config.settings import Settings, SettingsRefused, load_settings

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("CHORUS_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)  # no .env here


def test_an_unknown_name_in_the_environment_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("CHORUS_TELEGRAM_TOKE", "x")

    with pytest.raises(SettingsRefused, match="CHORUS_TELEGRAM_TOKE"):
        load_settings()


def test_an_unknown_name_in_the_env_file_is_refused_by_name(tmp_path):
    (tmp_path / ".env").write_text("CHORUS_MAX_CLIP=3\n")

    with pytest.raises(SettingsRefused, match="CHORUS_MAX_CLIP"):
        load_settings()


def test_names_of_other_programs_in_the_env_file_are_left_alone(tmp_path):
    (tmp_path / ".env").write_text("POSTGRES_HOST=db\nCHORUS_MAX_TAKE_S=90\n")

    assert load_settings().max_take_s == 90


def test_a_bad_value_is_named_with_its_setting(monkeypatch):
    monkeypatch.setenv("CHORUS_LINK_LIFETIME_S", "soon")

    with pytest.raises(SettingsRefused, match="CHORUS_LINK_LIFETIME_S"):
        load_settings()


def test_entries_are_written_with_commas(monkeypatch):
    monkeypatch.setenv("CHORUS_ALLOW", "telegram:chat:-100123, wecom:user:li")

    assert load_settings().allow == ("telegram:chat:-100123", "wecom:user:li")


def test_an_entry_that_names_no_chat_and_no_person_is_refused(monkeypatch):
    monkeypatch.setenv("CHORUS_ADMINS", "anna")

    with pytest.raises(SettingsRefused, match="anna"):
        load_settings()


def test_s3_without_a_bucket_is_refused(monkeypatch):
    monkeypatch.setenv("CHORUS_STORE", "s3")

    with pytest.raises(SettingsRefused, match="CHORUS_S3_BUCKET"):
        load_settings()


def test_secrets_never_print(monkeypatch):
    monkeypatch.setenv("CHORUS_TELEGRAM_TOKEN", "123:very-secret")
    monkeypatch.setenv("CHORUS_REDIS_URL", "redis://:very-secret@localhost")

    assert "very-secret" not in repr(load_settings())


def test_the_key_is_made_once_and_is_private(monkeypatch, tmp_path):
    monkeypatch.setenv("CHORUS_DATA_DIR", str(tmp_path / "data"))
    settings = load_settings()

    first, second = secret_key(settings), secret_key(settings)

    assert first == second
    assert len(first) >= 32
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o077 == 0


def test_every_setting_is_in_the_readme():
    documented = set(re.findall(r"`([A-Z0-9_]+)`", README.read_text()))

    assert {name.upper() for name in Settings.model_fields} - documented == set()
