"""What several Clips ask of one device at the same time goes through it together."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.engines.gathering import Gathering
from pipeline.engines.port import Patch, Prepared, Speech, Window
from pipeline.engines.viseme.engine import VisemeEngine
from tests.corpora.faces import curve, landmarks, performance


class Device(VisemeEngine):
    """Notes the frames of each call; holds the first one until it is let go; refuses a frame."""

    def __init__(self, refused: int = -1) -> None:
        self.calls: list[list[int]] = []
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.refused = refused

    def generate(self, windows: Sequence[Window]) -> Sequence[Sequence[Patch]]:
        self.calls.append([frame for window in windows for frame in window.frames])
        self.entered.set()
        assert self.go_on.wait(60)
        if self.refused in self.calls[-1]:
            raise ValueError("cannot be")
        return [[Patch(frame, frame) for frame in window.frames] for window in windows]


def window(*frames: int) -> Window:
    speech = Speech(Path("take"), 1.0, curve(0.0, 1))
    return Window(Prepared(performance([landmarks()])), speech, frames, frames)


def ask(gathering: Gathering, *windows: Window) -> tuple[threading.Thread, list[object]]:
    told: list[object] = []

    def run() -> None:
        try:
            patches = gathering.generate(windows)
        except ValueError as error:
            told.append(error)
        else:
            told.append([[patch.frame for patch in row] for row in patches])

    thread = threading.Thread(target=run)
    thread.start()
    return thread, told


def wait_until_asked(gathering: Gathering, requests: int) -> None:
    for _ in range(12_000):
        if len(gathering._waiting) == requests:
            return
        threading.Event().wait(0.005)
    raise AssertionError("nobody asks")


def test_windows_of_clips_that_wait_for_the_device_go_through_it_in_one_call():
    device = Device()
    gathering = Gathering(device)
    first = ask(gathering, window(0, 1))
    assert device.entered.wait(60)
    others = [ask(gathering, window(10)), ask(gathering, window(20), window(21))]
    wait_until_asked(gathering, 2)

    device.go_on.set()
    for thread, _ in (first, *others):
        thread.join(60)

    assert device.calls[0] == [0, 1]
    assert sorted(device.calls[1]) == [10, 20, 21]
    assert len(device.calls) == 2
    assert first[1] == [[[0, 1]]]
    assert [told for _, told in others] == [[[[10]]], [[[20], [21]]]]


def test_a_window_that_cannot_be_fails_its_own_clip_only():
    device = Device(refused=20)
    gathering = Gathering(device)
    first = ask(gathering, window(0))
    assert device.entered.wait(60)
    good, bad = ask(gathering, window(10)), ask(gathering, window(20))
    wait_until_asked(gathering, 2)

    device.go_on.set()
    for thread, _ in (first, good, bad):
        thread.join(60)

    assert good[1] == [[[10]]]
    assert [str(error) for error in bad[1]] == ["cannot be"]


def test_it_shows_itself_as_the_engine_it_shares():
    gathering = Gathering(VisemeEngine())
    made = performance([landmarks()] * 2)

    assert gathering.name == "viseme"
    assert gathering.prepare(made).performance is made
    with pytest.raises(TypeError, match="another engine"):
        gathering.compose(np.zeros((6, 4), np.uint8), Patch(0, 0))
