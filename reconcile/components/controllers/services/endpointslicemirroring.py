"""
Mirroring: the Endpoints that somebody wrote for a service without a selector are shown as EndpointSlices too.

Each subset is one slice of a family, with up to a thousand addresses, which is written over when the subset changes.

Takes:    changes of Endpoints, services, EndpointSlices.
Gives:    create, update, delete of EndpointSlices; Kubernetes Events about Endpoints.
Source:   pkg/controller/endpointslicemirroring.
Left out: nothing known.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import core_v1, discovery_v1, meta_v1
from reconcile.components.controllers.answers import is_done, namespace_ends, text_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.components.controllers.services import backends
from reconcile.components.controllers.services.endpoints import LEADER
from reconcile.components.controllers.services.endpointslice import MANAGED_BY, RESOURCE, SERVICE_NAME
from reconcile.components.controllers.services.subsets import repacked
from reconcile.effects import Record
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model.owners import owner_reference
from reconcile.model.requests import Request, split_key
from reconcile.model.text import names
from reconcile.store import Change

NAME: Final = "endpointslicemirroring"
MANAGER: Final = "endpointslicemirroring-controller.k8s.io"
SKIPPED: Final = "endpointslice.kubernetes.io/skip-mirror"
RETRIES: Final = 15
MOST_ADDRESSES: Final = 1000
"""Of one subset: kube-controller-manager --mirroring-max-endpoints-per-subset."""

_NOT_COPIED: Final = (backends.LAST_CHANGE, "kubectl.kubernetes.io/last-applied-configuration")
_OWN_LABELS: Final = (SERVICE_NAME, MANAGED_BY)
_NONE: Final[Map[str]] = Map()

# What makes an endpoint the same one: addresses, hostname, and what it is of.
_Identity: TypeAlias = tuple[Any, ...]


@quick
@attrs.frozen(weakref_slot=False)
class Synced:
    """
    What the last sync of a service left.

    Args:
        version: uid and resourceVersion of the Endpoints that it was made from; empty: it must be done anew.
        slices: (uid, generation) that each of its slices was answered to have: a cache that knows less is stale.
    """

    version: tuple[str, ...] = ()
    slices: tuple[tuple[str, int], ...] = ()


Tracked: TypeAlias = Table[Key, Synced]


@quick
@attrs.frozen(weakref_slot=False)
class _Wanted:
    """What is to be shown of one set of ports in one family."""

    address_type: str
    ports: tuple[discovery_v1.EndpointPort, ...]
    endpoints: dict[_Identity, discovery_v1.Endpoint]


def keys_of_endpoints(change: Change, views: Views) -> tuple[Key, ...]:
    """Give Endpoints that are, or were, to be mirrored; none where the service has a selector, as nearly all have."""
    old, new = change.old, change.new
    service = views.get("services", change.key)
    if service is not None and service.spec.selector:
        return ()
    return (change.key,) if _is_mirrored(old) or _is_mirrored(new) else ()


def keys_of_service(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a service without a selector that comes or goes, or one that gets or loses its selector."""
    old, new = change.old, change.new
    had = old is None or bool(old.spec.selector)
    has = new is None or bool(new.spec.selector)
    return () if had is has else (change.key,)


