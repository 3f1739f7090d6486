"""
Backends: which pods stand behind a service, and what of a pod matters to it, for Endpoints and EndpointSlices alike.

Takes:    changes of pods, services, informer caches.
Gives:    keys of services, pods, ports, trigger times.
Source:   k8s.io/endpointslice/util: controller_utils.go, trigger_time_tracker.go; pkg/api/v1/pod: FindPort.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.runtime import Key, Views
from reconcile.lib.quick import quick
from reconcile.model.conditions import find
from reconcile.model.selectors import matches_all
from reconcile.store import Change
from reconcile.store.indexes import is_ready

MANAGED_HEADLESS: Final = "service.kubernetes.io/headless"
LAST_CHANGE: Final = "endpoints.kubernetes.io/last-change-trigger-time"

_FINISHED: Final = ("Succeeded", "Failed")


@quick
@attrs.frozen(weakref_slot=False)
class Entry:
    """
    What the last sync of a service made of one pod.

    Args:
        name: the pod's.
        version: its resourceVersion then.
        triggered: when its readiness last changed, 0 if nothing says.
        row: what it contributes; a text says why that could not be found out, and is not kept.
    """

    name: str
    version: str
    triggered: int
    row: Any


@quick
@attrs.frozen(weakref_slot=False)
class Seen:
    """
    What the last sync of a service was made from.

    Args:
        created: the service's creationTimestamp, as an instant.
        version: its resourceVersion.
        pods: of each pod that it selected, in key order.
    """

    created: int
    version: str
    pods: tuple[Entry, ...]


def services_of_pod(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the keys of the services to which a pod's change matters; none if it is the same backend as before."""
    old, new = change.old, change.new
    if (
        new is not None
        and (new.status is None or not new.status.pod_ip)
        and (old is None or old.status is None or not old.status.pod_ip)
    ):
        return ()  # before it has an address
    before = None if old is None else _backend(old)
    after = None if new is None else _backend(new)
    if before is None and after is None:
        return ()
    services = views.table("services")
    if not services:
        return ()
    before_labels = None if before is None else old.metadata.labels
    after_labels = None if after is None else new.metadata.labels
    namespace = (new or old).metadata.namespace
    if before_labels is after_labels or before_labels == after_labels:
        return () if before == after else _selecting(services, namespace, after_labels)
    found = _selecting(services, namespace, before_labels)
    return (*found, *[key for key in _selecting(services, namespace, after_labels) if key not in found])


def is_finished(pod: Any) -> bool:
    """Tell whether the pod has run to its end: it serves nothing any more."""
    return pod.status is not None and pod.status.phase in _FINISHED


def is_served(service: Any) -> bool:
    """Tell whether the control plane finds this service's backends: it has a selector, and is no mere name."""
    return bool(service.spec.selector) and service.spec.type != "ExternalName"


def is_headless(service: Any) -> bool:
    """Tell whether the service has no address of its own."""
    return service.spec.cluster_ip in (None, "", "None")


def pods_behind(service: Any, views: Views) -> tuple[Any, ...]:
    """Give the pods that the service selects, in key order: from the smallest of its labels' buckets."""
    pods = views.table("pods")
    namespace, wanted = service.metadata.namespace, service.spec.selector
    filed = [(namespace, key, value) for key, value in wanted.items()]
    if len(filed) == 1:
        return pods.under("label", filed[0])
    smallest = min(filed, key=lambda label: pods.count("label", label))
    return tuple([pod for pod in pods.under("label", smallest) if matches_all(wanted, pod.metadata.labels)])


def target_port(port: core_v1.ServicePort, pod: Any) -> int | None:
    """Give the number of the pod's port that *port* leads to; None if the pod has no port of that name and protocol."""
    target = port.target_port
    if target is None or target == 0:
        return port.port
    if isinstance(target, int):
        return target
    restartable = [container for container in pod.spec.init_containers or () if container.restart_policy == "Always"]
    for container in (*pod.spec.containers, *restartable):
        for offered in container.ports or ():
            if offered.name == target and (offered.protocol or "TCP") == (port.protocol or "TCP"):
                return int(offered.container_port)
    return None


