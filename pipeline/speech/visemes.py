"""Where lips and jaw want to be in each phone.

Openings follow the height of the vowel in the IPA chart (open 1.0, close 0.25); spread and rounded lips follow its
columns; among English vowels the order agrees with the lip measurements of Montgomery & Jackson, "Physical
characteristics of the lips underlying vowel lipreading performance", JASA 73 (1983). Consonants made with the
tongue leave the lips nearly free: their targets are weak (``strength``) and give way to their neighbours.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Viseme:
    """A target of the mouth; fields as in ``MouthCurve``, and how strongly the phone insists on it."""

    opening: float
    width: float = 0.0
    rounding: float = 0.0
    closure: float = 0.0
    teeth: float = 0.0
    strength: float = 1.0
    """0.0-1.0 for jaw and width: vowels insist, tongue consonants are carried along."""
    lips: float = 1.0
    """0.0-1.0 the same for rounding."""


_A: Final = Viseme(1.0, 0.15)
_OPEN_FRONT: Final = Viseme(0.85, 0.45)
_MID_FRONT: Final = Viseme(0.6, 0.5)
_NEAR_CLOSE_FRONT: Final = Viseme(0.42, 0.5, strength=0.8)
_CLOSE_FRONT: Final = Viseme(0.3, 0.9)
_CENTRAL: Final = Viseme(0.5, 0.0, strength=0.6, lips=0.5)
_OPEN_BACK_ROUND: Final = Viseme(0.75, -0.4, 0.5)
_MID_BACK_ROUND: Final = Viseme(0.5, -0.6, 0.8)
_NEAR_CLOSE_ROUND: Final = Viseme(0.32, -0.6, 0.7)
_CLOSE_ROUND: Final = Viseme(0.22, -0.8, 1.0)
_RHOTIC: Final = Viseme(0.38, -0.3, 0.45, strength=0.7, lips=0.7)
_PRESSED: Final = Viseme(0.0, 0.0, 0.0, closure=1.0, strength=1.0, lips=0.3)
_BITTEN: Final = Viseme(0.12, 0.1, 0.0, teeth=1.0, strength=0.9, lips=0.4)
_TONGUE_TIP: Final = Viseme(0.22, 0.2, strength=0.5, lips=0.15)
_TONGUE_BACK: Final = Viseme(0.32, 0.0, strength=0.35, lips=0.1)
_SIBILANT: Final = Viseme(0.16, 0.35, strength=0.7, lips=0.3)
_HUSHING: Final = Viseme(0.22, -0.4, 0.6, strength=0.7, lips=0.8)
_BREATHED: Final = Viseme(0.5, 0.0, strength=0.2, lips=0.1)

VISEMES: Final[dict[str, tuple[Viseme, ...]]] = {
    "AA": (_A,), "AE": (_OPEN_FRONT,), "AH": (Viseme(0.65, 0.1, strength=0.8),),
    "AO": (_OPEN_BACK_ROUND,), "EH": (_MID_FRONT,), "ER": (_RHOTIC,), "IH": (_NEAR_CLOSE_FRONT,),
    "IY": (_CLOSE_FRONT,), "UH": (_NEAR_CLOSE_ROUND,), "UW": (_CLOSE_ROUND,), "AX": (_CENTRAL,),
    "AW": (_A, _NEAR_CLOSE_ROUND), "AY": (_A, _NEAR_CLOSE_FRONT), "EY": (_MID_FRONT, _CLOSE_FRONT),
    "OW": (_MID_BACK_ROUND, _NEAR_CLOSE_ROUND), "OY": (_OPEN_BACK_ROUND, _NEAR_CLOSE_FRONT),
    "B": (_PRESSED,), "P": (_PRESSED,), "M": (_PRESSED,), "F": (_BITTEN,), "V": (_BITTEN,),
    "W": (_CLOSE_ROUND,), "R": (_RHOTIC,), "Y": (_CLOSE_FRONT,), "HH": (_BREATHED,),
    "T": (_TONGUE_TIP,), "D": (_TONGUE_TIP,), "N": (_TONGUE_TIP,), "L": (_TONGUE_TIP,),
    "TH": (_TONGUE_TIP,), "DH": (_TONGUE_TIP,), "S": (_SIBILANT,), "Z": (_SIBILANT,),
    "SH": (_HUSHING,), "ZH": (_HUSHING,), "CH": (_HUSHING,), "JH": (_HUSHING,),
    "K": (_TONGUE_BACK,), "G": (_TONGUE_BACK,), "NG": (_TONGUE_BACK,),
}  # fmt: skip
"""ARPAbet phone to its targets: one, or two in order for a diphthong."""
