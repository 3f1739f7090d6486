"""
Admission: whether a pod that was bound to this node may run here after all.

Source:   the kubelet's lifecycle package (predicates): resources, node selector, affinity, host ports, taints.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.kubelet.node.nodes import labels_of
from reconcile.components.kubelet.state import MIRROR, LocalPod, State, Trouble, with_seldom
from reconcile.lib.bucket import Bucket
from reconcile.lib.instant import MILLISECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import copier, replace
from reconcile.model import selectors
from reconcile.model.kubelets import CRITICAL
from reconcile.model.pods.qos import qos_class

NANO: Final = 1_000_000_000
_REJECTIONS: Final = Bucket(40 * MILLISECOND, 50)  # kubeAPIQPS 50, kubeAPIBurst 100: a status is a GET and a PATCH
_OS: Final = "linux"
_OS_LABEL: Final = "kubernetes.io/os"
_OPERATORS: Final = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
    "Gt": ">",
    "Lt": "<",
}


def refusal(state: State, pod: core_v1.Pod, asked: dict[str, int], *, static: bool = False) -> tuple[str, str] | None:
    """Say why the pod, which has *asked* for so much, may not run here: (reason, message); None if it may."""
    spec: Any = pod.spec
    labels: Any = pod.metadata.labels if pod.metadata is not None else None
    if (labels or {}).get(_OS_LABEL, _OS) != _OS:
        said = f"Failed to admit pod as the `{_OS_LABEL}` label doesn't match node label"
        return "PodOSSelectorNodeLabelDoesNotMatch", said
    if spec.os is not None and spec.os.name != _OS:
        return "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"
    if state.seldom.trouble is not None:
        troubled = _troubled(state.seldom.trouble, pod, static=static)
        if troubled is not None:
            return troubled
    for resource, short, wanted in shortages(state, asked):
        unit = NANO // 1000 if resource == "cpu" else NANO
        used, capacity = state.used.get(resource, 0), wanted + state.used.get(resource, 0) - short
        amounts = [-(-amount // unit) for amount in (wanted, used, capacity)]
        said = "requested: {}, used: {}, capacity: {}".format(*amounts)
        return f"OutOf{resource}", f"Node didn't have enough resource: {resource}, {said}"
    return unsuited(state, pod)


def shortages(state: State, asked: dict[str, int]) -> list[tuple[str, int, int]]:
    """Give of what there is too little for a pod that has *asked* for so much: (resource, how much, of how much)."""
    found: list[tuple[str, int, int]] = []
    all_used, allocatable = state.used, state.seldom.allocatable
    requests = {"pods": NANO, "cpu": 0, "memory": 0, "ephemeral-storage": 0, **asked}  # looked at in this order
    for resource, wanted in requests.items():
        if not wanted:
            continue
        used, capacity = all_used.get(resource, 0), allocatable.get(resource, 0)
        if used + wanted <= capacity:
            continue
        if resource not in allocatable and "/" in resource and "kubernetes.io/" not in resource:
            continue  # an extended resource that no node has is the cluster's, not this node's
        found.append((resource, used + wanted - capacity, wanted))
    return found


def unsuited(state: State, pod: core_v1.Pod) -> tuple[str, str] | None:
    """Say why the pod does not suit this node, whatever is free on it: (reason, message)."""
    spec: Any = pod.spec
    misplaced = unselected(state, spec)
    if misplaced is not None:
        return misplaced
    wanted_ports = host_ports(spec)
    if wanted_ports and any(_clash(one, other) for one in wanted_ports for other in state.ports):
        return "NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
    node = state.node.seen
    taints = node.spec.taints if node is not None and node.spec is not None else None
    if taints and not _tolerates(taints, spec):
        return "TaintToleration", "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"
    return None


def unselected(state: State, spec: Any) -> tuple[str, str] | None:
    """Say that a pod's node selector or affinity does not choose this node: (reason, message)."""
    if (not spec.node_selector and spec.affinity is None) or _selects(state, spec):
        return None
    return "NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"


def is_critical(pod: LocalPod) -> bool:
    """Tell whether a pod is critical to its system: static ones are, and those of such a priority."""
    return pod.static or critical(pod.pod)


def critical(pod: core_v1.Pod) -> bool:
    """Tell whether a pod of the API is critical to its system: by its priority, or as it is a mirror."""
    spec: Any = pod.spec
    annotations: Any = pod.metadata.annotations if pod.metadata is not None else None
    return (spec.priority or 0) >= CRITICAL or MIRROR in (annotations or ())


def _troubled(trouble: Trouble, pod: core_v1.Pod, *, static: bool) -> tuple[str, str] | None:
    """Say why a host in trouble takes no pod, or not this one."""
    if trouble.conditions and not (static or critical(pod)):
        spec: Any = pod.spec
        tolerated = trouble.conditions == ("MemoryPressure",) and (
            qos_class(spec) != "BestEffort"
            or any(_tolerated(_MEMORY_PRESSURE, toleration) for toleration in spec.tolerations or ())
        )
        if not tolerated:
            return "Evicted", f"The node had condition: [{' '.join(trouble.conditions)}]. "
    if trouble.shuts_down:
        return "NodeShutdown", "Pod was rejected as the node is shutting down."
    return None


