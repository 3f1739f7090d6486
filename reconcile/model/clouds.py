"""
Cloud: whose machines the hosts are, and what it does for a cluster: load balancers, and what is known of a machine.

Its API is not the API server's. The controllers that know it ask it by requests of `INSTANCES`, which are answered from
what the hosts are.
"""

from __future__ import annotations

from typing import Final, Literal

import attrs

from reconcile.lib.given import as_map
from reconcile.lib.instant import SECOND, Duration
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick

INSTANCES: Final = "instances.cloud"
"""The resource of requests that the cloud answers: `get` of a host's name gives an `Instance`, or 404."""

UNINITIALIZED: Final = "node.cloudprovider.kubernetes.io/uninitialized"
SHUTDOWN: Final = "node.cloudprovider.kubernetes.io/shutdown"

_USUAL: Final = 5 * SECOND


@quick
@attrs.frozen(weakref_slot=False)
class Instance:
    """A machine, as the cloud knows it."""

    state: Literal["running", "stopped"]


@attrs.frozen(kw_only=True)
class Cloud:
    """
    A cloud provider.

    Args:
        name: its nodes' provider ids begin with it: `example://node-1`.
        balance: how long it takes to make, change or delete a load balancer, nanoseconds.
        failures: how often in a row that fails first, for each service.
        addresses: where load balancers' addresses come from.
        hostnames: whether a load balancer is reached by a name instead of an address.
        region: in which its machines are; empty for none.
        zones: host name -> zone.
        instance_type: what kind of machines they are; empty: it does not say.
        keeps_stopped: whether a machine without power is still known to it, as one that is shut down.
        routes: whether it leads the addresses of pods to their machines, and says so on the nodes.
    """

    name: str = "example"
    balance: Duration = _USUAL
    failures: int = 0
    addresses: str = "203.0.113.0/24"
    hostnames: bool = False
    region: str = ""
    zones: Map[str] = attrs.field(default=Map(), converter=as_map)
    instance_type: str = ""
    keeps_stopped: bool = True
    routes: bool = False
