"""Something to say, in many languages: words that nobody uses, made of the language's own syllables.

A model that learns from real texts learns which sounds usually follow each other, and is surprised by names and foreign
words. Words made of syllables drawn at random meet every sound in every neighbourhood. Lips are drawn somewhat more often than
in running text, because closures are what the model must not miss.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np


@dataclass(frozen=True)
class Spelling:
    """How a language writes syllables: parts are drawn one of each; an empty part is none."""

    onsets: tuple[str, ...]
    nuclei: tuple[str, ...]
    codas: tuple[str, ...]
    joint: str = ""
    """Stands between the syllables of a word."""


def _spelling(onsets: str, nuclei: str, codas: str, joint: str = "") -> Spelling:
    """Read parts separated by spaces; ``-`` is an empty one."""

    def parts(text: str) -> tuple[str, ...]:
        return tuple("" if part == "-" else part for part in text.split())

    return Spelling(parts(onsets), parts(nuclei), parts(codas), joint)


_LATIN_ONSETS: Final = "b p m f v d t n l r s k g b p m w h st pl br tr kl -"
_PINYIN_TONED: Final = " ".join(
    f"{final}{tone}"
    for final in [
        "a",
        "ai",
        "an",
        "ang",
        "ao",
        "e",
        "ei",
        "en",
        "eng",
        "i",
        "ia",
        "iao",
        "ie",
        "in",
        "ing",
        "iu",
        "u",
        "ua",
        "uo",
        "ui",
        "un",
        "o",
        "ou",
        "ong",
    ]
    for tone in "1234"
)
_KANA: Final = " ".join(
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわばびぶべぼぱぴぷぺぽがぎぐげごだでどざじぜぞ"
)
_HANGUL_ONSETS: Final = (0, 2, 3, 5, 6, 7, 9, 11, 12, 14, 15, 16, 17, 18, 6, 7, 17)
_HANGUL_CODAS: Final = (0, 0, 0, 1, 4, 8, 16, 17, 21)

SPELLINGS: Final[dict[str, Spelling]] = {
    "en": _spelling(
        "b p m f v d t n l r s k g b p m w h y sh ch th j st pl br tr cl fl sp sm -",
        "a e i o u ee oo ay ow ea oi ar or ir a o i", "- - n m t d l s p b ng ck ff nd mp st", ),
    "de": _spelling(
        "b p m f w d t n l r s k g b p m h sch z pf st bl br tr kl -", "a e i o u ä ö ü ei au eu ie a e",
        "- - n m t l r s p b ng ch ck mpf nd st"),
    "fr": _spelling("b p m f v d t n l r s c g b p m ch j pl br -", "a é i o u ou eu oi an on in ai eau", "- - - r l s t m ne be"),
    "es": _spelling("b p m f v d t n l r s k b p m ch y pl br tr ñ -", "a e i o u ue ie a o", "- - - n s r l"),
    "it": _spelling(_LATIN_ONSETS + " gi sci", "a e i o u ia uo a o e", "- - - - n l r s"),
    "pt": _spelling("b p m f v d t n l r s c b p m ch j pl br nh lh", "a e i o u ão ei ou a o", "- - - m s r l"),
    "nl": _spelling("b p m v w d t n l r s k b p m z g h sch pl br", "a e i o u aa ee oo oe ui ij eu ou", "- - n m t l r s p g"),
    "sv": _spelling("b p m f v d t n l r s k b p m h j sj tj", "a e i o u å ä ö y", "- - n m t l r s p"),
    "fi": _spelling("p m v t n l r s k h j p m -", "a e i o u aa ee ii oo uu ai au ie uo", "- - - n s l r t"),
    "pl": _spelling("b p m f w d t n l r s k b p m cz sz ż z ch pr br", "a e i o u y ą ę ó", "- - - n m t k s j"),
    "cs": _spelling("b p m f v d t n l r s k b p m h z j ch", "a e i o u y a o e", "- - - n m t k s l"),
    "tr": _spelling("b p m f v d t n l r s k b p m ş ç y g", "a e ı i o ö u ü", "- - n m t l r k ş"),
    "hu": _spelling("b p m f v d t n l r sz k b p m s gy ny z cs", "a á e é i o ö u ü ő", "- - n m t l r k s"),
    "vi": _spelling("b ph m v đ t n l r s c b m th nh kh", "a ă â e ê i o ô ơ u ư à á ạ ế ồ", "- - n m t c ng p"),
    "ru": _spelling("б п м ф в д т н л р с к б п м г з ж ш ч х -", "а е и о у я ю ы а о", "- - - н м т л р с й"),
    "el": _spelling("μπ π μ φ β δ τ ν λ ρ σ κ μ π θ χ γ ζ", "α ε ι ο ου α ο", "- - - ς ν"),
    "hi": _spelling("ब प म फ भ द त न ल र स क ब प म ग ज च ह व श", "ा े ि ो ु ी ू ै ा", "- - - न म र"),
    "ar": _spelling("ب م ف د ت ن ل ر س ك ب م ف ح خ ش ج و ي", "ا ي و َ ِ ُ", "- - ن م ر ل"),
    "cmn": _spelling("b p m f d t n l g k h zh ch sh r z c s b p m", _PINYIN_TONED, "-", " "),
    "ja": _spelling(_KANA, "- - - ー", "- - - ん"),
}  # fmt: skip
"""Language to its syllables. Hangul is composed (``_hangul``), not spelled."""

LANGUAGES: Final = (*SPELLINGS, "ko")


def sentence(language: str, generator: np.random.Generator) -> str:
    """Make a sentence of three to eight words, sometimes with a pause in it."""
    words = [_word(language, generator) for _ in range(generator.integers(3, 9))]
    if len(words) > 4 and generator.random() < 0.4:
        words[len(words) // 2] += ","
    return " ".join(words) + "."


def _word(language: str, generator: np.random.Generator) -> str:
    count = int(generator.choice([1, 2, 2, 3, 3, 4]))
    if language == "ko":
        return "".join(_hangul(generator) for _ in range(count))
    spelling = SPELLINGS[language]
    return spelling.joint.join(_syllable(spelling, generator) for _ in range(count))


def _syllable(spelling: Spelling, generator: np.random.Generator) -> str:
    parts = (spelling.onsets, spelling.nuclei, spelling.codas)
    return "".join(part[generator.integers(len(part))] for part in parts)


def _hangul(generator: np.random.Generator) -> str:
    """Compose a syllable as The Unicode Standard, section 3.12, numbers them."""
    onset, coda = generator.choice(_HANGUL_ONSETS), generator.choice(_HANGUL_CODAS)
    return chr(0xAC00 + (int(onset) * 21 + int(generator.integers(21))) * 28 + int(coda))
