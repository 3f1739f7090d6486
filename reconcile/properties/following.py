"""
Following: promises along a run, each shown the passages that it is about.

Takes:    promises, and the passages of a run in order.
Gives:    a sentence for each that is broken. A promise that something has put an end to is followed no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.properties.property import Lasts, Passage, Promise

_ENDED_BY: Final[dict[str, tuple[Lasts, ...]]] = {
    "fault": ("unbroken", "unhurried", "undisturbed"),
    "loss": ("undisturbed",),
    "haste": ("unhurried",),
}


class Following:
    """What each promise remembers of a run; local to one play."""

    def __init__(self, promises: Iterable[Promise]) -> None:
        self._kept = tuple(promises)
        self._memories: dict[str, Any] = {}
        self._by_resource: dict[str, tuple[Promise, ...]] = {}
        self._of_all: tuple[Promise, ...] = ()
        self._index()

    def begin(self, cluster: Cluster) -> None:
        """Take the cluster as it is: what came before was not seen."""
        self._memories = {each.name: each.begin(cluster) for each in self._kept}

    def end(self, by: str) -> None:
        """Follow no more what is kept only until a `fault`, the `loss` of a pod to a user, or a user's `haste`."""
        kept = tuple([each for each in self._kept if each.lasts not in _ENDED_BY[by]])
        if len(kept) != len(self._kept):
            self._kept = kept
            self._index()

    def seen(self, passage: Passage) -> tuple[str, ...]:
        """Show a passage to those that it concerns; give `name: sentence` for all that it broke."""
        said: list[str] = []
        for each in self._concerned(passage):
            self._memories[each.name], found = each.follow(self._memories.get(each.name), passage)
            said += [f"{each.name}: {sentence}" for sentence in found]
        return tuple(said)

    def _concerned(self, passage: Passage) -> tuple[Promise, ...]:
        resources = dict.fromkeys([change.resource for change in passage.changes])
        found = [self._by_resource.get(resource, self._of_all) for resource in resources]
        if len(found) < 2:  # noqa: PLR2004 -- a step mostly changes one resource
            return found[0] if found else ()
        return tuple([each for each in self._kept if any(each in row for row in found)])

    def _index(self) -> None:
        resources = dict.fromkeys([resource for each in self._kept for resource in each.about])
        self._of_all = tuple([each for each in self._kept if not each.about])
        self._by_resource = {
            resource: tuple([each for each in self._kept if not each.about or resource in each.about])
            for resource in resources
        }
