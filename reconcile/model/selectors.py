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
from reconcile.api.unmarshalling import quoted
from reconcile.lib.errors import ReconcileError
from reconcile.model.text import names

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
    tokens = (*_TOKEN.findall(text), _END)
    found: list[Requirement] = []
    place = 0
    while tokens[place] != _END:
        if tokens[place] in _SIGNS:
            raise ReconcileError(f"found '{tokens[place]}', expected: !, identifier, or 'end of string'")
        requirement, place = _requirement(tokens, place)
        found.append(requirement)
        if tokens[place] == _END:
            break
        if tokens[place] != ",":
            raise ReconcileError(f"found '{tokens[place]}', expected: ',' or 'end of string'")
        place += 1
        if tokens[place] == _END or tokens[place] in _SIGNS:
            raise ReconcileError(f"found '{tokens[place]}', expected: identifier after ','")
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
        found.append(FieldRequirement(match[1], "!=" if match[2] == "!=" else "=", _unescaped(match[3])))
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
    number, border = _integer(value or ""), _integer(values[0])
    if number is None or border is None:
        return False
    return number > border if above else number < border


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
_EXACT: Final[dict[str, Operator]] = {"=": "=", "==": "=", "!=": "!=", ">": ">", "<": "<"}
_SIGNS: Final = frozenset({*_EXACT, "(", ")", ","})
_END: Final = ""
_INTEGER: Final = re.compile("[+-]?[0-9]{1,19}")
_LARGEST: Final = (1 << 63) - 1
_TOKEN: Final = re.compile(r"==|!=|[=!<>(),]|[^ \t\r\n=!<>(),]+")
_FIELD_TERM: Final = re.compile(r"(?:[^,\\]|\\.|\\$)+", re.DOTALL)
_FIELD: Final = re.compile(r"(.*?)(!=|==|=)(.*)", re.DOTALL)
_VALUE: Final = re.compile(r"[^\\=]|\\.?|=", re.DOTALL)


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


def _requirement(tokens: tuple[str, ...], place: int) -> tuple[Requirement, int]:
    absent = tokens[place] == "!"
    if absent:
        place += 1
    key = _word(tokens[place], "identifier")
    faults = names.qualified_faults(key)
    if faults:
        raise _unparsed(f"<nil>: Invalid value: {quoted(key)}: {'; '.join(faults)}")
    place += 1
    sign = tokens[place]
    if absent or sign in (",", _END):
        return Requirement(key, "!" if absent else "exists"), place
    if sign in ("in", "notin"):
        values, place = _values(tokens, place + 1)
        return Requirement(key, "in" if sign == "in" else "notin", _well(key, values)), place
    if sign not in _EXACT:
        raise _unparsed(f"found '{sign}', expected: in, notin, =, ==, !=, gt, lt")
    place += 1
    value = ""
    if tokens[place] not in (",", _END):
        value = _word(tokens[place], "identifier")
        place += 1
    if sign in "<>" and _integer(value) is None:
        why = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise _unparsed(f"values[0]: Invalid value: {quoted(value)}: {why}")
    return Requirement(key, _EXACT[sign], _well(key, (value,))), place


def _values(tokens: tuple[str, ...], place: int) -> tuple[tuple[str, ...], int]:
    """Give the values between parentheses, sorted, and the place after them; between two commas is the empty value."""
    if tokens[place] != "(":
        raise _unparsed(f"found '{tokens[place]}' expected: '('")
    values = {""} if tokens[place + 1] in (",", ")") else set[str]()
    place += 1
    while tokens[place] != ")":
        if tokens[place] != ",":
            values.add(_word(tokens[place], "',', ')' or identifier"))
            if tokens[place + 1] not in (",", ")"):
                raise _unparsed(f"found '{tokens[place + 1]}', expected: ',' or ')'")
        elif tokens[place + 1] in (",", ")"):
            values.add("")
        place += 1
    return tuple(sorted(values)), place + 1


def _well(key: str, values: tuple[str, ...]) -> tuple[str, ...]:
    for place, value in enumerate(values):
        faults = names.label_value_faults(value)
        if faults:
            raise _unparsed(f"values[{place}][{key}]: Invalid value: {quoted(value)}: {'; '.join(faults)}")
    return values


def _word(token: str, expected: str) -> str:
    if token in _SIGNS or token in ("!", _END):
        raise _unparsed(f"found '{token}', expected: {expected}")
    return token


def _unparsed(why: str) -> ReconcileError:
    return ReconcileError(f"unable to parse requirement: {why}")


def _integer(text: str) -> int | None:
    """Give the integer of 64 bits that *text* is, or None."""
    if not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if -_LARGEST - 1 <= number <= _LARGEST else None


def _unescaped(value: str) -> str:
    found = ""
    for part in _VALUE.findall(value):
        if part == "=":
            # Upstream prints the number of the letter.
            raise ReconcileError(f"invalid field selector: unescaped character in value: {ord(part)}")
        if part[0] == "\\" and part[1:] not in ("\\", ",", "="):
            raise ReconcileError(f"invalid field selector: invalid escape sequence: {part}")
        found += part[-1]
    return found
