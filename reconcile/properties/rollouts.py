"""
A Deployment stays within its surge and its availability, told from what is stored, one change after the other.

While nothing fails and only users change things:

- no Deployment lets its ReplicaSets want more than its replicas and its maxSurge together;
- no ReplicaSet or ReplicationController makes more pods than it wants;
- no available pod of a Deployment is taken away so that fewer than its replicas less its maxUnavailable are ready.

Each of the two levels is late by what it has not observed yet: a change of the spec moves the bounds before its
controller can know of it. And an order that was given is carried out, whatever is declared meanwhile: a Deployment
does not let a ReplicaSet grow again that it told to shrink. So until the change is observed, all is within the new
bounds and no ReplicaSet has pods left that it was told to take away, the widest bounds since then count; and whether a
pod is missed when it is taken away is told by what its ReplicaSet had noted when it was told to shrink.
So pods may be more than surge allows for the moment in which one ReplicaSet has to shrink and another grows.

Takes:    the changes of a passage, in order.
Gives:    the next Rollouts, and a sentence for each violation.
Source:   https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment; the bounds
          are counted as the deployment controller counts them, by spec.replicas of its ReplicaSets. Terminating and
          finished pods are not counted.
          A pod is available when it has been ready for the minReadySeconds of its own ReplicaSet.
          What is ordered stays ordered: rolling.go, reconcileOldReplicaSets (`Can't scale down further`).
Left out: a pod that is available before its ReplicaSet's controller has noted it may be taken for one that is not;
          those that are left count when they are ready, available or not: with minReadySeconds the bound is weaker.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.model import conditions
from reconcile.model.owners import controller_of
from reconcile.properties.property import Passage, Promise
from reconcile.store import Change, Store

_QUARTER: Final = "25%"
_PERCENT: Final = 100
_SETS: Final = ("replicasets.apps", "replicationcontrollers")


@attrs.frozen
class Bounds:
    """How much a Deployment's ReplicaSets may want at most, and how many of its pods are ready at least."""

    most: int
    least: int


@attrs.frozen
class Rollouts:
    """
    What counts for every Deployment and every set of pods, as of the last change seen.

    Args:
        known: the bounds of each Deployment, by uid.
        sizes: the most pods of each ReplicaSet and ReplicationController, by uid.
        noted: of each ReplicaSet that was told to shrink and has not yet done so, by uid, how many available pods it
            had noted then: by that its Deployment judged.
    """

    known: Map[Bounds] = Map()
    sizes: Map[int] = Map()
    noted: Map[int] = Map()

    @classmethod
    def of(cls, cluster: Cluster) -> Rollouts:
        """Begin with what is there."""
        table = cluster.store.table
        known = [(each.metadata.uid, bounds(each)) for each in table("deployments.apps").values()]
        sizes = [(each.metadata.uid, _wanted(each)) for resource in _SETS for each in table(resource).values()]
        return cls(Map(known), Map(sizes))

    def seen(self, passage: Passage) -> tuple[Rollouts, tuple[str, ...]]:
        """Take a passage in; say what it broke."""
        rollouts, store = self, passage.after.store
        said: list[str] = []
        for change in passage.changes:
            if change.resource in _SETS:
                rollouts = _ordered(_sized(rollouts, store, change), store, change)
            elif change.resource == "pods":
                said += _overfull(rollouts, store, change)
            deployment = _concerned(store, change)
            if deployment is not None:
                rollouts, more = _rolled(rollouts, passage.after, change, deployment)
                said += more
        return rollouts, tuple(said)


def _sized(rollouts: Rollouts, store: Store, change: Change) -> Rollouts:
    one = change.new
    if one is None:
        return rollouts
    uid, wanted = one.metadata.uid, _wanted(one)
    if not _has_shrunk(store, one):
        wanted = max(wanted, rollouts.sizes.get(uid, 0))
    if rollouts.sizes.get(uid) == wanted:
        return rollouts
    return attrs.evolve(rollouts, sizes=rollouts.sizes.set(uid, wanted))


def _ordered(rollouts: Rollouts, store: Store, change: Change) -> Rollouts:
    """Keep what a set of pods had noted when it was told to shrink, until it has."""
    old, new = change.old, change.new
    if new is None or old is None:
        return rollouts
    uid, before = new.metadata.uid, rollouts.noted.get(new.metadata.uid)
    after = before
    if _wanted(new) < _wanted(old):
        told = _available(old)
        after = told if before is None else min(before, told)
    elif before is not None and _has_shrunk(store, new):
        after = None
    if after == before:
        return rollouts
    noted = rollouts.noted.remove(uid) if after is None else rollouts.noted.set(uid, after)
    return attrs.evolve(rollouts, noted=noted)


def _overfull(rollouts: Rollouts, store: Store, change: Change) -> list[str]:
    owner = controller_of(change.new) if change.old is None else None
    most = rollouts.sizes.get(owner.uid) if owner is not None else None
    if owner is None or most is None:
        return []
    found = store.table("pods").count("standing", (owner.uid, "active"))
    return [f"{owner.kind} {owner.name} has {found} pods of at most {most} with {change.key}"] if found > most else []


