"""
What a run ends with: every object of every namespace, and those of none, in what may not depend on how it came there.

`normal` gives that of one run, `differences` says where two part. Names that were drawn, uids, times, places (on which
node) and addresses are no part of it, wherever in an object they stand. Objects whose name was drawn are known by what
they are called without it, and compared by content; so how many there are of each is compared as well.

What tells of the way and not of the end is past: `PAST` lists it. A list of one's own may leave out more, or
less.

Takes:    a cluster at rest.
Gives:    plain JSON values; sentences.
Source:   fields that the API server fills in by itself: apimachinery's ObjectMeta, kubectl's and the controllers' own
          annotations.
Left out: a node port counts as drawn, whoever chose it. Names inside of what is encoded (a Secret's data) are not
          recognised.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import kinds
from reconcile.api.convert import dump
from reconcile.cluster.cluster import Cluster
from reconcile.components.controllers.workloads.deployment.template import HASH_LABEL, same_template
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.model import selectors
from reconcile.model.owners import controller_of
from reconcile.model.requests import joined
from reconcile.store.indexes import is_ready

FINISHED: Final = ("Succeeded", "Failed")
"""The phases of a pod that runs no more."""

End: TypeAlias = dict[str, Any]
"""What one object has come to, as plain JSON."""

Ends: TypeAlias = dict[str, tuple[End, ...]]
"""What there is under each name, `pods default/web-*`, in an order of content alone."""


# Past --------------------------------------------------------------------------------------------------------------


def _always(_: Cluster, __: Any) -> bool:
    return True


@attrs.frozen
class Past:
    """
    Objects that tell of the way, not of the end.

    Args:
        resource: their resource's key: `events`, `replicasets.apps`.
        what: in words, where it is not all of them.
        holds: tells whether an object of it is past.
    """

    resource: str
    what: str = ""
    holds: Callable[[Cluster, Any], bool] = _always


def _is_lock(_: Cluster, endpoints: Any) -> bool:
    return _LEADER in (endpoints.metadata.annotations or ())


def _is_former(cluster: Cluster, one: Any) -> bool:
    owner = controller_of(one)
    if owner is None or owner.kind != "Deployment" or one.spec.replicas:
        return False
    deployment = cluster.store.get("deployments.apps", joined(one.metadata.namespace, owner.name))
    return deployment is None or not same_template(one.spec.template, deployment.spec.template)


def _was_replaced(_: Cluster, pod: Any) -> bool:
    owner = controller_of(pod)
    return owner is not None and owner.kind in _REPLACING and pod.status is not None and pod.status.phase in FINISHED


_LEADER: Final = "control-plane.alpha.kubernetes.io/leader"
_REPLACING: Final = ("ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job")

PAST: Final[tuple[Past, ...]] = (
    Past("events"),
    Past("events.events.k8s.io"),
    Past("leases.coordination.k8s.io"),
    Past("endpoints", "that are locks", _is_lock),
    Past("controllerrevisions.apps"),
    Past("replicasets.apps", "of a Deployment's former templates, without pods", _is_former),
    Past("pods", "that have ended, of controllers that replace or count them", _was_replaced),
)
"""What is left out unless another list is given."""


# Ends -----------------------------------------------------------------------------------------------------------------


def normal(cluster: Cluster, past: Iterable[Past] = PAST, *, but: Cluster | None = None) -> Ends:
    """
    Give what a run of the same manifests must end with, whatever happened on the way.

    Args:
        cluster: at rest.
        past: what is left out.
        but: the end of another run from the same cluster, to be compared with: what neither touched is left out of
            both, since it is the same.
    """
    left: dict[str, list[Past]] = {}
    for each in past:
        left.setdefault(each.resource, []).append(each)
    rows = [
        (resource, obj)
        for resource, table in cluster.store.tables.items()
        for key, obj in table.items()
        if (but is None or but.store.get(resource, key) is not obj)
        and not any(each.holds(cluster, obj) for each in left.get(resource, ()))
    ]
    words = _Words.of(cluster)
    ends: dict[str, list[End]] = {}
    for resource, obj in rows:
        metadata = obj.metadata
        place = place_of(resource, metadata.namespace or "", words.plain(metadata.name))
        ends.setdefault(place, []).append(words.plain(_end(cluster, resource, obj)))
    return {place: tuple(sorted(found, key=canonical)) for place, found in sorted(ends.items())}


def place_of(resource: str, namespace: str, name: str) -> str:
    """Give the name under which objects are compared: `pods default/web-*`."""
    return f"{resource} {joined(namespace, name)}"


def differences(ends: Ends, others: Ends) -> tuple[str, ...]:
    """Say, a sentence each, where the first end is not the second."""
    said: list[str] = []
    for place in sorted({*ends, *others}):
        mine, theirs = ends.get(place, ()), others.get(place, ())
        if len(mine) != len(theirs):
            said.append(f"{place} is there {_times(len(mine))}, undisturbed {_times(len(theirs))}")
        elif mine != theirs:
            said += [f"{place}: {text}" for text in _parted(mine, theirs)]
    return tuple(said)


def _times(number: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _parted(mine: tuple[End, ...], theirs: tuple[End, ...]) -> Iterator[str]:
    """Say how objects of one name differ, those that are the same on both sides left out."""
    only = list(mine)
    other = []
    for each in theirs:
        if each in only:
            only.remove(each)
        else:
            other.append(each)
    for one, calm in zip(only, other, strict=True):
        for path, is_now, was in _fields(one, calm, ""):
            yield f"{path} is {_shown(is_now)}, undisturbed {_shown(was)}"


def _fields(one: Any, other: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            if one.get(key) != other.get(key):
                yield from _fields(one.get(key), other.get(key), f"{path}.{key}" if path else key)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            if mine != theirs:
                yield from _fields(mine, theirs, f"{path}[{place}]")
    else:
        yield path, one, other


def _shown(value: Any) -> str:
    return "not there" if value is None else canonical(value)


# Words that are drawn -------------------------------------------------------------------------------------------------


@attrs.frozen
class _Words:
    """What stands for each word of a cluster that another run of the same may have otherwise."""

    meant: dict[str, str]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, cluster: Cluster) -> _Words:
        found: dict[str, str] = {}
        drawn: list[tuple[str, str]] = []
        for resource, table in cluster.store.tables.items():
            for obj in table.values():
                metadata = obj.metadata
                found[metadata.uid] = "a uid"
                if resource in _ADDRESSED:
                    found |= dict.fromkeys(_addresses_of(resource, obj), "an address")
                owner = controller_of(obj)
                if resource == "replicasets.apps" and owner is not None and owner.kind == "Deployment":
                    found[metadata.name] = f"{owner.name}-*"
                    found[(metadata.labels or {}).get(HASH_LABEL, "")] = "a hash"
                elif resource == _ATTACHMENTS:
                    found[metadata.name] = "csi-*"  # made of the node's name among others
                elif metadata.generate_name and metadata.name.startswith(metadata.generate_name):
                    drawn.append((metadata.name, metadata.generate_name))
        found.pop("", None)
        # A name that is drawn may be made of one that was drawn before, which is shorter.
        for name, base in sorted(drawn, key=lambda row: len(row[0])):
            known = next((each for each in sorted(found, key=len, reverse=True) if base.startswith(each + "-")), "")
            found[name] = f"{found[known]}{base[len(known) :]}*" if known else f"{base}*"
        longest = sorted(found, key=lambda word: (-len(word), word))
        return cls(found, re.compile(_APART.format("|".join(map(re.escape, longest)))))

    def plain(self, value: Any) -> Any:
        """Give plain JSON with what is meant for every word that was drawn, and no times."""
        if isinstance(value, str):
            return _TIMESTAMP.sub("a time", self.pattern.sub(self._said, value))
        if isinstance(value, dict):
            return {self.plain(key): self.plain(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(part) for part in value]
        return value

    def _said(self, match: re.Match[str]) -> str:
        return self.meant[match[0]]


_APART: Final = "(?<![0-9A-Za-z])(?:{})(?![0-9A-Za-z])"
_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_ATTACHMENTS: Final = "volumeattachments.storage.k8s.io"
_ADDRESSED: Final = ("pods", "services", "ipaddresses.networking.k8s.io")


def _addresses_of(resource: str, obj: Any) -> Iterator[str]:
    if resource == "services":
        yield from [address for address in obj.spec.cluster_ips or () if address != "None"]
        balancer = obj.status.load_balancer if obj.status is not None else None
        yield from [each.ip for each in (balancer and balancer.ingress) or () if each.ip]
    elif resource != "pods":
        yield obj.metadata.name
    elif not obj.spec.host_network:
        yield from [address.ip for address in (obj.status and obj.status.pod_ips) or () if address.ip]


# One object -----------------------------------------------------------------------------------------------------------


def _end(cluster: Cluster, resource: str, obj: Any) -> End:
    plain = dump(obj)
    end: End = {key: part for key, part in plain.items() if key not in ("metadata", "apiVersion", "kind")}
    end["metadata"] = _metadata(plain["metadata"])
    owner = _owned_by(obj)
    if owner:
        end["of"] = owner
    if resource in _WORKLOADS:
        end |= _workload(obj, _WORKLOADS[resource])
    elif resource in _READ:
        end |= _READ[resource](cluster, obj, end)
    return {key: part for key, part in end.items() if part not in (None, {}, [])}


def _metadata(plain: dict[str, Any]) -> dict[str, Any]:
    kept = {key: part for key, part in plain.items() if key not in _FILLED_IN}
    notes = {key: text for key, text in kept.pop("annotations", {}).items() if not key.startswith(_NOTES)}
    if "labels" in kept:
        kept["labels"] = {key: text for key, text in kept["labels"].items() if key not in _COUNTED}
    owners = [{key: part for key, part in row.items() if key != "uid"} for row in kept.pop("ownerReferences", ())]
    return kept | ({"annotations": notes} if notes else {}) | ({"ownerReferences": owners} if owners else {})


_FILLED_IN: Final = (
    "name",
    "namespace",
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "selfLink",
    "managedFields",
)
# What kubectl and the controllers note for themselves of how it came.
_NOTES: Final = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "endpoints.kubernetes.io/last-change-trigger-time",
)
# How often a template was changed; and of which revision a pod is, which its own specification tells as well.
_COUNTED: Final = ("pod-template-generation", "controller-revision-hash")


def _owned_by(obj: Any) -> str:
    """Give the place of the object's controller, or of its first owner; empty if it has none or of an unknown kind."""
    references = obj.metadata.owner_references or ()
    reference = controller_of(obj) or (references[0] if references else None)
    if reference is None:
        return ""
    try:
        owners = kinds.resource_for(reference.api_version, reference.kind)
    except ReconcileError:
        return f"{reference.kind} {reference.name}"
    return place_of(owners.key, (obj.metadata.namespace or "") if owners.namespaced else "", reference.name)


