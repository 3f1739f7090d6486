"""
Linking: the variables that tell a container where services are, as Docker's links did.

Takes:    services of a namespace, and the API's own.
Gives:    name -> value.
Source:   the kubelet's getServiceEnvVarMap and its envvars package;
          https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

MASTER: Final = ("default", "kubernetes")
"""The namespace and the name of the service of which every container is told."""


def variables_of(services: Iterable[Any], namespace: str, *, linked: bool | None) -> dict[str, str]:
    """
    Give the variables of a container in *namespace*: of the API's own service, and, if it is *linked*, of all others.

    A service of the namespace's own that has that very name counts for the API's, as its cluster IP is told of both.
    """
    found: dict[str, Any] = {}
    for service in services:
        metadata = service.metadata
        if service.spec.cluster_ip in (None, "", "None"):
            continue
        if (metadata.namespace, metadata.name) == MASTER:
            found.setdefault(metadata.name, service)
        elif metadata.namespace == namespace and linked is not False:
            found[metadata.name] = service
    return {name: value for each in found.values() for name, value in _links(each).items()}


def _links(service: Any) -> dict[str, str]:
    """Give the variables of one service that has a cluster IP."""
    prefix, address, ports = _name(service.metadata.name), service.spec.cluster_ip, service.spec.ports or ()
    if not ports:
        return {}
    found = {f"{prefix}_SERVICE_HOST": address, f"{prefix}_SERVICE_PORT": str(ports[0].port)}
    found.update({f"{prefix}_SERVICE_PORT_{_name(each.name)}": str(each.port) for each in ports if each.name})
    host = f"[{address}]" if ":" in address else address
    for each in ports:
        protocol = each.protocol or "TCP"
        url, name = f"{protocol.lower()}://{host}:{each.port}", f"{prefix}_PORT_{each.port}_{protocol.upper()}"
        found.setdefault(f"{prefix}_PORT", url)
        found |= {
            name: url,
            f"{name}_PROTO": protocol.lower(),
            f"{name}_PORT": str(each.port),
            f"{name}_ADDR": address,
        }
    return found


def _name(text: str) -> str:
    return text.replace("-", "_").upper()
