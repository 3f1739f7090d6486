"""
Connecting: subresources by which a client speaks to a container, a pod, a service or a node through the API server.

Upstream opens a connection to the kubelet, or to an address of the cluster. Behind those of a cluster that is a value
nobody listens: what is refused before is refused here in the same words, and what would be connected is refused as
upstream refuses it when nobody answers.

Takes:    who asks, what the path leads to, the request, the store.
Gives:    a Refusal, always.
Source:   the registries of pods, services and nodes (ResourceLocation, streamLocation); the API server's proxy handler.
Left out: streams themselves.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Final

import attrs

from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.rest.paths import Target
from reconcile.components.apiserver.rest.values import HttpRequest
from reconcile.model import statuses
from reconcile.model.requests import Request, User
from reconcile.store import Reads

SUBRESOURCES: Final = frozenset({"exec", "attach", "portforward", "proxy"})
"""Those that are connections, whatever they belong to."""

_KUBELET_PORT: Final = 10250
_PORTS: Final = {"": 80, "http": 80, "https": 443}
_PREFERRED: Final = ("Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP")


def refusal(user: User, probe: Request, target: Target, http: HttpRequest, store: Reads) -> Refusal:
    """Say why a request for a connection is refused."""
    try:
        if target.subresource == "proxy":
            return _unreachable(*_PROXIES[target.plural](target, store))
        # A stream may do more than read, whatever the method: who opens one needs to be allowed to create.
        authorising.authorise(user, attrs.evolve(probe, verb="create"), store)
        container = "" if target.subresource == "portforward" else http.parameter("container")
        pod = _found(store, "pods", target.namespace, target.name)
        if target.subresource != "portforward":
            chosen(pod, container)
        address = kubelet_of(pod, store)
    except Refusal as found:
        return found
    if "upgrade" not in http.header("connection").lower():
        return Refusal(statuses.bad_request("Upgrade request required"))
    return Refusal(statuses.internal(f"error dialing backend: dial tcp {address}: connect: connection refused"))


def chosen(pod: Any, asked: str) -> str:
    """
    Give the container of a pod that is asked for; the only one if none is named.

    Raises:
        Refusal: 400, there is none of that name, or none is named and there are several.
    """
    spec, name = pod.spec, pod.metadata.name
    own = [each.name for each in spec.containers]
    every = [each.name for each in spec.init_containers or ()] + own
    every += [each.name for each in spec.ephemeral_containers or ()]
    if asked:
        if asked not in every:
            raise Refusal(statuses.bad_request(f"container {asked} is not valid for pod {name}"))
        return asked
    if len(own) == 1:
        return str(own[0])
    said = f"a container name must be specified for pod {name}, choose one of: [{' '.join(every)}]"
    raise Refusal(statuses.bad_request(said))


def kubelet_of(pod: Any, store: Reads) -> str:
    """
    Give the address of the kubelet that runs a pod: host and port.

    Raises:
        Refusal: 400, it runs nowhere yet; 404, its node is not there; 500, that has no address.
    """
    if not pod.spec.node_name:
        raise Refusal(statuses.bad_request(f"pod {pod.metadata.name} does not have a host assigned"))
    return _joined(*_kubelet(pod.spec.node_name, store))


def _kubelet(name: str, store: Reads) -> tuple[str, int]:
    node = _found(store, "nodes", "", name)
    status = node.status
    addresses = (status.addresses if status is not None else None) or ()
    known = {each.type: each.address for each in reversed(addresses)}
    host = next((known[kind] for kind in _PREFERRED if kind in known), None)
    if host is None:
        shown = " ".join([f"{{{each.type} {each.address}}}" for each in addresses])
        raise Refusal(statuses.unexpected(f"no preferred addresses found; known addresses: [{shown}]"))
    endpoints = status.daemon_endpoints
    endpoint = endpoints.kubelet_endpoint if endpoints is not None else None
    return str(host), (endpoint.port if endpoint is not None else 0) or _KUBELET_PORT


# ---------------------------------------------------------------- proxies: each gives host and port


def _pod(target: Target, store: Reads) -> tuple[str, int]:
    scheme, name, port = _parts("pod", target.name)
    pod = _found(store, "pods", target.namespace, name)
    declared = [container.ports[0].container_port for container in pod.spec.containers if container.ports]
    wanted = int(port) if port.isascii() and port.isdigit() else None
    addresses = (pod.status.pod_ips if pod.status is not None else None) or ()
    address = (addresses[0].ip if addresses else "") or ""
    _check_address(address)
    return address, wanted or (declared[0] if declared else _PORTS[scheme])


def _service(target: Target, store: Reads) -> tuple[str, int]:
    _, name, port = _parts("service", target.name)
    wanted = port
    if port.isascii() and port.isdigit():
        service = _found(store, "services", target.namespace, name)
        named = [each.name or "" for each in service.spec.ports or () if each.port == int(port)]
        if not named:
            raise Refusal(statuses.unreachable(f'no service port {int(port)} found for service "{name}"'))
        wanted = named[0]
    endpoints = _found(store, "endpoints", target.namespace, name)
    if not endpoints.subsets:
        raise Refusal(statuses.unreachable(f'no endpoints available for service "{name}"'))
    for subset in endpoints.subsets:
        for address in subset.addresses or ():
            for each in subset.ports or ():
                if (each.name or "") == wanted and _is_pod(store, address.target_ref):
                    return address.ip, each.port
    raise Refusal(statuses.unreachable(f'no endpoints available for service "{target.name}"'))


def _is_pod(store: Reads, reference: Any) -> bool:
    """Tell whether an endpoint is a pod that is there: no other is proxied to."""
    return reference is not None and store.get("pods", f"{reference.namespace}/{reference.name}") is not None


def _node(target: Target, store: Reads) -> tuple[str, int]:
    _, name, port = _parts("node", target.name)
    host, own = _kubelet(name, store)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise Refusal(statuses.bad_request(f"lookup {host}: no such host")) from None
    _check_address(host)
    return host, int(port) if port.isascii() and port.isdigit() else own


_PROXIES: Final = {"pods": _pod, "services": _service, "nodes": _node}


def _parts(kind: str, text: str) -> tuple[str, str, str]:
    """Read `name`, `name:port` or `scheme:name:port`."""
    match text.split(":"):
        case [name]:
            found = ("", name, "")
        case [name, port]:
            found = ("", name, port)
        case [scheme, name, port]:
            found = (scheme, name, port)
        case _:
            found = ("", "", "")
    if not found[1] or found[0] not in _PORTS:
        raise Refusal(statuses.bad_request(f'invalid {kind} request "{text}"'))
    return found


def _check_address(text: str) -> None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    allowed = address is not None and not (
        address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    )
    if not allowed:
        raise Refusal(statuses.bad_request("address not allowed"))


def _unreachable(host: str, port: int) -> Refusal:
    where = _joined(host, port)
    return Refusal(
        statuses.unreachable(f"error trying to reach service: dial tcp {where}: connect: connection refused")
    )


def _found(store: Reads, resource: str, namespace: str, name: str) -> Any:
    found = store.get(resource, f"{namespace}/{name}" if namespace else name)
    if found is None:
        raise Refusal(statuses.not_found(resource, name))
    return found


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
