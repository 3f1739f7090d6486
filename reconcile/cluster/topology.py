"""Topology: which hosts there are, what runs on them, and how their images behave."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from typing import Any, Final, Literal

import attrs

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity, freeze
from reconcile.cluster.devices import check_device_drivers, check_device_hosts
from reconcile.cluster.drivers import check_drivers
from reconcile.cluster.links import check_links
from reconcile.cluster.manifests import merged
from reconcile.cluster.ranges import SMALLEST_NETWORK, check_cluster_range, check_service_ranges
from reconcile.cluster.typed import check_types
from reconcile.components.apiserver import auditing
from reconcile.components.scheduler.configuration import configuration_of
from reconcile.lib.errors import ReconcileError
from reconcile.lib.given import as_map, as_tuple
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.model import gates
from reconcile.model.balancers import KINDS, Balancer
from reconcile.model.behaviours import Behaviours
from reconcile.model.clouds import UNINITIALIZED, Cloud
from reconcile.model.devices import DeviceDriver
from reconcile.model.drivers import Driver
from reconcile.model.hosts import CAPACITY, FASTEST, SLOWEST, Host, as_capacity
from reconcile.model.kubelets import amount_of, as_settings, check_signal, settings_of
from reconcile.model.links import Link
from reconcile.model.stages import stages_of
from reconcile.model.text import names

_MASTER_LABELS: Final = Map.of({"node-role.kubernetes.io/control-plane": ""})
_ETCD_TAINT: Final = core_v1.Taint(key="node-role.kubernetes.io/etcd", effect="NoSchedule")
_MASTER_TAINT: Final = core_v1.Taint(key="node-role.kubernetes.io/control-plane", effect="NoSchedule")

# Second bytes of 10.0.0.0/8 for the nodes' pod networks, a /24 each; 10.96.0.0/12 is the services'.
_POD_NETWORKS: Final = (*range(128, 256), *range(16, 96))
EXPLANATIONS: Final = ("log", "pods")
_MOST_NODES: Final = len(_POD_NETWORKS) * 256


def _behaviours(given: Any) -> Any:
    """Read behaviours that are given as their document."""
    return Behaviours.parse(given) if isinstance(given, dict) else given


def _audit(given: Any) -> Any:
    """Read an audit policy that is given as its document."""
    return _document(given, "audit")


def _scheduler(given: Any) -> Any:
    """Read a scheduler's configuration that is given as its document."""
    return _document(given, "scheduler")


def _document(given: Any, field: str) -> Any:
    try:
        return freeze(given)
    except ReconcileError as error:
        raise ReconcileError(f"topology: {field}: {error}") from None


def _stages(given: Any) -> Any:
    """Read stages that are given as their documents."""
    try:
        return freeze(given)
    except ReconcileError as error:
        raise ReconcileError(f"topology: stages: {error}") from None


