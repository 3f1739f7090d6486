"""Forms: the topologies that kubeadm's documents describe, and any topology with manifests that somebody has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.api import convert
from reconcile.cluster.kubeadm.manifests import Plan, control_plane, etcd
from reconcile.cluster.manifests import ETCD, KUBERNETES
from reconcile.cluster.topology import Topology
from reconcile.lib.errors import ReconcileError
from reconcile.model.hosts import Host
from reconcile.model.programs import Refusal, read

Form: TypeAlias = Literal["single", "stacked", "external-etcd"]
FORMS: Final = ("single", "stacked", "external-etcd")
"""One master; several, with etcd on each; several, with etcd on hosts of its own."""


def kubeadm(
    form: Form = "stacked", *, masters: int = 3, workers: int = 2, members: int = 3, version: str = KUBERNETES
) -> Topology:
    """
    Give a cluster as kubeadm builds it.

    Its kube-proxy and its CoreDNS are add-ons, which are applied to it (`addons`).

    Args:
        form: where etcd is.
        masters: how many hosts carry the control plane; one of `single`.
        workers: how many do not.
        members: on how many hosts of its own etcd is, of `external-etcd`.
        version: of Kubernetes, such as `v1.36.0`.

    Raises:
        ReconcileError: there is no such form, or no host of a kind that it needs.
    """
    if form not in FORMS:
        raise ReconcileError(f"{form!r} is none of the forms {', '.join(FORMS)}")
    masters = 1 if form == "single" else masters
    keepers = members if form == "external-etcd" else 0
    for name, number, least in (("masters", masters, 1), ("workers", workers, 0), ("members", members, 1)):
        if number < least:
            raise ReconcileError(f"{name}: {number} is less than {least}")
    names = [f"etcd-{place + 1}" for place in range(keepers)]
    names += [f"master-{place + 1}" for place in range(masters)]
    names += [f"worker-{place + 1}" for place in range(workers)]
    addresses = {name: f"172.18.{place // 250}.{place % 250 + 2}" for place, name in enumerate(names)}
    carriers = names[: keepers or masters]
    hosts = [
        _host(name, place, addresses, carriers, version=version, apart=bool(keepers), masters=keepers + masters)
        for place, name in enumerate(names)
    ]
    return Topology(
        hosts=tuple(hosts),
        masters=masters,
        members=len(carriers),
        etcd_apart=bool(keepers),
        taint_masters=True,
        proxy=False,
        cluster_cidr="10.244.0.0/16",
    )


def _host(
    name: str, place: int, addresses: dict[str, str], carriers: list[str], *, version: str, apart: bool, masters: int
) -> Host:
    plan = Plan(
        name=name,
        ip=addresses[name],
        version=version,
        etcd_tag=ETCD,
        members={carrier: addresses[carrier] for carrier in carriers},
        known=0 if apart else place + 1,
        apart=apart,
    )
    written = [etcd(plan)] if name in carriers else []
    if place < masters and not (apart and name in carriers):
        written += control_plane(plan)
    manifests = tuple([convert.load(each).object for each in written])
    return Host(name=name, ip=addresses[name], pod_cidr="", manifests=manifests)


def with_manifests(topology: Topology, written: Mapping[str, tuple[Any, ...]]) -> Topology:
    """
    Give *topology* with these manifests on its hosts' disks, in place of those of the same names.

    Where a controller-manager among them gives nodes the addresses of their pods, so does the topology.

    Args:
        topology: what there is.
        written: host -> Pods.

    Raises:
        ReconcileError: there is no such host.
    """
    hosts = {host.name: host for host in topology.machines()} if not topology.hosts else {}
    hosts |= {host.name: host for host in topology.hosts}
    for name, pods in written.items():
        if name not in hosts:
            raise ReconcileError(f"manifests: there is no host {name!r}; there are {', '.join(hosts)}")
        names = {_key(pod) for pod in pods}
        kept = [pod for pod in hosts[name].manifests if _key(pod) not in names]
        hosts[name] = attrs.evolve(hosts[name], manifests=(*kept, *pods))
    cidr = topology.cluster_cidr or next(filter(None, [_cidr(pod) for pods in written.values() for pod in pods]), "")
    return attrs.evolve(topology, hosts=tuple(hosts.values()), cluster_cidr=cidr)


def _key(pod: Any) -> tuple[str, str]:
    return pod.metadata.namespace or "default", pod.metadata.name


def _cidr(pod: Any) -> str:
    """Give the range of which a controller-manager gives nodes their parts; empty if the pod is none that does."""
    for container in pod.spec.containers:
        if container.name == "kube-controller-manager":
            told = read(
                container.name, (*(container.command or ())[1:], *(container.args or ())), container.image or ""
            )
            if not isinstance(told, Refusal) and told.truth("allocate-node-cidrs", default=False):
                return told.text("cluster-cidr", "")
    return ""
