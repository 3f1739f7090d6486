"""
Presence: an API server says every ten seconds that it is there, and who of its like are behind the Service kubernetes.

Each has a Lease in kube-system. Endpoints and EndpointSlice default/kubernetes have the addresses of those whose Lease
was renewed in the last fifteen seconds; who is gone for an hour has no Lease any more. All of it is one request of a
server to itself, which clients cannot make.

Takes:    Started, TimerFired; the request.
Gives:    Call, SetTimer; a plan.
Source:   kube-apiserver: its identity leases, and the endpoint reconciler of type lease (for whose own keys in etcd the
          Leases stand here).
Left out: managed fields of these objects.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from reconcile.api import coordination_v1, core_v1, discovery_v1, meta_v1
from reconcile.api.scalars import MicroTime, Time
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import ITSELF, Ask, Plan, Planned, State, drawing
from reconcile.effects import Call, SetTimer
from reconcile.events import Started, TimerFired
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model import statuses
from reconcile.model.requests import Request
from reconcile.store import Delete, Put, Txn

PRESENT: Final = "presence"
"""A subresource that only a server itself asks for."""

LEASES: Final = "leases.coordination.k8s.io"
_ENDPOINTS: Final = "endpoints"
_SLICES: Final = "endpointslices.discovery.k8s.io"
_SPACE: Final = "kube-system"
_SERVICE: Final = "default/kubernetes"
_IDENTITY: Final = "apiserver.kubernetes.io/identity"
_HOST: Final = "kubernetes.io/hostname"
_EVERY: Final = 10 * SECOND
_GONE_AFTER: Final = 15 * SECOND
_LASTS: Final = 3600  # seconds
_PORT: Final = 6443
_KEY: Final = ("presence",)


def step(state: State, event: Any) -> tuple[State, tuple[Call | SetTimer, ...]]:
    """Let the server say that it is there, and come back to that."""
    if not state.peers or not isinstance(event, Started | TimerFired):
        return state, ()
    request = Request(verb="update", resource=LEASES, namespace=_SPACE, name=state.host, subresource=PRESENT)
    return state, (Call(request, _KEY), SetTimer(_KEY, event.now + _EVERY, periodic=True))


def lease_name(host: str) -> str:
    """Give the name of the Lease of the server on a host."""
    found = base64.b32encode(sha256(host.encode()).digest()[:16]).decode().rstrip("=").lower()
    return f"apiserver-{found}"


def renew(ask: Ask) -> Plan:
    """Plan to renew the Lease of the host that the request names, and to say who is there."""
    host = ask.request.name
    if ask.user.name != ITSELF.name:
        raise Refusal(statuses.no_such_resource())
    leases = {lease.metadata.labels[_HOST]: lease for lease in _leases(ask)}
    renewed = _renewed(ask, host, leases.get(host))
    old = [name for name, lease in leases.items() if name != host and _age(ask, lease) > _LASTS * SECOND]
    there = [name for name, lease in leases.items() if name != host and _age(ask, lease) <= _GONE_AFTER]
    addresses = sorted([ask.state.peers[name] for name in (host, *there) if name in ask.state.peers])
    puts = [Put(LEASES, f"{_SPACE}/{renewed.metadata.name}", renewed)]
    for resource, now in ((_ENDPOINTS, _endpoints(addresses)), (_SLICES, _slice(addresses))):
        put = _put(ask, resource, now)
        puts += [put] if put is not None else []
    gone = [Delete(LEASES, f"{_SPACE}/{leases[name].metadata.name}") for name in old]
    return Planned(Txn((), (*puts, *gone)), 200, body=renewed)


def _leases(ask: Ask) -> list[Any]:
    found = ask.store.table(LEASES).under("namespace", _SPACE)
    return [each for each in found if (each.metadata.labels or {}).get(_IDENTITY) == "kube-apiserver"]


def _age(ask: Ask, lease: Any) -> Instant:
    return ask.now - int(lease.spec.renew_time.instant)


def _renewed(ask: Ask, host: str, lease: coordination_v1.Lease | None) -> Any:
    now = MicroTime.at(ask.now)
    if lease is not None:
        return replace(lease, spec=replace(lease.spec, renew_time=now))
    name = lease_name(host)
    labels = Map({_IDENTITY: "kube-apiserver", _HOST: host})
    spec = coordination_v1.LeaseSpec(
        holder_identity=f"{name}_{drawing(ask, 'identity').uuid()[0]}",
        lease_duration_seconds=_LASTS,
        renew_time=now,
    )
    return coordination_v1.Lease(metadata=_metadata(ask, LEASES, name, _SPACE, labels), spec=spec)


def _metadata(ask: Ask, stream: str, name: str, space: str, labels: Mapping[str, str]) -> meta_v1.ObjectMeta:
    return meta_v1.ObjectMeta(
        name=name,
        namespace=space,
        uid=drawing(ask, stream).uuid()[0],
        creation_timestamp=Time.at(ask.now),
        labels=Map(labels),
        resource_version="0",
    )


def _put(ask: Ask, resource: str, wanted: dict[str, Any]) -> Put | None:
    """Give what makes an object as it is wanted; None if it is."""
    found = ask.store.get(resource, _SERVICE)
    if found is not None:
        new = replace(found, **wanted)
        return None if new == found else Put(resource, _SERVICE, new)
    space, _, name = _SERVICE.partition("/")
    made: Any = core_v1.Endpoints if resource == _ENDPOINTS else discovery_v1.EndpointSlice
    return Put(resource, _SERVICE, made(metadata=_metadata(ask, resource, name, space, _LABELS[resource]), **wanted))


_LABELS: Final = {
    _ENDPOINTS: {"endpointslice.kubernetes.io/skip-mirror": "true"},
    _SLICES: {"kubernetes.io/service-name": "kubernetes"},
}


def _endpoints(addresses: list[str]) -> dict[str, Any]:
    subset = core_v1.EndpointSubset(
        addresses=tuple([core_v1.EndpointAddress(ip=address) for address in addresses]),
        ports=(core_v1.EndpointPort(name="https", port=_PORT, protocol="TCP"),),
    )
    return {"subsets": (subset,)}


def _slice(addresses: list[str]) -> dict[str, Any]:
    ready = discovery_v1.EndpointConditions(ready=True)
    return {
        "address_type": "IPv4",
        "endpoints": tuple([discovery_v1.Endpoint(addresses=(address,), conditions=ready) for address in addresses]),
        "ports": (discovery_v1.EndpointPort(name="https", port=_PORT, protocol="TCP"),),
    }
