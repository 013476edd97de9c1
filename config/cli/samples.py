"""The samples Chorus makes itself: a voice and presenters, made once and kept in DATA_DIR."""

from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from config.cli.output import Report
from config.paths import private_folder
from config.settings import Settings

_SECONDS = 6.0
_PROCESSES = 2


@dataclass(frozen=True)
class Samples:
    """Files to try Chorus with."""

    voice: Path
    templates: tuple[Path, ...]


def make_samples(settings: Settings, report: Report) -> Samples:
    """Make the samples, unless this version made them before; ``report`` gets stage ``samples``."""
    from pipeline.samples.library import LOOKS, write_voice

    folder = private_folder(settings.data_dir / "samples" / version("chorus-bot"))
    voice = folder / "welcome.wav"
    if not voice.exists():
        write_voice(voice)
    paths = {look.name: folder / f"{look.name}.mp4" for look in LOOKS}
    missing = [name for name, path in paths.items() if not path.exists()]
    if missing:
        report("samples", 0, len(missing))
        # Spawned, not forked: OpenCV's and FFmpeg's threads do not survive a fork.
        with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
            made = [pool.submit(make_presenter, name, paths[name], _SECONDS) for name in missing]
            for count, each in enumerate(as_completed(made), 1):
                each.result()
                report("samples", count, len(missing))
    return Samples(voice, tuple(paths.values()))


def make_presenter(name: str, path: Path, seconds: float) -> None:
    """Paint one presenter, by name."""
    from pipeline.samples.library import LOOKS, write_presenter

    look = next(look for look in LOOKS if look.name == name)
    write_presenter(look, path, seconds, lambda _stage, _done, _total: None)
