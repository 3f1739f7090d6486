"""
CEL's extensions that Kubernetes switches on: texts, lists, sets, optional values.

Source:   cel-go's ext/strings, ext/lists, ext/sets; optional types.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.lib.cel.standard import number_text, string
from reconcile.lib.cel.types import Library, library, merged
from reconcile.lib.cel.values import NONE, CelError, Optional, Uint, equal, present, type_name

_SPACE: Final = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_QUOTED: Final = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}
_LOWER: Final = {code: code + 32 for code in range(65, 91)}
_UPPER: Final = {code: code - 32 for code in range(97, 123)}
_PRECISION: Final = 6
_LONGEST: Final = 1_000_000  # more than an expression may take steps


def _in_range(place: int, text: str) -> int:
    if not 0 <= place <= len(text):
        raise CelError(f"index out of range: {place}")
    return place


def _char_at(text: str, place: int) -> str:
    return text[_in_range(place, text) :][:1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    return text.find(part, _in_range(start, text) if part or start else 0)


def _last_index_of(text: str, part: str, start: int | None = None) -> int:
    if start is None:
        return text.rfind(part)
    return text.rfind(part, 0, _in_range(start, text) + len(part))


def _substring(text: str, start: int, end: int | None = None) -> str:
    if end is None:
        return text[_in_range(start, text) :]
    if start > end:
        raise CelError(f"invalid substring range. start: {start}, end: {end}")
    return text[_in_range(start, text) : _in_range(end, text)]


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    return text.replace(old, new, count)


def _split(text: str, separator: str, count: int = -1) -> tuple[str, ...]:
    if count == 0:
        return ()
    if not separator:
        letters = tuple(text)
        return letters if count < 0 or len(letters) <= count else (*letters[: count - 1], text[count - 1 :])
    return tuple(text.split(separator, count - 1 if count > 0 else -1))


def _join(parts: Any, separator: str = "") -> str:
    for part in parts:
        if not isinstance(part, str):
            raise CelError(f"join: invalid input: {string(part)}")
    return separator.join(parts)


def _quote(text: str) -> str:
    return '"' + "".join([_QUOTED.get(letter, letter) for letter in text]) + '"'


def _format(text: str, values: Any) -> str:
    out: list[str] = []
    place = used = 0
    while place < len(text):
        letter = text[place]
        place += 1
        if letter != "%":
            out.append(letter)
            continue
        if text[place : place + 1] == "%":
            out.append("%")
            place += 1
            continue
        precision: int | None = None
        if text[place : place + 1] == ".":
            end = place + 1
            while text[end : end + 1].isdigit():
                end += 1
            precision = int(text[place + 1 : end] or 0)
            place = end
        clause = text[place : place + 1]
        if not clause:
            raise CelError("unexpected end of string")
        place += 1
        if used >= len(values):
            raise CelError(f"index {used} out of range")
        out.append(_clause(clause, values[used], precision))
        used += 1
    return "".join(out)


def _clause(clause: str, value: Any, precision: int | None) -> str:
    number = isinstance(value, int) and not isinstance(value, bool)
    match clause:
        case "s":
            return _shown(value)
        case "d" if number or (isinstance(value, float) and value != value) or value in (float("inf"), float("-inf")):  # noqa: PLR0124 -- a NaN differs from itself
            return str(int(value)) if number else _infinite(value)
        case "f" if number or isinstance(value, float):
            return _infinite(value) or f"{float(value):.{_PRECISION if precision is None else precision}f}"
        case "e" if number or isinstance(value, float):
            return _infinite(value) or f"{float(value):.{_PRECISION if precision is None else precision}e}"
        case "b" if number or isinstance(value, bool):
            return f"{int(value):b}"
        case "o" if number:
            return f"{int(value):o}"
        case "x" | "X":
            if number:
                return f"{int(value):{clause}}"
            if isinstance(value, (str, bytes)):
                text = (value.encode() if isinstance(value, str) else value).hex()
                return text if clause == "x" else text.upper()
        case "d" | "f" | "e" | "b" | "o":
            pass
        case _:
            raise CelError(f'unrecognized formatting clause "{clause}"')
    raise CelError(f"error during formatting: no formatting of a {type_name(value)} with %{clause}")


def _infinite(value: Any) -> str:
    if value != value:  # noqa: PLR0124 -- a NaN differs from itself
        return "NaN"
    return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, "")


def _shown(value: Any) -> str:
    match value:
        case float():
            return _infinite(value) or number_text(value)
        case tuple() | list():
            return "[" + ", ".join(map(_shown, value)) + "]"
        case Mapping():
            entries = sorted((_shown(key), _shown(entry)) for key, entry in value.items())
            return "{" + ", ".join([f"{key}: {entry}" for key, entry in entries]) + "}"
        case _:
            return string(value)


def _distinct(values: Any) -> tuple[Any, ...]:
    kept: list[Any] = []
    for value in values:
        if not any(equal(value, known) for known in kept):
            kept.append(value)
    return tuple(kept)


def _flatten(values: Any, depth: int = 1) -> tuple[Any, ...]:
    if depth < 0:
        raise CelError("level must be non-negative")
    out: list[Any] = []
    for value in values:
        if isinstance(value, (tuple, list)) and depth > 0:
            out += _flatten(value, depth - 1)
        else:
            out.append(value)
    return tuple(out)


def _slice(values: Any, start: int, end: int) -> Any:
    if start < 0 or end < 0:
        raise CelError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise CelError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(values):
        raise CelError(f"cannot slice({start}, {end}), list is length {len(values)}")
    return values[start:end]


def _sort(values: Any) -> tuple[Any, ...]:
    if len({type_name(value) for value in values}) > 1:
        raise CelError("list elements must have the same type")
    try:
        return tuple(sorted(values))
    except TypeError:
        raise CelError("list elements must be comparable") from None


def _range(count: int) -> tuple[int, ...]:
    if count > _LONGEST:
        raise CelError("operation cancelled: actual cost limit exceeded")
    return tuple(range(count))


def _holds(values: Any, wanted: Any) -> bool:
    return all(any(equal(one, each) for each in values) for one in wanted)


def _value(held: Optional) -> Any:
    if not held.present:
        raise CelError("optional.none() dereference")
    return held.value


def _non_zero(value: Any) -> Optional:
    return NONE if not value else present(value)


def _optional_index(values: Any, place: Any) -> Optional:
    if isinstance(values, Optional):
        return _optional_index(values.value, place) if values.present else NONE
    if isinstance(values, Mapping):
        return present(values[place]) if place in values else NONE
    if isinstance(place, (int, Uint)) and 0 <= place < len(values):
        return present(values[place])
    return NONE


def _index_through(values: Optional, place: Any) -> Optional:
    return _optional_index(values, place)


_TEXTS: Final = library(
    ("->string.charAt(int) string", _char_at),
    ("->string.indexOf(string) int\n->string.indexOf(string, int) int", _index_of),
    ("->string.lastIndexOf(string) int\n->string.lastIndexOf(string, int) int", _last_index_of),
    ("->string.lowerAscii() string", lambda text: text.translate(_LOWER)),
    ("->string.upperAscii() string", lambda text: text.translate(_UPPER)),
    ("->string.replace(string, string) string\n->string.replace(string, string, int) string", _replace),
    ("->string.split(string) list(string)\n->string.split(string, int) list(string)", _split),
    ("->string.substring(int) string\n->string.substring(int, int) string", _substring),
    ("->string.trim() string", lambda text: text.strip(_SPACE)),
    ("->string.format(list(dyn)) string", _format),
    ("strings.quote(string) string", _quote),
    ("->list(string).join() string\n->list(string).join(string) string", _join),
)
_LISTS: Final = library(
    ("->list(A).slice(int, int) list(A)", _slice),
    ("->list(list(A)).flatten() list(A)\n->list(dyn).flatten(int) list(dyn)", _flatten),
    ("->list(A).sort() list(A)", _sort),
    ("lists.range(int) list(int)", _range),
    ("->list(A).reverse() list(A)", lambda values: tuple(values)[::-1]),
    ("->list(A).distinct() list(A)", _distinct),
)
_SETS: Final = library(
    ("sets.contains(list(A), list(A)) bool", _holds),
    ("sets.equivalent(list(A), list(A)) bool", lambda one, other: _holds(one, other) and _holds(other, one)),
    ("sets.intersects(list(A), list(A)) bool", lambda one, other: any(_holds(one, (each,)) for each in other)),
)
_OPTIONALS: Final = library(
    ("optional.of(A) optional_type(A)", present),
    ("optional.ofNonZeroValue(A) optional_type(A)", _non_zero),
    ("optional.none() optional_type(A)", lambda: NONE),
    ("->optional_type(A).hasValue() bool", lambda held: held.present),
    ("->optional_type(A).value() A", _value),
    # What is present is given by the evaluator before the other side is looked at.
    ("->optional_type(A).or(optional_type(A)) optional_type(A)", lambda _, other: other),
    ("->optional_type(A).orValue(A) A", lambda _, other: other),
    ("_[?_](list(A), int) optional_type(A)\n_[?_](map(A, B), A) optional_type(B)", _optional_index),
    ("_[?_](optional_type(list(A)), int) optional_type(A)", _index_through),
    ("_[?_](optional_type(map(A, B)), A) optional_type(B)", _index_through),
    ("_[_](optional_type(list(A)), int) optional_type(A)", _index_through),
    ("_[_](optional_type(map(A, B)), A) optional_type(B)", _index_through),
)

EXTENSIONS: Final[Library] = merged(_TEXTS, _LISTS, _SETS, _OPTIONALS)
