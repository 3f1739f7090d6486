"""Device drivers: who has devices to give on a cluster's machines, and what their part in giving them takes."""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.lib.given import as_map, as_tuple
from reconcile.lib.instant import SECOND, Duration
from reconcile.lib.mapping import Map

PLUGIN: Final = "dra-kubelet-plugin"
"""The ServiceAccount of kube-system as which the drivers' plugins beside the kubelets call."""
HEALTHS: Final = ("Healthy", "Unhealthy", "Unknown")
"""How a driver can say that a device is."""


@attrs.frozen(kw_only=True)
class DevicePool:
    """
    Devices that a driver publishes.

    Args:
        devices: `resource_v1.Device`, as ResourceSlices describe them.
        on: the hosts that have such devices, each a pool of its own that is called like the host.
        name: in place of *on*: of the one pool of devices that several nodes can use.
        labels: those that a node must have to use that pool; none: every node can.
        counters: `resource_v1.CounterSet`, which the pool's devices share.
    """

    devices: tuple[Any, ...] = attrs.field(converter=as_tuple)
    on: tuple[str, ...] = attrs.field(default=(), converter=as_tuple)
    name: str = ""
    labels: Map[str] = attrs.field(default=Map(), converter=as_map)
    counters: tuple[Any, ...] = attrs.field(default=(), converter=as_tuple)


@attrs.frozen(kw_only=True)
class DeviceDriver:
    """
    A driver of dynamic resource allocation.

    Args:
        name: as ResourceSlices and claims name it: `gpu.example.com`.
        pools: what it has; it runs on the hosts of its pools, or on all if one of them is anybody's.
        prepare: how long it takes to prepare a claim on its node, nanoseconds.
        failures: how often in a row that fails first, for each claim.
        unprepare: how long it takes to undo that, nanoseconds.
        reports: whether it says in a claim's status that its devices are ready, once they are prepared.
        bind: how long it takes until the binding conditions of its devices come true, nanoseconds.
        unbindable: the names of those devices for which they never do: the failure conditions come true instead.
        health: how it says that its devices are, by their names, or `POOL/NAME`, or `*` for all others: Healthy,
            Unhealthy or Unknown, with a colon and a message if it gives one: `Unhealthy: ECC errors`; what it says
            nothing of is Unknown.
    """

    name: str
    pools: tuple[DevicePool, ...] = attrs.field(default=(), converter=as_tuple)
    prepare: Duration = SECOND
    failures: int = 0
    unprepare: Duration = 0
    reports: bool = False
    bind: Duration = SECOND
    unbindable: tuple[str, ...] = attrs.field(default=(), converter=as_tuple)
    health: Map[str] = attrs.field(default=Map(), converter=as_map)

    def health_of(self, pool: str, device: str) -> tuple[str, str]:
        """Give how it says that a device is, and its message."""
        said = self.health
        found = said.get(f"{pool}/{device}") or said.get(device) or said.get("*") or "Unknown"
        health, _, message = found.partition(":")
        return health, message.strip()

    def runs_on(self, host: str) -> bool:
        """Tell whether it has a plugin beside the kubelet of a host."""
        return any(host in pool.on or not pool.on for pool in self.pools)
