"""Thousands of broken files through one child that is used again and again: an answer for each, and it lives on."""

import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from pipeline.sandbox import OUTPUTS
from tests.children import reused_child
from tests.corpora.mutations import mutate, write_sounds, write_videos

SLOWEST_S: Final = 10.0
LIMITS: Final = {"take": {"min_s": 0.25, "max_s": 5.0}, "template": {"limit_s": 0.15}}
"""Most are refused once they are decoded: that is what is tried here. Speech and faces take ten times as long."""
EACH_S: Final = 300.0 / 10_000


WRITE: Final = {"template": write_videos, "take": write_sounds}


def write_seeds(folder: Path) -> dict[str, Sequence[tuple[str, bytes]]]:
    """Small files of both kinds: for what is asked, their names and contents."""
    seeds = {}
    for do, write in WRITE.items():
        (folder / do).mkdir(parents=True)
        seeds[do] = [(seed.name, seed.read_bytes()) for seed in write(folder / do)]
    return seeds


def broken_files(
    seeds: dict[str, Sequence[tuple[str, bytes]]], count: int
) -> Iterator[tuple[str, str, bytes]]:
    """Videos and recordings in turns: what to ask, a name, and the bytes."""
    kinds = list(seeds.items())
    for number in range(count):
        do, whole = kinds[number % len(kinds)]
        turn = number // len(kinds)
        (name, content), (_, other) = whole[turn % len(whole)], whole[turn * 7 % len(whole)]
        yield do, f"{turn}-{name}", mutate(content, other, turn)


def fuzz(count: int, scratch: Path) -> Counter[tuple[str, str]]:
    """Ask one child about so many files; tell how often each answer was given.

    A video comes first: the child keeps the limits of its first request, and videos need more memory.
    """
    answers: Counter[tuple[str, str]] = Counter()
    folder, source = scratch / "made", scratch / "source"
    folder.mkdir()
    seeds = write_seeds(scratch / "seeds")
    with reused_child() as child:
        # That it starts, and loads what it needs, is not the time of any file.
        (name, whole), *_ = seeds["template"]
        source.write_bytes(whole)
        told = child.ask(
            {"do": "template", "source": str(source), "name": name, "folder": str(folder)}
        )
        assert told["code"] == "no_face"
        for do, name, content in broken_files(seeds, count):
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
            answers[do, told.get("code", "done")] += 1
        assert child.process.poll() is None
    return answers


def test_broken_files_get_an_answer_from_a_child_that_lives_on(tmp_path: Path):
    answers = fuzz(240, tmp_path)

    assert answers.total() == 240
    assert len(answers) > 4  # some were whole enough, some were not


def _processor_s() -> float:
    """Of this process and of its children that have ended: other work may stand beside the tests."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(3_000, marks=pytest.mark.slow),
        pytest.param(10_000, marks=pytest.mark.soak),
    ],
)
def test_broken_files_are_answered_at_a_rate_of_ten_thousand_in_five_minutes(
    tmp_path: Path, files: int
):
    started = _processor_s()
    answers = fuzz(files, tmp_path)
    took_s = _processor_s() - started

    print(f"{answers}\n{took_s:.0f} s")
    assert answers.total() == files
    assert took_s < files * EACH_S
