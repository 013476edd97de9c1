"""Painted presenters for tests that need one, and facts of filmed ones.

Each is painted once by a process, which takes four seconds, and copied; to tell what a video is, it is decoded to its end.
"""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from pipeline.media import probe_video
from pipeline.samples.library import Look, write_presenter
from pipeline.types import VideoFacts

_folder = Path(tempfile.mkdtemp(prefix="chorus-presenters-"))
atexit.register(shutil.rmtree, _folder)


@cache
def _painted(look: Look, seconds: float) -> tuple[Path, VideoFacts]:
    path = _folder / f"{_painted.cache_info().currsize}.mp4"
    return path, write_presenter(look, path, seconds, lambda *_: None)


def bring_presenter(look: Look, path: Path, seconds: float) -> VideoFacts:
    """Have at ``path`` what ``write_presenter`` writes."""
    painted, facts = _painted(look, seconds)
    shutil.copyfile(painted, path)
    return facts


@cache
def video_facts(video: Path) -> VideoFacts:
    """What ``probe_video`` tells of a video that stays as it is."""
    return probe_video(video, video.name)