_MEMORY_PRESSURE: Final = core_v1.Taint(key="node.kubernetes.io/memory-pressure", effect="NoSchedule")


def rejected(state: State, now: Instant) -> tuple[State, Duration]:
    """Count a pod that is refused; give after how long the client may say so, which bounds who replaces such pods."""
    full_at = _REJECTIONS.taken(state.seldom.rejections, now)
    return with_seldom(state, rejections=full_at), _REJECTIONS.owed(full_at, now)


def admitted(state: State, pod: LocalPod, asked: dict[str, int]) -> State:
    """Count what the pod, which has *asked* for so much, uses."""
    after: State = copier(State, "used")(state, _counted(state.used, asked, 1))
    ports = host_ports(pod.pod.spec)
    if ports:
        return replace(after, ports=(*state.ports, *[(*port, pod.uid) for port in ports]))
    return after


def released(state: State, pod: LocalPod) -> State:
    """Count what the pod used no longer."""
    if pod.uid in state.seldom.aligned:
        state = with_seldom(state, aligned=state.seldom.aligned.remove(pod.uid))
    used = _counted(state.used, requests_of(pod.pod.spec), -1)
    ports = state.ports
    if ports:
        ports = tuple([port for port in ports if port[3] != pod.uid])
    return replace(state, used=used, ports=ports)


def requests_of(spec: Any) -> dict[str, int]:
    """
    Give what a pod asks for, resource -> billionths.

    That is the sum over its containers and sidecars, or what an init container needs with the sidecars before it, if
    that is more; and the overhead. What is said for the pod as a whole counts instead.
    """
    total: dict[str, int] = {}
    for container in spec.containers:
        _add(total, container)
    if spec.init_containers:
        beside: dict[str, int] = {}
        peak: dict[str, int] = {}
        for container in spec.init_containers:
            if container.restart_policy == "Always":
                _add(total, container)
                _add(beside, container)
                alone = beside
            else:
                alone = dict(beside)
                _add(alone, container)
            for name, amount in alone.items():
                peak[name] = max(peak.get(name, 0), amount)
        for name, amount in peak.items():
            total[name] = max(total.get(name, 0), amount)
    if spec.resources is not None:
        for name, amount in (spec.resources.requests or Map()).items():
            total[name] = amount.nanos
    if spec.overhead:
        for name, amount in spec.overhead.items():
            total[name] = total.get(name, 0) + amount.nanos
    return total


def host_ports(spec: Any) -> list[tuple[int, str, str]]:
    """Give the host ports that a pod takes: (port, protocol, host IP)."""
    taken: list[tuple[int, str, str]] = []
    for container in spec.containers:
        for port in container.ports or ():
            number = port.host_port or (port.container_port if spec.host_network else 0)
            if number:
                taken.append((number, port.protocol or "TCP", port.host_ip or "0.0.0.0"))  # noqa: S104 -- all of them
    return taken


def _add(total: dict[str, int], container: Any) -> None:
    resources = container.resources
    if resources is not None and resources.requests:
        for name, amount in resources.requests.items():
            total[name] = total.get(name, 0) + amount.nanos


def _counted(used: Map[int], requests: dict[str, int], sign: int) -> Map[int]:
    counted = dict(used)
    for name, amount in requests.items():
        counted[name] = counted.get(name, 0) + sign * amount
    counted["pods"] = used.get("pods", 0) + sign * NANO
    return Map(counted)


def _clash(one: tuple[int, str, str], other: tuple[int, str, str, str]) -> bool:
    same = one[:2] == other[:2]
    return same and (one[2] == other[2] or "0.0.0.0" in (one[2], other[2]))  # noqa: S104 -- all of them


def _selects(state: State, spec: Any) -> bool:
    labels = _labels(state)
    if not selectors.matches_all(spec.node_selector, labels):
        return False
    affinity = spec.affinity.node_affinity if spec.affinity is not None else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity is not None else None
    return required is None or _chooses(state, required, labels)


def suits(state: State, selector: core_v1.NodeSelector) -> bool:
    """Tell whether a selector of nodes, such as a volume has, chooses this one."""
    return _chooses(state, selector, _labels(state))


def _labels(state: State) -> Map[str]:
    node = state.node.seen
    return (node.metadata.labels if node is not None and node.metadata is not None else None) or labels_of(state.host)


def _chooses(state: State, selector: core_v1.NodeSelector, labels: Map[str]) -> bool:
    fields = Map({"metadata.name": state.host.name})
    return any(
        (term.match_expressions or term.match_fields)
        and _fulfils(term.match_expressions, labels)
        and _fulfils(term.match_fields, fields)
        for term in selector.node_selector_terms
    )


def _fulfils(expressions: Any, labels: Map[str]) -> bool:
    rows = [
        selectors.Requirement(row.key, _OPERATORS[row.operator], tuple(row.values or ()))  # type: ignore[arg-type]
        for row in expressions or ()
    ]
    return selectors.fits(tuple(rows), labels)


def _tolerates(taints: tuple[core_v1.Taint, ...], spec: Any) -> bool:
    return all(
        taint.effect != "NoExecute" or any(_tolerated(taint, toleration) for toleration in spec.tolerations or ())
        for taint in taints
    )


def _tolerated(taint: Any, toleration: Any) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and (toleration.value or "") == (taint.value or "")
