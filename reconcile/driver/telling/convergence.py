"""
Convergence: whether the cluster has become what was declared, and if not, what waits and why.

Settled is not converged: a cluster may be at rest with a pod that fits nowhere.

Takes:    a cluster, and the objects that were declared.
Gives:    sentences, none if all is as it should be.
Source:   kubectl rollout status and kubectl wait, for when a workload counts as done.
Left out: kinds without a notion of being done (a Service, a ConfigMap) are done when they are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import attrs

from reconcile.cluster.cluster import Cluster
from reconcile.driver.telling.waiting import held_up
from reconcile.model import conditions
from reconcile.model.owners import controller_of
from reconcile.model.pods.volumes import CLAIMS, CLASSES, SELECTED_NODE, annotations_of, class_of, waits_for_consumer
from reconcile.model.printing import standing, type_name
from reconcile.model.requests import key_of, split_key

Declared: TypeAlias = tuple[str, str]
"""An object that should be there: its resource's key, and its own key in the resource's table."""

_TROUBLES: Final = ("FailedMount", "FailedAttachVolume")
_BINDING: Final = ("FailedBinding", "ProvisioningFailed", "ExternalProvisioning", "VolumeMismatch", "ClaimLost")
_WAITS: Final = (
    "ContainerCreating",
    "PodInitializing",
)  # reasons of a container that waits which say nothing by themselves


def at_rest(cluster: Cluster) -> bool:
    """Tell whether nothing is left to do but wait for periodic timers."""
    return not (cluster.timers.busy or cluster.pending or cluster.turns or held_up(cluster))


def shortfalls(cluster: Cluster, declared: Iterable[Declared]) -> tuple[str, ...]:
    """Say, a sentence each, which of the declared objects are not what they should be, and which pods wait for what."""
    said: list[str] = []
    spaces: dict[str, None] = {}
    rows = tuple(declared)
    for key, own in rows:
        obj = cluster.store.get(key, own)
        short = shortfall(key, obj)
        if obj is None and key == "jobs.batch" and _was_complete(cluster, own):
            short = ""
        if short and key == "pods" and obj is not None:
            short = _explained(cluster, obj, short)
        if not short and key == CLAIMS:
            short = _unbound(cluster, obj)
        if short:
            said.append(f"{named(key, own)}: {short}")
            spaces[split_key(own)[0]] = None
    told = frozenset([own for key, own in rows if key == "pods"])
    return (*said, *[text for space in sorted(spaces) for text in _waiting(cluster, space, told)])


def leftovers(cluster: Cluster, deleted: Iterable[Declared]) -> tuple[str, ...]:
    """Say, a sentence each, which of the objects that were deleted are still there."""
    found = [(key, own, cluster.store.get(key, own)) for key, own in deleted]
    # One that is not being deleted is another one of the same name.
    return tuple(
        [
            f"{named(key, own)}: {_going(obj)}"
            for key, own, obj in found
            if obj is not None and obj.metadata.deletion_timestamp is not None
        ]
    )


def shortfall(key: str, obj: Any) -> str:
    """Say what an object of this resource lacks to be done; empty if nothing."""
    if obj is None:
        return "it is gone"
    if obj.metadata.deletion_timestamp is not None:
        return _going(obj)
    match key:
        case "deployments.apps":
            return _deployment(obj)
        case "replicasets.apps" | "replicationcontrollers":
            return _replicated(obj)
        case "statefulsets.apps":
            return _replicated(obj) or _partitioned(obj)
        case "daemonsets.apps":
            return _daemonset(obj)
        case "jobs.batch":
            return _job(obj)
        case "pods":
            return _pod(obj)
        case _:
            return ""


@attrs.frozen
class Replicas:
    """How far a workload is: how many replicas are ready, how many are wanted, how many are of its newest template."""

    ready: int
    wanted: int
    updated: int


def replicas(key: str, obj: Any) -> Replicas | None:
    """Give how far a workload is; None for what has no replicas."""
    status = obj.status if hasattr(obj, "status") else None
    match key:
        case "deployments.apps":
            ready, wanted = (status and status.ready_replicas) or 0, _wanted(obj)
            return Replicas(ready, wanted, (status and status.updated_replicas) or 0)
        case "replicasets.apps" | "replicationcontrollers":
            wanted = _wanted(obj)
            return Replicas((status and status.ready_replicas) or 0, wanted, wanted)
        case "statefulsets.apps":
            ready, wanted = (status and status.ready_replicas) or 0, _wanted(obj)
            return Replicas(ready, wanted, (status and status.updated_replicas) or 0)
        case "daemonsets.apps":
            wanted = (status and status.desired_number_scheduled) or 0
            return Replicas(
                (status and status.number_ready) or 0, wanted, (status and status.updated_number_scheduled) or 0
            )
        case "jobs.batch":
            wanted = obj.spec.completions or 1
            return Replicas((status and status.succeeded) or 0, wanted, wanted)
        case _:
            return None


def _wanted(obj: Any) -> int:
    return 1 if obj.spec.replicas is None else int(obj.spec.replicas)


def named(key: str, own: str) -> str:
    """Name an object: `deployment.apps/web in default`."""
    space, name = split_key(own)
    return f"{type_name(key)}/{name}" + (f" in {space}" if space else "")


def _going(obj: Any) -> str:
    kept = obj.metadata.finalizers or getattr(getattr(obj, "spec", None), "finalizers", None)
    return f"it is being deleted, but has the finalizers {', '.join(kept)}" if kept else "it is being deleted"


# Workloads ------------------------------------------------------------------------------------------------------------


def _deployment(obj: Any) -> str:
    status, wanted = obj.status, _wanted(obj)
    if status is None or _unseen(obj):
        return _UNSEEN
    late = conditions.find(status.conditions, "Progressing")
    end = ""
    if late is not None and late.reason == "ProgressDeadlineExceeded":
        end = f", and its progress deadline of {obj.spec.progress_deadline_seconds}s is exceeded"
    failed = conditions.find(status.conditions, "ReplicaFailure")
    if failed is not None and failed.status == "True":
        end += f"; {failed.message}"
    updated, available, total = status.updated_replicas or 0, status.available_replicas or 0, status.replicas or 0
    if updated < wanted:
        return f"{updated} of {wanted} replicas are of the new template{end}"
    if total > updated:
        return f"{total - updated} replicas of the old template are still there{end}"
    if available < wanted:
        return f"{available} of {wanted} replicas are available{end}"
    return ""


def _replicated(obj: Any) -> str:
    status, wanted = obj.status, _wanted(obj)
    if status is None or _unseen(obj):
        return _UNSEEN
    failed = conditions.find(status.conditions, "ReplicaFailure")
    end = f"; {failed.message}" if failed is not None and failed.status == "True" else ""
    ready, total = status.ready_replicas or 0, status.replicas or 0
    if total != wanted:
        return f"{total} replicas are there, {wanted} are wanted{end}"
    return f"{ready} of {wanted} replicas are ready{end}" if ready < wanted else ""


def _daemonset(obj: Any) -> str:
    status = obj.status
    if status is None or _unseen(obj):
        return _UNSEEN
    wanted, available = status.desired_number_scheduled, status.number_available or 0
    updated = status.updated_number_scheduled or 0
    if _rolls(obj) and updated < wanted:
        return f"{updated} of {wanted} pods are of the present template"
    return f"{available} of {wanted} pods are available" if available < wanted else ""


def _partitioned(obj: Any) -> str:
    """Say what a StatefulSet's update lacks; what is below its partition stays as it was."""
    if not _rolls(obj):
        return ""
    rolling = obj.spec.update_strategy.rolling_update if obj.spec.update_strategy is not None else None
    wanted = max(_wanted(obj) - ((rolling.partition if rolling is not None else None) or 0), 0)
    updated = obj.status.updated_replicas or 0
    return f"{updated} of {wanted} replicas are of the present template" if updated < wanted else ""


