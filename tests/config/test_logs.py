"""What is written where: one line an event, with what is bound to it, and never a secret."""

import json
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.redaction import HIDDEN, Redactor, secrets_of
from config.settings import Settings

TOKEN = "7123456789:AAF-abcdefghijklmnopqrstuvwxyz012345"  # noqa: S105
SPEAK = """
import logging, sys
import structlog
from config.logs import configure_logging
from config.settings import Settings
from worker.contract.operations import note
settings = Settings(data_dir=sys.argv[1], redis_url="redis://:geheim!@h:1/0", _env_file=None)
configure_logging("bot", settings)
structlog.contextvars.bind_contextvars(batch="K7Q2", clip=3)
log = logging.getLogger("bot.test")
log.info("hello %s", "redis://:geheim!@h:1/0")
logging.getLogger("urllib3").warning("a library speaks")
secret = "not for the log"
try:
    raise KeyError("what")
except KeyError:
    log.exception("it failed", extra={"incident": "12ab34cd"})
note("clip.done", frames=25)
"""


def spoken(folder: Path) -> list[dict[str, object]]:
    told = subprocess.run(
        [sys.executable, "-c", SPEAK, str(folder)], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in told.stderr.splitlines()]


def test_away_from_a_terminal_each_event_is_one_line_of_json_with_batch_clip_and_incident(
    tmp_path: Path,
) -> None:
    first, library, failed, done = spoken(tmp_path)

    assert first["event"] == f"hello redis://{HIDDEN}@h:1/0"
    for line in (first, library, failed, done):
        assert (line["process"], line["batch"], line["clip"]) == ("bot", "K7Q2", 3)
    assert library["logger"] == "urllib3"
    assert failed["incident"] == "12ab34cd"
    assert "KeyError: 'what'" in str(failed["exception"])
    assert "not for the log" not in str(failed)
    assert (done["event"], done["frames"]) == ("clip.done", 25)


def test_on_a_terminal_lines_are_for_people(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", SPEAK, str(tmp_path)], stderr=theirs, check=True)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    os.close(ours)

    assert b"hello redis://" in shown
    assert b"geheim" not in shown
    assert b'{"' not in shown


@pytest.mark.parametrize(
    "line",
    [
        f"GET https://api.telegram.org/bot{TOKEN}/getMe 401",
        f"https://chorus.example/d/{'Vq0nJm2b' * 8} was asked for",
        "https://b.s3.amazonaws.com/clips/a/001.mp4?X-Amz-Credential=AKIAX%2F1&X-Amz-Signature=abcdef0123456789",
        "GET /cgi-bin/message/send?access_token=aBcDeFgHiJkLmNoP&debug=1",
        "GET /cgi-bin/gettoken?corpid=ww1&corpsecret=aBcDeFgHiJkLmNoP",
        "POST https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa",
        "rediss+sentinel://ann:aBcDeFgHiJkLmNoP@a:26379,b/m",
        "{'Authorization': 'Bearer aBcDeFgHiJkLmNoP'}",
        '{"access_token": "aBcDeFgHiJkLmNoP", "expires_in": 7200}',
    ],
)
def test_what_opens_something_is_hidden_wherever_it_stands(line: str) -> None:
    hidden = Redactor().value({"event": line, "facts": [line]})

    for secret in (TOKEN, "Vq0nJm2bVq0n", "abcdef0123456789", "aBcDeFgHiJkLmNoP", "693a91f6"):
        assert secret not in str(hidden)
    assert HIDDEN in hidden["event"]


@pytest.mark.parametrize(
    "line",
    [
        "clip:1a227ea0c26c6a87cf1:3 waits: the store is away",
        "GET /d/{token} 200 1307748 bytes 0.003 s",
        "a token was refused; key=value pairs; the signature of clips/a/001-7.mp4",
        "redis://127.0.0.1:6379/0",
        "2026-11-29T15:58:41.725406Z 12345678:9",
    ],
)
def test_what_opens_nothing_stays_readable(line: str) -> None:
    assert Redactor().text(line) == line


@given(st.text(min_size=6).filter(lambda text: text.strip() == text and HIDDEN not in text))
def test_a_secret_of_the_settings_never_comes_through(secret: str) -> None:
    hidden = Redactor([secret]).value({"event": f"a {secret} b", "list": [f"{secret}{secret}"]})

    assert secret not in hidden["event"].removeprefix("a ").removesuffix(" b")
    assert secret not in hidden["list"][0]


def test_every_secret_setting_is_known_to_be_hidden(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        redis_url="redis://:p%40ssword@h/0",
        telegram_token=TOKEN,
        wecom_group_robots="news=693a91f6-robot",
        _env_file=None,
    )

    assert {TOKEN, "p@ssword", "693a91f6-robot"} <= {*secrets_of(settings)}


def test_libraries_speak_from_warnings_on(tmp_path: Path) -> None:
    seen = (
        "import logging, sys\n"
        "from config.logs import configure_logging\n"
        "configure_logging('x')\n"
        "logging.getLogger('httpx').info('GET https://…')\n"
        "logging.getLogger('httpx').warning('odd')\n"
    )
    told = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)

    assert [json.loads(line)["event"] for line in told.stderr.splitlines()] == ["odd"]
    assert logging.getLogger("httpx") is not None
