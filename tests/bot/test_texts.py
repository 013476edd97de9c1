"""Every reason and every text, in every language."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl
from fluent.syntax.visitor import Visitor

from adapters.chats.telegram.menu import MENU
from bot.guide import TOPICS
from bot.options import BACKGROUND, COLOUR, OPTIONS, ZIP, Option, value_of
from bot.texts.catalogue import LANGUAGES, Language
from bot.words import duration, lifetime
from tests.bot.stage import TEXTS
from worker.contract.codes import Code, Flag, RemarkCode
from worker.contract.records import BatchState, ClipState, OrderOptions, Reason

ROOT = Path(__file__).parents[2]
SOURCES = [
    *(ROOT / "bot").glob("*.py"),
    *(ROOT / "config" / "cli").glob("terminal*.py"),
    *(ROOT / "adapters" / "chats" / "telegram").glob("*.py"),
    *(ROOT / "adapters" / "chats" / "wecom").glob("*.py"),
    *(ROOT / "adapters" / "chats" / "dingtalk").glob("*.py"),
    *(ROOT / "adapters" / "chats").glob("*.py"),
]
FACTS = re.compile(r'= "(\w+)"\s*# (.*)')
VALUES = [(option, value.name) for option in OPTIONS for value in option.values]
VALUES += [(BACKGROUND, COLOUR)]
WORKING = ("queued", "preparing", "rendering", "packing")


def usual(option: Option, value: str) -> bool:
    return value_of(option, OrderOptions()) == value


FORMED = {
    "state-": [f"state-{state}" for state in BatchState],
    "clip-": [f"clip-{state}" for state in ClipState],
    "stage-": [f"stage-{state}" for state in WORKING],
    "flag-": [f"flag-{flag}" for flag in Flag],
    "reason-": [f"reason-{code}" for code in Code],
    "value-": [f"value-{option.name}-{value}" for option, value in VALUES],
    "with-": [
        f"with-{option.name}-{value}" for option, value in VALUES if not usual(option, value)
    ],
    "take-": [f"take-{code}" for code in RemarkCode],
    "template-": [f"template-{code}" for code in RemarkCode],
    "help-": [f"help-{topic}" for topic in TOPICS],
    "button-help-": [f"button-help-{topic}" for topic in ("overview", *TOPICS)],
    "button-zip-": [f"button-zip-{value.name}" for value in ZIP.values],
    "cloud-": [f"cloud-{cloud}" for cloud in ("none", "off", "only")],
    "menu-": [f"menu-{name}" for name in MENU],
    "template-screen-": ["template-screen-green", "template-screen-alpha"],
}
"""Ids put together from a state or a code."""


def facts_of(code: Code) -> dict[str, str | float]:
    """Values for the facts that stand beside a code in the contract."""
    source = (ROOT / "worker" / "contract" / "codes.py").read_text()
    beside = dict(FACTS.findall(source)).get(code.value, "")
    names = re.findall(r"\w+", re.sub(r"\(.*?\)", "", beside))
    numbers = ("_s", "_mb", "_px", "seconds", "second", "frame", "count", "limit", "used", "asked")
    return {name: 7.5 if name.endswith(numbers) else f"<{name}>" for name in names}


class Variables(Visitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: ftl.VariableReference) -> None:  # noqa: N802
        self.names.add(node.id.name)


def catalogue(language: Language) -> dict[str, set[str]]:
    """Message id: the variables it names."""
    source = (ROOT / "bot" / "texts" / f"{language}.ftl").read_text()
    found = {}
    for entry in FluentParser().parse(source).body:
        assert not isinstance(entry, ftl.Junk), entry.content
        if isinstance(entry, ftl.Message):
            assert entry.id.name not in found, f"{entry.id.name} stands twice"
            variables = Variables()
            variables.visit(entry)
            found[entry.id.name] = variables.names
    return found


def ids_in_sources() -> set[str]:
    """Every string of the sources that may be an id."""
    strings = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.add(node.value.partition(".")[0])
    return strings


def said_in_sources() -> list[tuple[str, set[str]]]:
    """(id, names of arguments) of every call whose id is written out."""
    calls = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr != "say" or any(word.arg is None for word in node.keywords):
                continue
            position = 0 if len(node.args) == 1 else 1
            chosen: Any = node.args[position]
            for each in [chosen.body, chosen.orelse] if isinstance(chosen, ast.IfExp) else [chosen]:
                given = {str(word.arg) for word in node.keywords}
                given |= {"way"} if position == 0 else set()  # the turn adds it
                calls += [(each.value, given)] if isinstance(each, ast.Constant) else []
    return calls


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_sentence_and_advice_with_its_facts(
    code: Code, language: Language
) -> None:
    facts = facts_of(code)
    reason = Reason(code=code, facts=facts, incident="ab12" if code is Code.INCIDENT else None)

    said = TEXTS.reason(language, reason)

    assert "{" not in said
    assert all(str(value) in said for value in facts.values() if isinstance(value, str))
    assert ("ab12" in said) is (code is Code.INCIDENT)
    assert said.count("。" if language == "zh" else ".") >= 1


def test_the_catalogues_hold_the_same_texts_with_the_same_variables() -> None:
    english, chinese = catalogue("en"), catalogue("zh")

    assert english.keys() == chinese.keys()
    differing = {name for name in english if english[name] != chinese[name]}
    assert differing == set()


def test_every_text_is_used_and_every_used_text_exists() -> None:
    used = ids_in_sources() | {name for names in FORMED.values() for name in names}
    known = set(catalogue("en"))

    assert known - used == set()
    assert {name for name, _ in said_in_sources()} - {f"{n}.advice" for n in known} <= known
    assert {name for names in FORMED.values() for name in names} <= known


def test_every_text_gets_the_variables_it_names() -> None:
    for language in LANGUAGES:
        variables = catalogue(language)
        for name, given in said_in_sources():
            missing = variables[name.partition(".")[0]] - given
            assert missing <= ({"command"} if name.endswith(".advice") else set()), (name, missing)


def test_numbers_are_said_as_people_write_them() -> None:
    assert TEXTS.say("en", "cleared", count=1) == "1 order is deleted."
    assert TEXTS.say("en", "cleared", count=2) == "2 orders are deleted."


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("stats-workers", {"workers": 1}, "1 worker."),
        ("stats-workers", {"workers": 2}, "2 workers."),
        (
            "stats-orders",
            {"orders": 1, "left": 1, "running": 1},
            "1 order under way here; 1 video to make, 1 of them just now.",
        ),
        (
            "stats-templates",
            {"ready": 1, "others": 0},
            "1 template ready, 0 being prepared or unusable.",
        ),
        (
            "stats-today",
            {"orders": 1, "done": 1, "failed": 0},
            "Today: 1 order, 1 video done, 0 failed.",
        ),
        (
            "stats-week",
            {"orders": 2, "done": 1, "failed": 1},
            "Last 7 days: 2 orders, 1 video done, 1 failed.",
        ),
    ],
)
def test_of_one_is_spoken_in_the_singular(name: str, args: dict[str, int], said: str) -> None:
    assert TEXTS.say("en", name, **args) == said


@pytest.mark.parametrize(
    ("asked", "said"), [(1.0, "1 minute of"), (1.04, "1 minute of"), (2.0, "2 minutes of")]
)
@pytest.mark.parametrize("code", [Code.PERSON_MINUTES, Code.CHAT_MINUTES])
def test_one_minute_is_said_as_one(code: Code, asked: float, said: str) -> None:
    facts: dict[str, str | float] = {"asked": asked, "used": 0.0, "limit": 1.0, "zone": "UTC"}

    assert TEXTS.short("en", Reason(code=code, facts=facts)).startswith(
        f"This order would have {said} video;"
    )


def test_the_size_of_a_picture_is_said_in_megapixels_because_no_side_is_limited() -> None:
    facts: dict[str, str | float] = {"width_px": 4096.0, "height_px": 2305, "limit_px": 4096 * 2304}
    reason = Reason(code=Code.VIDEO_TOO_LARGE, facts=facts)

    english, chinese = (TEXTS.reason(language, reason) for language in LANGUAGES)

    assert "4096×2305 pixels, which are 9.5 megapixels; up to 9.4 are possible." in english
    assert "4096×2305 像素，即 9.5 百万像素，最多支持 9.4 百万像素。" in chinese


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_several_flags_the_worst_is_said_and_of_none_nothing(language: Language) -> None:
    worst = TEXTS.remark(language, [Flag.LENGTH])
    assert TEXTS.remark(language, [Flag.LENGTH, Flag.SILENCE]) == worst
    assert TEXTS.remark(language, []) == ""
    assert len({TEXTS.remark(language, [flag]) for flag in Flag}) == len(Flag)


def test_links_are_not_surrounded_by_invisible_marks() -> None:
    said = TEXTS.say("en", "link-archive", size="1 MB", url="http://x.test/d/a")

    assert said == "All as a ZIP (1 MB): http://x.test/d/a"


def test_a_missing_variable_is_logged_and_does_not_stop_the_bot(
    caplog: pytest.LogCaptureFixture,
) -> None:
    said = TEXTS.say("en", "cancelled")

    assert "is cancelled" in said
    assert "cancelled in en" in caplog.text


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (7.94, "7.9 s", "7.9 秒"),
        (1, "1 s", "1 秒"),
        (59.4, "59 s", "59 秒"),
        (60, "1 min", "1 分钟"),
        (80.2, "1 min 20 s", "1 分 20 秒"),
        (3600, "1 h", "1 小时"),
        (7500.0, "2 h 5 min", "2 小时 5 分"),
    ],
)
def test_times_are_said_as_people_say_them(seconds: float, english: str, chinese: str) -> None:
    assert (duration(TEXTS, "en", seconds), duration(TEXTS, "zh", seconds)) == (english, chinese)


def test_lifetimes_are_said_in_words() -> None:
    assert lifetime(TEXTS, "en", 86_400) == "24 hours"
    assert lifetime(TEXTS, "en", 604_800) == "7 days"
    assert lifetime(TEXTS, "zh", 60) == "1 分钟"