@attrs.frozen(kw_only=True)
class Topology:
    """
    The machines of a cluster.

    Args:
        nodes: how many hosts; they are called node-1, node-2, ...
        masters: on how many of them, the first ones, the control plane runs: API server, controller-manager and
            scheduler each.
        members: on how many of the masters, the first ones, a member of etcd runs; several agree by Raft.
        etcd_apart: etcd runs on hosts of its own instead: the first *members* of all, before the masters.
        taint_masters: keep ordinary pods off the masters, as kubeadm does.
        capacity: what each node reports, resource name -> quantity text; what it does not name is as by default.
        kubelet: how every kubelet is configured, as a host's own `kubelet` says, which counts more: field of
            KubeletConfiguration -> text, or a KubeletConfiguration as its document.
        proxy: run kube-proxy on every node.
        without: what of the control plane is left out: `kube-scheduler`, `kube-controller-manager`, or controllers by
            name, such as `deployment`.
        lock: the kind of object that leader election locks, `leases`, `endpoints` or `configmaps`.
        events: let components record Kubernetes Events; without them a cluster does the same in fewer steps.
        heartbeats: let kubelets renew their Leases and report their Nodes again and again; without, a Lease holds by
            rule until its host is not heard any more, and a quiet cluster does next to nothing.
        behaviours: what images do when they run.
        drivers: the CSI drivers that make, attach and expand volumes; none: whoever waits for one waits in vain.
        etcd_quota: how many bytes etcd's file may take, as with `--quota-backend-bytes`; 0: nobody counts.
        device_drivers: the drivers of devices, which pods ask for by ResourceClaims.
        balancer: what stands between API servers and those who call them, over connections that can break; None for
            nothing: a call reaches any API server that can be reached, and waits while there is none.
        cloud: whose machines the hosts are: it makes load balancers and knows which machines there are; None: bare
            machines, where a service of type LoadBalancer waits for ever.
        stages: the documents by which KWOK's controllers play nodes that have no kubelet, and their pods: `Stage` of
            kwok.x-k8s.io/v1alpha1 and `KwokConfiguration`, as JSON; none: nobody plays any.
        hosts: the machines one by one, in place of `nodes`; the first `masters` of them carry the control plane.
        managed_fields: let the API server keep metadata.managedFields, which server-side apply goes by, and do all else
            that only clients see: ServiceAccounts with their tokens' volumes, and the controllers of accounts and
            quotas; nothing within a cluster needs it, so it costs nothing where nobody asks.
        webhooks: call the webhooks of admission and conversion, and a scheduler's extenders: `CallWebhook` leaves, and
            who asks waits for `WebhookAnswered`; without, nobody can reach them, and their failurePolicy, or whether
            an extender is ignorable, decides at once.
        audit: what API servers write down of requests, as a Policy of audit.k8s.io/v1 says, as JSON; it leaves as
            `Audit`. Empty for nothing.
        service_cidr: where services' addresses come from, as `--service-cluster-ip-range` says it: a range of one
            family, or one of each, comma-separated; the first is that of services that do not say.
        cluster_cidr: of which range nodes get the addresses of their pods from the controller-manager, as with
            `--allocate-node-cidrs --cluster-cidr`: `10.244.0.0/16`; empty: each host has its own from the beginning.
        node_cidr_mask_size: how many bits each node's part of it keeps.
        start: the instant at which the cluster is powered on, nanoseconds since the Unix epoch.
        metrics: let what nodes and pods use be asked for by the APIs of metrics, as a metrics-server serves them;
            nothing happens for it while nobody asks.
        feature_gates: Kubernetes' feature gates that are not as they are by default, such as
            `{"StaleControllerConsistencyReplicaSet": False}`.
        scheduler: how schedulers work, as a KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1 says, as JSON;
            empty for what Kubernetes has by default.
        links: which links between hosts are cut or slow from the beginning; all others are as good as any.
        explanations: where schedulers say why they decided as they did: `log` (as `Explain`, which leaves and stands in
            the log), `pods` (as annotations, which kube-scheduler-simulator writes); none: nowhere.
    """

    nodes: int = 3
    masters: int = 1
    members: int = 1
    etcd_apart: bool = False
    taint_masters: bool = False
    capacity: Map[str] = attrs.field(default=CAPACITY, converter=as_capacity)
    kubelet: Map[str] = attrs.field(default=Map(), converter=as_settings)
    proxy: bool = True
    without: tuple[str, ...] = ()
    lock: Literal["leases", "endpoints", "configmaps"] = "leases"
    events: bool = True
    heartbeats: bool = True
    behaviours: Behaviours = attrs.field(factory=Behaviours.default, converter=_behaviours)
    drivers: tuple[Driver, ...] = attrs.field(default=(), converter=as_tuple)
    etcd_quota: int = 0
    device_drivers: tuple[DeviceDriver, ...] = attrs.field(default=(), converter=as_tuple)
    balancer: Balancer | None = None
    cloud: Cloud | None = None
    stages: tuple[Any, ...] = attrs.field(default=(), converter=_stages)
    hosts: tuple[Host, ...] = attrs.field(default=(), converter=as_tuple)
    managed_fields: bool = False
    webhooks: bool = False
    audit: Map[Any] = attrs.field(factory=Map, converter=_audit)
    service_cidr: str = "10.96.0.0/12"
    cluster_cidr: str = ""
    node_cidr_mask_size: int = 24
    start: Instant = 1_767_225_600_000_000_000
    metrics: bool = False
    feature_gates: Map[bool] = attrs.field(factory=Map, converter=as_map)
    scheduler: Map[Any] = attrs.field(factory=Map, converter=_scheduler)
    explanations: tuple[Literal["log", "pods"], ...] = attrs.field(default=(), converter=as_tuple)
    links: tuple[Link, ...] = attrs.field(default=(), converter=as_tuple)

    def __attrs_post_init__(self) -> None:
        check_types(self, "topology: ")
        _check_numbers(self)
        count = len(self.hosts) or self.nodes
        if not 1 <= count <= _MOST_NODES:
            raise ReconcileError(f"topology: nodes: {self.nodes!r} is not between 1 and {_MOST_NODES}")
        before = self.members if self.etcd_apart else 0
        if not 1 <= self.masters <= count - before:
            raise ReconcileError(
                f"topology: masters: {self.masters!r} is not between 1 and the number of nodes"
                f"{' beside those of etcd' * self.etcd_apart}, {count - before}"
            )
        if not 1 <= self.members <= (count if self.etcd_apart else self.masters):
            raise ReconcileError(
                f"topology: members: {self.members!r} is not between 1 and the number of masters, {self.masters}"
            )
        if self.lock not in ("leases", "endpoints", "configmaps"):
            raise ReconcileError(f"topology: lock: {self.lock!r} is neither 'leases', 'endpoints' nor 'configmaps'")
        _check_gates(self.feature_gates)
        check_service_ranges(self.service_cidr)
        _check_amounts(self.capacity, "topology: capacity")
        if self.kubelet:
            _check_kubelet(self.kubelet, self.capacity, "topology: kubelet")
        if self.audit:
            auditing.check(self.audit)
        if self.scheduler:
            _check_scheduler(self.scheduler)
        _check_explanations(self.explanations)
        check_drivers(self.drivers)
        check_device_drivers(self.device_drivers)
        if self.stages:
            _check_stages(self.stages)
        if self.balancer is not None:
            _check_balancer(self.balancer, "topology: balancer")
        if self.cloud is not None:
            _check_cloud(self.cloud, "topology: cloud")
        for place, host in enumerate(self.hosts):
            _check_host(host, f"topology: hosts[{place}]")
            if host.external and place < before + self.masters:
                raise ReconcileError(f"topology: hosts[{place}].external: {host.name} is to carry the control plane")
        _distinct([(host.name, host.name) for host in self.hosts], "name")
        _distinct([(host.ip, host.name) for host in self.hosts], "address")
        if self.links:
            check_links(self.links, tuple([host.name for host in self.machines()]), "topology: links")
        if self.device_drivers:
            check_device_hosts(self.device_drivers, tuple([host.name for host in self.machines()]))
        _check_pod_networks(self)

    def machines(self) -> tuple[Host, ...]:
        """Give every host with the static pods that its place in the topology puts on its disk."""
        hosts = self.hosts or tuple([self._plain(number) for number in range(self.nodes)])
        return tuple([self._furnished(host, place) for place, host in enumerate(hosts)])

    def furnished(self, host: Host, others: tuple[Host, ...]) -> Host:
        """
        Give a host that comes to *others* later, as one that is no master.

        Raises:
            ReconcileError: it is none that a topology could have beside them.
        """
        _check_host(host, "host")
        _distinct([(each.name, each.name) for each in (*others, host)], "name")
        _distinct([(each.ip, each.name) for each in (*others, host)], "address")
        if not self.cluster_cidr:
            _check_networks((*others, host))
        return self._furnished(host, _MOST_NODES)

    def spare(self, name: str, others: tuple[Host, ...]) -> Host:
        """Give a machine of this name that can come to *others*: the first of those without hosts of their own."""
        taken = {host.ip for host in others} | {host.pod_cidr for host in others}
        for number in range(_MOST_NODES):
            host = self._plain(number)
            if host.ip not in taken and (self.cluster_cidr or host.pod_cidr not in taken):
                return attrs.evolve(host, name=name)
        raise ReconcileError(f"there is no room for {name!r}: there are {len(others)} hosts")

    def keepers(self) -> tuple[str, ...]:
        """Name the hosts on which a member of etcd runs."""
        return tuple([host.name for host in self.machines()[: self.members]])

    def controls(self) -> tuple[Host, ...]:
        """Give the hosts of the masters."""
        first = self.members if self.etcd_apart else 0
        return self.machines()[first : first + self.masters]

    @property
    def front(self) -> Balancer | None:
        """What stands before the API servers; None for nothing."""
        balancer = self.balancer
        return None if balancer is None or balancer.kind == "none" else balancer

    def _plain(self, number: int) -> Host:
        second, third = divmod(number, 256)
        return Host(
            name=f"node-{number + 1}",
            ip=f"172.18.{number // 250}.{number % 250 + 2}",
            pod_cidr=f"10.{_POD_NETWORKS[second]}.{third}.0/24",
            capacity=self.capacity,
        )

    def _furnished(self, host: Host, place: int) -> Host:
        labels, taints = host.labels, host.taints
        keeps = place < self.members
        run = ["etcd"] if keeps else []
        if keeps and self.etcd_apart:
            taints = (*taints, _ETCD_TAINT)
        elif place < self.masters + (self.members if self.etcd_apart else 0):
            brains = [name for name in ("kube-controller-manager", "kube-scheduler") if name not in self.without]
            run += ["kube-apiserver", *brains]
            labels = labels.merge(_MASTER_LABELS)
            taints = (*taints, _MASTER_TAINT) if self.taint_masters else taints
        run += ["kube-proxy"] if self.proxy else []
        if self.cloud is not None:  # as kubelets do with --cloud-provider=external
            taints = (*taints, core_v1.Taint(key=UNINITIALIZED, value="true", effect="NoSchedule"))
        if self.cluster_cidr:
            host = attrs.evolve(host, pod_cidr="")
        return attrs.evolve(
            host,
            kubelet=self.kubelet.merge(host.kubelet) if self.kubelet else host.kubelet,
            labels=labels,
            taints=taints,
            manifests=merged(host.manifests, run),
        )


