"""
Quotas: what an object uses of a namespace's quotas, which quotas it counts in, and what it must say for that.

Takes:    a resource's key, an object of it, a ResourceQuota.
Gives:    amounts by the names that quotas limit.
Source:   pkg/quota/v1: the evaluators of pods, services, claims of volumes and of devices, and of all else by count.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from reconcile.api.quantity import NANO, Quantity
from reconcile.lib.instant import SECOND, Instant
from reconcile.model import amounts
from reconcile.model.pods.qos import qos_class

QUOTAS: Final = "resourcequotas"
_ONE: Final = Quantity.parse("1")
_NONE: Final = Quantity.parse("0")
_BY_CLASS: Final = ".storageclass.storage.k8s.io/"
_CLAIMS: Final = ("persistentvolumeclaims", "requests.storage")
_BY_COUNT: Final = ("configmaps", "resourcequotas", "replicationcontrollers", "secrets")
_COMPUTED: Final = ("cpu", "memory", "ephemeral-storage")
_MUST_SAY: Final = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_HUGE_PAGES: Final = "hugepages-"
_REQUESTS: Final = "requests."
_NATIVE: Final = "kubernetes.io/"
_DEVICES: Final = "resourceclaims.resource.k8s.io"
_BY_DEVICE_CLASS: Final = ".deviceclass.resource.k8s.io/devices"
_DEVICE_CLASS: Final = "deviceclass.resource.kubernetes.io/"
# As many devices as one claim can be given: what one that wants all of them is taken to use.
_MOST_DEVICES: Final = 32
_UNCOUNTED: Final = ("events", "events.events.k8s.io", "bindings")
_ENDED: Final = ("Succeeded", "Failed")


def counts(resource: str) -> bool:
    """Tell whether objects of *resource* count in quotas at all."""
    return resource not in _UNCOUNTED


def tracked(resource: str, names: Iterable[str]) -> tuple[str, ...]:
    """Give those of *names*, the names that a quota limits, of which objects of *resource* use something."""
    return tuple([name for name in names if _is_tracked(resource, name)])


def used(resource: str, obj: Any, now: Instant) -> dict[str, Quantity]:
    """Give what *obj* uses at *now*."""
    match resource:
        case "pods":
            return _of_pod(obj, now)
        case "services":
            return _of_service(obj)
        case "persistentvolumeclaims":
            return _of_claim(obj)
        case "resourceclaims.resource.k8s.io":
            return _of_device_claim(obj)
        case _:
            named = [f"count/{resource}", *([resource] if resource in _BY_COUNT else [])]
            return dict.fromkeys(named, _ONE)


def in_scope(quota: Any, resource: str, obj: Any) -> bool:
    """Tell whether *obj* is of every scope of *quota*."""
    spec = quota.spec
    selector = spec.scope_selector.match_expressions if spec.scope_selector is not None else None
    wanted = [(scope, "Exists", ()) for scope in spec.scopes or ()]
    wanted += [(each.scope_name, each.operator, each.values or ()) for each in selector or ()]
    return all(_is_of(resource, obj, *each) for each in wanted)


def unsaid(pod: Any, names: Iterable[str]) -> str:
    """Say what containers of a pod must specify since *names* are limited: `cpu for: a; memory for: a,b`."""
    whole = pod.spec.resources
    if whole is not None and (whole.requests or whole.limits):
        return ""
    wanted = sorted({*names} & {*_MUST_SAY})
    missing: dict[str, set[str]] = {}
    for container in (*pod.spec.containers, *(pod.spec.init_containers or ())):
        resources = container.resources
        said = _computed(
            (resources.requests if resources is not None else None) or {},
            (resources.limits if resources is not None else None) or {},
        )
        for name in wanted:
            if name not in said:
                missing.setdefault(name, set()).add(container.name)
    return "; ".join([f"{name} for: {','.join(sorted(missing[name]))}" for name in wanted if name in missing])


def is_charged(pod: Any, now: Instant) -> bool:
    """Tell whether a pod uses anything: it has not ended, and is not overdue to be gone since its grace is over."""
    if pod.status is not None and pod.status.phase in _ENDED:
        return False
    metadata = pod.metadata
    gone, grace = metadata.deletion_timestamp, metadata.deletion_grace_period_seconds
    return gone is None or grace is None or now <= gone.instant + grace * SECOND


def is_terminating(pod: Any) -> bool:
    """Tell whether a pod's time is limited: what the scope Terminating means."""
    seconds = pod.spec.active_deadline_seconds
    return seconds is not None and seconds >= 0


def _is_tracked(resource: str, name: str) -> bool:
    if name == f"count/{resource}":
        return True
    match resource:
        case "pods":
            bare = name.removeprefix(_REQUESTS)
            known = bare in _COMPUTED or name == "pods" or name.removeprefix("limits.") in _COMPUTED
            return known or bare.startswith(_HUGE_PAGES) or (bare != name and _is_extended(name))
        case "services":
            return name in ("services", "services.nodeports", "services.loadbalancers")
        case "persistentvolumeclaims":
            return name in _CLAIMS or any(name.endswith(_BY_CLASS + each) for each in _CLAIMS)
        case "resourceclaims.resource.k8s.io":
            return name.endswith(_BY_DEVICE_CLASS)
        case _:
            return resource in _BY_COUNT and name == resource


def _is_extended(name: str) -> bool:
    """Tell whether a resource's name, in a quota after `requests.`, is neither Kubernetes' own nor that of claims."""
    return name.removeprefix(_REQUESTS).startswith(_DEVICE_CLASS) or (
        "/" in name and _NATIVE not in name and _BY_CLASS not in name
    )


