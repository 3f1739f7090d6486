"""
A Deployment stays within its surge and its availability, told from what is stored, one change after the other.

While nothing fails and only users change things, no Deployment has more pods than its replicas and its maxSurge, and
none takes a ready pod away so that fewer than its replicas less its maxUnavailable are ready. A user's change moves
the bounds before any controller can know of it; until the Deployment's controller and those of its ReplicaSets have
seen it and are done, the widest bounds since the last rest count.

Takes:    the changes of a passage, in order.
Gives:    the next Rollouts, and a sentence for each violation.
Source:   https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment; terminating
          and finished pods are not counted, as upstream does not.
Left out: with minReadySeconds, a pod that is ready counts although it is not available yet: the bound is weaker then.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.lib.mapping import Map
from reconcile.model.owners import controller_of
from reconcile.properties.property import Passage
from reconcile.store import Change, Store

_QUARTER: Final = "25%"
_PERCENT: Final = 100


@attrs.frozen
class Bounds:
    """The most pods and the fewest ready ones, and how many there are."""

    most: int
    least: int
    pods: int = 0
    ready: int = 0


@attrs.frozen
class Rollouts:
    """The bounds of every Deployment, by uid, as of the last change seen."""

    known: Map[Bounds] = Map()

    @classmethod
    def of(cls, cluster: Cluster) -> Rollouts:
        """Begin with the Deployments that are there."""
        known: Map[Bounds] = Map()
        for deployment in cluster.store.table("deployments.apps").values():
            known = known.set(deployment.metadata.uid, _counted(cluster.store, deployment, bounds(deployment)))
        return cls(known)

    def seen(self, passage: Passage) -> tuple[Rollouts, tuple[str, ...]]:
        """Take a passage in; say what it broke."""
        known = self.known
        said: list[str] = []
        for change in passage.changes:
            deployment = _concerned(passage.after.store, change)
            if deployment is None:
                continue
            uid, current = deployment.metadata.uid, bounds(deployment)
            old = known.get(uid) or current
            wide = Bounds(max(old.most, current.most), min(old.least, current.least), old.pods, old.ready)
            new = _counted(passage.after.store, deployment, wide)
            said += _broken(change, deployment, wide, new)
            if _rests(passage.after.store, deployment, current, new):
                new = attrs.evolve(new, most=current.most, least=current.least)
            known = known.set(uid, new)
        return Rollouts(known), tuple(said)


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


def _counted(store: Store, deployment: Any, known: Bounds) -> Bounds:
    pods, sets = store.table("pods"), store.table("replicasets.apps").keys_under("owner", deployment.metadata.uid)
    uids = [store.get("replicasets.apps", key).metadata.uid for key in sets]
    return Bounds(
        known.most,
        known.least,
        sum([pods.count("standing", (uid, "active")) for uid in uids]),
        sum([pods.count("standing", (uid, "ready")) for uid in uids]),
    )


def _broken(change: Change, deployment: Any, old: Bounds, new: Bounds) -> list[str]:
    name = f"{deployment.metadata.namespace}/{deployment.metadata.name}"
    said = []
    if new.pods > old.pods and new.pods > new.most:
        said.append(f"deployment {name} has {new.pods} pods of at most {new.most} since {change.key} changed")
    taken = change.new is None or change.new.metadata.deletion_timestamp is not None
    if taken and new.ready < old.ready and new.ready < new.least:
        said.append(f"deployment {name} has {new.ready} ready pods of at least {new.least} since {change.key} changed")
    return said


def _rests(store: Store, deployment: Any, current: Bounds, now: Bounds) -> bool:
    """Tell whether every controller has seen what the Deployment's spec says, and is within it."""
    if not _is_observed(deployment) or now.pods > current.most:
        return False
    sets = store.table("replicasets.apps").under("owner", deployment.metadata.uid)
    return all(map(_is_observed, sets)) and sum([each.spec.replicas or 0 for each in sets]) <= current.most


def _is_observed(obj: Any) -> bool:
    return obj.status is not None and (obj.status.observed_generation or 0) >= (obj.metadata.generation or 0)