def _check_numbers(topology: Topology) -> None:
    for name, number in (
        ("nodes", topology.nodes),
        ("masters", topology.masters),
        ("members", topology.members),
        ("start", topology.start),
        ("etcd_quota", topology.etcd_quota),
        ("node_cidr_mask_size", topology.node_cidr_mask_size),
    ):
        if not is_written(number):
            raise ReconcileError(f"topology: {name}: {number!r} is not an integer of 64 bits")
        if name == "etcd_quota" and number < 0:
            raise ReconcileError(f"topology: {name}: {number!r} is less than 0")


def stacked(masters: int) -> int:
    """Give how many of so many masters have a member of etcd, where a command line does not say: an odd number."""
    return masters - (masters % 2 == 0)


def is_written(number: object) -> bool:
    """Tell whether *number* is an integer that a log can hold: of 64 bits, with a sign or without."""
    return type(number) is int and -(1 << 63) <= number < 1 << 64


def _distinct(rows: list[tuple[str, str]], what: str) -> None:
    seen: dict[str, str] = {}
    for value, name in rows:
        if value in seen:
            raise ReconcileError(f"topology: hosts: {seen[value]} and {name} have one {what}, {value!r}")
        seen[value] = name


def _check_gates(given: Map[bool]) -> None:
    for gate in given:
        if gate not in gates.DEFAULTS:
            known = ", ".join(sorted(gates.DEFAULTS))
            raise ReconcileError(f"topology: feature_gates: {gate!r} cannot be switched here; there are {known}")
    for gate, needed in gates.lacking(given):
        raise ReconcileError(f"topology: feature_gates: {gate} is on, but {needed}, which it depends on, is off")


