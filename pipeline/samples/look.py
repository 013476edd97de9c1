"""What a generated presenter looks like: one frozen record per person."""

from dataclasses import dataclass
from typing import Final, Literal

from pipeline.samples.canvas import Rgb


@dataclass(frozen=True)
class Look:
    """A presenter and the studio around them; colours are sRGB."""

    name: str
    seed: int
    width_px: int
    height_px: int
    skin: Rgb
    lips: Rgb
    eyes: Rgb
    hair: Rgb
    hair_style: Literal["short", "long", "bun"]
    clothes: Literal["suit", "blazer", "sweater"]
    cloth: Rgb
    accent: Rgb
    """The shirt under a suit or blazer, the collar of a sweater."""
    tie: Rgb
    backdrop: Rgb
    lamp: Rgb
    """Colour of the light on the backdrop."""
    jaw: float = 0.5
    """0.0 narrow to 1.0 broad."""
    stubble: float = 0.0
    lashes: float = 0.0
    fps: int = 25


LOOKS: Final[tuple[Look, ...]] = (
    Look(
        name="mira", seed=11, width_px=1280, height_px=720,
        skin=(226, 172, 142), lips=(186, 88, 86), eyes=(88, 118, 96), hair=(74, 42, 28),
        hair_style="long", clothes="blazer", cloth=(38, 66, 92), accent=(236, 232, 224),
        tie=(0, 0, 0), backdrop=(94, 120, 138), lamp=(232, 214, 186), jaw=0.25, lashes=1.0,
    ),
    Look(
        name="jonas", seed=23, width_px=1280, height_px=720,
        skin=(214, 158, 128), lips=(174, 104, 94), eyes=(92, 120, 150), hair=(52, 40, 32),
        hair_style="short", clothes="suit", cloth=(52, 54, 64), accent=(228, 234, 242),
        tie=(124, 36, 44), backdrop=(128, 122, 112), lamp=(250, 226, 190), jaw=0.9, stubble=0.35,
    ),
    Look(
        name="amara", seed=37, width_px=720, height_px=1280,
        skin=(138, 88, 62), lips=(132, 58, 56), eyes=(62, 40, 28), hair=(30, 24, 24),
        hair_style="bun", clothes="sweater", cloth=(196, 142, 58), accent=(168, 116, 42),
        tie=(0, 0, 0), backdrop=(70, 108, 102), lamp=(220, 232, 206), jaw=0.4, lashes=0.8,
    ),
)  # fmt: skip
"""The samples: two landscapes of 720p and one portrait."""