def _rolls(obj: Any) -> bool:
    strategy = obj.spec.update_strategy
    return strategy is None or strategy.type in (None, "RollingUpdate")


def _job(obj: Any) -> str:
    known = obj.status.conditions if obj.status is not None else None
    if conditions.is_true(known, "Complete"):
        return ""
    failed = conditions.find(known, "Failed")
    if failed is not None and failed.status == "True":
        return f"it has failed: {failed.message or failed.reason}"
    done = (obj.status.succeeded if obj.status is not None else None) or 0
    return f"{done} of {obj.spec.completions or 1} completions"


def _was_complete(cluster: Cluster, own: str) -> bool:
    """Tell whether a Job that is gone, as by its ttlSecondsAfterFinished, was complete: its controller said so."""
    space, name = split_key(own)
    return any(
        event.reason == "Completed" and event.involved_object.kind == "Job" and event.involved_object.name == name
        for event in cluster.store.table("events").under("namespace", space)
    )


_UNSEEN: Final = "its controller has not looked at it yet"


def _unseen(obj: Any) -> bool:
    return (obj.status.observed_generation or 0) < (obj.metadata.generation or 0)


# Pods -----------------------------------------------------------------------------------------------------------------


def _pod(pod: Any) -> str:
    status = pod.status
    if status is not None and (status.phase == "Succeeded" or conditions.is_true(status.conditions, "Ready")):
        return ""
    return why_not_ready(pod)


