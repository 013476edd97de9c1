"""Where lips and jaw want to be in each speech sound.

Openings follow the height of the vowel in the IPA chart (open 1.0, close 0.25); spread and rounded lips follow its
columns; among English vowels the order agrees with the lip measurements of Montgomery & Jackson, "Physical
characteristics of the lips underlying vowel lipreading performance", JASA 73 (1983). Consonants made with the
tongue leave the lips nearly free: their targets are weak (``strength``) and give way to their neighbours.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache
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
_OPEN_CENTRAL: Final = Viseme(0.65, 0.1, strength=0.9)
_MID_FRONT: Final = Viseme(0.6, 0.5)
_NEAR_CLOSE_FRONT: Final = Viseme(0.42, 0.5, strength=0.9)
_CLOSE_FRONT: Final = Viseme(0.3, 0.9)
_CLOSE_CENTRAL: Final = Viseme(0.3, 0.4, strength=0.9)
_CENTRAL: Final = Viseme(0.5, 0.0, strength=0.8, lips=0.5)
_OPEN_BACK_ROUND: Final = Viseme(0.75, -0.4, 0.5)
_MID_FRONT_ROUND: Final = Viseme(0.5, -0.4, 0.7)
_MID_BACK_ROUND: Final = Viseme(0.5, -0.6, 0.8)
_NEAR_CLOSE_ROUND: Final = Viseme(0.32, -0.6, 0.7)
_CLOSE_ROUND: Final = Viseme(0.22, -0.8, 1.0)
_RHOTIC: Final = Viseme(0.38, -0.3, 0.45, strength=0.85, lips=0.7)
_PRESSED: Final = Viseme(0.0, 0.0, 0.0, closure=1.0, strength=1.0, lips=0.3)
_NARROWED: Final = Viseme(0.08, 0.0, 0.2, strength=0.9, lips=0.4)
_BITTEN: Final = Viseme(0.12, 0.1, 0.0, teeth=1.0, strength=0.9, lips=0.4)
_TONGUE_TIP: Final = Viseme(0.22, 0.2, strength=0.7, lips=0.15)
_TONGUE_BACK: Final = Viseme(0.32, 0.0, strength=0.6, lips=0.1)
_SIBILANT: Final = Viseme(0.16, 0.35, strength=0.85, lips=0.3)
_HUSHING: Final = Viseme(0.22, -0.4, 0.6, strength=0.85, lips=0.8)
_BREATHED: Final = Viseme(0.5, 0.0, strength=0.45, lips=0.1)

_IPA: Final[dict[str, Viseme]] = {
    **dict.fromkeys("aɑ", _A), **dict.fromkeys("æɐ", _OPEN_FRONT), "ʌ": _OPEN_CENTRAL,
    **dict.fromkeys("ɔɒ", _OPEN_BACK_ROUND), **dict.fromkeys("ɛe", _MID_FRONT), **dict.fromkeys("œø", _MID_FRONT_ROUND),
    **dict.fromkeys("oɵ", _MID_BACK_ROUND), **dict.fromkeys("əɤɜɘ", _CENTRAL), **dict.fromkeys("ɚɝɹɻ", _RHOTIC),
    "ɪ": _NEAR_CLOSE_FRONT, **dict.fromkeys("ij", _CLOSE_FRONT), **dict.fromkeys("ɨɯ", _CLOSE_CENTRAL),
    **dict.fromkeys("ʊʏʉ", _NEAR_CLOSE_ROUND), **dict.fromkeys("uywʍɥ", _CLOSE_ROUND),
    **dict.fromkeys("mbpɓ", _PRESSED), **dict.fromkeys("βɸ", _NARROWED), **dict.fromkeys("fvɱʋ", _BITTEN), **dict.fromkeys("sz", _SIBILANT),
    **dict.fromkeys("ʃʒʂʐ", _HUSHING), **dict.fromkeys("tdnlrɾθðɲʎɟcçɕʑʈɖɳɭɬɫɽ", _TONGUE_TIP),
    **dict.fromkeys("kɡgŋxɣχʁqʀɴɰ", _TONGUE_BACK), **dict.fromkeys("hɦħʕ", _BREATHED),
}  # fmt: skip

_ARPABET: Final = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AX": "ə", "EH": "ɛ", "ER": "ɚ", "IH": "ɪ", "IY": "i", "UH": "ʊ",
    "UW": "u", "AW": "ɑʊ", "AY": "ɑɪ", "EY": "ɛi", "OW": "oʊ", "OY": "ɔɪ", "B": "b", "P": "p", "M": "m", "F": "f",
    "V": "v", "W": "w", "R": "ɹ", "Y": "j", "HH": "h", "T": "t", "D": "d", "N": "n", "L": "l", "TH": "θ", "DH": "ð",
    "S": "s", "Z": "z", "SH": "ʃ", "ZH": "ʒ", "CH": "ʃ", "JH": "ʒ", "K": "k", "G": "ɡ", "NG": "ŋ",
}  # fmt: skip


@cache
def visemes_of(name: str) -> tuple[Viseme, ...]:
    """List the targets a phone goes through, in order.

    Args:
        name: IPA ("aɪ", "tʃ", "iː"; length, tone and other diacritics are passed over) or, in capitals, ARPAbet without
            stress ("AY").

    Returns:
        One target a letter, two of the same in a row as one; none for silence and for what is not known.
    """
    letters = unicodedata.normalize("NFD", _ARPABET.get(name, name))
    found = [_IPA[letter] for letter in letters if letter in _IPA]
    return tuple(viseme for i, viseme in enumerate(found) if i == 0 or viseme != found[i - 1])
