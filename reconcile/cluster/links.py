"""
Links: what is wrong with the network between hosts, as a value of the cluster.

What is cut both ways stands in `Cluster.cuts`; what is kept here is of those clusters in which a link carries one way
only, or takes its time.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.cluster.typed import check_types
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR, Duration, Instant
from reconcile.lib.table import Table
from reconcile.model.links import Link

LINKS: Final = "links"
"""What stands for a process in the key of a timer of what is under way on a link."""


@attrs.frozen
class Pace:
    """
    How a link carries, one way.

    Args:
        delay: how long it takes.
        jitter: by how much more at most, nanoseconds.
        loss: how many packets of a million are lost, and sent again by TCP.
    """

    delay: Duration = 0
    jitter: Duration = 0
    loss: int = 0


@attrs.frozen
class Showing:
    """
    Changes that are on their way to a watch.

    Args:
        process, life: whose.
        watch: which.
        mark: up to which place in its channel.
    """

    process: str
    life: int
    watch: str
    mark: int


@attrs.frozen
class Links:
    """
    What is wrong with links, each from one host to another.

    Args:
        ways: from which host to which nothing arrives, though it does the other way, sorted.
        paces: how those carry that are slow.
        under_way: what is on its way over one, by number.
        last: when the last of each stream arrives: TCP keeps the order.
        marks: up to where changes are on their way, by process and watch.
    """

    ways: tuple[tuple[str, str], ...] = ()
    paces: Table[tuple[str, str], Pace] = attrs.field(factory=Table)
    under_way: Table[int, Any] = attrs.field(factory=Table)
    last: Table[str, Instant] = attrs.field(factory=Table)
    marks: Table[tuple[str, str], int] = attrs.field(factory=Table)


NO_LINKS: Final = Links()
"""Nothing is wrong."""

LONGEST: Final = HOUR
"""How long what goes over a link may take at most, and its jitter be."""

_MILLION: Final = 1_000_000


def check_links(links: tuple[Link, ...], hosts: tuple[str, ...], path: str) -> None:
    """Refuse links of hosts that there are not, that are none, or that are said twice."""
    known: dict[tuple[str, str], str] = {}
    for place, link in enumerate(links):
        where = f"{path}[{place}]"
        check_types(link, f"{where}.")
        for name, host in (("one", link.one), ("other", link.other)):
            if host not in hosts:
                raise ReconcileError(f"{where}.{name}: there is no host {host!r}; there are {', '.join(hosts[:10])}")
        if link.one == link.other:
            raise ReconcileError(f"{where}: {link.one!r} has no link to itself")
        for name, value in (("delay", link.delay), ("jitter", link.jitter)):
            if not 0 <= value <= LONGEST:
                raise ReconcileError(f"{where}.{name}: {value!r} is not between 0 and an hour, in nanoseconds")
        if not 0 <= link.loss < _MILLION:
            raise ReconcileError(
                f"{where}.loss: {link.loss!r} is not between 0 and 999999; what loses all is to be cut"
            )
        for way in link.ways:
            if way in known:
                raise ReconcileError(f"{where}: from {way[0]} to {way[1]} there is {known[way]} already")
            known[way] = where


def links_at_first(links: tuple[Link, ...]) -> tuple[tuple[tuple[str, str], ...], Links]:
    """Give which hosts are cut off from each other, and what else is wrong with links, as a topology says."""
    cut = {way for link in links if link.cut for way in link.ways}
    paces = {way: Pace(link.delay, link.jitter, link.loss) for link in links for way in link.ways}
    slow = Table.of(sorted((way, pace) for way, pace in paces.items() if pace != Pace()))
    both = tuple(sorted(way for way in cut if way[0] < way[1] and way[::-1] in cut))
    ways = tuple(sorted(way for way in cut if way[::-1] not in cut))
    return both, Links(ways=ways, paces=slow) if ways or len(slow) else NO_LINKS
