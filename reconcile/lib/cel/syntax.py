"""
CEL's tree: what an expression is once it is read.

Every node knows where it stands: the offset, in characters, that an error about it points at.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

RESERVED: Final = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)


@attrs.frozen
class Literal:
    """A value that is written out."""

    at: int
    value: Any


@attrs.frozen
class Name:
    """A variable, or the head of a qualified name."""

    at: int
    name: str


@attrs.frozen
class Select:
    """A field of a value: *test* for has(), *optional* for `.?`."""

    at: int
    operand: Node
    field: str
    test: bool = False
    optional: bool = False


@attrs.frozen
class Call:
    """A function or an operator (`_+_`, `!_`, `_[_]`, `_?_:_`) applied; *target* is a method's receiver."""

    at: int
    function: str
    target: Node | None
    arguments: tuple[Node, ...]


@attrs.frozen
class ListOf:
    """A list; *optional* are the places of entries that may be absent."""

    at: int
    items: tuple[Node, ...]
    optional: tuple[int, ...] = ()


@attrs.frozen
class MapOf:
    """A map: key, value, and whether the entry may be absent."""

    at: int
    entries: tuple[tuple[Node, Node, bool], ...]


@attrs.frozen
class Struct:
    """A message: its type's name, and its fields."""

    at: int
    name: str
    entries: tuple[tuple[str, Node, bool], ...]


@attrs.frozen
class Comprehension:
    """A macro over a range: all, exists, exists_one, map, filter, transformList, ..., or a binding (bind, optMap)."""

    at: int
    kind: str
    range: Node
    names: tuple[str, ...]
    bodies: tuple[Node, ...]


Node = Literal | Name | Select | Call | ListOf | MapOf | Struct | Comprehension


@attrs.frozen
class Issue:
    """Something wrong in an expression, and where: an offset in characters."""

    at: int
    message: str


def shown(issues: tuple[Issue, ...] | list[Issue], source: str) -> str:
    """Give issues as cel-go prints them: place, words, the line, and a mark below it."""
    return "\n".join([_shown(issue, source) for issue in sorted(issues, key=lambda issue: issue.at)])


def _shown(issue: Issue, source: str) -> str:
    if not source:
        return f"ERROR: <input>:1:0: {issue.message}"  # there is no line to show
    before = source[: issue.at]
    number = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1)
    lines = source.split("\n")
    line = lines[number - 1].replace("\t", " ")
    return f"ERROR: <input>:{number}:{column + 1}: {issue.message}\n | {line}\n | {'.' * column}^"