# resource -> the counts of its status that tell how it stands
_WORKLOADS: Final = {
    "deployments.apps": (
        "replicas",
        "updated_replicas",
        "ready_replicas",
        "available_replicas",
        "unavailable_replicas",
    ),
    "replicasets.apps": ("replicas", "fully_labeled_replicas", "ready_replicas", "available_replicas"),
    "replicationcontrollers": ("replicas", "fully_labeled_replicas", "ready_replicas", "available_replicas"),
    "statefulsets.apps": ("replicas", "ready_replicas", "available_replicas", "updated_replicas"),
    "daemonsets.apps": (
        "desired_number_scheduled",
        "current_number_scheduled",
        "number_misscheduled",
        "number_ready",
        "number_available",
        "updated_number_scheduled",
    ),
}
_CONDITIONS: Final = ("Available", "Progressing", "ReplicaFailure")


def _workload(obj: Any, counts: tuple[str, ...]) -> End:
    known = (obj.status.conditions if obj.status else None) or ()
    return {
        "status": {name: getattr(obj.status, name) or 0 for name in counts} if obj.status else {},
        "observed": obj.status is not None and obj.status.observed_generation == obj.metadata.generation,
        "conditions": {each.type: each.status for each in known if each.type in _CONDITIONS},
    }


def _pod(_: Cluster, pod: Any, end: End) -> End:
    spec = {key: part for key, part in end["spec"].items() if key != "nodeName"}
    return {"spec": spec, "status": {"phase": pod.status.phase if pod.status else "", "ready": is_ready(pod)}}


