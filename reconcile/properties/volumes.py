"""
What holds of claims and volumes at every step.

A claim has one volume, a volume one claim; a volume of one node is attached to one node at a time; a claim of one pod
is one pod's at a time.

Takes:    clusters, passages.
Gives:    sentences.
Source:   https://kubernetes.io/docs/concepts/storage/persistent-volumes/: binding is a one-to-one mapping; access
          modes.
Left out: a pod that its user put on a node himself is not the scheduler's to keep from a claim of one pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.model.pods.volumes import CLAIMS, VOLUMES, claims_of
from reconcile.model.requests import key_of
from reconcile.properties.property import Passage, Promise, Property
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
    for change in passage.changes:
        if change.resource == VOLUMES and change.old is not None and change.new is not None:
            yield from _given_on(change)


def _given_on(change: Change) -> Iterator[str]:
    """A volume that is a claim's is no other claim's before it was set free."""
    before, after = change.old.spec.claim_ref, change.new.spec.claim_ref
    if before is not None and after is not None and before.uid and after.uid and before.uid != after.uid:
        yield f"volume {change.key} was {before.namespace}/{before.name}'s, is {after.namespace}/{after.name}'s"


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


# On one node, for one pod ---------------------------------------------------------------------------------------------


def _on_one_node(cluster: Cluster) -> Iterator[str]:
    """A volume that only one node may have is attached to one node at a time."""
    for attachment in cluster.store.table(ATTACHMENTS).values():
        yield from _attached_twice(cluster, attachment)


def _stayed_on_one_node(passage: Passage) -> Iterator[str]:
    for change in passage.changes:
        if change.resource == ATTACHMENTS and change.new is not None:
            yield from _attached_twice(passage.after, change.new)


def _attached_twice(cluster: Cluster, attachment: Any) -> Iterator[str]:
    name = attachment.spec.source.persistent_volume_name
    volume = cluster.store.get(VOLUMES, name or "")
    if volume is None or not _is_attached(attachment) or set(volume.spec.access_modes or ()) & _SHARED_MODES:
        return
    for other in cluster.store.table(ATTACHMENTS).under("volume", name):
        if _is_attached(other) and other.spec.node_name != attachment.spec.node_name:
            yield f"volume {name} is attached to {attachment.spec.node_name} and {other.spec.node_name}"


def _is_attached(attachment: Any) -> bool:
    return attachment.status is not None and bool(attachment.status.attached)


def _of_one_pod(cluster: Cluster) -> Iterator[str]:
    """A claim that only one pod may have is of one pod that is on a node."""
    for key, pod in cluster.store.table("pods").items():
        yield from _used_twice(cluster, key, pod)


def _stayed_of_one_pod(passage: Passage) -> Iterator[str]:
    for change in passage.changes:
        old, new = change.old, change.new
        # Only one that the scheduler placed: by then it was there, and on no node.
        placed = change.resource == "pods" and old is not None and new is not None and not old.spec.node_name
        if placed and new.spec.node_name and new.spec.volumes:
            yield from _used_twice(passage.after, change.key, new)


def _used_twice(cluster: Cluster, key: str, pod: Any) -> Iterator[str]:
    if not pod.spec.volumes or not _uses(pod):
        return
    namespace = pod.metadata.namespace
    for name in claims_of(pod):
        claim = cluster.store.get(CLAIMS, f"{namespace}/{name}")
        if claim is None or "ReadWriteOncePod" not in (claim.spec.access_modes or ()):
            continue
        for other in cluster.store.table("pods").under("claim", f"{namespace}/{name}"):
            if other.metadata.uid != pod.metadata.uid and _uses(other):
                yield f"pods {key} and {namespace}/{other.metadata.name} have the claim {name}, which is for one"


def _uses(pod: Any) -> bool:
    return bool(pod.spec.node_name) and (pod.status is None or pod.status.phase not in _ENDED)


ATTACHMENTS: Final = "volumeattachments.storage.k8s.io"
_SHARED_MODES: Final = frozenset(("ReadWriteMany", "ReadOnlyMany"))
_ENDED: Final = ("Succeeded", "Failed")

ONE_TO_ONE: Final = Property(
    "a claim has one volume, a volume one claim", _one_to_one, _stayed_one_to_one, (CLAIMS, VOLUMES)
)


def _attached_in_turn(_: None, passage: Passage) -> tuple[None, list[str]]:
    said: list[str] = []
    for change in passage.changes:
        if change.resource != ATTACHMENTS or change.old is not None:
            continue
        new = change.new.spec
        volume = passage.after.store.get(VOLUMES, new.source.persistent_volume_name or "")
        if volume is None or set(volume.spec.access_modes or ()) & _SHARED_MODES:
            continue
        for other in passage.after.store.table(ATTACHMENTS).under("volume", volume.metadata.name):
            if other.spec.node_name != new.node_name:
                nodes = f"{new.node_name} while it is {other.spec.node_name}'s"
                said.append(f"volume {volume.metadata.name} is to be attached to {nodes}")
    return None, said


IN_TURN: Final = Promise("a volume goes from node to node", (ATTACHMENTS,), _attached_in_turn)
"""What the attach-detach controller promises: a volume of one node is detached before it is attached elsewhere."""

STORAGE: Final[tuple[Property, ...]] = (
    ONE_TO_ONE,
    Property("a volume of one node is on one node", _on_one_node, _stayed_on_one_node, (ATTACHMENTS,)),
    Property("a claim of one pod is of one pod", _of_one_pod, _stayed_of_one_pod, ("pods",)),
)
"""What holds of claims and volumes, whatever happens."""
