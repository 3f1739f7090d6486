"""
Links: what is wrong with the network between hosts, as a value of the cluster.

What is cut both ways stands in `Cluster.cuts`; what is kept here is of those clusters in which a link carries one way
only, or takes its time.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.lib.instant import Duration, Instant
from reconcile.lib.table import Table

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
