"""The XML of callbacks, as nested dictionaries. Without entities and document types, so nothing in it can grow."""

from typing import Final, NoReturn
from xml.parsers import expat

Tree = dict[str, "list[Tree | str]"]
"""Elements by name; several of one name in their order."""

_DEEPEST: Final = 16


class NoCallback(ValueError):
    """What came is no XML of a callback."""


def read_xml(text: str) -> Tree:
    """The children of the root. Raises NoCallback."""
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = reading.begin
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.words
    try:
        parser.Parse(text.encode(errors="replace"), True)  # noqa: FBT003 - expat takes no names
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise NoCallback(f"no XML: {type(error).__name__}") from None
    root = reading.root
    return root if isinstance(root, dict) else {}


def word(tree: Tree, *path: str) -> str:
    """The text of the first element at a path; empty if there is none."""
    found: Tree | str = tree
    for name in path:
        if not isinstance(found, dict) or name not in found:
            return ""
        found = found[name][0]
    return found.strip() if isinstance(found, str) else ""


def branches(tree: Tree, *path: str) -> list[Tree]:
    """The elements at a path that have children of their own."""
    found: list[Tree | str] = [tree]
    for name in path:
        found = [child for each in found if isinstance(each, dict) for child in each.get(name, [])]
    return [each for each in found if isinstance(each, dict)]


def words(tree: Tree, *path: str) -> list[str]:
    """The texts of all elements at a path, empty ones left out."""
    *heads, last = path
    parents = branches(tree, *heads) if heads else [tree]
    found = [child for parent in parents for child in parent.get(last, [])]
    return [each.strip() for each in found if isinstance(each, str) and each.strip()]


class _Reading:
    """One document being read."""

    def __init__(self) -> None:
        self.root: Tree | str = ""
        self._open: list[tuple[str, Tree, list[str]]] = []

    def begin(self, name: str, _: dict[str, str]) -> None:
        if len(self._open) >= _DEEPEST:
            raise NoCallback("too deep")
        self._open.append((name, {}, []))

    def end(self, _: str) -> None:
        name, children, texts = self._open.pop()
        value: Tree | str = children or "".join(texts)
        if self._open:
            self._open[-1][1].setdefault(name, []).append(value)
        else:
            self.root = value

    def words(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(text)


def _refuse(*_: object) -> NoReturn:
    raise NoCallback("a document type")
