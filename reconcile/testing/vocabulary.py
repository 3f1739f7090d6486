"""
Hypothesis strategies for the vocabulary: any event, effect, request, response or topology, made from its class alone.

What is drawn need not make sense, but each part of it is of the right type.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
from hypothesis import strategies as st

from reconcile.api import coordination_v1, core_v1, meta_v1, resource_v1
from reconcile.api.convert import load
from reconcile.api.scalars import freeze
from reconcile.cluster.topology import Topology
from reconcile.components.kubeproxy.ports import Backed
from reconcile.driver.wire.shapes import (
    Field,
    choices_of,
    entry_of,
    fields_of,
    is_api_class,
    is_wide,
    item_of,
    may_be_null,
    row_of,
    words_of,
)
from reconcile.events import Watched, WebhookAnswered
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.model import gates
from reconcile.model.balancers import Balancer
from reconcile.model.behaviours import Behaviours
from reconcile.model.clouds import Cloud
from reconcile.model.devices import DeviceDriver, DevicePool
from reconcile.model.drivers import Driver, DriverFault
from reconcile.model.hosts import Host
from reconcile.model.links import Link
from reconcile.model.requests import List, Request, Response
from reconcile.store import Change
from reconcile.testing.strategies import Schemas, objects

__all__ = ["values"]

TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=6)
INTEGERS: Final = st.integers(-(2**63), 2**63 - 1)
# Beyond 2**53 a double's shortest text need not be its exact value: see docs/limits.md.
FLOATS: Final = st.floats(-(2.0**53), 2.0**53)
FREE: Final = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)
JSON: Final = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)
_SCALARS: Final[dict[Any, st.SearchStrategy[Any]]] = {str: TEXTS, int: INTEGERS, bool: st.booleans()}

# Small kinds, and a part of them that names a kind without being of it.
_BODIES: Final = (core_v1.ConfigMap, coordination_v1.Lease, core_v1.Event, core_v1.ObjectReference)
_WATCHED: Final = "configmaps"
_RESOURCES: Final = ("configmaps", "leases.coordination.k8s.io", "events", "pods", "things.example.com")
_SERVICE: Final = core_v1.Service(metadata=meta_v1.ObjectMeta(name="web", namespace="default"))
_BACKED: Final = (Backed(), Backed(service=_SERVICE))
_CUSTOM: Final = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}}
SMALL: Final = Map.of({"cpu": "500m", "memory": "1Gi", "pods": "5"})
_STAGE = {
    "apiVersion": "kwok.x-k8s.io/v1alpha1",
    "kind": "Stage",
    "metadata": {"name": "gone"},
    "spec": {"resourceRef": {"kind": "Pod"}, "selector": {}, "next": {"delete": True}},
}
_LINKS: Final = (
    None,
    Link(one="a", other="b", cut=True, one_way=True),
    Link(one="a", other="b", delay=5, jitter=1, loss=2),
)
_BALANCERS: Final = (Balancer(kind="none"), Balancer(), Balancer(kind="floating-address", takeover=5, straight=()))
_SCHEDULER: Final = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "profiles": [{"schedulerName": "packing", "plugins": {"score": {"disabled": [{"name": "ImageLocality"}]}}}],
}
_AUDIT = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata", "verbs": ["get"]}]}
_BEHAVIOURS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"images": {"web:*": "pull 2s..5s, exit 1 after 30s with probability 1/10", "db": "absent"}},
)


def values(shape: Any, schemas: Schemas) -> st.SearchStrategy[Any]:
    """
    Draw a value of *shape*: a class of the vocabulary, or a union of such.

    Args:
        shape: `ClusterEvent`, `OutsideEffect`, `Request`, `Topology`, ...
        schemas: Kubernetes' schemas by their $id, for the API objects in it.
    """
    return _Vocabulary(schemas).of(shape)


class _Vocabulary:
    """Strategies, each made once."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._made: dict[Any, st.SearchStrategy[Any]] = {}

    def of(self, shape: Any) -> st.SearchStrategy[Any]:
        """Give the strategy of a type."""
        if shape not in self._made:
            drawn = st.one_of([self._one(choice) for choice in choices_of(shape)])
            self._made[shape] = st.none() | drawn if may_be_null(shape) else drawn
        return self._made[shape]

    def _one(self, shape: Any) -> st.SearchStrategy[Any]:
        if shape in _SCALARS:
            return _SCALARS[shape]
        if is_wide(shape):
            return INTEGERS
        if words_of(shape):
            return st.sampled_from(words_of(shape))
        if (item := item_of(shape)) is not None:
            return st.lists(FREE if item is Any else self.of(item), max_size=2).map(tuple)
        if (entry := entry_of(shape)) is not None:
            return st.dictionaries(TEXTS, self.of(entry), max_size=2).map(Map)
        if (row := row_of(shape)) is not None:
            return st.dictionaries(TEXTS, self.of(row), max_size=2).map(_table)
        if is_api_class(shape):
            return self._api(shape)
        special = self._special(shape)
        return _instances(self, shape) if special is None else special

    def _special(self, shape: Any) -> st.SearchStrategy[Any] | None:
        if shape is Behaviours:
            return st.just(Behaviours()) | st.sampled_from(_BEHAVIOURS).map(Behaviours.parse)
        if shape is Topology:
            fields = [field for field in fields_of(Topology) if field.shape != "free"]
            parts: dict[str, Any] = {field.name: self.of(field.shape) for field in fields}
            parts["audit"] = st.sampled_from(({}, _AUDIT))
            parts["stages"] = st.sampled_from(((), (_STAGE,)))
            parts["scheduler"] = st.sampled_from(({}, _SCHEDULER))
            parts["kubelet"] = st.sampled_from((Map(), _CONFIGURED))
            hosts = st.lists(self.of(Host), min_size=1, max_size=3).map(
                _machines
            )  # a driver of devices is on the first
            drivers = st.lists(self.of(Driver), max_size=2).map(_drivers)
            switched = st.dictionaries(st.sampled_from(sorted(gates.DEFAULTS)), st.booleans()).map(_switched)
            possible: dict[str, Any] = {
                "nodes": st.integers(1, 5),
                "etcd_quota": st.integers(0, 1 << 40),
                "masters": st.just(1),
                "members": st.just(1),
                "etcd_apart": st.sampled_from((False,)),
                "capacity": st.just(SMALL),
                "hosts": hosts,
                "drivers": drivers,
                "cluster_cidr": st.sampled_from(("", "10.244.0.0/16")),
                "node_cidr_mask_size": st.integers(20, 28),
                "device_drivers": st.lists(self.of(DeviceDriver), max_size=2).map(_device_drivers),
                "balancer": st.none() | st.sampled_from(_BALANCERS),
                "cloud": st.none() | self.of(Cloud).map(_cloud),
                "links": st.just(()),
                "feature_gates": switched,
                "service_cidr": st.sampled_from(["10.96.0.0/12", "fd00::/108", "10.96.0.0/12,fd00::/108"]),
            }
            return st.builds(_linked, st.builds(Topology, **parts | possible), st.sampled_from(_LINKS))
        if shape is List:
            return self.lists()
        if shape is Backed:
            return st.sampled_from(_BACKED)
        return None

    def part(self, draw: st.DrawFn, cls: Any, field: Field, parts: dict[str, Any]) -> Any:
        """Draw one field of an instance; those before it are drawn already."""
        if not field.required and draw(st.booleans()):
            return field.default
        if cls in (Change, Watched) and field.name in ("resource", "watch"):
            return _WATCHED
        if cls is Change and field.name in ("old", "new"):
            return draw(st.none() | self.stored())
        if field.shape == "view":
            return _table(draw(st.dictionaries(TEXTS, self.stored(), max_size=2)))
        if field.shape == "free":
            return draw((JSON if cls is WebhookAnswered else st.dictionaries(TEXTS, JSON, max_size=2)).map(freeze))
        if field.name == "resource":
            return draw(st.sampled_from(_RESOURCES))
        if cls is Response and field.shape == "answer":
            return draw(st.none() | self.objects() | self.lists())
        if cls is Request and field.shape == "body":
            return draw(JSON.map(freeze) if parts["verb"] == "patch" else st.none() | self.objects())
        return draw(self.objects() if field.shape == "object" else self.of(field.shape))

    def lists(self) -> st.SearchStrategy[List]:
        """Draw a list of objects, not all of its resource."""
        return st.builds(
            List,
            resource=st.sampled_from(_RESOURCES),
            items=st.lists(self.objects(), max_size=2).map(tuple),
            resource_version=TEXTS,
            continue_=TEXTS,
            remaining=st.none() | INTEGERS,
        )

    def stored(self) -> st.SearchStrategy[Any]:
        """Draw an object as a store has it."""
        named = {"metadata": {"name": "x", "namespace": "default", "labels": {"a": "b"}}}
        return self.of(core_v1.ConfigMap).map(
            lambda drawn: attrs.evolve(drawn, metadata=load(named, cls=core_v1.ConfigMap).object.metadata)
        )

    def objects(self) -> st.SearchStrategy[Any]:
        """Draw an API object, with or without its apiVersion and kind, or a part of one, or one of a user's kind."""
        if "objects" not in self._made:
            custom = JSON.map(lambda body: load({**body, **_CUSTOM}).object)
            self._made["objects"] = st.one_of(*[self._api(cls) for cls in _BODIES], custom)
        return self._made["objects"]

    def _api(self, cls: Any) -> st.SearchStrategy[Any]:
        group, _, version = cls.__module__.rpartition(".")[2].rpartition("_")
        home = next(name for name in sorted(self._schemas) if _is_home(name, group, version))
        drawn = objects(self._schemas, f"{home}#/$defs/{cls.__name__}", depth=2)
        return drawn.map(lambda content: load(content, cls=cls).object)


