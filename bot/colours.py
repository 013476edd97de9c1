"""Colours as people type them."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Colour:
    """One that has a name."""

    english: str
    chinese: str
    code: str
    """``#rrggbb``, as browsers know the English name."""


COLOURS: Final = (
    Colour("white", "白色", "#ffffff"),
    Colour("black", "黑色", "#000000"),
    Colour("gray", "灰色", "#808080"),
    Colour("silver", "银色", "#c0c0c0"),
    Colour("red", "红色", "#ff0000"),
    Colour("orange", "橙色", "#ffa500"),
    Colour("yellow", "黄色", "#ffff00"),
    Colour("green", "绿色", "#008000"),
    Colour("blue", "蓝色", "#0000ff"),
    Colour("sky blue", "天蓝色", "#87ceeb"),
    Colour("light blue", "浅蓝色", "#add8e6"),
    Colour("navy", "深蓝色", "#000080"),
    Colour("purple", "紫色", "#800080"),
    Colour("pink", "粉色", "#ffc0cb"),
    Colour("beige", "米色", "#f5f5dc"),
)
_ALSO: Final = {"grey": "#808080", "粉红色": "#ffc0cb", "藏青色": "#000080", "米白色": "#f5f5dc"}
_CODE: Final = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})")


def _squeezed(words: str) -> str:
    return re.sub(r"[\s_-]+", "", words.casefold()).removesuffix("色")


_BY_NAME: Final = {
    **{_squeezed(name): code for name, code in _ALSO.items()},
    **{_squeezed(colour.english): colour.code for colour in COLOURS},
    **{_squeezed(colour.chinese): colour.code for colour in COLOURS},
}


def read_colour(typed: str) -> str | None:
    """The ``#rrggbb`` of ``#00AAFF``, ``0af``, ``sky blue`` or ``天蓝``; None if it is no colour we know."""
    squeezed = _squeezed(typed)
    if named := _BY_NAME.get(squeezed):
        return named
    coded = _CODE.fullmatch(squeezed)
    if coded is None:
        return None
    digits = coded[1]
    return "#" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits))


def shown_colour(code: str, *, chinese: bool) -> str:
    """The name of a colour, or its code where it has none."""
    for colour in COLOURS:
        if colour.code == code:
            return colour.chinese if chinese else colour.english
    return code
