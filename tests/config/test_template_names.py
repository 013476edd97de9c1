"""What a template may be called, at the command line."""

from pathlib import Path

from click.testing import CliRunner

from bot.stock import name_of_file
from config.cli.templates import templates


def test_a_name_that_people_type_for_something_else_is_wrong_usage(tmp_path: Path) -> None:
    video = tmp_path / "clara.mp4"
    video.write_bytes(b"a film")

    done = CliRunner(env={"LANGUAGE": "en"}).invoke(templates, ["add", str(video), "--name", "go"])

    assert done.exit_code == 2
    assert "“go”" in done.output


def test_a_file_is_called_by_its_name_without_its_ending_unless_that_means_something_else() -> None:
    assert [name_of_file(name) for name in ("Clara Studio.mp4", "3.mp4", "go.mov", "all")] == [
        "Clara Studio",
        "3.mp4",
        "go.mov",
        "“all”",
    ]
