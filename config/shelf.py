"""Where the operator keeps weights. Apart from ``config.paths``, which the front end loads too: it knows no pipeline."""

from config.paths import models_folder
from config.settings import Settings
from pipeline.engines.port import Hardware, Sampling
from pipeline.engines.weights.finding import Shelf


def shelf_of(settings: Settings) -> Shelf:
    """Where engines find their weights."""
    unverified = settings.unverified_weights
    return Shelf(models_folder(settings), unverified.absolute() if unverified else None)


def hardware_of(settings: Settings) -> Hardware:
    """What engines run on."""
    return Hardware(speedup=settings.speedup, sampling=sampling_of(settings))


def sampling_of(settings: Settings) -> Sampling:
    """How thoroughly engines that diffuse make a face."""
    steps, interval = settings.latentsync_steps, settings.latentsync_interval
    return Sampling(steps, settings.latentsync_guidance, interval)