@st.composite
def _instances(draw: st.DrawFn, vocabulary: _Vocabulary, cls: Any) -> Any:
    parts: dict[str, Any] = {}
    for field in sorted(fields_of(cls), key=lambda field: isinstance(field.shape, str)):
        parts[field.name] = vocabulary.part(draw, cls, field, parts)
    return cls(**parts)


def _table(rows: dict[str, Any]) -> Table[str, Any]:
    return Table.of(rows.items())


def _is_home(name: str, group: str, version: str) -> bool:
    folder, _, file = name.rpartition("/")
    return file == f"{version}.json" and folder.rpartition("/")[2].split(".")[0] == group


def _linked(topology: Topology, link: Link | None) -> Topology:
    """Give a topology whose first two hosts have this link, if it has two."""
    if link is None or len(topology.hosts) < 2:  # noqa: PLR2004 -- a link has two ends
        return topology
    one, other = [host.name for host in topology.hosts[:2]]
    return attrs.evolve(topology, links=(attrs.evolve(link, one=one, other=other),))


def _cloud(cloud: Cloud) -> Cloud:
    """Give a cloud that can be, of one that was drawn."""
    spans = {name: abs(getattr(cloud, name)) >> 1 for name in ("balance", "failures")}
    return Cloud(region="r1", keeps_stopped=cloud.keeps_stopped, routes=cloud.routes, **spans)