def _job(_: Cluster, job: Any, __: End) -> End:
    status = job.status
    said = {each.type: each.status for each in (status.conditions if status else None) or ()}
    # How many failed on the way, and when, is chance.
    succeeded = (status.succeeded if status else None) or 0
    return {"status": {"succeeded": succeeded}, "conditions": said}


def _cron_job(_: Cluster, __: Any, ___: End) -> End:
    return {"status": {}}  # when it ran last is of the way


def _service(cluster: Cluster, service: Any, end: End) -> End:
    spec = {key: part for key, part in end["spec"].items() if key != "healthCheckNodePort"}
    ports = [{key: part for key, part in row.items() if key != "nodePort"} for row in spec.get("ports", ())]
    return {"spec": {**spec, "ports": ports}, "backends": len(addresses(cluster, service))}


def _endpoints(_: Cluster, __: Any, end: End) -> End:
    found = [
        {
            "ready": len(subset.get("addresses", ())),
            "notReady": len(subset.get("notReadyAddresses", ())),
            "ports": subset.get("ports", []),
        }
        for subset in end.get("subsets", ())
    ]
    return {"subsets": sorted(found, key=canonical)}


def _slice(_: Cluster, __: Any, end: End) -> End:
    told = Counter([canonical(each.get("conditions", {})) for each in end.get("endpoints", ())])
    return {"endpoints": dict(sorted(told.items()))}


