"""
JSON text to plain data, strictly.

What the JSON grammar leaves open is refused where a reader could be misled:
an object that has a key twice, a number that no field can hold, text that is
not UTF-8. Every refusal names line and column.

Source:   RFC 8259; sigs.k8s.io/json, which a server of Kubernetes reads with.
Left out: an integer beyond 64 bits is refused, where upstream rounds it to a
          double.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from reconcile.lib.errors import ReconcileError

__all__ = ["MalformedText", "loads_json", "next_json"]

SMALLEST = -(1 << 63)
LARGEST = (1 << 64) - 1
DEEPEST = 200

_TOKEN = re.compile(r'[ \t\r\n,:]+|"(?:[^"\\]|\\.)*"|[{}\[\]]|[^ \t\r\n,:{}\[\]"]+', re.DOTALL)
_DUPLICATE = "duplicate key "
_SURROGATE = re.compile("[\ud800-\udfff]")


class MalformedText(ReconcileError):  # noqa: N818 -- it reads as what the text is
    """Text that is not what it should be, with the *line* and *column*, from 1, where that shows."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.reason = reason
        self.line = line
        self.column = column


class _Repeated(MalformedText):
    """An object that has a key twice."""

    def __init__(self, reason: str, key: str, line: int, column: int) -> None:
        super().__init__(reason, line, column)
        self.key = key


class _Refused(Exception):  # noqa: N818 -- it never leaves this module
    """What the parser's hooks found wrong; they do not know where."""

    def __init__(self, reason: str, token: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.token = token


def loads_json(text: str | bytes) -> Any:
    """
    Return the plain data that one JSON document holds.

    An unpaired surrogate becomes U+FFFD, as Go has it.

    Raises:
        MalformedText: it is no JSON, not UTF-8, has a key twice in an object,
            or a number beyond 64 bits or beyond a double.
    """
    if isinstance(text, bytes):
        text = _decoded(text)
    return _read(text, 0, lambda: (_STRICT.decode(text), len(text)))[0]


def next_json(text: str, start: int, repeated: Callable[[str, int], None]) -> tuple[Any, int]:
    """
    Return the JSON value of *text* that begins at *start*, and where it ends, as kubectl reads it from a file.

    A whole number with a fraction or an exponent is an integer, as it is sent to the server. *repeated* is told of a
    key that an object has twice, and its line: the last one counts.

    Raises:
        MalformedText: as loads_json.
    """
    try:
        return _read(text, start, lambda: _LENIENT_BUT_KEYS.raw_decode(text, start))
    except _Repeated as error:
        repeated(error.key, error.line)
        return _read(text, start, lambda: _LENIENT.raw_decode(text, start))


def _read(text: str, start: int, read: Callable[[], tuple[Any, int]]) -> tuple[Any, int]:
    try:
        found, end = read()
    except _Refused as refused:
        _refuse(refused, text, start)
    except json.JSONDecodeError as error:
        raise MalformedText(f"not JSON: {error.msg}", error.lineno, error.colno) from None
    except RecursionError:
        found, end = None, start
        deep = True
    else:
        own = text[start:end] if start else text
        deep = own.count("[") + own.count("{") > DEEPEST and _depth(found) > DEEPEST
    if deep:
        raise MalformedText(f"nested deeper than {DEEPEST} levels", text.count("\n", 0, start) + 1, 1)
    return _whole(found) if "\\u" in text else found, end


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        before = text[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise MalformedText(f"not UTF-8: byte {text[error.start]:#04x}", line, column) from None


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Refused(f"{_DUPLICATE}{json.dumps(key)}", key)
            seen.add(key)
    return found


def _integer(token: str) -> int:
    if len(token) > 20 or not SMALLEST <= int(token) <= LARGEST:  # noqa: PLR2004 -- 64 bits have at most 20 digits
        raise _Refused(f"a number beyond 64 bits: {_cut(token)}", token)
    return int(token)


def _double(token: str) -> float:
    number = float(token)
    if number in (float("inf"), float("-inf")):
        raise _Refused(f"a number beyond a double: {_cut(token)}", token)
    return number


def _number(token: str) -> int | float:
    number = _double(token)
    return int(number) if number.is_integer() and abs(number) < 1e21 else number  # noqa: PLR2004 -- as Go writes it


def _constant(token: str) -> NoReturn:
    raise _Refused(f"JSON knows no {token}", token)


def _cut(token: str) -> str:
    return token if len(token) <= 40 else f"{token[:40]}..."  # noqa: PLR2004 -- enough to find it by


def _refuse(refused: _Refused, text: str, begin: int) -> NoReturn:
    """Find what was refused in *text* once more, slowly, and say where it stands."""
    keys: list[set[str] | None] = []
    previous = ""
    for match in _TOKEN.finditer(text, begin):
        token = match[0]
        if token in ("{", "["):
            keys.append(set() if token == "{" else None)
        elif token in ("}", "]"):
            keys.pop()
        elif token[0] == '"':
            seen = keys[-1] if keys else None
            if seen is not None and (previous == "{" or "," in previous):
                key = json.loads(token)
                if key in seen and key == refused.token:
                    break
                seen.add(key)
        elif token == refused.token:
            break
        if token.strip(" \t\r\n"):
            previous = token
    start = match.start()
    line = text.count("\n", 0, start) + 1
    column = start - text.rfind("\n", 0, start)
    if refused.reason.startswith(_DUPLICATE):
        raise _Repeated(refused.reason, refused.token, line, column) from None
    raise MalformedText(refused.reason, line, column) from None


def _depth(value: Any) -> int:
    """Return how many lists and objects are nested in each other, without recursion."""
    depth, level = 0, [value]
    while level := [
        entry
        for outer in level
        if isinstance(outer, (dict, list))
        for entry in (outer.values() if isinstance(outer, dict) else outer)
    ]:
        depth += 1
    return depth + 1


def _whole(value: Any) -> Any:
    """Return *value* with each unpaired surrogate replaced."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(entry) for entry in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(entry) for key, entry in value.items()}
    return value


_STRICT = json.JSONDecoder(
    object_pairs_hook=_mapping, parse_int=_integer, parse_float=_double, parse_constant=_constant
)
_LENIENT_BUT_KEYS = json.JSONDecoder(
    object_pairs_hook=_mapping, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
_LENIENT = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=_constant)
