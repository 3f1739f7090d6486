"""Recorded runs: opening a log, and finding a time in it."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import attrs

from reconcile.adapters.cli.files import BadFiles
from reconcile.api.convert import loads_json
from reconcile.api.scalars import Time
from reconcile.cluster import Cluster
from reconcile.driver.log.chain import LogError
from reconcile.driver.log.replay import Replay
from reconcile.driver.wire import topology_from_json
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Instant, duration_text, parse_duration, rfc3339_micro

STANDARD_INPUT: Final = Path("-")

_FRACTION: Final = re.compile(r"[.,](\d+)")
_LAST: Final = 253_402_300_799 * SECOND  # 9999-12-31T23:59:59Z, the last second that RFC 3339 can name


class Lines:
    """The lines of a log, which may be gone through more than once; *last* is the last one that was read."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.last = b""

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        for line in self._file:
            self.last = line
            yield line


def log_name(path: Path) -> str:
    """Give what a log is called in messages."""
    return "standard input" if path == STANDARD_INPUT else str(path)


@contextmanager
def opened_log(path: Path) -> Iterator[Lines]:
    """
    Open a log: a file, `-` for standard input, or what can be read but once, such as a named pipe.

    Raises:
        BadFiles: it cannot be read, or what is done with its lines finds one of them damaged: with file and line.
    """
    try:
        with _opened(path) as file:
            # What cannot be gone back in is read as a whole.
            yield Lines(file if file.seekable() else io.BytesIO(file.read()))
    except LogError as error:
        raise BadFiles([f"{log_name(path)}:{error.line}: {_name(error)}: {error.problem}"]) from None
    except IsADirectoryError:
        raise BadFiles([f"{path}: is a directory, not a log"]) from None


def _opened(path: Path) -> Any:
    if path != STANDARD_INPUT:
        try:
            return path.open("rb")
        except OSError as error:
            raise BadFiles([f"{path}: cannot be read: {error.strerror}"]) from None
    if sys.stdin is None:
        raise BadFiles(["standard input: cannot be read: it is closed"])
    return nullcontext(io.BytesIO(sys.stdin.buffer.read()))


def instant_of(text: str | None, lines: Lines, path: Path) -> Instant | None:
    """
    Read a time, RFC 3339 or an offset from the power-on with which the log begins, such as 12.5s.

    Raises:
        BadFiles: it is neither, or before power-on, or the log's header cannot be read.
    """
    if text is None:
        return None
    start = _power_on(lines, path)
    try:
        at = _instant(text, start)
    except ReconcileError:
        raise BadFiles([f"--at: {text!r} is neither a time (2026-01-01T00:00:12Z) nor an offset (12.5s)"]) from None
    if not start <= at <= _LAST:
        raise BadFiles([f"--at: {text!r} is {'before power-on' if at < start else 'after the year 9999'}"])
    return at


def _instant(text: str, start: Instant) -> Instant:
    if "T" in text:
        fraction = _FRACTION.search(text)
        below = int(fraction[1][:9].ljust(9, "0")) if fraction is not None else 0
        return Time.parse(text).instant + below
    return start + parse_duration(text)


def _power_on(lines: Lines, path: Path) -> Instant:
    first = next(iter(lines), b"{}")
    try:
        start: Instant = topology_from_json(loads_json(first)["topology"]).start
    except (ReconcileError, KeyError, TypeError, UnicodeDecodeError):
        raise BadFiles([f"{log_name(path)}:1: DamagedLog: it is not the header of a log"]) from None
    return start


def shown_at(played: Replay, at: Instant | None, said: str | None, until: int | None) -> Cluster:
    """
    Give the cluster at which a replay was told to stop, as one sees it there.

    Args:
        played: the replay.
        at: the instant at which it was to stop; nothing more happens to the cluster up to then.
        said: the same, as it was said.
        until: after how many steps it was to stop.

    Raises:
        BadFiles: the log ends before that: what came of the cluster afterwards is not known.
    """
    cluster = played.cluster
    if at is None or at <= cluster.now:
        return cluster
    if not played.stopped:
        raise BadFiles([f"--at: {said!r} is beyond the log's end, {place(cluster)}"])
    return attrs.evolve(cluster, now=at) if until is None else cluster


def place(cluster: Cluster) -> str:
    """Say when it is in a cluster."""
    offset = duration_text(cluster.now - cluster.topology.start)
    return f"{offset} after power-on, {rfc3339_micro(cluster.now)}"


def _name(error: LogError) -> str:
    return type(error).__name__
