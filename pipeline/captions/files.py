"""Captions as files: SubRip (SRT) and WebVTT (W3C, https://www.w3.org/TR/webvtt1/). Both are UTF-8 without a byte order mark."""

from collections.abc import Callable, Sequence

from pipeline.captions.cues import Cue


def as_srt(cues: Sequence[Cue]) -> str:
    """Write cues as SubRip; it has no way to write its own arrow, which becomes another one."""
    return _written(cues, lambda second: _clock(second, ","), lambda t: t.replace("-->", "→"))


def as_vtt(cues: Sequence[Cue]) -> str:
    """Write cues as WebVTT."""
    return "WEBVTT\n\n" + _written(cues, lambda second: _clock(second, "."), _escaped)


def _written(cues: Sequence[Cue], clock: Callable[[float], str], text: Callable[[str], str]) -> str:
    return "".join(
        f"{number}\n{clock(cue.start_s)} --> {clock(cue.end_s)}\n{text(chr(10).join(cue.lines))}\n\n"
        for number, cue in enumerate(cues, 1)
    )


def _clock(second: float, point: str) -> str:
    seconds, thousandths = divmod(round(second * 1000), 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{thousandths:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
