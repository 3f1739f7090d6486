"""
What deletion promises: nothing is without its namespace; who is deleted in the foreground goes last; orphans stay.

Takes:    clusters, passages.
Gives:    sentences.
Source:   https://kubernetes.io/docs/concepts/architecture/garbage-collection/#cascading-deletion; NamespaceLifecycle.
Left out: what comes to belong to an owner while it goes, and what the garbage collector's caches lack when it begins
          to. Who takes the finalizers off has it so: by hand, with a manifest that names none of them, or by deleting
          in the background what goes in the foreground.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.lib.mapping import Map
from reconcile.properties.property import Passage, Promise, Property
from reconcile.store import Change, mod_revision

_NAMESPACES: Final = "namespaces"
_POWER_ON: Final = 1  # the revision of what is stored then
_FOREGROUND: Final = "foregroundDeletion"
_ORPHAN: Final = "orphan"
_COLLECTOR: Final = "kube-controller-manager/"
_WORDS: Final = (_FOREGROUND, _ORPHAN)


def _housed(cluster: Cluster) -> Iterator[str]:
    """Every object of a namespace has that namespace."""
    for resource, table in cluster.store.tables.items():
        for key, obj in table.items():
            if mod_revision(obj) > _POWER_ON:  # Kubernetes' own roles are there before any namespace is
                yield from _without_namespace(cluster, resource, key, obj)


def _without_namespace(cluster: Cluster, resource: str, key: str, obj: Any) -> Iterator[str]:
    namespace = obj.metadata.namespace
    if namespace and cluster.store.get(_NAMESPACES, namespace) is None:
        yield f"{resource} {key} is there without its namespace"


def _stayed_housed(passage: Passage) -> Iterator[str]:
    for change in passage.changes:
        if change.new is None:
            if change.resource == _NAMESPACES:
                yield from _left_behind(passage.after, change.key)
        elif change.old is None and change.new.metadata.namespace:
            yield from _without_namespace(passage.after, change.resource, change.key, change.new)


def _left_behind(cluster: Cluster, namespace: str) -> Iterator[str]:
    for resource, table in cluster.store.tables.items():
        for obj in table.under("namespace", namespace):
            yield f"namespace {namespace} is gone, {resource} {obj.metadata.name} is left of it"


def _begin(_: Cluster) -> Map[frozenset[str]]:
    return Map()


def _last_and_left(going: Map[frozenset[str]], passage: Passage) -> tuple[Map[frozenset[str]], list[str]]:
    """Keep of each owner that goes, by its uid, which were its dependents when it began to."""
    said: list[str] = []
    for change in passage.changes:
        old, new = change.old, change.new
        if old is None:
            continue
        if new is not None and new.metadata.deletion_timestamp is not None and old.metadata.deletion_timestamp is None:
            if any(word in (new.metadata.finalizers or ()) for word in _WORDS):
                going = going.set(new.metadata.uid, _known(passage.after, new))
        elif old.metadata.uid in going:
            left = (new.metadata.finalizers if new is not None else None) or ()
            before = old.metadata.finalizers or ()
            anew = any(word in left and word not in before for word in _WORDS)  # somebody asked for another way
            done = [word for word in _WORDS if word in before and word not in left and not anew]
            said += [
                said for word in done for said in _at_the_end(passage.after, change, word, going[old.metadata.uid])
            ]
            going = going.remove(old.metadata.uid) if new is None else going
    return going, said


def _dependents(cluster: Cluster, owner: Any) -> dict[str, tuple[str, Any]]:
    """Give (resource, object) of all that belongs to an owner, by uid."""
    return {
        obj.metadata.uid: (resource, obj)
        for resource, table in cluster.store.tables.items()
        for obj in table.under("owner", owner.metadata.uid)
    }


def _known(cluster: Cluster, owner: Any) -> frozenset[str]:
    """Give the uids of those that belong to an owner, as far as the garbage collector has seen them do so."""
    caches = [
        cursor.view
        for (name, _), cursor in cluster.cursors.items()
        if name.startswith(_COLLECTOR) and cluster.processes[name].leading and cursor.view is not None
    ]
    uid, there = owner.metadata.uid, _dependents(cluster, owner)
    return frozenset(
        [obj.metadata.uid for cache in caches for obj in cache.under("owner", uid) if obj.metadata.uid in there]
    )


def _at_the_end(cluster: Cluster, change: Change, word: str, before: frozenset[str]) -> Iterator[str]:
    """Say what still belongs to an owner of which the garbage collector has said that it is done."""
    for uid, (resource, obj) in _dependents(cluster, change.old).items():
        reference = next(each for each in obj.metadata.owner_references if each.uid == change.old.metadata.uid)
        name = f"{resource} {obj.metadata.namespace}/{obj.metadata.name}"
        if uid not in before:
            continue
        if word == _ORPHAN:
            yield f"{change.resource} {change.key} goes, and {name}, its orphan, still belongs to it"
        elif reference.block_owner_deletion:
            yield f"{change.resource} {change.key} goes in the foreground before {name}"


HOUSED: Final = Property("nothing without its namespace", _housed, _stayed_housed)
CASCADES: Final = Promise("owners go last, orphans stay", (), _last_and_left, _begin, "unhurried")
