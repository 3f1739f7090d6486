"""Property: a named predicate, and how it is asked of one cluster or of a passage from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.lib.table import Table
from reconcile.store import Change


@attrs.frozen
class Passage:
    """
    A piece of a run.

    Args:
        before: the cluster at its beginning.
        after: the cluster at its end.
        changes: what was stored between, in order.
        uids: whose each uid was at its beginning, as (resource, key), where whoever follows a run keeps that; None: who
            wants to know looks at every object.
    """

    before: Cluster
    after: Cluster
    changes: tuple[Change, ...]
    uids: Table[str, tuple[str, str]] | None = None


@attrs.frozen
class Property:
    """
    A named predicate.

    Args:
        name: how a violation is reported.
        check: gives a sentence for each violation in a cluster; of a sometimes-property, for each witness.
        since: the same, looking only at what a passage changed, if it held before; None: it looks at the whole.
    """

    name: str
    check: Callable[[Cluster], Iterator[str]]
    since: Callable[[Passage], Iterator[str]] | None = None


def broken(cluster: Cluster, properties: Iterable[Property]) -> tuple[str, ...]:
    """Give `name: sentence` for everything that is wrong in *cluster*."""
    return tuple([f"{each.name}: {said}" for each in properties for said in each.check(cluster)])


def broken_by(passage: Passage, properties: Iterable[Property]) -> tuple[str, ...]:
    """Give `name: sentence` for everything that went wrong in *passage*; it costs what the passage changed."""
    said: list[str] = []
    for each in properties:
        found = each.check(passage.after) if each.since is None else each.since(passage)
        said += [f"{each.name}: {sentence}" for sentence in found]
    return tuple(said)
