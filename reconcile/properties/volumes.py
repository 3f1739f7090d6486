"""
What holds of claims and volumes at every step: a claim has one volume, a volume one claim.

Source:   https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding: a binding is a one-to-one mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.model.requests import key_of
from reconcile.model.volumes import CLAIMS
from reconcile.properties.property import Passage, Property
from reconcile.store import Change

_RECENT: Final = 64  # so many of the last changes are looked at where only one cluster is given


def _one_to_one(cluster: Cluster) -> Iterator[str]:
    """A claim has one volume, a volume one claim: no kept change gives a claim another, and no two have the same."""
    history = cluster.store.history(CLAIMS)
    yield from _moved(history.between(max(history.start, history.end - _RECENT), history.end))
    yield from _shared(cluster)


def _stayed_one_to_one(passage: Passage) -> Iterator[str]:
    changes = [change for change in passage.changes if change.resource == CLAIMS]
    if changes:
        yield from _moved(changes)
        yield from _shared(passage.after)


def _moved(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        old, new = change.old, change.new
        if old is None or new is None or old.metadata.uid != new.metadata.uid:
            continue
        before, after = old.spec.volume_name, new.spec.volume_name
        if before and before != after:
            yield f"claim {change.key} had volume {before}, has {after}"


def _shared(cluster: Cluster) -> Iterator[str]:
    table = cluster.store.table(CLAIMS)
    for claim in table.values():
        name = claim.spec.volume_name
        if not name or not _is_bound(claim):
            continue
        others = [each for each in table.under("volume", name) if _is_bound(each) and key_of(each) > key_of(claim)]
        for other in others:
            yield f"claims {key_of(claim)} and {key_of(other)} have one volume, {name}"


def _is_bound(claim: Any) -> bool:
    return claim.status is not None and claim.status.phase == "Bound"


def some_claim_bound(cluster: Cluster) -> Iterator[str]:
    """Some claim has a volume."""
    for key, claim in cluster.store.table(CLAIMS).items():
        if _is_bound(claim):
            yield key


ONE_TO_ONE: Final = Property("a claim has one volume, a volume one claim", _one_to_one, _stayed_one_to_one)
