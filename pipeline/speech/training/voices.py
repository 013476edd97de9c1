"""Who teaches the model, and who examines it. No voice, and no sentence, does both."""

from typing import Final

from pipeline.speech.training.synthesis import Voice

RECORDED: Final = (
    Voice("flite", "kal16", "en"),
    Voice("flite", "rms", "en"),
    Voice("flite", "slt", "en"),
    Voice("festival", "cmu_us_slt_arctic_hts", "en"),
    Voice("festival", "lp_diphone", "it", "italian", "latin-1"),
    Voice("festival", "czech_dita", "cs", "czech", "iso-8859-2"),
    Voice("festival", "czech_krb", "cs", "czech", "iso-8859-2"),
    Voice("festival", "czech_ph", "cs", "czech", "iso-8859-2"),
    Voice("festival", "suo_fi_lj_diphone", "fi", "finnish", "latin-1"),
    Voice("festival", "msu_ru_nsh_clunits", "ru", "russian"),
    Voice("festival", "hindi_NSK_diphone", "hi", "indian"),
)
"""Voices cut from recordings of people, to learn from."""

HELD_OUT: Final = (
    Voice("flite", "awb", "en"),
    Voice("festival", "ked_diphone", "en"),
    Voice("festival", "pc_diphone", "it", "italian", "latin-1"),
    Voice("festival", "czech_machac", "cs", "czech", "iso-8859-2"),
    Voice("festival", "hy_fi_mv_diphone", "fi", "finnish", "latin-1"),
    Voice("festival", "upc_ca_ona_hts", "es", "catalan", "latin-1"),
)
"""The same, never learned from; Catalan is a language nobody teaches. (Festival's Marathi voice is the Hindi one's speaker.)"""

ESPEAK: Final = {
    "en-us": "en", "de": "de", "cmn-latn-pinyin": "cmn", "ja": "ja", "fr": "fr", "es": "es", "it": "it", "nl": "nl",
    "pl": "pl", "ru": "ru", "hi": "hi", "ar": "ar", "ko": "ko", "vi": "vi", "cs": "cs",
}  # fmt: skip
"""Languages of eSpeak NG to learn from, and the spelling each reads."""

ESPEAK_HELD_OUT: Final = {
    "sv": "sv", "tr": "tr", "pt": "pt", "hu": "hu", "el": "el", "fi": "fi",
}  # fmt: skip
"""Languages of eSpeak NG that are never learned from."""

VARIANTS: Final = (
    "", "m1", "m2", "m3", "m4", "m7", "f1", "f2", "f3", "klatt", "klatt2", "klatt3", "Andy", "Gene", "Alex", "Mike",
    "Linda", "Denis", "Lee", "anika", "steph", "Michael", "travis", "victor",
)  # fmt: skip
"""Of eSpeak NG's voices, to learn from."""

VARIANTS_HELD_OUT: Final = ("m5", "m6", "f4", "klatt4", "Annie", "Boris")
