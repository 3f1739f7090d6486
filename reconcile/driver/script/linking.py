"""Links between hosts, as a script's commands cut, mend and slow them, clocks that drift, and caches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from reconcile.driver.script.fields import ScriptError, duration_at, text_at
from reconcile.events import CutLink, DriftClock, MendLink, SlowLink
from reconcile.lib.instant import Duration, duration_text


@attrs.frozen
class Link:
    """Cut the link of two hosts, mend it, or let it be slow: both ways, or what goes from one to the other only."""

    fault: CutLink | MendLink | SlowLink

    def __str__(self) -> str:
        match self.fault:
            case SlowLink(one, other, delay, jitter, loss, one_way):
                pace = f"{duration_text(delay)} to {duration_text(delay + jitter)}, {loss} ppm lost"
                return f"slow link {one} {other}{' one way' * one_way}: {pace}"
            case CutLink(one, other, one_way):
                return f"cut link {one} {other}{' one way' * one_way}"
            case MendLink(one, other, one_way):
                return f"mend link {one} {other}{' one way' * one_way}"


@attrs.frozen
class Drift:
    """Let a host's clock go faster or slower."""

    fault: DriftClock

    def __str__(self) -> str:
        host, rate, until = self.fault.host, self.fault.rate, self.fault.until
        last = "" if until is None else f", until it is {duration_text(until)} ahead"
        return f"drift {host}: {rate} ppm{last}"


@attrs.frozen
class Cache:
    """Hold back the watch cache of an API server, or let it have what is stored again."""

    server: str
    held: bool
    behind: Duration = 0

    def __str__(self) -> str:
        late = f" {duration_text(self.behind)} behind" if self.behind else ""
        return f"{'hold' if self.held else 'release'} cache {self.server}{late}"


def cache_at(operation: str, row: Mapping[str, Any], where: tuple[str | int, ...]) -> Cache:
    """
    Read the command *operation*, which names an API server.

    Raises:
        ScriptError: it does not, or does not say by how long its cache is behind.
    """
    behind = duration_at(row["behind"], (*where[:-1], "behind")) if "behind" in row else 0
    return Cache(text_at(row[operation], where), held=operation == "hold cache", behind=behind)


def drift_at(row: Mapping[str, Any], where: tuple[str | int, ...]) -> Drift:
    """
    Read the command `drift`, which names a host.

    Raises:
        ScriptError: it does not, or does not say how fast the clock goes.
    """
    rate, path = row.get("rate"), where[:-1]
    if not isinstance(rate, int) or isinstance(rate, bool):
        raise ScriptError((*path, "rate"), f"must be parts of a million, such as 100, or -100 for slower, not {rate!r}")
    until = duration_at(row["until"], (*path, "until")) if "until" in row else None
    return Drift(DriftClock(text_at(row["drift"], where), rate, until))


def link_at(operation: str, row: Mapping[str, Any], where: tuple[str | int, ...]) -> Link:
    """
    Read the command *operation*, which names two hosts.

    Raises:
        ScriptError: it does not, or does not say whether it is one way.
    """
    hosts = text_at(row[operation], where).split()
    if len(hosts) != 2:  # noqa: PLR2004 -- a link has two ends
        raise ScriptError(where, f"{row[operation]!r} does not name two hosts, such as node-1 node-2")
    if not isinstance(row.get("one way", False), bool):
        raise ScriptError((*where[:-1], "one way"), f"must be true or false, not {row['one way']!r}")
    one_way = row.get("one way", False)
    if operation == "slow link":
        delay, jitter = (_time(row, name, where[:-1]) for name in ("delay", "jitter"))
        loss = row.get("loss", 0)
        if loss.__class__ is not int:
            raise ScriptError((*where[:-1], "loss"), f"must be a count of a million, not {loss!r}")
        return Link(SlowLink(hosts[0], hosts[1], delay, jitter, loss, one_way))
    return Link((CutLink if operation == "cut link" else MendLink)(hosts[0], hosts[1], one_way))


def _time(row: Mapping[str, Any], name: str, path: tuple[str | int, ...]) -> Duration:
    return duration_at(row[name], (*path, name)) if name in row else 0
