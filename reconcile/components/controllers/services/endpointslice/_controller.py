"""
The endpoint slice controller: one service at a time.

Takes:    Ask.
Gives:    Outcome.
Source:   k8s.io/endpointslice: reconciler.go, utils.go, endpointslice_tracker.go; trafficdist.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from reconcile.api import core_v1, discovery_v1, meta_v1
from reconcile.components.controllers.answers import is_done, message_of, namespace_ends
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
from reconcile.components.controllers.services.endpointslice import _hinting as hinting
from reconcile.components.controllers.services.endpointslice._packing import Packed, pack
from reconcile.effects import Record
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.conditions import is_true
from reconcile.model.owners import owner_reference
from reconcile.model.requests import Request, Response, split_key
from reconcile.store import Change

NAME: Final = "endpointslice"
RESOURCE: Final = "endpointslices.discovery.k8s.io"
SERVICE_NAME: Final = "kubernetes.io/service-name"
MANAGED_BY: Final = "endpointslice.kubernetes.io/managed-by"
MANAGER: Final = "endpointslice-controller.k8s.io"
RETRIES: Final = 15

# The controller's own labels: a service's labels of these names are not copied.
_RESERVED: Final = (SERVICE_NAME, MANAGED_BY, backends.MANAGED_HEADLESS)
_NO_LABELS: Final[Map[str]] = Map()
_SAME_ZONE: Final = ("PreferClose", "PreferSameZone")
_ZONES: Final = "zones"  # in the memory what is known of nodes stands beside the services, whose keys have a slash
_NO_HINTS: Final = hinting.Hinted()


@quick
@attrs.frozen(weakref_slot=False)
class Synced:
    """
    What the last sync of a service left.

    Args:
        seen: the service and the pods that it was made from.
        slices: (uid, generation) that each of its slices was answered to have: a cache that knows less is stale.
        why: not empty: why it must be done anew, whatever it was made from.
        lost: someone else deleted a slice.
        hinted: the hints that it was given because its annotation asks for them.
    """

    seen: backends.Seen
    slices: tuple[tuple[str, int], ...]
    why: str = ""
    lost: bool = False
    hinted: hinting.Hinted = _NO_HINTS


@quick
@attrs.frozen(weakref_slot=False)
class _Plan:
    """What one sync is to write: slices of every address type together; the hints by zone, and what to tell of them."""

    creates: tuple[discovery_v1.EndpointSlice, ...]
    updates: tuple[discovery_v1.EndpointSlice, ...]
    deletes: tuple[discovery_v1.EndpointSlice, ...]
    hinted: hinting.Hinted = _NO_HINTS
    told: tuple[hinting.Told, ...] = ()


def keys_of_slice(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the service's key, if the slice is this controller's: someone may have changed it."""
    metadata = (change.new or change.old).metadata
    labels = metadata.labels or _NO_LABELS
    name = labels.get(SERVICE_NAME)
    return (f"{metadata.namespace}/{name}",) if name and labels.get(MANAGED_BY) == MANAGER else ()


