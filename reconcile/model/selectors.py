"""
Selectors: which labels, and which fields, an object must have.

A selector's text is parsed once into requirements, plain values; asking is quick.

Source:   apimachinery's labels and fields packages, and its LabelSelector.
Left out: nothing known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import attrs

from reconcile.api import meta_v1
from reconcile.lib.errors import ReconcileError
from reconcile.model import names

Operator: TypeAlias = Literal["=", "!=", "in", "notin", "exists", "!", ">", "<"]


@attrs.frozen
class Requirement:
    """One thing that labels must fulfil; *values* has one for `=`, `!=`, `>`, `<` and none for `exists`, `!`."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()


@attrs.frozen
class FieldRequirement:
    """One thing that a field must fulfil: to have this value, or not to."""

    field: str
    operator: Literal["=", "!="]
    value: str


def matches(selector: meta_v1.LabelSelector | None, labels: Mapping[str, str] | None) -> bool:
    """Tell whether *labels* are what a LabelSelector selects; none selects nothing, an empty one everything."""
    if selector is None:
        return False
    labels = labels or {}
    for key, value in (selector.match_labels or {}).items():
        if labels.get(key) != value:
            return False
    return not selector.match_expressions or fits(_expressions(selector.match_expressions), labels)


def matches_all(wanted: Mapping[str, str] | None, labels: Mapping[str, str] | None) -> bool:
    """Tell whether *labels* have every pair of *wanted*, as a service's or a replication controller's selector asks."""
    if not wanted:
        return True
    return labels is not None and all(labels.get(key) == value for key, value in wanted.items())


def fits(requirements: tuple[Requirement, ...], labels: Mapping[str, str] | None) -> bool:
    """Tell whether *labels* fulfil every requirement."""
    labels = labels or {}
    return all(_fulfils(requirement, labels) for requirement in requirements)


@lru_cache(maxsize=512)
def requirements_of(selector: meta_v1.LabelSelector) -> tuple[Requirement, ...]:
    """Give what a LabelSelector requires, sorted by key."""
    equal = [Requirement(key, "=", (value,)) for key, value in (selector.match_labels or {}).items()]
    return tuple(sorted([*equal, *_expressions(selector.match_expressions or ())], key=_by_key))


@lru_cache(maxsize=512)
def parse_labels(text: str) -> tuple[Requirement, ...]:
    """
    Read a label selector as kubectl's -l takes it: `app=web,tier!=db,env in (a,b),x notin (c),y,!z`.

    Raises:
        ReconcileError: the text is no selector; with upstream's words.
    """
    tokens = _TOKEN.findall(text)
    found: list[Requirement] = []
    place = 0
    while place < len(tokens):
        if found:
            place = _expect(tokens, place, ",")
        requirement, place = _requirement(tokens, place)
        found.append(requirement)
    return tuple(sorted(found, key=_by_key))


@lru_cache(maxsize=512)
def parse_fields(text: str) -> tuple[FieldRequirement, ...]:
    r"""
    Read a field selector: `metadata.name=web,status.phase!=Running`; `\` escapes `,`, `=` and itself in a value.

    Raises:
        ReconcileError: the text is no selector; with upstream's words.
    """
    found = []
    for term in _FIELD_TERM.findall(text):
        match = _FIELD.fullmatch(term)
        if match is None:
            raise ReconcileError(f"invalid selector: '{text}'; can't understand '{term}'")
        value = _UNESCAPE.sub(r"\1", match[3])
        found.append(FieldRequirement(match[1], "!=" if match[2] == "!=" else "=", value))
    return tuple(found)


def text_of(requirements: tuple[Requirement, ...]) -> str:
    """Write requirements as a label selector's text."""
    return ",".join([_text_of(requirement) for requirement in requirements])


def _text_of(requirement: Requirement) -> str:
    key, operator, values = requirement.key, requirement.operator, requirement.values
    if operator == "exists":
        return key
    if operator == "!":
        return f"!{key}"
    if operator in ("in", "notin"):
        return f"{key} {operator} ({','.join(sorted(values))})"
    return f"{key}{operator}{values[0]}"


