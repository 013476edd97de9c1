import os
import re
from pathlib import Path

import pytest

from config.front_end import policy_of
from config.paths import secret_key
from config.settings import Settings, SettingsRefused, load_settings
from pipeline.label.embedded import check_value
from pipeline.lettering import drawable

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


def test_weights_of_chats_are_written_behind_them(monkeypatch):
    monkeypatch.setenv("CHORUS_CHAT_WEIGHTS", "telegram:chat:-100123=3, wecom:chat:wr1=0.5")

    policy = policy_of(load_settings())

    assert policy.chat_weights == {"telegram:chat:-100123": 3.0, "wecom:chat:wr1": 0.5}


@pytest.mark.parametrize(
    "entry", ["telegram:chat:-1", "telegram:user:1=2", "telegram:chat:1=0", "telegram:chat:1=many"]
)
def test_a_weight_that_is_none_is_refused(monkeypatch, entry):
    monkeypatch.setenv("CHORUS_CHAT_WEIGHTS", entry)

    with pytest.raises(SettingsRefused, match=r"CHORUS_CHAT_WEIGHTS.*platform:chat:ID=WEIGHT"):
        load_settings()


def test_an_entry_that_names_no_chat_and_no_person_is_refused(monkeypatch):
    monkeypatch.setenv("CHORUS_ADMINS", "anna")

    with pytest.raises(SettingsRefused, match="anna"):
        load_settings()


@pytest.mark.parametrize("name", ["Example Ltd", 'Example"', "Beispiel\\", "示例公司", "it's", ""])
def test_a_producer_that_no_label_can_hold_is_refused(monkeypatch, name):
    monkeypatch.setenv("CHORUS_LABEL_PRODUCER", name)

    with pytest.raises(SettingsRefused, match=r"CHORUS_LABEL_PRODUCER.*printable ASCII"):
        load_settings()


def test_a_producer_may_be_a_number_of_a_register(monkeypatch):
    monkeypatch.setenv("CHORUS_LABEL_PRODUCER", "91110000MA01:chorus/1")

    assert load_settings().label_producer == "91110000MA01:chorus/1"


def test_a_producer_the_settings_take_is_one_the_label_takes(monkeypatch):
    every = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\"'\\")
    monkeypatch.setenv("CHORUS_LABEL_PRODUCER", every)

    check_value("producer", load_settings().label_producer)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("AI\n", "it is empty or holds what cannot be shown"),
        ("\N{ROBOT FACE} AI", "'\N{ROBOT FACE}' cannot be drawn"),
        ("\N{TIBETAN LETTER KA}", "'\N{TIBETAN LETTER KA}' cannot be drawn"),
        ("... !", "it has no letter"),
        ("A" * 61, "it has 61 characters"),
    ],
)
def test_a_label_that_nobody_could_read_is_refused_with_the_reason(monkeypatch, text, why):
    monkeypatch.setenv("CHORUS_LABEL_TEXT", text)

    with pytest.raises(SettingsRefused, match=re.escape(f"CHORUS_LABEL_TEXT: {why}")):
        load_settings()


@pytest.mark.parametrize(
    "text",
    [
        "数字人 · AI生成",
        "AI 生成（演示）",
        "Généré par IA",
        "Создано ИИ",
        "AI生成キャラクター",
        "AI 생성 © 2026",
    ],
)
def test_a_label_the_settings_take_is_drawn_whole(monkeypatch, text):
    monkeypatch.setenv("CHORUS_LABEL_TEXT", text)

    assert drawable(load_settings().label_text) == text


@pytest.mark.parametrize("seconds", ["1.9", "nan", "inf", "0"])
def test_a_label_is_shown_for_two_seconds_at_least(monkeypatch, seconds):
    monkeypatch.setenv("CHORUS_LABEL_SECONDS", seconds)

    with pytest.raises(SettingsRefused, match="CHORUS_LABEL_SECONDS"):
        load_settings()


def test_who_may_waive_the_label_is_written_as_who_is_admitted(monkeypatch):
    monkeypatch.setenv("CHORUS_LABEL_WAIVER", "wecom:user:li, telegram:chat:-1")

    assert load_settings().label_waiver == ("wecom:user:li", "telegram:chat:-1")


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