def _check_explanations(wanted: tuple[str, ...]) -> None:
    for each in wanted:
        if each not in EXPLANATIONS:
            raise ReconcileError(f"topology: explanations: {each!r} is neither 'log' nor 'pods'")


def _check_scheduler(document: Map[Any]) -> None:
    try:
        configuration_of(document)
    except ReconcileError as error:
        raise ReconcileError(f"topology: scheduler: {error}") from None


def _check_stages(documents: tuple[Any, ...]) -> None:
    try:
        stages_of(documents)
    except ReconcileError as error:
        raise ReconcileError(f"topology: stages{error}") from None


def _check_balancer(balancer: Balancer, path: str) -> None:
    check_types(balancer, f"{path}.")
    if balancer.kind not in KINDS:
        raise ReconcileError(f"{path}.kind: {balancer.kind!r} is none of {', '.join(KINDS)}")
    for field in ("interval", "rise", "fall", "takeover"):
        if getattr(balancer, field) < 1:
            raise ReconcileError(f"{path}.{field}: {getattr(balancer, field)!r} is less than 1")
    try:
        IPv4Address(balancer.address)
    except ValueError:
        raise ReconcileError(f"{path}.address: {balancer.address!r} is not an IPv4 address") from None
    for place, kind in enumerate(balancer.straight):
        if kind not in _CALLERS:
            raise ReconcileError(f"{path}.straight[{place}]: {kind!r} is none of {', '.join(_CALLERS)}")


_CALLERS: Final = ("kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet")


def _check_cloud(cloud: Cloud, path: str) -> None:
    check_types(cloud, f"{path}.")
    for field in ("balance", "failures"):
        if getattr(cloud, field) < 0:
            raise ReconcileError(f"{path}.{field}: {getattr(cloud, field)!r} is negative")
    rows = [("name", cloud.name, names.label_faults(cloud.name))]
    rows += [(field, getattr(cloud, field), names.label_value_faults(getattr(cloud, field))) for field in _ON_LABELS]
    rows += [(f"zones[{host!r}]", zone, names.label_value_faults(zone)) for host, zone in cloud.zones.items()]
    for field, value, faults in rows:
        if faults:
            raise ReconcileError(f"{path}.{field}: {value!r}: {faults[0]}")
    try:
        IPv4Network(cloud.addresses)
    except ValueError:
        said = "is not an IPv4 network, such as 203.0.113.0/24"
        raise ReconcileError(f"{path}.addresses: {cloud.addresses!r} {said}") from None