def _fulfils(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    return _ASKED[requirement.operator](labels.get(requirement.key), requirement.values)


def _compares(value: str | None, values: tuple[str, ...], *, above: bool) -> bool:
    if value is None or not _INTEGER.fullmatch(value):
        return False
    return int(value) > int(values[0]) if above else int(value) < int(values[0])


_ASKED: Final[dict[Operator, Callable[[str | None, tuple[str, ...]], bool]]] = {
    "=": lambda value, values: value in values,
    "in": lambda value, values: value in values,
    "!=": lambda value, values: value not in values,
    "notin": lambda value, values: value not in values,
    "exists": lambda value, _: value is not None,
    "!": lambda value, _: value is None,
    ">": lambda value, values: _compares(value, values, above=True),
    "<": lambda value, values: _compares(value, values, above=False),
}
_OPERATORS: Final[dict[str, Operator]] = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_SIGNS: Final[dict[str, Operator]] = {"=": "=", "==": "=", "!=": "!=", ">": ">", "<": "<"}
_INTEGER: Final = re.compile("[+-]?[0-9]+")
_TOKEN: Final = re.compile(r"==|!=|[=!<>(),]|[^\s=!<>(),]+")
_FIELD_TERM: Final = re.compile(r"(?:[^,\\]|\\.)+", re.DOTALL)
_FIELD: Final = re.compile(r"([^=!]*)(==|!=|=)((?:[^=\\]|\\[\\,=])*)", re.DOTALL)
_UNESCAPE: Final = re.compile(r"\\([\\,=])")


@lru_cache(maxsize=512)
def _expressions(expressions: tuple[meta_v1.LabelSelectorRequirement, ...]) -> tuple[Requirement, ...]:
    found = []
    for expression in expressions:
        operator = _OPERATORS.get(expression.operator)
        if operator is None:
            raise ReconcileError(f'"{expression.operator}" is not a valid label selector operator')
        found.append(Requirement(expression.key, operator, expression.values or ()))
    return tuple(found)


def _by_key(requirement: Requirement) -> str:
    return requirement.key


def _requirement(tokens: list[str], place: int) -> tuple[Requirement, int]:
    absent = tokens[place] == "!"
    if absent:
        place += 1
    key = _word(tokens, place, "identifier")
    faults = names.qualified_faults(key)
    if faults:
        raise ReconcileError(f'unable to parse requirement: <nil>: Invalid value: "{key}": {"; ".join(faults)}')
    place += 1
    if absent:
        return Requirement(key, "!"), place
    sign = tokens[place] if place < len(tokens) else ","
    if sign == ",":
        return Requirement(key, "exists"), place
    if sign in ("in", "notin"):
        values, place = _values(tokens, _expect(tokens, place + 1, "("))
        return Requirement(key, "in" if sign == "in" else "notin", _well(key, values)), place
    if sign not in _SIGNS:
        raise ReconcileError(f"unable to parse requirement: found '{sign}', expected: in, notin, =, ==, !=, gt, lt")
    place += 1
    value = ""
    if place < len(tokens) and tokens[place] != ",":
        value = _word(tokens, place, "identifier")
        place += 1
    if sign in "<>" and not _INTEGER.fullmatch(value):
        why = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise ReconcileError(f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}": {why}')
    return Requirement(key, _SIGNS[sign], _well(key, (value,))), place


def _values(tokens: list[str], place: int) -> tuple[tuple[str, ...], int]:
    values: list[str] = []
    text = ""
    while place < len(tokens) and tokens[place] != ")":
        if tokens[place] == ",":
            values.append(text)
            text = ""
        else:
            text = _word(tokens, place, "',', ')' or identifier")
        place += 1
    return (*values, text), _expect(tokens, place, ")")


def _well(key: str, values: tuple[str, ...]) -> tuple[str, ...]:
    for place, value in enumerate(values):
        faults = names.label_value_faults(value)
        if faults:
            raise ReconcileError(
                f'unable to parse requirement: values[{place}][{key}]: Invalid value: "{value}": {"; ".join(faults)}'
            )
    return values


def _word(tokens: list[str], place: int, expected: str) -> str:
    word = tokens[place] if place < len(tokens) else ""
    if not word or word in _SIGNS or word in ("(", ")", ",", "!"):
        raise ReconcileError(f"unable to parse requirement: found '{word}', expected: {expected}")
    return word


def _expect(tokens: list[str], place: int, sign: str) -> int:
    found = tokens[place] if place < len(tokens) else ""
    if found != sign:
        raise ReconcileError(f"unable to parse requirement: found '{found}', expected: '{sign}'")
    return place + 1
