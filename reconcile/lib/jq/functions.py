"""
Functions of jq, by their name and how many arguments they take.

Source:   https://jqlang.org/manual/
Left out: those that are not in `FUNCTIONS`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from reconcile.lib.jq.filters import Filter, at, descended, iterated, itself
from reconcile.lib.jq.values import JqError, added, holds, rank, sort_of

CONSTANTS: Final = {"null": None, "true": True, "false": False}


def _of_value(ask: Callable[[Any], Any]) -> Callable[[], Filter]:
    return lambda: lambda value: iter([ask(value)])


def _of_two(ask: Callable[[Any, Any], Any]) -> Callable[[Filter], Filter]:
    return lambda second: lambda value: (ask(value, other) for other in second(value))


def _length(value: Any) -> Any:
    if value is None:
        return 0
    if isinstance(value, (str, list, dict)):
        return len(value)
    if isinstance(value, bool):
        raise JqError("boolean has no length")
    return abs(value)


def _keys(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return sorted(value)
    if isinstance(value, list):
        return list(range(len(value)))
    raise JqError(f"{sort_of(value)} has no keys")


def _has(value: Any, key: Any) -> bool:
    if isinstance(value, dict) and isinstance(key, str):
        return key in value
    if isinstance(value, list) and isinstance(key, int):
        return 0 <= key < len(value)
    raise JqError(f"cannot check whether {sort_of(value)} has a key that is {sort_of(key)}")


def _contains(value: Any, part: Any) -> bool:
    if isinstance(value, dict) and isinstance(part, dict):
        return all(key in value and _contains(value[key], each) for key, each in part.items())
    if isinstance(value, list) and isinstance(part, list):
        return all(any(sort_of(one) == sort_of(each) and _contains(one, each) for one in value) for each in part)
    if isinstance(value, str) and isinstance(part, str):
        return part in value
    if sort_of(value) != sort_of(part):
        raise JqError(f"cannot check whether {sort_of(value)} contains {sort_of(part)}")
    return bool(value == part)


def _texts(ask: Callable[[str, str], Any], word: str) -> Callable[[Filter], Filter]:
    def asked(value: Any, other: Any) -> Any:
        if not isinstance(value, str) or not isinstance(other, str):
            raise JqError(f"{word} needs text")
        return ask(value, other)

    return _of_two(asked)


def _tests(text: str, pattern: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error as error:
        raise JqError(str(error)) from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(value) if re.search("[.eEnN]", value) else int(value)
        except ValueError:
            raise JqError(f"cannot be parsed as a number: {value!r}") from None
    if sort_of(value) != "number":
        raise JqError(f"{sort_of(value)} cannot be parsed as a number")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise JqError(f"{sort_of(value)} is no array")
    return value


def _sum(value: Any) -> Any:
    total: Any = None
    for each in iterated(value):
        total = added(total, each)
    return total


def _cased(value: Any, *, upper: bool) -> str:
    if not isinstance(value, str):
        raise JqError(f"{sort_of(value)} is no text")
    return value.upper() if upper else value.lower()


def _selected(condition: Filter) -> Filter:
    return lambda value: (value for each in condition(value) if holds(each))


def _mapped(of: Filter) -> Filter:
    return lambda value: iter([[found for each in iterated(value) for found in of(each)]])


def _quantified(every: bool) -> Callable[[Filter], Filter]:  # noqa: FBT001 -- it is all that this says
    def made(condition: Filter) -> Filter:
        def found(value: Any) -> Iterator[Any]:
            verdicts = [holds(each) for entry in iterated(value) for each in condition(entry)]
            yield all(verdicts) if every else any(verdicts)

        return found

    return made


def _joined(value: Any, separator: Any) -> str:
    return str(separator).join("" if each is None else _text(each) for each in iterated(value))


def _nothing(_: Any) -> Iterator[Any]:
    return iter([])


def _first_of(of: Filter) -> Filter:
    def found(value: Any) -> Iterator[Any]:
        for each in of(value):
            yield each
            return

    return found


FUNCTIONS: Final[dict[tuple[str, int], Callable[..., Filter]]] = {
    ("empty", 0): lambda: _nothing,
    ("not", 0): _of_value(lambda value: not holds(value)),
    ("length", 0): _of_value(_length),
    ("keys", 0): _of_value(_keys),
    ("type", 0): _of_value(sort_of),
    ("tostring", 0): _of_value(_text),
    ("tonumber", 0): _of_value(_number),
    ("add", 0): _of_value(_sum),
    ("first", 0): _of_value(lambda value: at(value, 0)),
    ("first", 1): _first_of,
    ("last", 0): _of_value(lambda value: at(value, -1)),
    ("min", 0): _of_value(lambda value: min(_list(value), key=rank, default=None)),
    ("max", 0): _of_value(lambda value: max(_list(value), key=rank, default=None)),
    ("sort", 0): _of_value(lambda value: sorted(_list(value), key=rank)),
    ("reverse", 0): _of_value(lambda value: _list(value)[::-1]),
    ("any", 0): lambda: _quantified(False)(itself),  # noqa: FBT003
    ("all", 0): lambda: _quantified(True)(itself),  # noqa: FBT003
    ("any", 1): _quantified(False),  # noqa: FBT003
    ("all", 1): _quantified(True),  # noqa: FBT003
    ("ascii_downcase", 0): _of_value(lambda value: _cased(value, upper=False)),
    ("ascii_upcase", 0): _of_value(lambda value: _cased(value, upper=True)),
    ("recurse", 0): lambda: descended,
    ("select", 1): _selected,
    ("map", 1): _mapped,
    ("has", 1): _of_two(_has),
    ("contains", 1): _of_two(_contains),
    ("inside", 1): _of_two(lambda value, other: _contains(other, value)),
    ("startswith", 1): _texts(str.startswith, "startswith"),
    ("endswith", 1): _texts(str.endswith, "endswith"),
    ("test", 1): _texts(_tests, "test"),
    ("split", 1): _texts(str.split, "split"),
    ("join", 1): _of_two(_joined),
    ("ltrimstr", 1): _of_two(lambda value, cut: value.removeprefix(cut) if isinstance(value, str) else value),
    ("rtrimstr", 1): _of_two(lambda value, cut: value.removesuffix(cut) if isinstance(value, str) else value),
}
"""By name and number of arguments: given its arguments, the filter that it makes."""
