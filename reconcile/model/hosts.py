"""Host: a machine on which a kubelet runs, as the topology describes it."""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.lib.given import as_map, as_tuple
from reconcile.lib.instant import Duration
from reconcile.lib.mapping import Map
from reconcile.model.kubelets import as_settings

SLOWEST: Final = -100_000
FASTEST: Final = 100_000
"""How clocks may drift, in parts of a million."""

CAPACITY: Final = Map.of({"cpu": "4", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"})
"""What a machine has of which nothing is said: a Node always tells how much there is of these four."""


def as_capacity(value: Any) -> Any:
    """Give a capacity with what it does not name as it is by default; what is no Map stays, to be refused."""
    given = as_map(value)
    return CAPACITY.merge(given) if isinstance(given, Map) and not CAPACITY.keys() <= given.keys() else given


@attrs.frozen(kw_only=True)
class Host:
    """
    A machine.

    Args:
        name: also its Node's name.
        ip: its own address.
        pod_cidr: the addresses of its pods, such as `10.244.1.0/24`.
        capacity: what its Node reports, resource name -> quantity text: cpu, memory, pods, ephemeral-storage; of those
            that it does not name there is as much as by default.
        reserved: what the Node's allocatable lacks of that, by the same names.
        labels: beside those that every kubelet sets (kubernetes.io/hostname, kubernetes.io/os, kubernetes.io/arch).
        taints: with which its Node registers (`core_v1.Taint`).
        manifests: static pods on its disk (`core_v1.Pod`): what its kubelet brings up without being asked.
        external: its containers are real: orders leave `step` for an adapter, reports come in.
        kubelet: how its kubelet is configured, field of KubeletConfiguration -> text, as `model/kubelets` reads it:
            `{"evictionHard": "memory.available<200Mi", "shutdownGracePeriod": "30s"}`; or a KubeletConfiguration as its
            document.
        strain: what it has left beside what pods use, eviction signal -> quantity text: `{"memory.available": "1Gi"}`.
        numa: how many NUMA nodes it has; its cpu and memory lie evenly on them.
        clock_skew: nanoseconds that this host's clock is ahead of the cluster's time; every process on it goes by it.
        clock_drift: parts of a million that it goes faster: 100 for a poor crystal, -500 for what NTP slews back.
    """

    name: str
    ip: str
    pod_cidr: str
    capacity: Map[str] = attrs.field(default=CAPACITY, converter=as_capacity)
    reserved: Map[str] = attrs.field(default=Map(), converter=as_map)
    labels: Map[str] = attrs.field(default=Map(), converter=as_map)
    taints: tuple[Any, ...] = attrs.field(default=(), converter=as_tuple)
    manifests: tuple[Any, ...] = attrs.field(default=(), converter=as_tuple)
    external: bool = False
    kubelet: Map[str] = attrs.field(default=Map(), converter=as_settings)
    strain: Map[str] = attrs.field(default=Map(), converter=as_map)
    clock_skew: Duration = 0
    numa: int = 1
    clock_drift: int = 0