def _drivers(drivers: list[Driver]) -> tuple[Driver, ...]:
    """Give drivers that can be, of such as were drawn."""
    made = []
    for number, driver in enumerate(drivers):
        spans = {name: abs(getattr(driver, name)) >> 1 for name in ("provision", "failures", "attach", "expand")}
        spans["limit"] = driver.limit & 0xFF
        faults = tuple([DriverFault(operation=each.operation, times=abs(each.times) >> 1) for each in driver.faults])
        capacity = Map.of({"": "10Gi"}) if driver.capacity else Map()
        name = f"csi-{number}.example.com"
        made.append(attrs.evolve(driver, name=name, reach="", unit="", faults=faults, capacity=capacity, **spans))
    return tuple(made)


def _switched(drawn: dict[str, bool]) -> Map[bool]:
    """Give feature gates that can be, of such as were drawn: what one depends on is on too."""
    while lacking := gates.lacking(drawn):
        drawn = {**drawn, **{needed: True for _, needed in lacking}}
    return Map(drawn)


def _device_drivers(drivers: list[DeviceDriver]) -> tuple[DeviceDriver, ...]:
    """Give drivers of devices that can be, of such as were drawn."""
    made = []
    for number, driver in enumerate(drivers):
        fields: dict[str, Any] = {
            name: abs(getattr(driver, name)) >> 1 for name in ("prepare", "failures", "unprepare", "bind")
        }
        devices = (resource_v1.Device(name=f"device-{number}"),)
        pools = (DevicePool(devices=devices, on=("host-0",)), DevicePool(devices=devices, name="everywhere"))
        fields["health"] = Map({f"device-{number}": "Unhealthy"}) if driver.health else Map()
        made.append(attrs.evolve(driver, name=f"dra-{number}.example.com", pools=pools[: number + 1], **fields))
    return tuple(made)


_CONFIGURED: Final = Map.of({"evictionHard": "memory.available<100Mi", "shutdownGracePeriod": "30s"})
_STRAINED: Final = Map.of({"memory.available": "50Mi"})


def _machines(hosts: list[Host]) -> tuple[Host, ...]:
    """Give hosts that can be, of such as were drawn: a topology takes no others."""
    return tuple(
        [
            attrs.evolve(
                host, name=f"host-{number}", ip=f"192.0.2.{number}", pod_cidr=f"10.200.{number}.0/24",
                capacity=SMALL, reserved=Map(), labels=Map(), manifests=(), external=False,
                kubelet=_CONFIGURED if host.kubelet else Map(), strain=_STRAINED if host.strain else Map(),
                clock_drift=host.clock_drift % 100_000, numa=host.numa % 8 + 1,
            )
            for number, host in enumerate(hosts)
        ]
    )  # fmt: skip