def _of_pod(pod: Any, now: Instant) -> dict[str, Quantity]:
    found = {"count/pods": _ONE}
    if not is_charged(pod, now):
        return found
    spec = pod.spec
    requests = amounts.with_overhead(amounts.of_pod(spec, "requests"), spec, only_known=False)
    limits = amounts.with_overhead(amounts.of_pod(spec, "limits"), spec, only_known=True)
    return {**found, "pods": _ONE, **_computed(requests, limits)}


def _computed(requests: amounts.Amounts, limits: amounts.Amounts) -> dict[str, Quantity]:
    """Give requests and limits by the names that quotas limit."""
    found = {}
    for name in _COMPUTED:
        if name in requests:
            found[name] = found[_REQUESTS + name] = requests[name]
        if name in limits:
            found[f"limits.{name}"] = limits[name]
    for name, amount in requests.items():
        if name.startswith(_HUGE_PAGES):
            found[name] = found[_REQUESTS + name] = amount
        elif _is_extended(name):
            found[_REQUESTS + name] = amount
    return found


def _of_service(service: Any) -> dict[str, Quantity]:
    spec = service.spec
    ports = spec.ports or () if spec is not None else ()
    kind = spec.type if spec is not None else None
    taken = 0
    if kind == "NodePort" or (kind == "LoadBalancer" and spec.allocate_load_balancer_node_ports is not False):
        taken = len(ports)
    elif kind == "LoadBalancer":
        taken = len([port for port in ports if port.node_port])
    return {
        "count/services": _ONE,
        "services": _ONE,
        "services.loadbalancers": _ONE if kind == "LoadBalancer" else _NONE,
        "services.nodeports": Quantity.of(nanos=taken * NANO),
    }


def _of_claim(claim: Any) -> dict[str, Quantity]:
    spec, found = claim.spec, {"persistentvolumeclaims": _ONE, "count/persistentvolumeclaims": _ONE}
    asked = (spec.resources.requests if spec is not None and spec.resources is not None else None) or {}
    storage = asked.get("storage")
    if storage is not None:
        status = claim.status.allocated_resources if claim.status is not None else None
        allocated = (status or {}).get("storage")
        storage = allocated if allocated is not None and allocated > storage else storage
        if storage.nanos % NANO:
            storage = Quantity.of(nanos=storage.whole * NANO, form=storage.form)
        found["requests.storage"] = storage
    annotations = (claim.metadata.annotations if claim.metadata is not None else None) or {}
    name = annotations.get("volume.beta.kubernetes.io/storage-class") or (spec.storage_class_name if spec else None)
    if name:
        found |= {f"{name}{_BY_CLASS}{each}": found[each] for each in _CLAIMS if each in found}
    return found


def _of_device_claim(claim: Any) -> dict[str, Quantity]:
    """Give how many devices of each class a claim can be given at most."""
    found = {f"count/{_DEVICES}": 1}
    for request in claim.spec.devices.requests or () if claim.spec.devices is not None else ():
        ways = request.first_available or (() if request.exactly is None else (request.exactly,))
        most: dict[str, int] = {}
        for way in ways:
            name = f"{way.device_class_name}{_BY_DEVICE_CLASS}"
            most[name] = max(most.get(name, 0), _devices(way))
        for name, count in most.items():
            found[name] = found.get(name, 0) + count
    return {name: Quantity.of(nanos=count * NANO) for name, count in found.items()}


def _devices(way: Any) -> int:
    match way.allocation_mode:
        case "ExactCount":
            return int(way.count or 0)
        case "All":
            return _MOST_DEVICES
        case _:
            return 0


def _is_of(resource: str, obj: Any, scope: str, operator: str, values: tuple[str, ...]) -> bool:
    if resource == "pods":
        return _is_pod_of(obj, scope, operator, values)
    if resource == "persistentvolumeclaims" and scope == "VolumeAttributesClass":
        status, name = obj.status, obj.spec.volume_attributes_class_name
        names = {name, status.current_volume_attributes_class_name if status is not None else None} - {None, ""}
        return any(_fits(each, operator, values) for each in names) if names else _fits("", operator, values)
    return False


def _is_pod_of(pod: Any, scope: str, operator: str, values: tuple[str, ...]) -> bool:
    match scope:
        case "Terminating":
            return is_terminating(pod)
        case "NotTerminating":
            return not is_terminating(pod)
        case "BestEffort":
            return qos_class(pod.spec) == "BestEffort"
        case "NotBestEffort":
            return qos_class(pod.spec) != "BestEffort"
        case "PriorityClass":
            return _fits(pod.spec.priority_class_name or "", operator, values)
        case "CrossNamespacePodAffinity":
            return _looks_elsewhere(pod.spec.affinity)
        case _:
            return False


def _fits(name: str, operator: str, values: tuple[str, ...]) -> bool:
    """Tell whether a name, empty for none, is what a scope selector wants."""
    match operator:
        case "In":
            return bool(name) and name in values
        case "NotIn":
            return name not in values or not name
        case "DoesNotExist":
            return not name
        case _:
            return bool(name)


def _looks_elsewhere(affinity: Any) -> bool:
    """Tell whether an affinity is to pods of other namespaces."""
    for side in (affinity.pod_affinity, affinity.pod_anti_affinity) if affinity is not None else ():
        if side is None:
            continue
        terms = list(side.required_during_scheduling_ignored_during_execution or ())
        terms += [each.pod_affinity_term for each in side.preferred_during_scheduling_ignored_during_execution or ()]
        if any(term.namespaces or term.namespace_selector is not None for term in terms):
            return True
    return False
