"""
Property: a named predicate, asked of one cluster or of a passage from one to the next. Promise: one with a memory.

Takes:    clusters, passages.
Gives:    sentences, one for each violation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeAlias

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
        about: the resources whose changes alone can break it: a passage that changed none of them is not looked at;
            empty: any step can.
    """

    name: str
    check: Callable[[Cluster], Iterator[str]]
    since: Callable[[Passage], Iterator[str]] | None = None
    about: tuple[str, ...] = ()


Lasts: TypeAlias = Literal["always", "unbroken", "unhurried", "undisturbed"]
"""
How long a promise is kept: `always`; `unbroken`, until something fails (a host, a process, a call, a watch);
`unhurried`, until something fails or a user applies or deletes once more what is on its way out; or `undisturbed`,
until something fails or a user takes a pod away.
"""


def _nothing(_: Cluster) -> Any:
    return None


@attrs.frozen
class Promise:
    """
    A property of a run and not of a state: what a kind promises, told from what is stored, one passage after another.

    Args:
        name: how a violation is reported.
        about: the resources whose changes it follows; other passages are not shown to it. Empty: it follows all.
        follow: takes what it remembers and a passage; gives what it remembers then, and a sentence for each violation.
        begin: gives what it remembers of a cluster that it sees first; by default nothing.
        lasts: how long it is kept.
    """

    name: str
    about: tuple[str, ...]
    follow: Callable[[Any, Passage], tuple[Any, Iterable[str]]]
    begin: Callable[[Cluster], Any] = _nothing
    lasts: Lasts = "unbroken"


def broken(cluster: Cluster, properties: Iterable[Property]) -> tuple[str, ...]:
    """Give `name: sentence` for everything that is wrong in *cluster*."""
    return tuple([f"{each.name}: {said}" for each in properties for said in each.check(cluster)])


def broken_by(passage: Passage, properties: Iterable[Property]) -> tuple[str, ...]:
    """Give `name: sentence` for everything that went wrong in *passage*; it costs what the passage changed."""
    said: list[str] = []
    changed = {change.resource for change in passage.changes}
    for each in properties:
        if each.about and changed.isdisjoint(each.about):
            continue
        found = each.check(passage.after) if each.since is None else each.since(passage)
        said += [f"{each.name}: {sentence}" for sentence in found]
    return tuple(said)
