"""
jq: the expressions by which something is found in JSON data.

    .metadata.annotations["a.b/c"]   .status.conditions.[] | select(.type == "Ready") | .status   .a // "b"

Takes:    an expression; plain JSON data.
Gives:    every value that it finds; JqError if it comes to an error, BadQuery if it cannot be read.
Source:   https://jqlang.org/manual/ and https://github.com/itchyny/gojq.
Left out: definitions, variables (`as`), `reduce`, `foreach`, `try`, objects that are made, formats (`@text`),
          assignments, dates, and the functions that are not in `FUNCTIONS`: an expression with them is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, TypeAlias

from reconcile.lib.errors import ReconcileError

Filter: TypeAlias = Callable[[Any], Iterator[Any]]
"""A part of an expression: what it gives of one value."""

DEEPEST: Final = 40

_TOKEN: Final = re.compile(
    r"""\s+ | (?P<string>"(?:[^"\\]|\\.)*") | (?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)
      | (?P<field>\.[A-Za-z_]\w*) | (?P<name>[A-Za-z_]\w*) | (?P<mark>\.\.|//|==|!=|<=|>=|[.\[\]()|,:;?<>+*/%-])
    """,
    re.VERBOSE,
)
_ORDER: Final = {"null": 0, "boolean": 1, "number": 3, "string": 4, "array": 5, "object": 6}


class BadQuery(ReconcileError):  # noqa: N818 -- it reads as what the expression is
    """An expression that cannot be read here."""


class JqError(Exception):
    """An expression that comes to an error with the data that it is given."""


@lru_cache(maxsize=1024)
def compiled(expression: str) -> Callable[[Any], list[Any]]:
    """
    Read an expression; what is given is a function that gives all that it finds in a value.

    Raises:
        BadQuery: it cannot be read, or says what is not known here; the expression is shown.
    """
    reading = _Reading(expression)
    try:
        found = reading.pipe()
    except RecursionError:
        raise BadQuery(f"{expression!r} is nested too deep") from None
    reading.end()
    return lambda value: list(found(value))


class _Reading:
    """An expression that is being read."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = self._split()
        self._place = 0
        self._depth = 0

    def _split(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        at = 0
        while at < len(self._expression):
            match = _TOKEN.match(self._expression, at)
            if match is None:
                raise self._wrong(f"unexpected {self._expression[at]!r}")
            at = match.end()
            if match.lastgroup:
                found.append((match.lastgroup, match[0]))
        return found

    def _wrong(self, said: str) -> BadQuery:
        return BadQuery(f"{self._expression!r} is no jq expression that is understood here: {said}")

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("end", "")

    def _takes(self, *marks: str) -> str:
        sort, text = self._next()
        if text in marks and sort in ("mark", "name"):
            self._place += 1
            return text
        return ""

    def _needs(self, mark: str) -> None:
        if not self._takes(mark):
            raise self._wrong(f"{mark!r} is missing")

    def end(self) -> None:
        """Refuse what stands behind the expression."""
        if self._place < len(self._tokens):
            raise self._wrong(f"unexpected {self._next()[1]!r}")

    def pipe(self) -> Filter:
        """Read filters with | between."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"nested deeper than {DEEPEST} levels")
        found = self._comma()
        while self._takes("|"):
            found = _piped(found, self._comma())
        self._depth -= 1
        return found

    def _comma(self) -> Filter:
        found = self._alternative()
        while self._takes(","):
            found = _both(found, self._alternative())
        return found

    def _alternative(self) -> Filter:
        found = self._either()
        return _or_else(found, self._alternative()) if self._takes("//") else found

    def _either(self) -> Filter:
        found = self._all()
        while self._takes("or"):
            found = _logical(found, self._all(), decides=True)
        return found

    def _all(self) -> Filter:
        found = self._compared()
        while self._takes("and"):
            found = _logical(found, self._compared(), decides=False)
        return found

    def _compared(self) -> Filter:
        found = self._sum()
        how = self._takes("==", "!=", "<=", ">=", "<", ">")
        return _combined(how, found, self._sum()) if how else found

    def _sum(self) -> Filter:
        found = self._product()
        while how := self._takes("+", "-"):
            found = _combined(how, found, self._product())
        return found

    def _product(self) -> Filter:
        found = self._postfix()
        while how := self._takes("*", "/", "%"):
            found = _combined(how, found, self._postfix())
        return found

    def _postfix(self) -> Filter:
        found = self._term()
        while True:
            sort, text = self._next()
            if sort == "field":
                self._place += 1
                found = _piped_to(found, _just(text[1:]))
            elif text == "." and self._after_dot():
                self._place += 1
                if self._next()[0] == "string":
                    found = _piped_to(found, _just(self._string()))
            elif self._takes("["):
                found = self._brackets(found)
            elif self._takes("?"):
                found = _quiet(found)
            else:
                return found

    def _after_dot(self) -> bool:
        sort, text = self._tokens[self._place + 1] if self._place + 1 < len(self._tokens) else ("", "")
        return sort == "string" or text == "["

    def _brackets(self, of: Filter) -> Filter:
        if self._takes("]"):
            return _piped(of, _iterated)
        if self._takes(":"):
            end = self.pipe()
            self._needs("]")
            return _sliced(of, _just(None), end)
        place = self.pipe()
        if self._takes(":"):
            end = _just(None) if self._next()[1] == "]" else self.pipe()
            self._needs("]")
            return _sliced(of, place, end)
        self._needs("]")
        return _piped_to(of, place)

    def _term(self) -> Filter:
        sort, text = self._next()
        self._place += 1
        if sort == "field":
            return _piped_to(_itself, _just(text[1:]))
        if sort == "string":
            self._place -= 1
            return _just(self._string())
        if sort == "number":
            return _just(float(text) if re.search("[.eE]", text) else int(text))
        if sort == "name":
            return self._named(text)
        if text == "..":
            return _descended
        if text == ".":
            return _piped_to(_itself, _just(self._string())) if self._next()[0] == "string" else _itself
        if text == "-":
            return _combined("-", _just(0), self._postfix())
        if text == "(":
            found = self.pipe()
            self._needs(")")
            return found
        if text == "[":
            if self._takes("]"):
                return _just([])
            found = self.pipe()
            self._needs("]")
            return lambda value: iter([list(found(value))])
        raise self._wrong(f"unexpected {text!r}" if text else "it ends too early")

    def _string(self) -> str:
        text = self._next()[1]
        self._place += 1
        if "\\(" in text:
            raise self._wrong("text with an expression in it")
        try:
            return str(json.loads(text))
        except ValueError:
            raise self._wrong(f"bad string {text}") from None

    def _named(self, name: str) -> Filter:
        if name in _CONSTANTS:
            return _just(_CONSTANTS[name])
        if name == "if":
            return self._condition()
        arguments: list[Filter] = []
        if self._takes("("):
            arguments.append(self.pipe())
            while self._takes(";"):
                arguments.append(self.pipe())
            self._needs(")")
        made = FUNCTIONS.get((name, len(arguments)))
        if made is None:
            raise self._wrong(f"function not defined: {name}/{len(arguments)}")
        return made(*arguments)

    def _condition(self) -> Filter:
        asked = self.pipe()
        self._needs("then")
        then = self.pipe()
        otherwise: Filter = _itself
        if self._takes("elif"):
            otherwise = self._condition()
            return _chosen(asked, then, otherwise)
        if self._takes("else"):
            otherwise = self.pipe()
        self._needs("end")
        return _chosen(asked, then, otherwise)


# Filters --------------------------------------------------------------------------------------------------------------


def _itself(value: Any) -> Iterator[Any]:
    yield value


def _just(constant: Any) -> Filter:
    return lambda _: iter([constant])


def _piped(first: Filter, second: Filter) -> Filter:
    return lambda value: (found for between in first(value) for found in second(between))


def _both(first: Filter, second: Filter) -> Filter:
    def found(value: Any) -> Iterator[Any]:
        yield from first(value)
        yield from second(value)

    return found


def _piped_to(of: Filter, place: Filter) -> Filter:
    """Give what stands at a place of a value: the place is asked of the whole value, as jq does."""
    return lambda value: (_at(each, where) for where in place(value) for each in of(value))


def _at(value: Any, place: Any) -> Any:
    if isinstance(value, dict) and isinstance(place, str):
        return value.get(place)
    if isinstance(value, list) and isinstance(place, int) and not isinstance(place, bool):
        return value[place] if -len(value) <= place < len(value) else None
    if value is None and (place is None or isinstance(place, (str, int))):
        return None
    raise JqError(f"cannot index {_sort(value)} with {_sort(place)}")


def _sliced(of: Filter, begin: Filter, end: Filter) -> Filter:
    def found(value: Any) -> Iterator[Any]:
        for first in begin(value):
            for last in end(value):
                for each in of(value):
                    if each is None:
                        yield None
                    elif isinstance(each, (list, str)):
                        yield each[first:last]
                    else:
                        raise JqError(f"cannot slice {_sort(each)}")

    return found


def _iterated(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from [value[key] for key in sorted(value)]
    else:
        raise JqError(f"cannot iterate over {_sort(value)}")


def _descended(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, (list, dict)):
        for below in _iterated(value):
            yield from _descended(below)


def _quiet(of: Filter) -> Filter:
    def found(value: Any) -> Iterator[Any]:
        try:
            yield from of(value)
        except JqError:
            return

    return found


def _or_else(first: Filter, second: Filter) -> Filter:
    def found(value: Any) -> Iterator[Any]:
        usable = [each for each in _quiet(first)(value) if _holds(each)]
        yield from usable or second(value)

    return found


def _logical(first: Filter, second: Filter, *, decides: bool) -> Filter:
    def found(value: Any) -> Iterator[Any]:
        for one in first(value):
            if _holds(one) is decides:
                yield decides
            else:
                yield from [_holds(other) for other in second(value)]

    return found


def _chosen(asked: Filter, then: Filter, otherwise: Filter) -> Filter:
    return lambda value: (found for each in asked(value) for found in (then if _holds(each) else otherwise)(value))


def _combined(how: str, first: Filter, second: Filter) -> Filter:
    combine = _OPERATORS[how]
    return lambda value: (combine(one, other) for other in second(value) for one in first(value))


# Values ---------------------------------------------------------------------------------------------------------------


def _holds(value: Any) -> bool:
    return value is not None and value is not False


def _sort(value: Any) -> str:
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (str, "string"), (list, "array"), (dict, "object")):
        if isinstance(value, kind):
            return name
    return "number"


def _rank(value: Any) -> Any:
    sort = _sort(value)
    if sort == "array":
        return (_ORDER[sort], [_rank(each) for each in value])
    if sort == "object":
        keys = sorted(value)
        return (_ORDER[sort], keys, [_rank(value[key]) for key in keys])
    return (_ORDER[sort], 0 if value is None else value)


def _added(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    sort = _sort(one)
    if sort != _sort(other) or sort == "boolean":
        raise JqError(f"cannot add: {sort} and {_sort(other)}")
    return {**one, **other} if sort == "object" else one + other


def _numbers(one: Any, other: Any, word: str) -> None:
    if _sort(one) != "number" or _sort(other) != "number":
        raise JqError(f"cannot {word}: {_sort(one)} and {_sort(other)}")


def _subtracted(one: Any, other: Any) -> Any:
    if isinstance(one, list) and isinstance(other, list):
        return [each for each in one if each not in other]
    _numbers(one, other, "subtract")
    return one - other


def _multiplied(one: Any, other: Any) -> Any:
    _numbers(one, other, "multiply")
    return one * other


def _divided(one: Any, other: Any) -> Any:
    if isinstance(one, str) and isinstance(other, str):
        return one.split(other)
    _numbers(one, other, "divide")
    if other == 0:
        raise JqError("cannot divide by zero")
    found = one / other
    return int(found) if found == int(found) else found


def _modulo(one: Any, other: Any) -> Any:
    _numbers(one, other, "modulo")
    if int(other) == 0:
        raise JqError("cannot modulo by zero")
    rest = abs(int(one)) % abs(int(other))
    return -rest if one < 0 else rest


_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": lambda one, other: _rank(one) == _rank(other),
    "!=": lambda one, other: _rank(one) != _rank(other),
    "<": lambda one, other: _rank(one) < _rank(other),
    "<=": lambda one, other: _rank(one) <= _rank(other),
    ">": lambda one, other: _rank(one) > _rank(other),
    ">=": lambda one, other: _rank(one) >= _rank(other),
    "+": _added,
    "-": _subtracted,
    "*": _multiplied,
    "/": _divided,
    "%": _modulo,
}


# Functions ------------------------------------------------------------------------------------------------------------

_CONSTANTS: Final = {"null": None, "true": True, "false": False}


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
    raise JqError(f"{_sort(value)} has no keys")


def _has(value: Any, key: Any) -> bool:
    if isinstance(value, dict) and isinstance(key, str):
        return key in value
    if isinstance(value, list) and isinstance(key, int):
        return 0 <= key < len(value)
    raise JqError(f"cannot check whether {_sort(value)} has a key that is {_sort(key)}")


def _contains(value: Any, part: Any) -> bool:
    if isinstance(value, dict) and isinstance(part, dict):
        return all(key in value and _contains(value[key], each) for key, each in part.items())
    if isinstance(value, list) and isinstance(part, list):
        return all(any(_sort(one) == _sort(each) and _contains(one, each) for one in value) for each in part)
    if isinstance(value, str) and isinstance(part, str):
        return part in value
    if _sort(value) != _sort(part):
        raise JqError(f"cannot check whether {_sort(value)} contains {_sort(part)}")
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
    if _sort(value) != "number":
        raise JqError(f"{_sort(value)} cannot be parsed as a number")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise JqError(f"{_sort(value)} is no array")
    return value


def _sum(value: Any) -> Any:
    total: Any = None
    for each in _iterated(value):
        total = _added(total, each)
    return total


def _cased(value: Any, *, upper: bool) -> str:
    if not isinstance(value, str):
        raise JqError(f"{_sort(value)} is no text")
    return value.upper() if upper else value.lower()


def _selected(condition: Filter) -> Filter:
    return lambda value: (value for each in condition(value) if _holds(each))


def _mapped(of: Filter) -> Filter:
    return lambda value: iter([[found for each in _iterated(value) for found in of(each)]])


def _quantified(every: bool) -> Callable[[Filter], Filter]:  # noqa: FBT001 -- it is all that this says
    def made(condition: Filter) -> Filter:
        def found(value: Any) -> Iterator[Any]:
            verdicts = [_holds(each) for entry in _iterated(value) for each in condition(entry)]
            yield all(verdicts) if every else any(verdicts)

        return found

    return made


def _joined(value: Any, separator: Any) -> str:
    return str(separator).join("" if each is None else _text(each) for each in _iterated(value))


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
    ("not", 0): _of_value(lambda value: not _holds(value)),
    ("length", 0): _of_value(_length),
    ("keys", 0): _of_value(_keys),
    ("type", 0): _of_value(_sort),
    ("tostring", 0): _of_value(_text),
    ("tonumber", 0): _of_value(_number),
    ("add", 0): _of_value(_sum),
    ("first", 0): _of_value(lambda value: _at(value, 0)),
    ("first", 1): _first_of,
    ("last", 0): _of_value(lambda value: _at(value, -1)),
    ("min", 0): _of_value(lambda value: min(_list(value), key=_rank, default=None)),
    ("max", 0): _of_value(lambda value: max(_list(value), key=_rank, default=None)),
    ("sort", 0): _of_value(lambda value: sorted(_list(value), key=_rank)),
    ("reverse", 0): _of_value(lambda value: _list(value)[::-1]),
    ("any", 0): lambda: _quantified(False)(_itself),  # noqa: FBT003
    ("all", 0): lambda: _quantified(True)(_itself),  # noqa: FBT003
    ("any", 1): _quantified(False),  # noqa: FBT003
    ("all", 1): _quantified(True),  # noqa: FBT003
    ("ascii_downcase", 0): _of_value(lambda value: _cased(value, upper=False)),
    ("ascii_upcase", 0): _of_value(lambda value: _cased(value, upper=True)),
    ("recurse", 0): lambda: _descended,
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
