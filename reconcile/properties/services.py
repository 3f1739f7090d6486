"""
What holds of Services at every step: no two have one address, or one port of the nodes.

Takes:    clusters, passages.
Gives:    sentences.
Source:   https://kubernetes.io/docs/concepts/services-networking/: cluster-ip-allocation; service.
Left out: load balancers that share an address, which no cloud here gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.cluster.cluster import Cluster
from reconcile.properties.property import Passage, Property

_SERVICES: Final = "services"


def _distinct(cluster: Cluster) -> Iterator[str]:
    """No two Services have one address, be it the cluster's or a load balancer's, or one node port."""
    seen: dict[str, str] = {}
    for key, service in cluster.store.table(_SERVICES).items():
        for word in _reached_by(service):
            if word in seen:
                yield f"services {seen[word]} and {key} have {word}"
            seen[word] = key


def _stayed_distinct(passage: Passage) -> Iterator[str]:
    for change in passage.changes:
        old, new = change.old, change.new
        if change.resource == _SERVICES and new is not None and (old is None or _reached_by(old) != _reached_by(new)):
            yield from _distinct(passage.after)
            return


def _reached_by(service: Any) -> frozenset[str]:
    spec, status = service.spec, service.status
    if spec is None:
        return frozenset()
    found = [f"the address {ip}" for ip in spec.cluster_ips or () if ip != "None"]
    found += [f"the {port.protocol} port {port.node_port} of every node" for port in spec.ports or () if port.node_port]
    balancer = status.load_balancer if status is not None else None
    found += [f"the load balancer {each.ip or each.hostname}" for each in (balancer and balancer.ingress) or ()]
    return frozenset(found)


DISTINCT: Final = Property("no two services with one address", _distinct, _stayed_distinct, (_SERVICES,))