def _rolled(rollouts: Rollouts, cluster: Cluster, change: Change, deployment: Any) -> tuple[Rollouts, list[str]]:
    store, uid, current = cluster.store, deployment.metadata.uid, bounds(deployment)
    old = rollouts.known.get(uid) or current
    wide = Bounds(max(old.most, current.most), min(old.least, current.least))
    sets = store.table("replicasets.apps").under("owner", uid)
    wanted = sum(map(_wanted, sets))
    name = f"deployment {deployment.metadata.namespace}/{deployment.metadata.name}"
    said = []
    if _grows(change) and wanted > wide.most:
        said.append(f"{name} wants {wanted} pods of at most {wide.most} since {change.key} changed")
    if _takes_available(rollouts, cluster, change):
        ready = sum([store.table("pods").count("standing", (one.metadata.uid, "ready")) for one in sets])
        if ready < wide.least:
            said.append(f"{name} has {ready} ready pods of at least {wide.least} since {change.key} changed")
    if _is_observed(deployment) and wanted <= current.most and all(_has_shrunk(store, one) for one in sets):
        wide = current
    if wide == rollouts.known.get(uid):
        return rollouts, said
    return attrs.evolve(rollouts, known=rollouts.known.set(uid, wide)), said


def bounds(deployment: Any) -> Bounds:
    """Give how many pods a Deployment may have at most, and how many of them are ready at least."""
    spec = deployment.spec
    replicas = 1 if spec.replicas is None else spec.replicas
    if replicas == 0:
        return Bounds(0, 0)
    if spec.strategy is not None and spec.strategy.type == "Recreate":
        return Bounds(replicas, 0)
    rolling = spec.strategy.rolling_update if spec.strategy is not None else None
    surge = _share(rolling and rolling.max_surge, replicas, up=True)
    missing = _share(rolling and rolling.max_unavailable, replicas, up=False)
    if surge == 0 and missing == 0:
        missing = 1
    return Bounds(replicas + surge, max(replicas - missing, 0))


def _share(amount: Any, replicas: int, *, up: bool) -> int:
    amount = _QUARTER if amount is None else amount
    if isinstance(amount, int):
        return amount
    hundredths = int(str(amount).removesuffix("%")) * replicas
    return -(-hundredths // _PERCENT) if up else hundredths // _PERCENT


def _concerned(store: Store, change: Change) -> Any:
    """Give the Deployment whose pods, ReplicaSets or bounds a change touches, if it is there and not on its way out."""
    subject = change.old if change.new is None else change.new
    if change.resource == "pods":
        subject = _controller(store, subject, "ReplicaSet", "replicasets.apps")
    if change.resource in ("pods", "replicasets.apps") and subject is not None:
        subject = _controller(store, subject, "Deployment", "deployments.apps")
    elif change.resource != "deployments.apps" or change.new is None:
        return None
    return None if subject is None or subject.metadata.deletion_timestamp is not None else subject


def _controller(store: Store, obj: Any, kind: str, resource: str) -> Any:
    reference = controller_of(obj)
    if reference is None or reference.kind != kind:
        return None
    owner = store.get(resource, f"{obj.metadata.namespace}/{reference.name}")
    return owner if owner is not None and owner.metadata.uid == reference.uid else None


def _grows(change: Change) -> bool:
    """Tell whether a ReplicaSet wants more than before."""
    if change.resource != "replicasets.apps" or change.new is None:
        return False
    return _wanted(change.new) > (0 if change.old is None else _wanted(change.old))


def _takes_available(rollouts: Rollouts, cluster: Cluster, change: Change) -> bool:
    """Tell whether a pod that is available is being deleted, or is gone at once."""
    old, new = change.old, change.new
    if change.resource != "pods" or old is None or old.metadata.deletion_timestamp is not None:
        return False
    if new is not None and new.metadata.deletion_timestamp is None:
        return False
    owner = _controller(cluster.store, old, "ReplicaSet", "replicasets.apps")
    ready = conditions.find(old.status.conditions, "Ready")
    if owner is None or ready is None or ready.status != "True":
        return False
    left = cluster.store.table("pods").count("standing", (owner.metadata.uid, "ready"))
    if rollouts.noted.get(owner.metadata.uid, _available(owner)) <= left:
        return False  # its controller had not noted that so many are available: one was meant that is not
    seconds = owner.spec.min_ready_seconds or 0
    return not seconds or bool(ready.last_transition_time.instant + seconds * SECOND <= cluster.now)


def _has_shrunk(store: Store, one: Any) -> bool:
    """Tell whether a set of pods has observed what it is to be, and has no pod left that it was told to take away."""
    return _is_observed(one) and store.table("pods").count("standing", (one.metadata.uid, "active")) <= _wanted(one)


def _available(one: Any) -> int:
    return (one.status.available_replicas or 0) if one.status else 0


def _wanted(one: Any) -> int:
    return 1 if one.spec.replicas is None else int(one.spec.replicas)


def _is_observed(obj: Any) -> bool:
    return obj.status is not None and (obj.status.observed_generation or 0) >= (obj.metadata.generation or 0)


ROLLOUTS: Final = Promise(
    "a rollout keeps its bounds",
    ("deployments.apps", *_SETS, "pods"),
    lambda rollouts, passage: rollouts.seen(passage),
    Rollouts.of,
    "undisturbed",
)
"""What a Deployment promises while nobody takes its pods away."""
