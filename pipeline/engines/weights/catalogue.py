"""Which weights there are: what they are for, where they come from, under which licence, and how their folder looks.

A set lies in a folder of its own below MODELS_DIR, in the layout that its project uses (MuseTalk's ``models/``,
LatentSync's ``checkpoints/``), so that a folder somebody has already can stand in for it (``--unverified``). Revisions
are not written here: the first pull finds out the newest one and writes it to ``models.lock``.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Licence:
    """Under which conditions weights may be used."""

    name: str
    link: str
    note: str = ""
    """What else whoever accepts it should know."""


@dataclass(frozen=True)
class Wanted:
    """One file of a set."""

    path: str
    """Below the set's folder, as POSIX."""
    source: str
    """In its repository."""
    instead: tuple[str, ...] = ()
    """Below the set's folder: what may stand in its place where the folder was not pulled by us."""


@dataclass(frozen=True)
class Source:
    """One repository of the hub, and what is wanted of it."""

    repository: str
    licence: Licence
    size_bytes: int
    """About; exactly as soon as it is pulled."""
    files: tuple[Wanted, ...]


@dataclass(frozen=True)
class ModelSet:
    """What one name of ``chorus models`` stands for."""

    name: str
    """Also that of its folder in MODELS_DIR."""
    engine: str | None
    """The engine that needs it; None: the speech side."""
    purpose: str
    sources: tuple[Source, ...]
    picture_px: int | None = None
    """Edge of the square face that its network was trained on."""

    @property
    def files(self) -> tuple[Wanted, ...]:
        """Every file of it."""
        return tuple(file for source in self.sources for file in source.files)

    @property
    def size_bytes(self) -> int:
        """About how much it is."""
        return sum(source.size_bytes for source in self.sources)


_MIT: Final = "MIT"
_HUB: Final = "https://huggingface.co"

_VAE: Final = Source(
    "stabilityai/sd-vae-ft-mse",
    Licence(_MIT, f"{_HUB}/stabilityai/sd-vae-ft-mse"),
    335_000_000,
    (
        Wanted("sd-vae/config.json", "config.json", ("sd-vae-ft-mse/config.json",)),
        Wanted(
            "sd-vae/diffusion_pytorch_model.safetensors",
            "diffusion_pytorch_model.safetensors",
            (
                "sd-vae/diffusion_pytorch_model.bin",
                "sd-vae-ft-mse/diffusion_pytorch_model.safetensors",
                "sd-vae-ft-mse/diffusion_pytorch_model.bin",
            ),
        ),
    ),
)


def _latentsync(version: str, picture_px: int) -> ModelSet:
    repository = f"ByteDance/LatentSync-{version}"
    return ModelSet(
        f"latentsync-{version}",
        "latentsync",
        f"LatentSync {version}, faces of {picture_px} × {picture_px} pixels",
        (
            Source(
                repository,
                Licence("OpenRAIL++", f"{_HUB}/{repository}", "restricts what it may be used for"),
                5_150_000_000,
                (
                    Wanted("latentsync_unet.pt", "latentsync_unet.pt"),
                    Wanted("whisper/tiny.pt", "whisper/tiny.pt"),
                ),
            ),
            _VAE,
        ),
        picture_px,
    )


SETS: Final = (
    ModelSet(
        "musetalk",
        "musetalk",
        "MuseTalk 1.5, faces of 256 × 256 pixels",
        (
            Source(
                "TMElyralab/MuseTalk",
                Licence(
                    "CreativeML OpenRAIL-M",
                    f"{_HUB}/TMElyralab/MuseTalk",
                    "restricts what it may be used for; its authors allow any purpose, also commercial",
                ),
                3_400_000_000,
                (
                    Wanted("musetalkV15/unet.pth", "musetalkV15/unet.pth"),
                    Wanted("musetalkV15/musetalk.json", "musetalkV15/musetalk.json"),
                ),
            ),
            _VAE,
            Source(
                "openai/whisper-tiny",
                Licence("Apache-2.0", f"{_HUB}/openai/whisper-tiny"),
                151_000_000,
                (
                    Wanted("whisper/config.json", "config.json"),
                    Wanted("whisper/preprocessor_config.json", "preprocessor_config.json"),
                    Wanted(
                        "whisper/model.safetensors",
                        "model.safetensors",
                        ("whisper/pytorch_model.bin",),
                    ),
                ),
            ),
            Source(
                "ManyOtherFunctions/face-parse-bisent",
                Licence(
                    "WTFPL",
                    f"{_HUB}/ManyOtherFunctions/face-parse-bisent",
                    "as whoever uploaded it says; learned from CelebAMask-HQ, which is for research only",
                ),
                53_300_000,
                (Wanted("face-parse-bisent/79999_iter.pth", "79999_iter.pth"),),
            ),
        ),
        256,
    ),
    _latentsync("1.5", 256),
    _latentsync("1.6", 512),
    ModelSet(
        "faster-whisper",
        None,
        "Whisper small: words sharpen the lips and make captions",
        (
            Source(
                "Systran/faster-whisper-small",
                Licence(_MIT, f"{_HUB}/Systran/faster-whisper-small"),
                486_000_000,
                tuple(
                    Wanted(name, name)
                    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
                ),
            ),
        ),
    ),
)


def sets_for(name: str) -> tuple[ModelSet, ...]:
    """Find what a name stands for: one set, or those of an engine with the preferred one first; empty if unknown."""
    exact = tuple(each for each in SETS if each.name == name)
    return exact or tuple(each for each in SETS if each.engine == name)
