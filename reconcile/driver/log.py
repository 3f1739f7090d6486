"""
The log: a run as JSON Lines, each line chained to the one before.

The first line is the header, the last one the end; between them stand events, segments (so many steps first-in
first-out) and, where asked for, what each segment wrote. Specified in `schemas/log.json` and docs/reference/log.md.
Reading checks every line before anything is replayed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import attrs

from reconcile.api.convert import loads_json
from reconcile.lib.digest import Chain, canonical
from reconcile.lib.errors import ReconcileError

FORMAT: Final = 1
_KINDS: Final = ("log", "event", "run", "checkpoint", "end")
_CHANGE: Final = [int, int, str, str]
_HEXADECIMAL: Final = re.compile("[0-9a-f]*")
_CHECK: Final = ',"check":"'
_CHECK_LENGTH: Final = len(_CHECK) + len(str(Chain())) + len('"}')


class LogError(ReconcileError):
    """A log cannot be used; *line* is where, counted from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


class DamagedLog(LogError):  # noqa: N818 -- it reads as what it is: a damaged log
    """A line is not what was written."""


class TruncatedLog(LogError):  # noqa: N818
    """The log ends before its end line."""


class MisorderedLog(LogError):  # noqa: N818
    """A line stands where it was not written."""


class WrongVersion(LogError):  # noqa: N818
    """The log was written in a format, or for a version, that this package does not replay."""


@attrs.frozen
class Line:
    """One line that was read: its number, counted from 1, and its content."""

    number: int
    content: dict[str, Any]


class Writer:
    """Writes lines, each with its number and a checksum over itself and all before it."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._number = 0
        self._chain = Chain()
        self._ended = False

    def line(self, content: dict[str, Any]) -> None:
        """Write one line; *content* is plain JSON. ReconcileError after the end line."""
        if self._ended:
            raise ReconcileError(f"the log has ended with line {self._number}: nothing may follow")
        self._ended = "end" in content
        self._number += 1
        body = canonical({**content, "line": self._number})[:-1]
        self._chain = self._chain.add(body.encode())
        self._write(f'{body}{_CHECK}{self._chain}"}}\n')


def read_lines(lines: Iterable[bytes]) -> Iterator[Line]:
    """
    Read a log's lines and check each.

    Raises:
        DamagedLog, MisorderedLog, TruncatedLog: see there; each names its line.
    """
    chain = Chain()
    number = 0
    ended = False
    for number, raw in enumerate(lines, start=1):
        if ended:
            raise DamagedLog(number, "something follows the end line")
        content, chain = _read(number, raw, chain)
        ended = "end" in content
        yield Line(number, content)
    if not ended:
        raise TruncatedLog(number + 1, "the log is cut: it has no end line" if number else "the log is empty")


def _read(number: int, raw: bytes, chain: Chain) -> tuple[dict[str, Any], Chain]:
    if not raw.endswith(b"\n"):
        raise TruncatedLog(number, "the log is cut in the middle of this line")
    try:
        text = raw[:-1].decode()
        content = loads_json(text)
    except (UnicodeDecodeError, ReconcileError) as error:
        raise DamagedLog(number, f"it is not a line of JSON: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("line"), int) or "check" not in content:
        raise DamagedLog(number, "it is no line of a log: it has no line number and checksum")
    if content["line"] != number:
        raise MisorderedLog(number, f"it says that it is line {content['line']}: lines are swapped or missing")
    if number == 1 and content.get("log", FORMAT) != FORMAT:
        # Before its checksum: another format may have another one.
        raise WrongVersion(1, f"the format is {content['log']!r}; this package reads {FORMAT}")
    right = chain.add(text[:-_CHECK_LENGTH].encode())
    if content["check"] != str(right):
        raise DamagedLog(number, f"its checksum is {content['check']!r} where {str(right)!r} is right")
    problem = _misshapen(content)
    if problem or (number == 1) != ("log" in content):
        raise DamagedLog(number, problem or "the first line, and no other, is the header")
    return content, right


def _misshapen(content: dict[str, Any]) -> str:
    """Say what is wrong with a line that is as it was written; empty if nothing is."""
    kinds = [kind for kind in _KINDS if kind in content]
    if len(kinds) != 1:
        return f"it is none of {', '.join(_KINDS)}: it has {', '.join(content)}"
    kind = kinds[0]
    if kind == "log":
        return ""
    if not isinstance(content[kind], dict):
        return f"{kind} is {content[kind]!r}, which is no object"
    if kind in ("checkpoint", "end"):
        return ""
    steps = 1
    if kind == "run":
        steps, now = content["run"].get("steps"), content["run"].get("now")
        if steps.__class__ is not int or steps < 1 or now.__class__ is not int:
            return f"run is {content['run']!r}: it needs steps and now"
    marks, changes = content.get("marks"), content.get("changes", [])
    if not isinstance(marks, str) or len(marks) != 4 * steps or _HEXADECIMAL.fullmatch(marks) is None:
        return f"its marks are not four hexadecimal digits for each of {steps} steps"
    if not isinstance(changes, list) or not all(map(_is_change, changes)):
        return "its changes are not rows of step, revision, resource, key and what changed"
    return ""


def _is_change(row: Any) -> bool:
    return isinstance(row, list) and [type(cell) for cell in row[:4]] == _CHANGE and len(row) == len(_CHANGE) + 1
