"""
Types of CEL, and the signatures of functions, which are written as text.

    string.startsWith(string) bool          a method
    size(list(A)) int                       a function; a single capital letter stands for any type

Takes:    text.
Gives:    Type, Overload.
Source:   https://github.com/google/cel-spec/blob/master/doc/langdef.md
Left out: messages, wrapper types and enumerations of protocol buffers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import attrs


@attrs.frozen
class Type:
    """
    A type.

    Args:
        name: `int`, `list`, `map`, `dyn`, ..., an object's own name, or one capital letter for a parameter.
        params: of a list, a map, an optional, a type.
        fields: of an object whose fields are known; reading another one is an error.
    """

    name: str
    params: tuple[Type, ...] = ()
    fields: Mapping[str, Type] | None = attrs.field(default=None, eq=False)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.params))})" if self.params else self.name


@attrs.frozen
class Overload:
    """One form of a function: what it takes, the receiver first, what it gives, and what computes it."""

    name: str
    method: bool
    params: tuple[Type, ...]
    result: Type
    call: Callable[..., Any]


Library = Mapping[str, tuple[Overload, ...]]

DYN: Final = Type("dyn")
BOOL: Final = Type("bool")
INT: Final = Type("int")
STRING: Final = Type("string")
NULL: Final = Type("null_type")
ERROR: Final = Type("!error!")


def list_of(element: Type) -> Type:
    """Give the type of a list."""
    return Type("list", (element,))


def map_of(key: Type, value: Type) -> Type:
    """Give the type of a map."""
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    """Give the type of what may be absent."""
    return Type("optional_type", (value,))


@cache
def type_of_text(text: str) -> Type:
    """Read a type: `map(string, list(int))`."""
    name, bracket, rest = text.strip().partition("(")
    if not bracket:
        return Type(name)
    return Type(name, tuple([type_of_text(part) for part in split(rest.rstrip()[:-1])]))


def split(text: str) -> list[str]:
    """Split at the commas that stand within no brackets."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append(text[start:place])
            start = place + 1
    rest = text[start:]
    return [part.strip() for part in (*parts, rest)] if rest.strip() else []


def library(*rows: tuple[str, Callable[..., Any]]) -> Library:
    """Give the library of functions whose signatures, one a line, stand beside what computes them."""
    made: dict[str, list[Overload]] = {}
    for text, call in rows:
        for line in text.split("\n"):
            overload = _overload(line.strip(), call)
            made.setdefault(overload.name, []).append(overload)
    return {name: tuple(overloads) for name, overloads in made.items()}


def merged(*libraries: Library) -> Library:
    """Give several libraries as one."""
    made: dict[str, tuple[Overload, ...]] = {}
    for each in libraries:
        for name, overloads in each.items():
            made[name] = (*made.get(name, ()), *overloads)
    return made


def _overload(line: str, call: Callable[..., Any]) -> Overload:
    method = line.startswith("->")
    line = line.removeprefix("->")
    head, _, gives = line.rpartition(") ")
    name, _, takes = head.partition("(")
    if method:
        # `->list(A).name(...) T`: the receiver's own brackets come first.
        dot = _receiver_ends(line)
        receiver, rest = line[:dot], line[dot + 1 :]
        name, _, takes = rest.rpartition(") ")[0].partition("(")
        takes = f"{receiver}, {takes}" if takes else receiver
    params = tuple([type_of_text(part) for part in split(takes)])
    return Overload(name, method, params, type_of_text(gives), call)


def _receiver_ends(line: str) -> int:
    """Give the place of the dot between a receiver's type, which may have dots and brackets, and a method's name."""
    depth, last = 0, -1
    for place, letter in enumerate(line):
        if letter == "(" and not depth and last >= 0 and re.fullmatch(r"\w+", line[last + 1 : place]):
            return last
        depth += (letter == "(") - (letter == ")")
        if letter == "." and not depth:
            last = place
    return last
