"""
Chain: a log's lines of JSON, each chained to the one before.

The first line is the header, the last one the end; between them stand events, segments (so many steps first-in
first-out) and, where asked for, what each segment wrote. Specified in `schemas/log.json` and docs/reference/log.md.
Reading checks every line before anything is replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import attrs

from reconcile.api.convert import loads_json
from reconcile.driver.log.lines import misshapen
from reconcile.lib.digest import Chain, canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant

FORMAT: Final = 2
"""The format that is written: instants are text. In format 1, which is still read, they were numbers."""

READ: Final = (1, FORMAT)
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
    """
    One line that was read.

    Args:
        number: counted from 1.
        content: the line, whose members are of the right types.
        body: its text up to its checksum.
        format: the log's.
        chain: its checksum.
    """

    number: int
    content: dict[str, Any]
    body: str
    format: int
    chain: Chain = Chain()

    @property
    def now(self) -> Instant:
        """The instant at which a segment ended."""
        return int(self.content["run"]["now"])


@attrs.frozen
class Place:
    """
    How far a log has been read or written.

    Args:
        number: of its last line; 0 at its beginning.
        chain: the checksum of that line.
    """

    number: int = 0
    chain: Chain = Chain()


_BEGINNING: Final = Place()


class Writer:
    """
    Writes lines, each with its number and a checksum over itself and all before it.

    Args:
        write: takes one line of text after the other.
        after: where the log stands that is written on.
    """

    def __init__(self, write: Callable[[str], object], after: Place = _BEGINNING) -> None:
        self._write = write
        self._number = after.number
        self._chain = after.chain
        self._ended = False

    @property
    def place(self) -> Place:
        """How far the log is written."""
        return Place(self._number, self._chain)

    def fork(self, write: Callable[[str], object]) -> Writer:
        """Give a writer that goes on from here with lines of its own."""
        other = Writer(write)
        other._number, other._chain, other._ended = self._number, self._chain, self._ended
        return other

    def line(self, content: dict[str, Any]) -> None:
        """Write one line; *content* is plain JSON. ReconcileError after the end line."""
        if self._ended:
            raise ReconcileError(f"the log has ended with line {self._number}: nothing may follow")
        self._ended = "end" in content
        self._number += 1
        body = body_of(content, self._number)
        self._chain = self._chain.add(body.encode())
        self._write(f'{body}{_CHECK}{self._chain}"}}\n')


def body_of(content: dict[str, Any], number: int) -> str:
    """Give the text of a line up to its checksum; *content* is without its number."""
    return canonical({**content, "line": number})[:-1]


def now_json(now: Instant, form: int = FORMAT) -> str | int:
    """Write an instant as logs of a format have it."""
    return now if form == 1 else str(now)


def read_lines(
    lines: Iterable[bytes], *, after: Place = Place(), form: int = FORMAT, open_end: bool = False
) -> Iterator[Line]:
    """
    Read a log's lines and check each.

    Args:
        lines: the lines that follow *after*, each with its line end.
        after: how far the log was read before.
        form: the format of what was read before.
        open_end: take a log that is still written, or whose writer was killed: it has no end line, and may end within
            one.

    Raises:
        DamagedLog, MisorderedLog, TruncatedLog: see there; each names its line.
    """
    chain = after.chain
    number = after.number
    ended = False
    for number, raw in enumerate(lines, start=after.number + 1):
        if ended:
            raise DamagedLog(number, "something follows the end line")
        if open_end and number > 1 and not raw.endswith(b"\n"):
            return  # it is being written
        content, body, chain = _read(number, raw, chain)
        form = content.get("log", form)
        problem = misshapen(content, form)
        if problem or (number == 1) != ("log" in content):
            raise DamagedLog(number, problem or "the first line, and no other, is the header")
        ended = "end" in content
        yield Line(number, content, body, form, chain)
    if not number:
        raise TruncatedLog(1, "the log is empty")
    if not (ended or open_end):
        raise TruncatedLog(number + 1, "the log is cut: it has no end line")


def chained(raw: bytes, before: Chain) -> Chain | None:
    """Give the checksum of a line that follows *before*; None if it is not what was written there."""
    body, tail = raw[:-_TAIL], raw[-_TAIL:]
    chain = before.add(body)
    return chain if tail == f'{_CHECK}{chain}"}}\n'.encode() else None


_TAIL: Final = _CHECK_LENGTH + 1


def _read(number: int, raw: bytes, chain: Chain) -> tuple[dict[str, Any], str, Chain]:
    if not raw.endswith(b"\n"):
        raise TruncatedLog(number, "the log is cut in the middle of this line")
    try:
        text = raw[:-1].decode()
        content = loads_json(text)
    except (UnicodeDecodeError, ReconcileError) as error:
        raise DamagedLog(number, f"it is not a line of JSON: {error}") from None
    if not isinstance(content, dict) or content.get("line").__class__ is not int or "check" not in content:
        raise DamagedLog(number, "it is no line of a log: it has no line number and checksum")
    if content["line"] != number:
        raise MisorderedLog(number, f"it says that it is line {content['line']}: lines are swapped or missing")
    form = content.get("log", FORMAT)
    if number == 1 and (form.__class__ is not int or form not in READ):
        # Before its checksum: another format may have another one.
        raise WrongVersion(1, f"the format is {form!r}; this package reads {' and '.join(map(str, READ))}")
    body = text[:-_CHECK_LENGTH]
    right = chain.add(body.encode())
    if content["check"] != str(right):
        raise DamagedLog(number, f"its checksum is {content['check']!r} where {str(right)!r} is right")
    return content, body, right
