"""
A heartbeat that holds by rule: what stands for renewals that nobody sends.

In a cluster without heartbeats a Lease with a holder holds: it counts as renewed every ten seconds since its renewTime.
Once its kubelet is not heard any more it is written once: without holder, and with the instant of its last renewal.

Takes:    the Lease as it is stored, the instant by the kubelet's clock.
Gives:    the request that a machine makes in the kubelet's name.
Source:   none: upstream's kubelets renew. The instants are those of component-helpers' lease controller.
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.scalars import MicroTime
from reconcile.components.kubelet.node.nodes import LEASES, NAMESPACE, RENEWALS
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.model.requests import Request


def lapsed(host: str, lease: Any, now: Instant) -> Request:
    """Give the request that says that nobody renews the Lease of *host* from *now* on."""
    return _written(host, None, _renewed(lease, now))


def held(host: str, lease: Any, now: Instant) -> Request:
    """Give the request that says that *host* renews its Lease again."""
    return _written(host, host, _renewed(lease, now))


def _renewed(lease: Any, now: Instant) -> Instant:
    """Give the last instant up to *now* at which a Lease like this one is renewed; *now* if there is none."""
    first = None if lease is None or lease.spec is None else lease.spec.renew_time
    if first is None or first.instant > now:
        return now
    every = (lease.spec.lease_duration_seconds or _USUAL) * SECOND // RENEWALS
    return int(now - (now - first.instant) % every)


_USUAL: Final = 40


def _written(host: str, holder: str | None, renewed: Instant) -> Request:
    body = Map({"spec": Map({"holderIdentity": holder, "renewTime": str(MicroTime.at(renewed))})})
    return Request(verb="patch", resource=LEASES, namespace=NAMESPACE, name=host, body=body)