def why_not_ready(pod: Any) -> str:
    """Say why a pod is not ready: the scheduler's message, what its containers wait for, how they ended."""
    status = pod.status
    if status is None:
        return "it has no status yet"
    scheduled = conditions.find(status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return f"{scheduled.reason or 'Unschedulable'}: {scheduled.message or ''}".rstrip(": ")
    if not pod.spec.node_name:
        return "no scheduler has looked at it yet"
    parts = []
    for each in (*(status.init_container_statuses or ()), *(status.container_statuses or ())):
        text = _container(each)
        if text:
            parts.append(f"container {each.name}: {text}")
    word = standing(pod).status
    if status.reason:
        return f"{word}: {status.message}" if status.message else word
    return "; ".join(parts) or f"it is {word}, and not ready"


def _container(status: Any) -> str:
    state, last = status.state, status.last_state
    ended = last.terminated if last is not None else None
    if state is None:
        return ""
    if state.waiting is not None:
        reason, message = state.waiting.reason or "waiting", state.waiting.message
        if reason in _WAITS:
            return reason
        was = f" (last exit code {ended.exit_code}, {ended.reason})" if ended is not None else ""
        return f"{reason}: {message}{was}" if message else f"{reason}{was}"
    if state.terminated is not None and state.terminated.exit_code:
        return f"{state.terminated.reason or 'Error'}, exit code {state.terminated.exit_code}"
    return "it runs but is not ready" if state.running is not None and not status.ready else ""


def _waiting(cluster: Cluster, space: str, told: frozenset[str]) -> Iterator[str]:
    """Say which pods of a namespace wait, those of one owner and one reason together, but for those that are *told*."""
    groups: dict[tuple[str, str], list[str]] = {}
    for pod in cluster.store.table("pods").under("namespace", space) if space else ():
        why = "" if key_of(pod) in told else _pod(pod)
        if not why:
            continue
        why = _explained(cluster, pod, why)
        owner = controller_of(pod)
        kind = f"{owner.kind} {owner.name}" if owner is not None else ""
        groups.setdefault((kind, _general(why, pod.metadata.name)), []).append(pod.metadata.name)
    for (kind, why), names in groups.items():
        more = f" and {len(names) - 1} more of {kind}" if len(names) > 1 else ""
        yield f"pod/{names[0]} in {space}{more}: {why}"


def _unbound(cluster: Cluster, claim: Any) -> str:
    """Say that a claim has no volume, unless it is to wait for a pod; and what the binder last said of that."""
    status = claim.status
    if status is None or status.phase == "Bound":
        return ""
    found = cluster.store.get(CLASSES, class_of(claim))
    if status.phase == "Pending" and waits_for_consumer(found) and SELECTED_NODE not in annotations_of(claim):
        return ""
    said = _last_said(cluster, claim, _BINDING)
    return f"it is {status.phase}: {said}" if said else f"it is {status.phase}"


def _last_said(cluster: Cluster, obj: Any, reasons: tuple[str, ...]) -> str:
    metadata = obj.metadata
    found = [
        event
        for event in cluster.store.table("events").under("namespace", metadata.namespace)
        if event.reason in reasons and event.involved_object.uid == metadata.uid
    ]
    if not found:
        return ""
    last = max(found, key=lambda event: event.last_timestamp.instant if event.last_timestamp is not None else 0)
    return last.message or ""


def _explained(cluster: Cluster, pod: Any, why: str) -> str:
    """Give why a pod waits with what its kubelet, or who attaches its volumes, last said of that."""
    if not why.endswith(_WAITS):
        return why
    said = _last_said(cluster, pod, _TROUBLES)
    return f"{why}: {said}" if said else why


def _general(why: str, name: str) -> str:
    # A back-off's message names its pod, which would set apart what is alike.
    head, mark, rest = why.partition(f" pod={name}")
    _, space, rest = rest.partition(" ")
    return head + space + rest if mark else why