def has_named_targets(service: Any) -> bool:
    """Tell whether some port of the service can be another number in each pod."""
    return any(isinstance(port.target_port, str) for port in service.spec.ports or ())


def hostname_in(pod: Any, service: Any) -> str | None:
    """Give the pod's hostname if the service is its subdomain, and so gives it a DNS name."""
    spec = pod.spec
    return spec.hostname if spec.hostname and spec.subdomain == service.metadata.name else None


def address_of(pod: Any, *, ipv6: bool) -> str | None:
    """Give the pod's address in one family."""
    status = pod.status
    if status.pod_ips and len(status.pod_ips) > 1:
        for entry in status.pod_ips:
            if (":" in entry.ip) is ipv6:
                return str(entry.ip)
        return None
    return status.pod_ip if status.pod_ip and (":" in status.pod_ip) is ipv6 else None


def families(service: Any) -> tuple[str, ...]:
    """Give the service's address families, IPv4 and IPv6, its first one first."""
    spec = service.spec
    if spec.ip_families:
        return tuple(spec.ip_families)
    return ("IPv6",) if spec.cluster_ip and ":" in spec.cluster_ip else ("IPv4",)


def seen_now(
    service: Any, pods: Sequence[Any], last: Seen | None, row: Callable[[Any], Any]
) -> tuple[Seen, str | None]:
    """
    Give what a sync of *service* with *pods* is made from, and when the first of its news happened.

    Args:
        service: what is synced.
        pods: those that it selects.
        last: what the last sync was made from; it spares a look at pods that are the same.
        row: what a pod contributes.

    Returns:
        For the second: the earliest of the instants that changed since the last sync, as text; None if nothing says.
        For a service that was not synced before it is its creation.
    """
    metadata = service.metadata
    created = 0 if metadata.creation_timestamp is None else metadata.creation_timestamp.instant
    version = metadata.resource_version
    known = {} if last is None else {entry.name: entry for entry in last.pods}
    is_same_service = last is not None and last.version == version
    entries, news = [], []
    for pod in pods:
        about = pod.metadata
        entry = known.get(about.name)
        if (
            entry is None
            or not is_same_service
            or entry.version != about.resource_version
            or entry.row.__class__ is str
        ):
            triggered = _triggered(pod)
            if triggered and (entry is None or triggered > entry.triggered):
                news.append(triggered)
            entry = Entry(about.name, about.resource_version, triggered, row(pod))
        entries.append(entry)
    seen = Seen(created, version, tuple(entries))
    if last is None:
        return seen, Time(created).text if created else None
    if created > last.created:
        news.append(created)
    return seen, Time(min(news)).text if news else None


def _backend(pod: Any) -> tuple[Any, ...] | None:
    """Give all that a service could see of a pod, beside its labels; None if no service sees anything of it."""
    status = pod.status
    if status is None or not status.pod_ip or status.phase in _FINISHED:
        return None
    metadata = pod.metadata
    return (
        is_ready(pod),
        status.pod_ip,
        status.pod_ips,
        metadata.deletion_timestamp is not None,
        pod.spec.node_name,
        metadata.uid,
    )


def _selecting(services: Any, namespace: str, labels: Any) -> tuple[Key, ...]:
    found: list[Key] = []
    for pair in (labels or {}).items():
        keys = services.keys_under("selector", (namespace, *pair))
        found += [key for key in keys if matches_all(services[key].spec.selector, labels)]
    return tuple(found)


def _triggered(pod: Any) -> int:
    ready = None if pod.status is None else find(pod.status.conditions, "Ready")
    if ready is None or ready.last_transition_time is None:
        return 0
    return int(ready.last_transition_time.instant)