_ON_LABELS: Final = ("region", "instance_type")


def _check_host(host: Host, path: str) -> None:
    check_types(host, f"{path}.")
    _check_kubelet(host.kubelet, host.capacity, f"{path}.kubelet")
    if host.numa not in _NUMA_NODES:
        raise ReconcileError(f"{path}.numa: {host.numa!r} is not between 1 and 8")
    if not SLOWEST <= host.clock_drift <= FASTEST:
        raise ReconcileError(f"{path}.clock_drift: {host.clock_drift} is not between {SLOWEST} and {FASTEST}")
    for signal, text in host.strain.items():
        check_signal(signal, f"{path}.strain")
        amount_of(text, f"{path}.strain[{signal!r}]")
    rows = [("name", host.name, names.subdomain_faults(host.name))]
    rows += [("labels", key, names.qualified_faults(key)) for key in host.labels]
    rows += [(f"labels[{key!r}]", value, names.label_value_faults(value)) for key, value in host.labels.items()]
    for field, value, faults in rows:
        if faults:
            raise ReconcileError(f"{path}.{field}: {value!r}: {faults[0]}")
    try:
        IPv4Address(host.ip)
    except ValueError:
        raise ReconcileError(f"{path}.ip: {host.ip!r} is not an IPv4 address") from None
    _check_amounts(host.capacity, f"{path}.capacity")
    _check_amounts(host.reserved, f"{path}.reserved")
    for name, text in host.reserved.items():
        if name not in host.capacity or Quantity.parse(host.capacity[name]) < Quantity.parse(text):
            raise ReconcileError(f"{path}.reserved: {text} of {name} is more than there is")
    for place, manifest in enumerate(host.manifests):
        if not (manifest.metadata and manifest.metadata.name and manifest.spec and manifest.spec.containers):
            raise ReconcileError(f"{path}.manifests[{place}]: a static pod needs a name and containers")


def _check_kubelet(written: Map[str], capacity: Map[str], path: str) -> None:
    """Refuse what a kubelet would not start with."""
    for name, amount in settings_of(written, path).reserved.items():
        there = Quantity.parse(capacity[name]) if name in capacity else None
        if there is not None and there.nanos < amount:
            kept = Quantity.of(nanos=amount, form=there.form)
            said = f'Resource "{name}" has a reservation of {kept} but capacity of {there}.'
            raise ReconcileError(
                f"{path}: invalid Node Allocatable configuration. {said} Expected capacity >= reservation."
            )


_NUMA_NODES: Final = range(1, 9)


def _check_pod_networks(topology: Topology) -> None:
    bits = topology.node_cidr_mask_size
    if not 1 <= bits <= SMALLEST_NETWORK:
        raise ReconcileError(f"topology: node_cidr_mask_size: {bits!r} is not between 1 and {SMALLEST_NETWORK}")
    if topology.cluster_cidr:
        check_cluster_range(topology.cluster_cidr, bits)
    else:
        _check_networks(topology.hosts)


def _check_amounts(amounts: Map[str], path: str) -> None:
    for name, text in amounts.items():
        try:
            amount = Quantity.parse(text)
        except ReconcileError as error:
            raise ReconcileError(f"{path}[{name!r}]: {error}") from None
        if amount.nanos < 0:
            raise ReconcileError(f"{path}[{name!r}]: {text} is negative")


def _check_networks(hosts: tuple[Host, ...]) -> None:
    found: list[tuple[IPv4Network, str]] = []
    for place, host in enumerate(hosts):
        try:
            network = IPv4Network(host.pod_cidr)
        except ValueError:
            network = None
        if network is None or network.prefixlen > SMALLEST_NETWORK:
            said = "is not an IPv4 network with room for a pod, such as 10.244.1.0/24"
            raise ReconcileError(f"topology: hosts[{place}].pod_cidr: {host.pod_cidr!r} {said}")
        found.append((network, host.name))
    found.sort()
    for (one, first), (other, second) in pairwise(found):
        if one.overlaps(other):
            raise ReconcileError(f"topology: hosts: the pod networks of {first} and {second} overlap: {one}, {other}")