def keys_of_slice(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the services of a slice that is, or was, this controller's."""
    keys = [_service_of(obj) for obj in (change.old, change.new)]
    return tuple(dict.fromkeys([key for key in keys if key is not None]))


def _service_of(slice_: Any) -> Key | None:
    labels = None if slice_ is None else slice_.metadata.labels
    if not labels or labels.get(MANAGED_BY) != MANAGER or not labels.get(SERVICE_NAME):
        return None
    return f"{slice_.metadata.namespace}/{labels[SERVICE_NAME]}"


def _is_mirrored(endpoints: Any) -> bool:
    if endpoints is None:
        return False
    metadata = endpoints.metadata
    return (metadata.labels or _NONE).get(SKIPPED) != "true" and LEADER not in (metadata.annotations or _NONE)


def observe(tracked: Tracked, change: Change, views: Views, _: Instant) -> Tracked:
    """Forget a slice that somebody else deleted."""
    if change.new is not None:
        return tracked
    uid = change.old.metadata.uid
    for key in keys_of_slice(change, views):
        last = tracked.get(key, None)
        if last is not None and any(known[0] == uid for known in last.slices):
            return tracked.set(key, Synced((), tuple([known for known in last.slices if known[0] != uid])))
    return tracked


def reconcile(ask: Ask) -> Outcome:
    """Bring the mirrored slices of one service in line with its Endpoints."""
    if ask.answers:
        return _answered(ask)
    tracked: Tracked = ask.memory
    service = ask.views.get("services", ask.key)
    endpoints = ask.views.get("endpoints", ask.key)
    slices = _slices_of(ask.key, ask.views)
    if not _is_mirrored(endpoints) or service is None or service.spec.selector:
        memory = tracked.remove(ask.key) if ask.key in tracked else tracked
        return Outcome(calls=tuple([_deletion(each) for each in slices]), memory=memory)
    last = tracked.get(ask.key, None) or Synced()
    there = {each.metadata.uid: each.metadata.generation or 0 for each in slices}
    if any(there.get(uid, -1) < generation for uid, generation in last.slices):
        return Outcome(error="EndpointSlice informer cache is out of date")
    version = (endpoints.metadata.uid, endpoints.metadata.resource_version)
    if last == Synced(version, tuple(sorted(there.items()))):
        return Outcome()
    wanted, records = _wanted(endpoints)
    calls, kept = _planned(endpoints, wanted, slices)
    memory = tracked.set(ask.key, Synced(version, tuple(sorted([(uid, there[uid]) for uid in kept]))))
    return Outcome(calls=calls, records=records, memory=memory, again=bool(calls))


def _answered(ask: Ask) -> Outcome:
    """Remember what the slices were answered to be; come back if one was refused."""
    last: Synced | None = ask.memory.get(ask.key, None)
    if last is None:
        return Outcome()
    known, error = dict(last.slices), ""
    for request, response in ask.answers:
        if response.ok and request.verb != "delete":
            known[response.body.metadata.uid] = response.body.metadata.generation or 0
        elif not is_done(response) and not namespace_ends(response):
            named = f"{request.name} " if request.name else ""
            what = f"failed to {request.verb} {named}EndpointSlice for Endpoints {ask.key}"
            error = error or f"{what}: {text_of(response)}"
    version = () if error else last.version
    return Outcome(memory=ask.memory.set(ask.key, Synced(version, tuple(sorted(known.items())))), error=error)


def _slices_of(key: Key, views: Views) -> tuple[Any, ...]:
    """Give the slices that are this controller's, by name."""
    slices = views.table(RESOURCE).under("service", split_key(key))
    return tuple([each for each in slices if (each.metadata.labels or _NONE).get(MANAGED_BY) == MANAGER])


def _wanted(endpoints: Any) -> tuple[list[_Wanted], tuple[Record, ...]]:
    """Give what is to be shown of *endpoints*, and the events that say what is not."""
    groups: dict[Any, _Wanted] = {}
    invalid = skipped = 0
    for subset in repacked(endpoints.subsets or ()):
        ports = _ports(subset)
        for family in ("IPv4", "IPv6"):
            groups.setdefault((family, ports), _Wanted(family, ports, {}))
        added = 0
        addresses = [(address, True) for address in subset.addresses or ()]
        addresses += [(address, False) for address in subset.not_ready_addresses or ()]
        for address, ready in addresses:
            if added >= MOST_ADDRESSES:
                break
            found = _endpoint(address, ready=ready)
            if found is None:
                invalid += 1
                continue
            family, endpoint = found
            groups[family, ports].endpoints[_identity(endpoint)] = endpoint
            added += 1
        skipped += len(addresses) - added
    records = []
    if invalid:
        said = f"Skipped {invalid} invalid IP addresses when mirroring to EndpointSlices"
        records.append(Record(endpoints, "Warning", "InvalidIPAddress", said))
    if skipped > invalid:
        said = f"A max of {MOST_ADDRESSES} addresses can be mirrored to EndpointSlices per Endpoints subset."
        said = f"{said} {skipped} addresses were skipped"
        records.append(Record(endpoints, "Warning", "TooManyAddressesToMirror", said))
    return list(groups.values()), tuple(records)


def _ports(subset: Any) -> tuple[discovery_v1.EndpointPort, ...]:
    return tuple(
        [
            discovery_v1.EndpointPort(
                name=port.name or "", port=port.port, protocol=port.protocol or "TCP", app_protocol=port.app_protocol
            )
            for port in subset.ports or ()
        ]
    )


def _endpoint(address: Any, *, ready: bool) -> tuple[str, discovery_v1.Endpoint] | None:
    """Give family and endpoint of an address; None if it has no IP. Leading zeros, which are old, are left out."""
    text = address.ip or ""
    if "." in text and ":" not in text:
        text = ".".join([part.lstrip("0") or part[:1] for part in text.split(".")])
    try:
        ip: Any = ip_address(text)
    except ValueError:
        return None
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    endpoint = discovery_v1.Endpoint(
        addresses=(str(ip),),
        conditions=discovery_v1.EndpointConditions(ready=ready),
        hostname=address.hostname or None,
        node_name=address.node_name,
        target_ref=address.target_ref,
    )
    return f"IPv{ip.version}", endpoint


def _identity(endpoint: discovery_v1.Endpoint) -> _Identity:
    target = endpoint.target_ref or core_v1.ObjectReference()
    return (endpoint.addresses, endpoint.hostname or "", target.namespace or "", target.name or "")


def _planned(
    endpoints: Any, wanted: list[_Wanted], slices: tuple[Any, ...]
) -> tuple[tuple[Request, ...], tuple[str, ...]]:
    """Decide what to write; give with it the uids of the slices that stay as they are."""
    existing: dict[Any, list[Any]] = {}
    for each in slices:
        existing.setdefault((each.address_type, each.ports or ()), []).append(each)
    creates: list[Any] = []
    updates: list[Any] = []
    kept = []
    deletes: list[Any] = []
    for group in wanted:
        found = existing.pop((group.address_type, group.ports), [])
        if not group.endpoints:
            deletes += found
            continue
        deletes += found[1:]
        if found and _is_same(found[0], endpoints, group):
            kept.append(found[0].metadata.uid)
            continue
        made = _slice(endpoints, group, found[0].metadata.name if found else "")
        (updates if found else creates).append(made)
    deletes += [each for left in existing.values() for each in left]
    for made in list(creates):  # to write over a slice that is to go spares a call
        spare = next((each for each in deletes if each.address_type == made.address_type), None)
        if spare is not None:
            deletes.remove(spare)
            creates.remove(made)
            updates.append(attrs.evolve(made, metadata=attrs.evolve(made.metadata, name=spare.metadata.name)))
    if endpoints.metadata.deletion_timestamp is not None:
        creates = []
    calls = (*[_creation(each) for each in creates], *[_update(each) for each in updates])
    return (*calls, *[_deletion(each) for each in deletes]), tuple(kept)


def _is_same(slice_: Any, endpoints: Any, group: _Wanted) -> bool:
    metadata = slice_.metadata
    labels = {key: value for key, value in (metadata.labels or _NONE).items() if key not in _OWN_LABELS}
    owners = [each.uid for each in metadata.owner_references or () if each.kind == "Endpoints"]
    return (
        {_identity(each): each for each in slice_.endpoints or ()} == group.endpoints
        and labels == dict((endpoints.metadata.labels or _NONE).items())
        and (metadata.annotations or _NONE) == _annotations(endpoints)
        and all(uid == endpoints.metadata.uid for uid in owners)
    )


def _annotations(endpoints: Any) -> Map[str]:
    given = endpoints.metadata.annotations or _NONE
    return Map({key: value for key, value in given.items() if key not in _NOT_COPIED})


def _slice(endpoints: Any, group: _Wanted, name: str) -> discovery_v1.EndpointSlice:
    about = endpoints.metadata
    prefix = f"{about.name}-" if not names.subdomain_faults(f"{about.name}-x") else about.name
    metadata = meta_v1.ObjectMeta(
        name=name or None,
        generate_name=None if name else prefix,
        namespace=about.namespace,
        labels=Map({**(about.labels or {}), SERVICE_NAME: about.name, MANAGED_BY: MANAGER}),
        annotations=_annotations(endpoints) or None,
        owner_references=(owner_reference(endpoints),),
    )
    return discovery_v1.EndpointSlice(
        address_type=group.address_type,
        metadata=metadata,
        endpoints=tuple(list(group.endpoints.values())[:MOST_ADDRESSES]),
        ports=group.ports or None,
    )


def _creation(slice_: Any) -> Request:
    return Request(verb="create", resource=RESOURCE, namespace=slice_.metadata.namespace, body=slice_)


def _update(slice_: Any) -> Request:
    metadata = slice_.metadata
    return Request(verb="update", resource=RESOURCE, namespace=metadata.namespace, name=metadata.name, body=slice_)


def _deletion(slice_: Any) -> Request:
    metadata = slice_.metadata
    return Request(verb="delete", resource=RESOURCE, namespace=metadata.namespace, name=metadata.name)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(
        Source("endpoints", keys_of_endpoints, observed=False),
        Source("services", keys_of_service, observed=False),
        Source(RESOURCE, keys_of_slice),
    ),
    reconcile=reconcile,
    memory=Table,
    observe=observe,
    retries=RETRIES,
    back_off=(SECOND, 100 * SECOND),
    component="endpoint-slice-mirroring-controller",
    user=service_account("endpointslicemirroring-controller"),
)
