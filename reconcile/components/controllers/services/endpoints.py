"""
Endpoints: for each service with a selector an object of the same name, with the addresses and ports of its pods.

Takes:    changes of services, pods, endpoints.
Gives:    create, update, delete of endpoints.
Source:   pkg/controller/endpoint: endpoints_controller.go, endpoints_tracker.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import message_of, namespace_ends, text_of
from reconcile.components.controllers.runtime import (
    Ask,
    Controller,
    Key,
    Outcome,
    Source,
    Views,
    keys_of_itself,
    service_account,
)
from reconcile.components.controllers.services import backends
from reconcile.components.controllers.services.subsets import Row, packed, sorted_ports
from reconcile.effects import Record
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.conditions import is_true
from reconcile.model.requests import Request, split_key
from reconcile.store import Change

NAME: Final = "endpoints"
MANAGED_BY: Final = "endpoints.kubernetes.io/managed-by"
MANAGER: Final = "endpoint-controller"
OVER_CAPACITY: Final = "endpoints.kubernetes.io/over-capacity"
LEADER: Final = "control-plane.alpha.kubernetes.io/leader"
MOST_ADDRESSES: Final = 1000
RETRIES: Final = 15

_FAILED: Final = {
    "create": ("FailedToCreateEndpoint", "create endpoint for service"),
    "update": ("FailedToUpdateEndpoint", "update endpoint"),
}

_NO_LABELS: Final[Map[str]] = Map()


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """
    What the controller remembers, by the service's key.

    Args:
        seen: what the last sync was made from.
        stale: the resourceVersion of Endpoints that it wrote over: a cache that still shows it is out of date.
    """

    seen: Table[Key, backends.Seen] = attrs.field(factory=Table)
    stale: Table[Key, str] = attrs.field(factory=Table)


def keys_of_endpoints(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the service's key if its Endpoints were deleted, or are ours and the service is gone."""
    endpoints = change.new
    if endpoints is None:
        return (change.key,)
    if change.old is not None or (endpoints.metadata.labels or _NO_LABELS).get(MANAGED_BY) != MANAGER:
        return ()
    return () if views.get("services", change.key) is not None else (change.key,)


def reconcile(ask: Ask) -> Outcome:
    """Bring the Endpoints of one service in line with its pods."""
    if ask.answers:
        return _answered(ask)
    memory: Memory = ask.memory
    service = ask.views.get("services", ask.key)
    current = ask.views.get("endpoints", ask.key)
    if service is None:
        return _without_service(ask, current)
    if not backends.is_served(service) or _is_lock(current):
        return Outcome()
    if current is not None and memory.stale.get(ask.key, None) == current.metadata.resource_version:
        return Outcome(error=f"endpoints informer cache is out of date: {current.metadata.resource_version}")
    pods = backends.pods_behind(service, ask.views)
    seen, triggered = backends.seen_now(service, pods, memory.seen.get(ask.key, None), _rows_of(service))
    memory = Memory(memory.seen.set(ask.key, seen), memory.stale)
    subsets, truncated = _truncated(packed([entry.row for entry in seen.pods]))
    labels = _labels(service)
    if current is not None and _is_same(current, subsets, labels, truncated=truncated):
        return Outcome(memory=memory)
    annotations = _annotations(current, triggered, truncated=truncated)
    return Outcome(calls=(_write(service, current, subsets, labels, annotations),), memory=memory, again=True)


def _answered(ask: Ask) -> Outcome:
    """Say that the Endpoints could not be written; where the namespace is being deleted none are missed."""
    request, response = ask.answers[0]
    if response.ok and request.verb == "update":
        stale = ask.memory.stale.set(ask.key, request.body.metadata.resource_version)
        return Outcome(memory=Memory(ask.memory.seen, stale))
    if response.ok or namespace_ends(response):
        return Outcome()
    reason, what = _FAILED[request.verb]
    said = f"Failed to {what} {ask.key}: {message_of(response)}"
    record = Record(request.body, "Warning", reason, said)
    return Outcome(records=(record,), error=text_of(response))


def subsets_of(service: core_v1.Service, pods: Iterable[core_v1.Pod]) -> tuple[core_v1.EndpointSubset, ...]:
    """Give the canonical subsets of a service for the *pods* that it selects, all sorted."""
    row = _rows_of(service)
    return packed([row(pod) for pod in pods])


def _rows_of(service: Any) -> Callable[[Any], Row | None]:
    """Give what tells of a pod its ports, whether it is ready, and its address; None if it is no backend."""
    spec = service.spec
    publishes, ipv6 = bool(spec.publish_not_ready_addresses), backends.families(service)[0] == "IPv6"
    fixed = None if backends.has_named_targets(service) else _ports(service, None)
    may_lack_ports = not spec.ports and spec.cluster_ip == "None"

    def row(pod: Any) -> Row | None:
        status = pod.status
        if status is None or not status.pod_ip or backends.is_finished(pod):
            return None
        if pod.metadata.deletion_timestamp is not None and not publishes:
            return None
        ip = backends.address_of(pod, ipv6=ipv6)
        ports = _ports(service, pod) if fixed is None else fixed
        if ip is None or not (ports or may_lack_ports):
            return None
        return (
            ports,
            publishes or is_true(status.conditions, "Ready"),
            (ip, pod.metadata.uid),
            _address(service, pod, ip),
        )

    return row


