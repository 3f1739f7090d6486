"""Recorded runs: opening a log, and finding a time in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from reconcile.adapters.cli.files import BadFiles
from reconcile.api.convert import loads_json
from reconcile.api.scalars import Time
from reconcile.cluster import Cluster
from reconcile.driver.log import LogError
from reconcile.driver.wire import topology_from_json
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND, Instant, parse_duration

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


@contextmanager
def opened_log(path: Path) -> Iterator[Lines]:
    """
    Open a log.

    Raises:
        BadFiles: it cannot be read, or what is done with its lines finds one of them damaged: with file and line.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadFiles([f"{path}: cannot be read: {error.strerror}"]) from None
    with file:
        try:
            yield Lines(file)
        except IsADirectoryError:
            raise BadFiles([f"{path}: is a directory, not a log"]) from None
        except LogError as error:
            raise BadFiles([f"{path}:{error.line}: {_name(error)}: {error.problem}"]) from None


def instant_of(text: str | None, path: Path) -> Instant | None:
    """
    Read a time, RFC 3339 or an offset from the power-on with which the log begins, such as 12.5s.

    Raises:
        BadFiles: it is neither, or before power-on, or the log's header cannot be read.
    """
    if text is None:
        return None
    start = _power_on(path)
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


def _power_on(path: Path) -> Instant:
    with opened_log(path) as lines:
        first = next(iter(lines), b"{}")
        try:
            start: Instant = topology_from_json(loads_json(first)["topology"]).start
        except (ReconcileError, KeyError, TypeError, UnicodeDecodeError):
            raise BadFiles([f"{path}:1: DamagedLog: it is not the header of a log"]) from None
    return start


def shown_at(cluster: Cluster, at: Instant | None) -> Cluster:
    """Give a cluster as one sees it at an instant up to which nothing more happens to it."""
    return cluster if at is None or at <= cluster.now else attrs.evolve(cluster, now=at)


def _name(error: LogError) -> str:
    return type(error).__name__
