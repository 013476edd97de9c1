"""Ten thousand broken files through two children that are used again and again: an answer for each, and none of them dies."""

import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from pipeline.sandbox import OUTPUTS, command
from tests.corpora.mutations import mutate, write_sounds, write_videos

FILES: Final = 5_000
"""Of each kind."""
SLOWEST_S: Final = 10.0
LIMITS: Final = {"take": {"min_s": 0.25, "max_s": 5.0}, "template": {"limit_s": 0.15}}
"""Most are refused once they are decoded: that is what is tried here. Speech and faces take ten times as long."""
BUDGET_S: Final = 300.0


class Child:
    """A disposable child that is asked more than once."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Its last word about a request."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            told: dict[str, Any] = json.loads(line)
            if told["event"] != "progress":
                return told
        raise AssertionError(f"the child ended with {self.process.wait()} at {request['name']}")


@contextmanager
def reused_child() -> Iterator[Child]:
    with subprocess.Popen(
        command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


def broken_files(seeds: Sequence[Path], numbers: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    contents = [seed.read_bytes() for seed in seeds]
    for number in numbers:
        own, other = number % len(contents), number * 7 % len(contents)
        name = f"{number}-{seeds[own].name}"
        yield name, mutate(contents[own], contents[other], number)


def fuzz(do: str, seeds: Sequence[Path], numbers: Iterable[int], scratch: Path) -> Counter[str]:
    """Ask about each file; tell how often each answer was given."""
    answers: Counter[str] = Counter()
    folder, source = scratch / "made", scratch / "source"
    folder.mkdir()
    with reused_child() as child:
        for name, content in broken_files(seeds, numbers):
            source.write_bytes(content)
            asked = {"do": do, "source": str(source), "name": name, "folder": str(folder)}
            started = time.monotonic()
            told = child.ask({**asked, "limits": LIMITS[do]})
            assert time.monotonic() - started < SLOWEST_S, name
            assert told["event"] in {"done", "rejected"}, (name, told.get("trace"))
            if told["event"] == "rejected":
                assert not list(folder.iterdir()), name
            for made in OUTPUTS[do]:
                (folder / made).unlink(missing_ok=True)
            answers[told.get("code", "done")] += 1
        assert child.process.poll() is None
    shutil.rmtree(folder)
    return answers


WRITE: Final = {"take": write_sounds, "template": write_videos}


def fuzz_seeds(do: str, numbers: Sequence[int], scratch: Path) -> Counter[str]:
    """Break small files of one kind, and ask about each."""
    (scratch / do / "seeds").mkdir(parents=True)
    return fuzz(do, WRITE[do](scratch / do / "seeds"), numbers, scratch / do)


@pytest.mark.parametrize("do", ["take", "template"])
def test_broken_files_get_an_answer_from_a_child_that_lives_on(tmp_path: Path, do: str):
    answers = fuzz_seeds(do, range(120), tmp_path)

    assert answers.total() == 120
    assert len(answers) > 2  # some were whole enough, some were not


@pytest.mark.slow
def test_ten_thousand_broken_files_are_answered_within_five_minutes(tmp_path: Path):
    started = time.monotonic()
    with ThreadPoolExecutor(2) as both:  # one child for each core
        asked = {do: both.submit(fuzz_seeds, do, range(FILES), tmp_path) for do in WRITE}
    took_s = time.monotonic() - started

    for do, answers in asked.items():
        print(f"{FILES} x {do}: {dict(answers.result())}")
    print(f"{took_s:.0f} s")
    assert sum(answers.result().total() for answers in asked.values()) == 10_000
    assert took_s < BUDGET_S
