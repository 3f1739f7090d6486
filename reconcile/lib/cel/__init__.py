"""
The Common Expression Language: reading, checking and evaluating expressions.

Takes:    an expression, the types or the values of its variables, a library of functions.
Gives:    a Program, or what is wrong with the text in cel-go's words; a value, or a CelError.
Source:   https://github.com/google/cel-spec; cel-go for the words of errors.
Left out: see docs/limits.md, "Custom resources".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs

from reconcile.lib.cel.checking import check
from reconcile.lib.cel.evaluating import evaluate
from reconcile.lib.cel.extensions import EXTENSIONS
from reconcile.lib.cel.parsing import parse
from reconcile.lib.cel.standard import STANDARD
from reconcile.lib.cel.syntax import Issue, Node, shown
from reconcile.lib.cel.types import DYN, Library, Type, library, list_of, map_of, merged, optional_of
from reconcile.lib.cel.values import NONE, CelError, Optional, Span, Timestamp, TypeValue, Uint, equal, type_name

__all__ = [
    "DYN",
    "EXTENSIONS",
    "NONE",
    "STANDARD",
    "CelError",
    "Issue",
    "Library",
    "Optional",
    "Program",
    "Span",
    "Timestamp",
    "Type",
    "TypeValue",
    "Uint",
    "compiled",
    "equal",
    "evaluate",
    "library",
    "list_of",
    "map_of",
    "merged",
    "names_in",
    "optional_of",
    "parsed",
    "shown",
    "type_name",
]


@attrs.frozen(eq=False)
class Program:
    """An expression that was read and checked; *errors* is empty if it may be evaluated, else cel-go's text."""

    source: str
    node: Node | None
    result: Type
    errors: str = ""


@lru_cache(maxsize=2048)
def parsed(source: str) -> tuple[Node | None, tuple[Issue, ...]]:
    """Give the tree of an expression, read once."""
    return parse(source)


def compiled(source: str, variables: Mapping[str, Type], functions: Library) -> Program:
    """Read and check an expression."""
    node, issues = parsed(source)
    if node is None:
        return Program(source, None, DYN, shown(issues, source))
    result, found = check(node, variables, functions)
    return Program(source, node, result, shown(found, source))


def names_in(node: Any) -> frozenset[str]:
    """Give every name that an expression reads, those that its own comprehensions bind among them."""
    if isinstance(node, (tuple, list)):
        return frozenset().union(*map(names_in, node)) if node else frozenset()
    if not attrs.has(node.__class__) or node.__class__.__module__ != "reconcile.lib.cel.syntax":
        return frozenset()
    found = frozenset({node.name}) if node.__class__.__name__ == "Name" else frozenset()
    return found.union(*[names_in(getattr(node, field.name)) for field in attrs.fields(node.__class__)])
