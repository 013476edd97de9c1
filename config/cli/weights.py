"""What commands that run an engine share: its weights are asked for before anything else, and unchecked ones are told."""

from collections.abc import Sequence
from pathlib import Path

import click

from config.cli.output import Failed, progress_bar
from config.devices import DeviceRefused, devices_for
from config.settings import Settings
from pipeline.engines.names import EMBEDDED

engine_option = click.option(
    "--engine",
    default=None,
    help="viseme, unless CHORUS_ENGINE names another; musetalk and latentsync want weights and a GPU.",
)

unverified_option = click.option(
    "--unverified",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of the engine's weights in the official layout, loaded unchecked in place of the pulled ones.",
)


def with_unverified(settings: Settings, folder: Path | None) -> Settings:
    """Let an option of the command stand in for the setting."""
    return settings.model_copy(update={"unverified_weights": folder}) if folder else settings


def refuse_missing_engine(settings: Settings) -> None:
    """Say at once, with the commands that install what is missing, that the engine cannot run; its weights are checked here."""
    if settings.engine == EMBEDDED:
        return
    from config.cli.rejections import told
    from config.shelf import shelf_of
    from pipeline.engines.registry import engine_weights

    with told(), progress_bar() as report:
        weights = engine_weights(settings.engine, shelf_of(settings), report)
    if weights is not None and not weights.verified:
        click.echo(unchecked(weights.folder), err=True)


def device_names(settings: Settings, asked: Sequence[str] = ()) -> Sequence[str]:
    """Name a device for each worker process, as ``devices_for`` chooses them; says what to do where there is none."""
    try:
        return [device.name for device in devices_for(settings.engine, asked)]
    except DeviceRefused as refused:
        raise Failed(str(refused)) from None


def unchecked(folder: Path) -> str:
    """What there is to say about weights that nobody checked."""
    return f"⚠ The weights in {folder} are loaded unchecked: nobody knows whether they are what they should be."
