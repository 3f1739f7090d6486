"""
What a PodDisruptionBudget promises: through the eviction API nobody takes a pod that is needed.

An eviction that is let through leaves as many healthy pods as the budget demands. What else makes pods unhealthy is
nobody's to forbid: a pod that fell ill, or that its controller took away, counts as if it were there.

Takes:    passages.
Gives:    sentences.
Source:   https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-budgets; what is demanded is
          counted as the disruption controller counts it, by the scale of the pods' controllers.
Left out: pods of controllers that only a scale subresource tells of, and pods that several budgets cover.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.lib.mapping import Map
from reconcile.model import conditions, selectors
from reconcile.model.owners import controller_of
from reconcile.model.requests import joined
from reconcile.properties.property import Passage, Promise, Property
from reconcile.store import Change, Store
from reconcile.store.indexes import is_ready

_BUDGETS: Final = "poddisruptionbudgets.policy"
_PERCENT: Final = 100
_SCALED: Final = {
    "Deployment": "deployments.apps",
    "ReplicaSet": "replicasets.apps",
    "StatefulSet": "statefulsets.apps",
    "ReplicationController": "replicationcontrollers",
}


def _begin(_: Cluster) -> Map[Any]:
    return Map()


def _kept(lost: Map[Any], passage: Passage) -> tuple[Map[Any], tuple[str, ...]]:
    """
    Follow evictions.

    *lost* are the pods, by uid, that were healthy and are so no more though nobody evicted them, until a budget that
    covers them has counted without them.
    """
    store = passage.after.store
    if not store.table(_BUDGETS):
        return lost, ()
    said: list[str] = []
    for change in passage.changes:
        old, new = change.old, change.new
        if change.resource == _BUDGETS:
            if lost and new is not None and _has_counted(store, new):
                lost = Map([(uid, pod) for uid, pod in lost.items() if not _covers(new, pod)])
        elif change.resource != "pods" or old is None:
            continue
        elif is_evicted(change):
            said += _beyond(store, change, lost)
        elif _is_healthy(old) and (new is None or not _is_healthy(new)):
            lost = lost.set(old.metadata.uid, old)
        elif new is not None and _is_healthy(new) and new.metadata.uid in lost:
            lost = lost.remove(new.metadata.uid)
    return lost, tuple(said)


def _covers(budget: Any, pod: Any) -> bool:
    if budget.spec is None or budget.spec.selector is None or budget.metadata.namespace != pod.metadata.namespace:
        return False
    return selectors.matches(budget.spec.selector, pod.metadata.labels)


def _covered(store: Store, budget: Any) -> list[Any]:
    return [pod for pod in store.table("pods").under("namespace", budget.metadata.namespace) if _covers(budget, pod)]


def _has_counted(store: Store, budget: Any) -> bool:
    """Tell whether a budget has counted the pods that are healthy now, those that were evicted apart."""
    status = budget.status
    if status is None:
        return False
    gone = status.disrupted_pods or ()
    healthy = sum([_is_healthy(pod) and pod.metadata.name not in gone for pod in _covered(store, budget)])
    return bool((status.current_healthy or 0) <= healthy)


def is_evicted(change: Change) -> bool:
    """Tell whether a change of a pod is an eviction of one that is healthy."""
    old, new = change.old, change.new
    if not _is_healthy(old) or (new is not None and new.metadata.deletion_timestamp is None):
        return False
    # With no grace it is gone at once, and nobody can tell; then what it says stands in no change.
    target = None if new is None else conditions.find(new.status.conditions, "DisruptionTarget")
    return target is not None and target.reason == "EvictionByEvictionAPI"


def _beyond(store: Store, change: Change, lost: Map[Any]) -> Iterator[str]:
    for budget in store.table(_BUDGETS).under("namespace", change.old.metadata.namespace):
        if not _covers(budget, change.old):
            continue
        pods = _covered(store, budget)
        healthy, excused = sum(map(_is_healthy, pods)), sum([_covers(budget, pod) for pod in lost.values()])
        wanted = _wanted(store, budget, pods)
        if healthy + excused < wanted:
            name = joined(budget.metadata.namespace, budget.metadata.name)
            yield f"{change.key} is evicted, budget {name} demands {wanted} healthy pods and has {healthy}"


def _wanted(store: Store, budget: Any, pods: list[Any]) -> int:
    """Give how many healthy pods a budget demands: the least of what it says now, and what its status says."""
    spec, noted = budget.spec, (budget.status.desired_healthy or 0) if budget.status is not None else 0
    if isinstance(spec.min_available, int):
        return min(spec.min_available, noted)
    count = _expected(store, pods)
    if spec.min_available is not None:
        return min(_share(spec.min_available, count), noted)
    if spec.max_unavailable is None:
        return 0
    return min(max(count - _share(spec.max_unavailable, count), 0), noted)


def _expected(store: Store, pods: list[Any]) -> int:
    found: dict[str, int] = {}
    for pod in pods:
        owner = _top(store, pod)
        if owner is not None:
            found[owner.metadata.uid] = 1 if owner.spec.replicas is None else int(owner.spec.replicas)
    return sum(found.values())


def _top(store: Store, obj: Any) -> Any:
    """Give the scaled owner of a pod, of a ReplicaSet its Deployment."""
    reference = controller_of(obj)
    resource = _SCALED.get(reference.kind or "") if reference is not None else None
    if reference is None or resource is None:
        return None
    owner = store.get(resource, joined(obj.metadata.namespace, reference.name))
    if owner is None or owner.metadata.uid != reference.uid:
        return None
    return _top(store, owner) or owner if reference.kind == "ReplicaSet" else owner


def _share(value: int | str, count: int) -> int:
    return value if isinstance(value, int) else -(-int(value.removesuffix("%")) * count // _PERCENT)


def _is_healthy(pod: Any) -> bool:
    return pod.metadata.deletion_timestamp is None and is_ready(pod)


# What a budget says ---------------------------------------------------------------------------------------------------


def _never_owed(cluster: Cluster) -> Iterator[str]:
    """No budget allows less than nothing, or more than what is healthy beyond what it demands."""
    for key, budget in cluster.store.table(_BUDGETS).items():
        yield from _owing(key, budget)


def _owed_nothing(passage: Passage) -> Iterator[str]:
    for change in passage.changes:
        if change.resource == _BUDGETS and change.new is not None:
            yield from _owing(change.key, change.new)


def _owing(key: str, budget: Any) -> Iterator[str]:
    status = budget.status
    if status is None:
        return
    allowed, spare = status.disruptions_allowed or 0, (status.current_healthy or 0) - (status.desired_healthy or 0)
    if allowed < 0 or allowed > max(spare, 0):
        yield f"budget {key} allows {allowed} disruptions, {max(spare, 0)} healthy pods are more than it demands"


BUDGETS: Final = Promise("no eviction beyond a budget", ("pods", _BUDGETS), _kept, _begin)
"""What a budget promises to who it covers."""

ALLOWED: Final = Property("a budget allows what it has", _never_owed, _owed_nothing, (_BUDGETS,))
"""What a budget's status is at every step."""


def miscounted(cluster: Cluster) -> Iterator[str]:
    """Say which budgets of a cluster at rest have not counted the healthy pods that there are."""
    for key, budget in cluster.store.table(_BUDGETS).items():
        healthy = sum(map(_is_healthy, _covered(cluster.store, budget)))
        counted = (budget.status.current_healthy or 0) if budget.status is not None else 0
        if counted != healthy:
            yield f"budget {key} counts {counted} healthy pods of {healthy}"
