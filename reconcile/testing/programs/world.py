"""
World: the cluster that programs are played on, and what of it is not compared.

Takes:    nothing.
Gives:    a topology in which every theme has what it needs; what tells of the way in it.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import resource_v1
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.lib.instant import SECOND
from reconcile.model.behaviours import Behaviours
from reconcile.model.clouds import Cloud
from reconcile.model.devices import DeviceDriver, DevicePool
from reconcile.model.drivers import Driver
from reconcile.properties import PAST, Past
from reconcile.testing.schedules import IMAGES

LOOSE: Final = "loose"
"""The namespace of what ends as it does by the way it went; only what must be so at rest is asked of it."""

DRIVER: Final = "csi.example.com"
DEVICES: Final = "gpu.example.com"
_BEHAVIOURS: Final[dict[str, Any]] = {
    "images": {
        **IMAGES["images"],
        "shop:1": "preloaded, start 200ms, ready after 1s, cpu 20m + 10m per request",
        "part:1": "preloaded, start 100ms, exit 0 after 5s..12s, ignores SIGTERM",
        "part:2": "preloaded, start 100ms, exit 1 after 2s with probability 1/3, exit 0 after 5s with probability 2/3",
        "tick:1": "preloaded, start 100ms, exit 0 after 10s..150s",
    },
    "load": {
        f"{LOOSE}/shop": "daily 00:00=5 00:01=60 00:02=60 00:03=5 00:04=5 00:05=80 00:07=80 00:08=10 23:00=10",
    },
}


def world(nodes: int = 3, *, cloud: bool = False, devices: bool = False, **more: Any) -> Topology:
    """
    Give a topology in which every theme has what it needs; only in a *cloud* are there load balancers, and only with
    *devices* has each node one to give.
    """
    given: dict[str, Any] = {
        "nodes": nodes,
        "metrics": True,
        "behaviours": Behaviours.parse(_BEHAVIOURS),
        "drivers": (Driver(name=DRIVER, failures=1),),
        "cloud": Cloud(failures=1) if cloud else None,
        "device_drivers": (_driver(nodes),) if devices else (),
    }
    return Topology(**given | more)


def _driver(nodes: int) -> DeviceDriver:
    hosts = tuple([f"node-{number + 1}" for number in range(nodes)])
    pool = DevicePool(on=hosts, devices=(resource_v1.Device(name="gpu-0"),))
    return DeviceDriver(name=DEVICES, prepare=2 * SECOND, failures=1, pools=(pool,))


# What is not compared -------------------------------------------------------------------------------------------------


def _is_loose(_: Cluster, obj: Any) -> bool:
    return bool(obj.metadata.namespace == LOOSE)


def _is_loose_volume(_: Cluster, volume: Any) -> bool:
    claim = volume.spec.claim_ref
    return claim is not None and claim.namespace == LOOSE


_LOOSE: Final = (
    "pods",
    "replicasets.apps",
    "deployments.apps",
    "statefulsets.apps",
    "jobs.batch",
    "cronjobs.batch",
    "services",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "persistentvolumeclaims",
    "resourceclaims.resource.k8s.io",
    "configmaps",
    "horizontalpodautoscalers.autoscaling",
    "resourcequotas",
)

WAYS: Final[tuple[Past, ...]] = (
    *PAST,
    *[Past(resource, f"of the namespace {LOOSE}", _is_loose) for resource in _LOOSE],
    Past("persistentvolumes", f"of the claims of {LOOSE}", _is_loose_volume),
    Past("volumeattachments.storage.k8s.io"),
    Past("ipaddresses.networking.k8s.io"),
    Past("poddisruptionbudgets.policy", "whose status says when it changed", lambda _, __: True),
)
"""What tells of the way in a program, to be given to `play` as `past`."""
