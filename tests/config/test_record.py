"""The record of operations: whole lines of many processes, over rotations, without secrets."""

import json
import logging
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.cli.log import log
from config.record import KEPT_FILES, NAME, Recorder, parse_since, read
from config.redaction import Redactor
from worker.contract.operations import LOGGER

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def record(folder: Path, what: str, *, most_bytes: int = 1 << 20, **facts: object) -> None:
    recorder = Recorder(folder, "test", Redactor(["very-secret"]), most_bytes=most_bytes)
    line = logging.LogRecord(LOGGER, logging.INFO, "", 0, what, (), None)
    line.operation = facts
    recorder.handle(line)


def _write_many(folder: Path, writer: int, lines: int) -> None:
    for number in range(lines):
        record(folder, "clip.done", most_bytes=4000, writer=writer, number=number)


def test_lines_of_several_processes_are_whole_and_none_is_lost_over_rotations(
    tmp_path: Path,
) -> None:
    started = multiprocessing.get_context("spawn")
    writers = [started.Process(target=_write_many, args=(tmp_path, n, 60)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    found = [(line["writer"], line["number"]) for line in read(tmp_path)]
    assert sorted(found) == [(writer, number) for writer in range(3) for number in range(60)]
    assert len(list(tmp_path.glob("operations-*.jsonl"))) > 1


def test_no_more_files_than_that_are_kept_and_the_newest_stay(tmp_path: Path) -> None:
    for number in range(200):
        record(tmp_path, "clip.done", most_bytes=200, number=number)

    assert len(list(tmp_path.glob("operations-*.jsonl"))) == KEPT_FILES
    assert [line["number"] for line in read(tmp_path)][-1] == 199


def test_a_file_is_put_aside_when_its_first_line_is_old(tmp_path: Path) -> None:
    old = {"at": (datetime.now(UTC) - timedelta(days=8)).isoformat(), "what": "order.opened"}
    (tmp_path / NAME).write_text(json.dumps(old) + "\n")

    record(tmp_path, "clip.done")

    assert len(list(tmp_path.glob("operations-*.jsonl"))) == 1
    assert [line["what"] for line in read(tmp_path)] == ["order.opened", "clip.done"]


def test_half_a_line_of_a_full_disk_spoils_no_other(tmp_path: Path) -> None:
    record(tmp_path, "order.opened")
    with (tmp_path / NAME).open("a") as file:
        file.write('{"at": "2026-')

    record(tmp_path, "clip.done")

    assert [line["what"] for line in read(tmp_path)] == ["order.opened", "clip.done"]


def test_secrets_are_not_recorded(tmp_path: Path) -> None:
    record(tmp_path, "callback.refused", why="with very-secret in it")

    assert "very-secret" not in (tmp_path / NAME).read_text()


def test_strangers_cannot_push_everything_else_out_of_the_record(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "test", Redactor())
    for _ in range(500):
        line = logging.LogRecord(LOGGER, logging.INFO, "", 0, "callback.refused", (), None)
        line.operation = {"platform": "wecom"}
        recorder.handle(line)

    assert len(list(read(tmp_path))) <= 2


@pytest.mark.parametrize(
    ("written", "before"),
    [
        ("90s", {"seconds": 90}),
        ("30m", {"minutes": 30}),
        ("2h", {"hours": 2}),
        ("1.5d", {"days": 1.5}),
    ],
)
def test_a_time_span_is_counted_from_now(written: str, before: dict[str, float]) -> None:
    assert parse_since(written, NOW) == NOW - timedelta(**before)


@pytest.mark.parametrize("written", ["soon", "", "2x", "h", "-2h", "yesterday"])
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - datetime's own
        parse_since(written, NOW)


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHORUS_DATA_DIR", str(tmp_path))
    folder = tmp_path / "logs"
    folder.mkdir(mode=0o700)
    for number in range(30):
        record(
            folder,
            "clip.done",
            most_bytes=1500,
            batch="K7Q2" if number % 2 else "ZN5W",
            clip=number,
        )
    record(folder, "clip.failed", batch="K7Q2", clip=7, code="incident", incident="12ab34cd")
    return folder


def test_the_log_of_one_order_is_told_over_all_files(recorded: Path) -> None:
    told = CliRunner().invoke(log, ["--batch", "k7q2", "--since", "2h"])

    assert told.exit_code == 0
    assert told.output.count("K7Q2/") == 16
    assert "ZN5W" not in told.output
    assert "incident=12ab34cd" in told.output


def test_the_log_as_json_is_one_object_on_the_last_line(recorded: Path) -> None:
    told = CliRunner().invoke(log, ["--batch", "K7Q2", "--since", "2h", "--last", "3", "--json"])

    operations = json.loads(told.output.splitlines()[-1])["operations"]
    assert [each["what"] for each in operations] == ["clip.done", "clip.done", "clip.failed"]
    assert operations[-1]["incident"] == "12ab34cd"


def test_what_was_before_that_time_is_left_out(recorded: Path) -> None:
    later = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()

    told = CliRunner().invoke(log, ["--since", later])

    assert told.exit_code == 0
    assert "clip.done" not in told.output


def test_a_wrong_time_is_answered_with_how_to_write_it(recorded: Path) -> None:
    told = CliRunner().invoke(log, ["--since", "soon"])

    assert told.exit_code == 2
    assert "30m, 2h or 3d" in told.output


@pytest.mark.parametrize(
    "since", ["9999999d", "9" * 400 + "w", "0001-01-01T00:00", "0001-01-01T00:00+14:00"]
)
def test_a_time_before_all_records_is_a_sentence(recorded: Path, since: str) -> None:
    told = CliRunner().invoke(log, ["--since", since])

    assert told.exit_code == 2
    assert "before 1970" in told.output
    assert isinstance(told.exception, SystemExit)