def _node(_: Cluster, node: Any, end: End) -> End:
    status = end.get("status", {})
    conditions = {row["type"]: row["status"] for row in status.get("conditions", ())}
    # Amounts that are equal may be written in two ways.
    amounts = {
        key: {name: str(amount.nanos) for name, amount in (getattr(node.status, key) or {}).items()}
        for key in ("capacity", "allocatable")
        if node.status is not None
    }
    return {"status": {"conditions": conditions, **amounts}}


def _volume(_: Cluster, volume: Any, end: End) -> End:
    reference = volume.spec.claim_ref
    if reference is None:
        return {}
    # The version at which the claim was is of the way.
    kept = {key: part for key, part in end["spec"]["claimRef"].items() if key != "resourceVersion"}
    return {"spec": {**end["spec"], "claimRef": kept}}


def _attachment(_: Cluster, __: Any, end: End) -> End:
    return {"spec": {key: part for key, part in end["spec"].items() if key != "nodeName"}}


_READ: Final[dict[str, Callable[[Cluster, Any, End], End]]] = {
    "pods": _pod,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "services": _service,
    "endpoints": _endpoints,
    "endpointslices.discovery.k8s.io": _slice,
    "nodes": _node,
    "persistentvolumes": _volume,
    _ATTACHMENTS: _attachment,
}


def addresses(cluster: Cluster, service: Any) -> list[str]:
    """Give the addresses of the pods that a service selects and that are ready, sorted."""
    pods = cluster.objects("pods", namespace=service.metadata.namespace)
    return sorted(
        [
            pod.status.pod_ip
            for pod in pods
            if service.spec.selector
            and selectors.matches_all(service.spec.selector, pod.metadata.labels)
            and pod.metadata.deletion_timestamp is None
            and is_ready(pod)
            and pod.status.phase not in FINISHED
            and pod.status.pod_ip
        ]
    )
