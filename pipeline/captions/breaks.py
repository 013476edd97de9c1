"""How good a place between two units is to go to the next line, or to the next caption: 0.0 good, 1.0 usual, more is worse."""

from functools import cache
from typing import Final

from pipeline.captions.scripts import CHINESE, JAPANESE, Script, ends_clause, ends_sentence, kind_of
from pipeline.captions.units import Unit

_CLAUSE: Final = 0.1
_GOOD: Final = 0.5
_USUAL: Final = 1.0
_POOR: Final = 2.0
_BAD: Final = 4.0
_PAUSE_S: Final = 0.25
"""Who pauses so long between two words breaks there himself."""


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CLINGING: Final = _listed(
    "a an the my your his her its our their these those every each some any mr. mrs. ms. dr. "
    "of to in on at by for from with without into onto about over under between through as than very so too not "
    "der die das den dem des ein eine einen einem einer eines kein keine im am zum zur vom beim ins ans "  # codespell:ignore
    "mein meine meinen meinem meiner dein deine deinen deinem deiner sein seine seinen seinem seiner "  # codespell:ignore
    "ihre ihren ihrem ihrer unser unsere unseren unserem unserer unseres seines ihres "  # codespell:ignore
    "von zu mit nach bei aus auf für durch gegen ohne um an sehr nicht "
    "le la les l' un une des du de d' à au aux en dans sur sous par pour avec sans ce cette ces mon ma mes "
    "el los las unos unas al del con sin por para su sus mi os uma ao da na em com lo gli di dei delle nel"
)
"""Articles, prepositions and the like belong to what follows them: English; German; French, Spanish, Portuguese, Italian, but for
words that mean something else in one of the others."""
_LEADING: Final = _listed(
    "i you he she we they this that is are was were be been am will would can could should must may might do does did have "
    "has had ich du er wir sie ihr ist sind war hat haben wird "  # codespell:ignore
    "je tu il elle nous vous est sont es son"
)
"""Pronouns and auxiliaries mostly do."""
_BEGINNING: Final = _listed(
    "and but or nor because although though while when where which who whose whom what how if unless until since before after "
    "then however und aber oder denn sondern weil dass obwohl während wenn als damit "  # codespell:ignore
    "et mais ou donc car parce que qui dont où si quand y pero porque aunque cuando mientras e mas perché che"
)
"""What a clause begins with is the better beginning of a line."""
_ZH_BEGINNING: Final = frozenset(
    "和与及或但而且因所虽如若就都也还又再才并把被对从向给将在是为以请让使比跟当每这那其该本我你您他她它"
)
_ZH_ENDING: Final = frozenset("的了着过们吗呢吧啊地得后前时中里上下内外")
_JA_ENDING: Final = frozenset("はがをにでともへやのねよ")


def badness(before: Unit, behind: Unit, script: Script) -> float:
    """Judge the place between two units."""
    if ends_sentence(before.text):
        return 0.0
    if ends_clause(before.text):
        return _CLAUSE
    if script in {CHINESE, JAPANESE} and _wide_pair(before, behind):
        judged = _chinese(before, behind) if script is CHINESE else _japanese(before, behind)
    else:
        judged = _spaced(before.text, behind.text)
    return min(judged, _GOOD) if behind.start_s - before.end_s >= _PAUSE_S else judged


def _wide_pair(before: Unit, behind: Unit) -> bool:
    return all(kind_of(unit.text[place]) != "other" for unit, place in ((before, -1), (behind, 0)))


def _spaced(before: str, behind: str) -> float:
    left, right = before.casefold().strip("\"'“”«»()"), behind.casefold().strip("\"'“”«»()")
    if left in _CLINGING or left in _BEGINNING:
        return _BAD
    if right in _BEGINNING:
        return _GOOD
    # Names, and numbers with what they count.
    named = before[:1].isupper() and behind[:1].isupper()
    return _POOR if named or left.isdigit() or left in _LEADING else _USUAL


def _chinese(before: Unit, behind: Unit) -> float:
    left, right = before.text[-1], behind.text[0]
    if _one_word(before.text[-2:] + behind.text[:2], len(before.text[-2:])):
        return _BAD
    if right in _ZH_ENDING:  # 的 and 了 belong to what is before them
        return _BAD
    if left in _ZH_ENDING or (behind.opens and right in _ZH_BEGINNING):
        return _GOOD
    if not behind.opens or (len(before.text) == len(behind.text) == 1):
        return _POOR
    # 在, 把, 很 and the like belong to what follows.
    return _POOR if before.text in _ZH_BEGINNING else _USUAL


def _japanese(before: Unit, behind: Unit) -> float:
    left, right = before.text[-1], behind.text[0]
    if right in _JA_ENDING and len(behind.text) == 1:
        return _BAD
    if left in _JA_ENDING and kind_of(right) == "han":
        return _GOOD
    same = _ja_kind(left) == _ja_kind(right)
    if same and not behind.opens:
        return _BAD
    return _POOR if same else _USUAL


def _ja_kind(letter: str) -> str:
    return "katakana" if "゠" <= letter <= "ヿ" else kind_of(letter)


def _one_word(text: str, place: int) -> bool:
    """Whether a word that the pinyin dictionary knows lies across a place of a text."""
    return any(
        text[first:last] in _dictionary()
        for first in range(place)
        for last in range(place + 1, len(text) + 1)
    )


@cache
def _dictionary() -> frozenset[str]:
    from pypinyin.constants import PHRASES_DICT  # noqa: PLC0415 - 47 000 words, and only for Chinese

    return frozenset(word for word in PHRASES_DICT if len(word) <= 4)
