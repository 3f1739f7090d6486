"""
What deletion promises: nothing is without its namespace; who is deleted in the foreground goes last; orphans stay.

Takes:    clusters, passages.
Gives:    sentences.
Source:   https://kubernetes.io/docs/concepts/architecture/garbage-collection/#cascading-deletion; NamespaceLifecycle.
Left out: what comes to belong to an owner while it goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.properties.property import Passage, Promise, Property
from reconcile.store import Change

_NAMESPACES: Final = "namespaces"
_FOREGROUND: Final = "foregroundDeletion"
_ORPHAN: Final = "orphan"


def _housed(cluster: Cluster) -> Iterator[str]:
    """Every object of a namespace has that namespace."""
    for resource, table in cluster.store.tables.items():
        for key, obj in table.items():
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


def _last_and_left(_: None, passage: Passage) -> tuple[None, list[str]]:
    said: list[str] = []
    for change in passage.changes:
        if change.old is not None and change.old.metadata.finalizers:
            before, after = change.old.metadata.finalizers, change.new.metadata.finalizers if change.new else None
            if before is not after:
                done = [word for word in (_FOREGROUND, _ORPHAN) if word in before and word not in (after or ())]
                said += [said for word in done for said in _at_the_end(passage.after, change, word)]
    return None, said


def _at_the_end(cluster: Cluster, change: Change, word: str) -> Iterator[str]:
    """Say what still belongs to an owner of which the garbage collector has said that it is done."""
    owner = change.old.metadata
    for resource, table in cluster.store.tables.items():
        for obj in table.under("owner", owner.uid):
            reference = next(each for each in obj.metadata.owner_references if each.uid == owner.uid)
            name = f"{resource} {obj.metadata.namespace}/{obj.metadata.name}"
            if not _is_old(obj, owner):
                continue
            if word == _ORPHAN:
                yield f"{change.resource} {change.key} goes, and {name}, its orphan, still belongs to it"
            elif reference.block_owner_deletion:
                yield f"{change.resource} {change.key} goes in the foreground before {name}"


def _is_old(obj: Any, gone: Any) -> bool:
    """Tell whether an object was there before its owner began to go."""
    made, began = obj.metadata.creation_timestamp, gone.deletion_timestamp
    return began is not None and made.instant < began.instant


HOUSED: Final = Property("nothing without its namespace", _housed, _stayed_housed)
CASCADES: Final = Promise("owners go last, orphans stay", (), _last_and_left)
