"""Topology: which hosts there are, what runs on them, and how their images behave."""

from __future__ import annotations

from typing import Any, Final, Literal

import attrs

from reconcile.api import core_v1, meta_v1
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model.behaviours import Behaviours
from reconcile.model.hosts import CAPACITY, Host

KUBERNETES: Final = "v1.36.0"
_ETCD: Final = "3.6.6-0"
_MASTER_LABELS: Final = Map.of({"node-role.kubernetes.io/control-plane": ""})
_MASTER_TAINT: Final = core_v1.Taint(key="node-role.kubernetes.io/control-plane", effect="NoSchedule")

# Second bytes of 10.0.0.0/8 for the nodes' pod networks, a /24 each; 10.96.0.0/12 is the services'.
_POD_NETWORKS: Final = (*range(128, 256), *range(16, 96))
_MOST_NODES: Final = len(_POD_NETWORKS) * 256


@attrs.frozen(kw_only=True)
class Topology:
    """
    The machines of a cluster.

    Args:
        nodes: how many hosts; they are called node-1, node-2, ...
        masters: on how many of them, the first ones, the control plane runs: API server, controller-manager and
            scheduler each; etcd runs on the first.
        taint_masters: keep ordinary pods off the masters, as kubeadm does.
        capacity: what each node reports, resource name -> quantity text.
        proxy: run kube-proxy on every node.
        lock: the kind of object that leader election locks, `leases` or `endpoints`.
        behaviours: what images do when they run.
        hosts: the machines one by one, in place of `nodes`; the first `masters` of them carry the control plane.
        start: the instant at which the cluster is powered on, nanoseconds since the Unix epoch.
    """

    nodes: int = 3
    masters: int = 1
    taint_masters: bool = False
    capacity: Map[str] = CAPACITY
    proxy: bool = True
    lock: Literal["leases", "endpoints"] = "leases"
    behaviours: Behaviours = attrs.field(factory=Behaviours.default)
    hosts: tuple[Host, ...] = ()
    start: int = 1_767_225_600_000_000_000

    def __attrs_post_init__(self) -> None:
        count = len(self.hosts) or self.nodes
        if not 1 <= count <= _MOST_NODES:
            raise ReconcileError(f"topology: nodes: {self.nodes!r} is not between 1 and {_MOST_NODES}")
        if not 1 <= self.masters <= count:
            raise ReconcileError(
                f"topology: masters: {self.masters!r} is not between 1 and the number of nodes, {count}"
            )
        if self.lock not in ("leases", "endpoints"):
            raise ReconcileError(f"topology: lock: {self.lock!r} is neither 'leases' nor 'endpoints'")
        _distinct([(host.name, host.name) for host in self.hosts], "name")
        _distinct([(host.ip, host.name) for host in self.hosts], "address")
        _distinct([(host.pod_cidr, host.name) for host in self.hosts], "pod network")

    def machines(self) -> tuple[Host, ...]:
        """Give every host with the static pods that its place in the topology puts on its disk."""
        hosts = self.hosts or tuple([self._plain(number) for number in range(self.nodes)])
        return tuple([self._furnished(host, place) for place, host in enumerate(hosts)])

    def _plain(self, number: int) -> Host:
        second, third = divmod(number, 256)
        return Host(
            name=f"node-{number + 1}",
            ip=f"172.18.{number // 250}.{number % 250 + 2}",
            pod_cidr=f"10.{_POD_NETWORKS[second]}.{third}.0/24",
            capacity=self.capacity,
        )

    def _furnished(self, host: Host, place: int) -> Host:
        names = ["kube-proxy"] if self.proxy else []
        labels, taints = host.labels, host.taints
        if place < self.masters:
            names = ["etcd"] * (place == 0) + ["kube-apiserver", "kube-controller-manager", "kube-scheduler", *names]
            labels = labels.merge(_MASTER_LABELS)
            taints = (*taints, _MASTER_TAINT) if self.taint_masters else taints
        return attrs.evolve(
            host, labels=labels, taints=taints, manifests=(*host.manifests, *[static_pod(name) for name in names])
        )


def _distinct(rows: list[tuple[str, str]], what: str) -> None:
    seen: dict[str, str] = {}
    for value, name in rows:
        if value in seen:
            raise ReconcileError(f"topology: hosts: {seen[value]} and {name} have one {what}, {value!r}")
        seen[value] = name


def static_pod(name: str) -> Any:
    """Give the manifest that a kubelet brings a control plane component up from."""
    image = f"registry.k8s.io/{name}:{_ETCD if name == 'etcd' else KUBERNETES}"
    tolerations = (core_v1.Toleration(operator="Exists"),)
    container = core_v1.Container(name=name, image=image, image_pull_policy="IfNotPresent", command=(name,))
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            name=name,
            namespace="kube-system",
            labels=Map.of({"component": name, "tier": "node" if name == "kube-proxy" else "control-plane"}),
        ),
        spec=core_v1.PodSpec(
            containers=(container,),
            host_network=True,
            priority_class_name="system-node-critical",
            restart_policy="Always",
            tolerations=tolerations,
        ),
    )