def keys_of_node(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the services with hints by zone, if a node comes or goes, is ready or not, or moves to another zone."""
    hinted = views.table("services").keys_under("asks", "hints")
    return tuple(hinted) if hinted and hinting.matters(change.old, change.new) else ()


def observe(memory: Table[Key, Any], change: Change, views: Views, _: Instant) -> Table[Key, Any]:
    """Forget a slice that someone else deleted, and that its service is as it was synced."""
    if change.new is not None or change.resource != RESOURCE:
        return memory
    uid = change.old.metadata.uid
    for key in keys_of_slice(change, views):
        last = memory.get(key, None)
        if last is not None and any(known[0] == uid for known in last.slices):
            left = tuple([known for known in last.slices if known[0] != uid])
            return memory.set(key, Synced(last.seen, left, last.why, lost=True, hinted=last.hinted))
    return memory


def reconcile(ask: Ask) -> Outcome:
    """Bring the slices of one service in line with its pods."""
    if ask.answers:
        return _answered(ask)
    memory: Table[Key, Any] = ask.memory
    service = ask.views.get("services", ask.key)
    if service is None:
        # Its slices are the garbage collector's.
        return Outcome(memory=memory.remove(ask.key) if ask.key in memory else memory)
    if not backends.is_served(service):
        return Outcome()
    last = memory.get(ask.key, None)
    slices = _slices_of(service, ask.views)
    if last is not None and _is_stale(last, slices):
        return Outcome(error="EndpointSlice informer cache is out of date")
    pods = backends.pods_behind(service, ask.views)
    before = None if last is None else last.seen
    seen, triggered = backends.seen_now(service, pods, before, _rows_of(service, ask.views))
    present = tuple([(slice_.metadata.uid, slice_.metadata.generation or 0) for slice_ in slices])
    hinted, zones = _NO_HINTS if last is None else last.hinted, None
    if hinting.asks(service):
        memory, zones = _with_zones(memory, ask.views)
    is_same = last is not None and last == Synced(seen, present, hinted=hinted)
    if is_same and (zones is None or not hinting.overloaded(hinted, zones)):
        return Outcome() if zones is None else Outcome(memory=memory)
    plan, missing = _planned(service, seen, slices, zones, hinted)
    calls = _calls(service, plan, triggered)
    gone = {slice_.metadata.uid for slice_ in plan.deletes if slice_.metadata is not None}
    left = tuple([known for known in present if known[0] not in gone])
    memory = memory.set(ask.key, Synced(seen, left, missing, hinted=plan.hinted))
    told = tuple([Record(service, *each) for each in plan.told])
    if calls:
        return Outcome(calls=calls, memory=memory, again=True, records=told)
    return Outcome(memory=memory, records=(*told, *(_failed(service, missing) if missing else ())), error=missing)


def _with_zones(memory: Table[Key, Any], views: Views) -> tuple[Table[Key, Any], hinting.Ratios]:
    """Give what is known of the zones' processors, and the memory with it: nodes are looked at once for each change."""
    known, revision = memory.get(_ZONES, None), views.revision("nodes")
    if known is None or known[0] != revision:
        known = (revision, hinting.ratios(views.table("nodes")))
        memory = memory.set(_ZONES, known)
    return memory, known[1]


def _answered(ask: Ask) -> Outcome:
    """Remember what the slices were answered to be; come back if one was refused."""
    last: Synced | None = ask.memory.get(ask.key, None)
    if last is None:
        return Outcome()
    known = dict(last.slices)
    why = last.why
    for request, response in ask.answers:
        if not response.ok:
            why = why or _why_not(request, response, split_key(ask.key)[1])
        elif request.verb != "delete":
            known[response.body.metadata.uid] = response.body.metadata.generation or 0
    memory = ask.memory.set(ask.key, Synced(last.seen, tuple(sorted(known.items())), why, hinted=last.hinted))
    service = ask.views.get("services", ask.key)
    records = _failed(service, why) if why and service is not None else ()
    return Outcome(memory=memory, records=records, error=why)


def _why_not(request: Request, response: Response, service: str) -> str:
    """Say why a slice was not written; empty if that does not matter."""
    if (request.verb == "delete" and is_done(response)) or namespace_ends(response):
        return ""
    which = f" {request.name}" if request.name else ""
    return f"failed to {request.verb}{which} EndpointSlice for Service {service}: {message_of(response)}"


def _failed(service: Any, why: str) -> tuple[Record, ...]:
    """Say that the service's slices are not as they should be."""
    metadata = service.metadata
    said = f"Error updating Endpoint Slices for Service {metadata.namespace}/{metadata.name}: {why}"
    return (Record(service, "Warning", "FailedToUpdateEndpointSlices", said),)


def _slices_of(service: Any, views: Views) -> tuple[Any, ...]:
    filed = (service.metadata.namespace, service.metadata.name)
    slices = views.table(RESOURCE).under("service", filed)
    return tuple(
        sorted(
            [slice_ for slice_ in slices if (slice_.metadata.labels or _NO_LABELS).get(MANAGED_BY) == MANAGER],
            key=lambda slice_: slice_.metadata.uid or "",
        )
    )


def _is_stale(last: Synced, slices: tuple[Any, ...]) -> bool:
    """Tell whether the cache has not seen yet what was written: a slice that it lacks was not deleted by us."""
    there = {slice_.metadata.uid: slice_.metadata.generation or 0 for slice_ in slices}
    return any(there.get(uid, -1) < generation for uid, generation in last.slices)


def _planned(
    service: Any,
    seen: backends.Seen,
    slices: tuple[Any, ...],
    zones: hinting.Ratios | None,
    hinted: hinting.Hinted,
) -> tuple[_Plan, str]:
    """Decide what to write, and say which pod had to be left out for now; *zones* are None if no hints go by them."""
    types = backends.families(service)
    labels = _labels(service)
    wanted: dict[str, dict[Any, dict[Any, discovery_v1.Endpoint]]] = {address_type: {} for address_type in types}
    missing = group_type = ""
    group_ports: Any = None
    group: dict[Any, discovery_v1.Endpoint] = {}
    for entry in seen.pods:
        if entry.row.__class__ is str:
            missing = missing or entry.row
            continue
        for address_type, ports, uid, endpoint in entry.row:
            if address_type is not group_type or ports is not group_ports:  # it costs to hash ports
                group_type, group_ports = address_type, ports
                group = wanted[address_type].setdefault(ports, {})
            group[uid] = endpoint
    creates: list[discovery_v1.EndpointSlice] = []
    updates: list[discovery_v1.EndpointSlice] = []
    deletes: list[discovery_v1.EndpointSlice] = [slice_ for slice_ in slices if slice_.address_type not in types]
    told = hinting.unhinted(service, types, hinted)
    hinted = hinted if zones is not None else _NO_HINTS
    for slice_ in deletes:
        hinted = hinted.without(slice_.address_type)
    for address_type in types:
        own = tuple([slice_ for slice_ in slices if slice_.address_type == address_type])
        packed = _packed(service, address_type, wanted[address_type], own, labels)
        if zones is not None:
            packed = _hinted(packed, address_type, own, zones, hinted)
            hinted, told = packed.hinted, [*told, *packed.told]
        packed = _written_over(packed)
        creates += packed.creates
        updates += packed.updates
        deletes += packed.deletes
    return _Plan(tuple(creates), tuple(updates), tuple(deletes), hinted, tuple(told)), missing


def _hinted(
    plan: _Plan, address_type: str, own: tuple[Any, ...], zones: hinting.Ratios, hinted: hinting.Hinted
) -> _Plan:
    """Give a plan for one address type in which every slice has the hints that it is to have."""
    written = {slice_.metadata.uid for slice_ in (*plan.updates, *plan.deletes) if slice_.metadata is not None}
    kept = [slice_ for slice_ in own if slice_.metadata.uid not in written]
    creates, updates, hinted, told = hinting.hint(
        address_type, (list(plan.creates), list(plan.updates)), kept, zones, hinted
    )
    return _Plan(tuple(creates), tuple(updates), plan.deletes, hinted, () if told is None else (told,))


def _packed(
    service: Any,
    address_type: str,
    wanted: dict[Any, dict[Any, discovery_v1.Endpoint]],
    slices: tuple[Any, ...],
    labels: Map[str],
) -> _Plan:
    """Pack each set of ports by itself; slices of ports that nobody wants go, or become the new ones."""
    creates: list[Any] = []
    updates: list[Any] = []
    deletes: list[Any] = []
    kept = 0
    by_ports: dict[Any, list[Any]] = {}
    for slice_ in slices:
        by_ports.setdefault(slice_.ports or (), []).append(slice_)
    for ports, endpoints in wanted.items():
        existing = tuple(by_ports.pop(ports, ()))
        if hinting.asks(service):  # what these are to be follows from the slices, not from the pods
            existing = tuple([hinting.bare(slice_) for slice_ in existing])
        packed: Packed = pack(existing, endpoints, tuple([s for s in existing if s.metadata.labels != labels]))
        creates += [_new(service, address_type, ports, entry, labels) for entry in packed.creates]
        updates += [_labelled(slice_, labels) for slice_ in packed.updates]
        deletes += packed.deletes
        kept += len(packed.kept)
    deletes += [slice_ for left in by_ports.values() for slice_ in left]
    if not kept and not updates and not creates:
        # A service without endpoints has one empty slice, which says that it is served.
        empty = [slice_ for slice_ in deletes if not slice_.endpoints and not slice_.ports]
        if empty and empty[0].metadata.labels == labels:
            deletes.remove(empty[0])
        else:
            creates.append(_new(service, address_type, (), (), labels))
    return _Plan(tuple(creates), tuple(updates), tuple(deletes))


def _written_over(plan: _Plan) -> _Plan:
    """Give a plan that writes over slices that are to go: that spares calls."""
    if not plan.creates or not plan.deletes:
        return plan
    creates, updates = list(plan.creates), list(plan.updates)
    deletes: list[Any] = list(plan.deletes)
    while creates and deletes and deletes[0].metadata.deletion_timestamp is None:
        old, new = deletes.pop(0), creates.pop(0)
        metadata = replace(old.metadata, labels=new.metadata.labels if new.metadata is not None else None)
        updates.append(replace(old, metadata=metadata, ports=new.ports, endpoints=new.endpoints))
    return _Plan(tuple(creates), tuple(updates), tuple(deletes))


def _rows_of(service: Any, views: Views) -> Callable[[Any], Any]:
    """
    Give what tells of a pod its endpoints: (address type, ports, uid, endpoint) for each family.

    It is a text, that says why, if the pod must be left out for now.
    """
    types = [(address_type, address_type == "IPv6") for address_type in backends.families(service)]
    publishes = bool(service.spec.publish_not_ready_addresses)
    fixed = None if backends.has_named_targets(service) else _ports(service, None)
    nodes = views.table("nodes")

    def row(pod: Any) -> Any:
        if pod.status is None or not pod.status.pod_ip or backends.is_finished(pod):
            return ()
        node = nodes.get(pod.spec.node_name or "")
        if node is None and not publishes:
            name = pod.metadata.name
            return f'skipping Pod {name} for Service {service.metadata.name}: Node "{pod.spec.node_name}" not found'
        ports = _ports(service, pod) if fixed is None else fixed
        found = [(address_type, backends.address_of(pod, ipv6=ipv6)) for address_type, ipv6 in types]
        return tuple(
            [
                (address_type, ports, pod.metadata.uid, _endpoint(service, pod, ip, node))
                for address_type, ip in found
                if ip is not None
            ]
        )

    return row


def _endpoint(service: Any, pod: Any, ip: str, node: Any) -> discovery_v1.Endpoint:
    spec, metadata = pod.spec, pod.metadata
    serving = is_true(pod.status.conditions, "Ready")
    terminating = metadata.deletion_timestamp is not None
    ready = bool(service.spec.publish_not_ready_addresses) or (serving and not terminating)
    zone = None if node is None else (node.metadata.labels or _NO_LABELS).get(hinting.ZONE)
    reference = core_v1.ObjectReference(kind="Pod", namespace=metadata.namespace, name=metadata.name, uid=metadata.uid)
    return discovery_v1.Endpoint(
        addresses=(ip,),
        conditions=discovery_v1.EndpointConditions(ready=ready, serving=serving, terminating=terminating),
        hostname=backends.hostname_in(pod, service),
        hints=_hints(service, spec.node_name, zone) if ready else None,
        node_name=spec.node_name,
        target_ref=reference,
        zone=zone,
    )


def _hints(service: Any, node: str | None, zone: str | None) -> discovery_v1.EndpointHints | None:
    """Give what trafficDistribution asks: that proxies of the endpoint's own zone, or node, prefer it."""
    distribution = service.spec.traffic_distribution
    if distribution is None or hinting.asks(service):
        return None
    zones = (discovery_v1.ForZone(name=zone),) if zone else None
    if distribution in _SAME_ZONE:
        return discovery_v1.EndpointHints(for_zones=zones) if zones else None
    if distribution == "PreferSameNode" and node:
        return discovery_v1.EndpointHints(for_nodes=(discovery_v1.ForNode(name=node),), for_zones=zones)
    return None


def _ports(service: Any, pod: Any) -> tuple[discovery_v1.EndpointPort, ...]:
    ports = []
    for port in service.spec.ports or ():
        number = backends.target_port(port, pod)
        if number is not None:
            ports.append(
                discovery_v1.EndpointPort(
                    name=port.name or "", port=number, protocol=port.protocol, app_protocol=port.app_protocol
                )
            )
    return tuple(ports)


def _labels(service: Any) -> Map[str]:
    labels = {key: value for key, value in (service.metadata.labels or _NO_LABELS).items() if key not in _RESERVED}
    labels[SERVICE_NAME] = service.metadata.name
    labels[MANAGED_BY] = MANAGER
    if backends.is_headless(service):
        labels[backends.MANAGED_HEADLESS] = ""
    return Map(labels)


def _labelled(slice_: Any, labels: Map[str]) -> discovery_v1.EndpointSlice:
    if slice_.metadata.labels == labels:
        return slice_  # type: ignore[no-any-return]
    return replace(slice_, metadata=replace(slice_.metadata, labels=labels))  # type: ignore[no-any-return]


def _new(
    service: Any, address_type: str, ports: Any, endpoints: tuple[discovery_v1.Endpoint, ...], labels: Map[str]
) -> discovery_v1.EndpointSlice:
    metadata = meta_v1.ObjectMeta(
        generate_name=f"{service.metadata.name}-",
        namespace=service.metadata.namespace,
        labels=labels,
        owner_references=(owner_reference(service),),
    )
    return discovery_v1.EndpointSlice(
        address_type=address_type, metadata=metadata, endpoints=endpoints, ports=ports or None
    )


def _calls(service: Any, plan: _Plan, triggered: str | None) -> tuple[Request, ...]:
    namespace = service.metadata.namespace
    calls = [
        Request(verb="create", resource=RESOURCE, namespace=namespace, body=_dated(slice_, triggered))
        for slice_ in plan.creates
    ]
    calls += [
        Request(
            verb="update",
            resource=RESOURCE,
            namespace=namespace,
            name=slice_.metadata.name or "",
            body=_dated(slice_, triggered),
        )
        for slice_ in plan.updates
        if slice_.metadata is not None
    ]
    calls += [
        Request(verb="delete", resource=RESOURCE, namespace=namespace, name=slice_.metadata.name or "")
        for slice_ in plan.deletes
        if slice_.metadata is not None
    ]
    return tuple(calls)


def _dated(slice_: Any, triggered: str | None) -> discovery_v1.EndpointSlice:
    """Give the slice with the annotation that says since when its news was waiting, or without it."""
    old = slice_.metadata.annotations or _NO_LABELS
    new = old.remove(backends.LAST_CHANGE) if triggered is None else old.set(backends.LAST_CHANGE, triggered)
    if new is old:
        return slice_  # type: ignore[no-any-return]
    return replace(slice_, metadata=replace(slice_.metadata, annotations=new or None))  # type: ignore[no-any-return]


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(
        Source("services", keys_of_itself, observed=False),
        Source("pods", backends.services_of_pod, observed=False),
        Source(RESOURCE, keys_of_slice),
        Source("nodes", keys_of_node, observed=False),
    ),
    reconcile=reconcile,
    memory=Table,
    observe=observe,
    workers=5,
    retries=RETRIES,
    back_off=(SECOND, 1000 * SECOND),
    component="endpoint-slice-controller",
    user=service_account("endpointslice-controller"),
)
