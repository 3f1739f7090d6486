"""
Reading: the text of an expression of jq to a filter.

Source:   https://jqlang.org/manual/ and https://github.com/itchyny/gojq.
Left out: see `reconcile.lib.jq`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from reconcile.lib.jq.filters import (
    Filter,
    both,
    chosen,
    combined,
    descended,
    iterated,
    itself,
    just,
    logical,
    or_else,
    piped,
    piped_to,
    quiet,
    sliced,
)
from reconcile.lib.jq.functions import CONSTANTS, FUNCTIONS
from reconcile.lib.jq.values import BadQuery

DEEPEST: Final = 40

_TOKEN: Final = re.compile(
    r"""\s+ | (?P<string>"(?:[^"\\]|\\.)*") | (?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)
      | (?P<field>\.[A-Za-z_]\w*) | (?P<name>[A-Za-z_]\w*) | (?P<mark>\.\.|//|==|!=|<=|>=|[.\[\]()|,:;?<>+*/%-])
    """,
    re.VERBOSE,
)


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
            found = piped(found, self._comma())
        self._depth -= 1
        return found

    def _comma(self) -> Filter:
        found = self._alternative()
        while self._takes(","):
            found = both(found, self._alternative())
        return found

    def _alternative(self) -> Filter:
        found = self._either()
        return or_else(found, self._alternative()) if self._takes("//") else found

    def _either(self) -> Filter:
        found = self._all()
        while self._takes("or"):
            found = logical(found, self._all(), decides=True)
        return found

    def _all(self) -> Filter:
        found = self._compared()
        while self._takes("and"):
            found = logical(found, self._compared(), decides=False)
        return found

    def _compared(self) -> Filter:
        found = self._sum()
        how = self._takes("==", "!=", "<=", ">=", "<", ">")
        return combined(how, found, self._sum()) if how else found

    def _sum(self) -> Filter:
        found = self._product()
        while how := self._takes("+", "-"):
            found = combined(how, found, self._product())
        return found

    def _product(self) -> Filter:
        found = self._postfix()
        while how := self._takes("*", "/", "%"):
            found = combined(how, found, self._postfix())
        return found

    def _postfix(self) -> Filter:
        found = self._term()
        while True:
            sort, text = self._next()
            if sort == "field":
                self._place += 1
                found = piped_to(found, just(text[1:]))
            elif text == "." and self._after_dot():
                self._place += 1
                if self._next()[0] == "string":
                    found = piped_to(found, just(self._string()))
            elif self._takes("["):
                found = self._brackets(found)
            elif self._takes("?"):
                found = quiet(found)
            else:
                return found

    def _after_dot(self) -> bool:
        sort, text = self._tokens[self._place + 1] if self._place + 1 < len(self._tokens) else ("", "")
        return sort == "string" or text == "["

    def _brackets(self, of: Filter) -> Filter:
        if self._takes("]"):
            return piped(of, iterated)
        if self._takes(":"):
            end = self.pipe()
            self._needs("]")
            return sliced(of, just(None), end)
        place = self.pipe()
        if self._takes(":"):
            end = just(None) if self._next()[1] == "]" else self.pipe()
            self._needs("]")
            return sliced(of, place, end)
        self._needs("]")
        return piped_to(of, place)

    def _term(self) -> Filter:
        sort, text = self._next()
        self._place += 1
        if sort == "field":
            return piped_to(itself, just(text[1:]))
        if sort == "string":
            self._place -= 1
            return just(self._string())
        if sort == "number":
            return just(float(text) if re.search("[.eE]", text) else int(text))
        if sort == "name":
            return self._named(text)
        if text == "..":
            return descended
        if text == ".":
            return piped_to(itself, just(self._string())) if self._next()[0] == "string" else itself
        if text == "-":
            return combined("-", just(0), self._postfix())
        if text == "(":
            found = self.pipe()
            self._needs(")")
            return found
        if text == "[":
            if self._takes("]"):
                return just([])
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
        if name in CONSTANTS:
            return just(CONSTANTS[name])
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
        otherwise: Filter = itself
        if self._takes("elif"):
            otherwise = self._condition()
            return chosen(asked, then, otherwise)
        if self._takes("else"):
            otherwise = self.pipe()
        self._needs("end")
        return chosen(asked, then, otherwise)
