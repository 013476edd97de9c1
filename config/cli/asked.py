"""What ``render`` and ``demo`` can be asked for besides a recording and a template: the options of an order, as flags."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from bot.colours import read_colour
from config.cli.output import Failed, language
from config.label_text import why_no_label
from worker.contract.codes import Code

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Asked:
    """The flags of one command; what was not given is None, or as it is for who asks for nothing."""

    playing: Literal["bounce", "loop", "hold"] | None
    background: str | Path | None
    """``#rrggbb``, ``blur``, or a picture."""
    captions: Literal["off", "files", "burned"] | None
    trim: bool
    denoise: bool
    loudness: bool
    label_text: str | None

    def refuse_wrong_picture(self) -> None:
        """Find out before the work that the background is no picture of a kind the chat takes. Raises Failed."""
        from bot.backgrounds import HEAD_BYTES, is_usable
        from bot.texts.catalogue import Texts

        if not isinstance(self.background, Path):
            return
        with self.background.open("rb") as file:
            head = file.read(HEAD_BYTES)
        if not is_usable(head):
            name = self.background.name
            sentence = Texts().say(language(), "picture-unusable", name=name)
            raise Failed(sentence, Code.BACKGROUND_UNREADABLE, {"name": name})

    def phrases(self) -> Sequence[str]:
        """What a person would type in the chat for the same, but for pictures and captions."""
        said = {
            "playing": self.playing,
            "background": self.background if isinstance(self.background, str) else None,
            "trim": "on" if self.trim else None,
            "denoise": "on" if self.denoise else None,
            "loudness": None if self.loudness else "off",
        }
        return [f"/settings {option} {value}" for option, value in said.items() if value]


def _background(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    value: str | None,
) -> str | Path | None:
    """Read a colour, ``blur`` or the path of a picture; a file of that name wins."""
    if value is None or value == "blur":
        return value
    if Path(value).is_file():
        return Path(value)
    colour = read_colour(value)
    if colour is None:
        message = f"{value!r} is no colour like blue or '#00aaff', no picture that is there, and not blur."
        raise click.BadParameter(message)
    return colour


def _legible(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    value: str | None,
) -> str | None:
    if value is not None and (refused := why_no_label(value)):
        raise click.BadParameter(f"{refused}.")
    return value


_FLAGS = (
    click.option(
        "--playing",
        type=click.Choice(["bounce", "loop", "hold"]),
        help="How a template shorter than the recording goes on: forward and backward (bounce, if not given), "
        "from the start again, or standing still.",
    ),
    click.option(
        "--background",
        metavar="COLOUR|PICTURE|blur",
        callback=_background,
        help="What stands behind a presenter filmed on a green screen, or whose video is transparent.",
    ),
    click.option(
        "--captions",
        type=click.Choice(["off", "files", "burned"]),
        help="Where words are known: none, as SRT and VTT files, or written into the picture as well.",
    ),
    click.option(
        "--trim", is_flag=True, help="Cut off silence before the first and after the last word."
    ),
    click.option("--denoise", is_flag=True, help="Make steady noise quieter."),
    click.option(
        "--no-loudness",
        "loudness",
        flag_value=False,
        default=True,
        help="Leave the sound as loud as it was recorded, not at -16 LUFS.",
    ),
    click.option(
        "--label-text",
        callback=_legible,
        help="What the visible AI label reads; CHORUS_LABEL_TEXT if not given.",
    ),
)


def clip_flags(command: Command) -> Command:
    """Give a command the flags; it gets them as one argument, ``asked``."""

    @functools.wraps(command)
    def gathered(
        *args: Any,
        playing: Literal["bounce", "loop", "hold"] | None,
        background: str | Path | None,
        captions: Literal["off", "files", "burned"] | None,
        trim: bool,
        denoise: bool,
        loudness: bool,
        label_text: str | None,
        **others: Any,
    ) -> Any:
        asked = Asked(playing, background, captions, trim, denoise, loudness, label_text)
        return command(*args, asked=asked, **others)

    flagged: Any = gathered
    for flag in reversed(_FLAGS):
        flagged = flag(flagged)
    return flagged  # type: ignore[no-any-return]