def _without_service(ask: Ask, current: Any) -> Outcome:
    memory: Memory = ask.memory
    if ask.key in memory.seen:
        stale = memory.stale.remove(ask.key) if ask.key in memory.stale else memory.stale
        memory = Memory(memory.seen.remove(ask.key), stale)
    if (current is None and memory is ask.memory) or _is_lock(current):
        return Outcome(memory=memory)
    namespace, name = split_key(ask.key)
    return Outcome(calls=(Request(verb="delete", resource="endpoints", namespace=namespace, name=name),), memory=memory)


def _is_lock(endpoints: Any) -> bool:
    """Tell whether these Endpoints are the lock of a leader election, which is none of this controller's business."""
    return endpoints is not None and LEADER in (endpoints.metadata.annotations or _NO_LABELS)


def _ports(service: Any, pod: Any) -> tuple[core_v1.EndpointPort, ...]:
    ports = []
    for port in service.spec.ports or ():
        number = backends.target_port(port, pod)
        if number is not None:
            ports.append(
                core_v1.EndpointPort(
                    name=port.name or None, port=number, protocol=port.protocol, app_protocol=port.app_protocol
                )
            )
    return sorted_ports(ports)


def _address(service: Any, pod: Any, ip: str) -> core_v1.EndpointAddress:
    metadata = pod.metadata
    reference = core_v1.ObjectReference(kind="Pod", namespace=metadata.namespace, name=metadata.name, uid=metadata.uid)
    hostname = backends.hostname_in(pod, service)
    return core_v1.EndpointAddress(ip=ip, node_name=pod.spec.node_name, hostname=hostname, target_ref=reference)


def _truncated(subsets: tuple[core_v1.EndpointSubset, ...]) -> tuple[tuple[core_v1.EndpointSubset, ...], bool]:
    """Keep at most 1,000 addresses, ready ones first, each subset its share; tell whether some had to go."""
    ready = sum([len(subset.addresses or ()) for subset in subsets])
    not_ready = sum([len(subset.not_ready_addresses or ()) for subset in subsets])
    if ready + not_ready <= MOST_ADDRESSES:
        return subsets, False
    left = max(MOST_ADDRESSES - ready, 0)
    shares = _shares([len(subset.addresses or ()) for subset in subsets], min(ready, MOST_ADDRESSES))
    rest = _shares([len(subset.not_ready_addresses or ()) for subset in subsets], left)
    kept = [
        replace(
            subset,
            addresses=(subset.addresses or ())[:share] or None,
            not_ready_addresses=(subset.not_ready_addresses or ())[:spare] or None,
        )
        for subset, share, spare in zip(subsets, shares, rest, strict=True)
    ]
    return tuple([subset for subset in kept if subset.addresses or subset.not_ready_addresses]), True


def _shares(sizes: list[int], most: int) -> list[int]:
    """Divide *most* in proportion to *sizes*; what rounding leaves over goes to the first that can take it."""
    total = sum(sizes)
    if total <= most:
        return sizes
    shares = [size * most // total for size in sizes]
    for place, size in enumerate(sizes):
        more = min(size - shares[place], most - sum(shares))
        shares[place] += more
    return shares


def _labels(service: Any) -> Map[str]:
    own = {MANAGED_BY: MANAGER}
    if backends.is_headless(service):
        own[backends.MANAGED_HEADLESS] = ""
    labels = service.metadata.labels or _NO_LABELS
    if backends.MANAGED_HEADLESS in labels and backends.MANAGED_HEADLESS not in own:
        labels = labels.remove(backends.MANAGED_HEADLESS)
    return Map({**labels, **own})


def _is_same(current: Any, subsets: Any, labels: Map[str], *, truncated: bool) -> bool:
    marked = (current.metadata.annotations or _NO_LABELS).get(OVER_CAPACITY) == "truncated"
    return (current.subsets or ()) == subsets and current.metadata.labels == labels and marked is truncated


def _annotations(current: Any, triggered: str | None, *, truncated: bool) -> Map[str] | None:
    old = _NO_LABELS if current is None else current.metadata.annotations or _NO_LABELS
    kept = {key: value for key, value in old.items() if key not in (backends.LAST_CHANGE, OVER_CAPACITY)}
    if triggered is not None:
        kept[backends.LAST_CHANGE] = triggered
    if truncated:
        kept[OVER_CAPACITY] = "truncated"
    return Map(kept) if kept else None


def _write(service: Any, current: Any, subsets: Any, labels: Map[str], annotations: Map[str] | None) -> Request:
    namespace, name = service.metadata.namespace, service.metadata.name
    if current is None:
        metadata = meta_v1.ObjectMeta(name=name, namespace=namespace, labels=labels, annotations=annotations)
        endpoints = core_v1.Endpoints(metadata=metadata, subsets=subsets or None)
        return Request(verb="create", resource="endpoints", namespace=namespace, body=endpoints)
    metadata = replace(current.metadata, labels=labels, annotations=annotations)
    endpoints = replace(current, metadata=metadata, subsets=subsets or None)
    return Request(verb="update", resource="endpoints", namespace=namespace, name=name, body=endpoints)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(
        Source("services", keys_of_itself),
        Source("pods", backends.services_of_pod),
        Source("endpoints", keys_of_endpoints),
    ),
    reconcile=reconcile,
    memory=Memory,
    workers=5,
    retries=RETRIES,
    component="endpoint-controller",
    user=service_account("endpoint-controller"),
)
