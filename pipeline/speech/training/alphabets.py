"""What synthesisers call their phones, in the symbols of the International Phonetic Association.

Each table follows the phone set its voice documents: the radio set of Festival's and Flite's American voices, and the sets
of the Italian, Czech, Finnish, Russian, Indian and Catalan voices of Festival. eSpeak NG answers in IPA itself. A
diphthong or affricate is spelled with a letter for each part.
"""

from typing import Final

_RADIO: Final = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ɚ", "ay": "aɪ", "b": "b", "ch": "tʃ",
    "d": "d", "dh": "ð", "dx": "ɾ", "eh": "ɛ", "el": "əl", "em": "m", "en": "n", "er": "ɚ", "ey": "eɪ", "f": "f",
    "g": "ɡ", "hh": "h", "hv": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ", "k": "k", "l": "l", "m": "m", "n": "n", "nx": "n",
    "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ", "s": "s", "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ",
    "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
}  # fmt: skip
_ITALIAN: Final = {
    "i": "i", "e": "e", "E": "ɛ", "a": "a", "o": "o", "O": "ɔ", "u": "u", "i1": "i", "e1": "e", "E1": "ɛ", "a1": "a",
    "o1": "o", "O1": "ɔ", "u1": "u", "j": "j", "w": "w", "p": "p", "t": "t", "k": "k", "b": "b", "d": "d", "g": "ɡ",
    "f": "f", "s": "s", "S": "ʃ", "v": "v", "z": "z", "Z": "ʒ", "ts": "ts", "tS": "tʃ", "dz": "dz", "dZ": "dʒ",
    "m": "m", "n": "n", "J": "ɲ", "ng": "ŋ", "nf": "ɱ", "l": "l", "L": "ʎ", "r": "r",
}  # fmt: skip
_CZECH: Final = {
    "a": "a", "a:": "a", "b": "b", "c": "ts", "c~": "tʃ", "ch": "x", "d": "d", "d~": "ɟ", "dz": "dz", "dz~": "dʒ",
    "e": "ɛ", "e:": "ɛ", "f": "f", "g": "ɡ", "h": "ɦ", "i": "ɪ", "i:": "i", "j": "j", "k": "k", "l": "l", "m": "m",
    "n": "n", "n*": "ŋ", "n~": "ɲ", "o": "o", "o:": "o", "p": "p", "r": "r", "r~": "ʒ", "r~*": "ʃ", "s": "s", "s~": "ʃ",
    "t": "t", "t~": "c", "u": "u", "u:": "u", "v": "v", "z": "z", "z~": "ʒ",
}  # fmt: skip
_FINNISH: Final = {
    **{name: name for name in "eiouyptkbdfshvmnlrjw"}, "a": "ɑ", "&": "æ", "@": "ə", "7": "ø",
    "g": "ɡ", "T": "θ", "D": "ð", "S": "ʃ", "Z": "ʒ", "N": "ŋ", "L": "l", "z": "z",
}  # fmt: skip
_RUSSIAN: Final = {
    "ii": "i", "yy": "ɨ", "uu": "u", "ee": "ɛ", "oo": "o", "aa": "a", "a": "ɐ", "e": "ɪ", "i": "ɪ", "y": "ɨ", "u": "ʊ",
    "ae": "ɪ", "ay": "ə", "ur": "ʊ", "p": "p", "pp": "p", "b": "b", "bb": "b", "t": "t", "tt": "t", "d": "d", "dd": "d",
    "k": "k", "kk": "k", "g": "ɡ", "gg": "ɡ", "c": "ts", "ch": "tɕ", "f": "f", "ff": "f", "v": "v", "vv": "v", "s": "s",
    "ss": "s", "z": "z", "zz": "z", "sh": "ʂ", "sch": "ɕ", "zh": "ʐ", "h": "x", "hh": "x", "m": "m", "mm": "m",
    "n": "n", "nn": "n", "l": "l", "ll": "l", "r": "r", "rr": "r", "j": "j",
}  # fmt: skip
_INDIAN: Final = {
    "a": "ə", "aa": "a", "ih": "ɪ", "iy": "i", "uh": "ʊ", "uw": "u", "eh": "e", "ee": "e", "ay": "ɛ", "oh": "o",
    "oo": "o", "aw": "ɔ", "f": "f", "k": "k", "g": "ɡ", "ch": "tʃ", "T": "ʈ", "D": "ɖ", "N": "ɳ", "th": "t", "dh": "d",
    "n": "n", "p": "p", "b": "b", "m": "m", "y": "j", "r": "ɾ", "l": "l", "v": "ʋ", "L": "ɭ", "R": "ɾ", "s": "s",
    "sh": "ʃ", "j": "dʒ", "h": "ɦ", "x": "x", "kh": "k", "gh": "ɡ", "td": "ʈ", "tth": "ʈ", "ddh": "ɖ", "bh": "b",
    "zh": "ʒ", "w": "w",
}  # fmt: skip
_CATALAN: Final = {
    "ax": "ə", "a": "a", "a1": "a", "b": "b", "d": "d", "e": "e", "e1": "e", "E": "ɛ", "E1": "ɛ", "f": "f", "g": "ɡ",
    "i": "i", "i1": "i", "j": "j", "J": "ɲ", "k": "k", "l": "l", "L": "ʎ", "m": "m", "n": "n", "o": "o", "o1": "o",
    "O": "ɔ", "O1": "ɔ", "p": "p", "r": "ɾ", "rr": "r", "s": "s", "S": "ʃ", "t": "t", "u": "u", "u1": "u", "w": "w",
    "z": "z", "Z": "ʒ",
}  # fmt: skip

ALPHABETS: Final[dict[str, dict[str, str]]] = {
    "radio": _RADIO, "italian": _ITALIAN, "czech": _CZECH, "finnish": _FINNISH, "russian": _RUSSIAN,
    "indian": _INDIAN, "catalan": _CATALAN,
}  # fmt: skip
"""Phone set to its names in IPA; what a table lacks is silence."""
