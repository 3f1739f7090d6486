from ipaddress import ip_address, ip_network

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.api import core_v1, resource_v1
from reconcile.cluster import Cluster, Topology
from reconcile.cluster.links import Pace
from reconcile.cluster.manifests import static_pod
from reconcile.components import controllers
from reconcile.driver import settle
from reconcile.driver.client import apply
from reconcile.driver.machine import Machine
from reconcile.driver.step import apply_event
from reconcile.events import CutLink, MendLink, SlowLink
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model import gates
from reconcile.model.balancers import Balancer
from reconcile.model.clouds import Cloud
from reconcile.model.devices import DeviceDriver, DevicePool
from reconcile.model.drivers import Driver, DriverFault
from reconcile.model.hosts import CAPACITY, Host
from reconcile.model.links import Link
from reconcile.testing.repairing import repairs

CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
SMALL = Map({"cpu": "1", "memory": "1Gi", "pods": "5"})
HOSTS = (
    Host(name="alpha", ip="192.0.2.1", pod_cidr="10.200.0.0/24", labels=Map({"disk": "ssd"})),
    Host(name="beta", ip="192.0.2.2", pod_cidr="10.200.1.0/24", capacity=SMALL),
)


SCHEDULER = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def names(host):
    return [manifest.metadata.name for manifest in host.manifests]


def test_a_default_cluster_has_three_nodes_and_one_master():
    first, *rest = Topology().machines()
    assert [first.name, *[host.name for host in rest]] == ["node-1", "node-2", "node-3"]
    assert names(first) == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"]
    assert [names(host) for host in rest] == [["kube-proxy"]] * 2
    assert CONTROL_PLANE in first.labels
    assert first.taints == ()
    assert all(CONTROL_PLANE not in host.labels for host in rest)


def test_etcd_runs_on_the_first_master_only():
    hosts = Topology(nodes=3, masters=2, proxy=False).machines()
    assert [names(host) for host in hosts] == [
        ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"],
        ["kube-apiserver", "kube-controller-manager", "kube-scheduler"],
        [],
    ]


def test_masters_are_tainted_where_that_is_asked_for():
    first, second = Topology(nodes=2, taint_masters=True).machines()
    assert [(taint.key, taint.effect) for taint in first.taints] == [(CONTROL_PLANE, "NoSchedule")]
    assert second.taints == ()


def test_hosts_may_be_named_one_by_one():
    taint = core_v1.Taint(key="mine", effect="NoExecute")
    extra = static_pod("extra")
    hosts = (HOSTS[0], attrs.evolve(HOSTS[1], taints=(taint,), manifests=(extra,)))
    alpha, beta = Topology(hosts=hosts, nodes=99, masters=1).machines()
    assert (alpha.name, alpha.labels["disk"]) == ("alpha", "ssd")
    assert CONTROL_PLANE in alpha.labels
    assert names(beta) == ["extra", "kube-proxy"]
    assert beta.taints == (taint,)
    done = settle(Cluster.boot(Topology(hosts=HOSTS), seed=1))
    assert done.settled, done.moving
    assert [node.metadata.name for node in done.cluster.objects("nodes")] == ["alpha", "beta"]
    assert done.cluster.get("nodes", "beta").status.capacity["cpu"].milli == 1000


def test_what_a_capacity_does_not_name_is_as_by_default():
    (alpha, beta) = Topology(hosts=(attrs.evolve(HOSTS[0], capacity={"cpu": "64"}), HOSTS[1])).machines()
    assert alpha.capacity == {**CAPACITY, "cpu": "64"}
    assert Topology(nodes=1, capacity={"example.com/gpu": "2"}).machines()[0].capacity["memory"] == "16Gi"
    assert beta.capacity == {**CAPACITY, **SMALL}
    assert settle(Cluster.boot(Topology(hosts=(alpha,)), seed=1)).settled


@settings(max_examples=10)
@given(st.integers(1, 1500))
def test_addresses_never_clash(count):
    hosts = Topology(nodes=count).machines()
    assert len({host.name for host in hosts}) == len({host.ip for host in hosts}) == count
    networks = {ip_network(host.pod_cidr) for host in hosts}
    assert len(networks) == count
    assert all(network.prefixlen == 24 for network in networks)
    services = ip_network("10.96.0.0/12")
    assert not any(network.overlaps(services) for network in networks)
    assert not any(ip_address(host.ip) in services for host in hosts)


def test_the_largest_cluster_there_can_be():
    topology = Topology(nodes=_MOST)
    hosts = [topology._plain(number) for number in range(_MOST)]  # without their static pods, which take long
    assert len({host.pod_cidr for host in hosts}) == _MOST
    assert len({host.ip for host in hosts}) == _MOST
    assert ip_address(hosts[-1].ip) in ip_network("172.18.0.0/16")
    with pytest.raises(ReconcileError, match=f"nodes: {_MOST + 1} is not between 1 and {_MOST}"):
        Topology(nodes=_MOST + 1)


_MOST = 53248
GPU = resource_v1.Device(name="gpu")
UNREACHED = DevicePool(devices=(), name="p", labels={"a b": ""})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"nodes": 0}, "topology: nodes: 0 is not between 1 and"),
        ({"nodes": -1}, "topology: nodes: -1 is not between 1 and"),
        ({"masters": 0}, "topology: masters: 0 is not between 1 and the number of nodes, 3"),
        ({"nodes": 2, "masters": 3}, "topology: masters: 3 is not between 1 and the number of nodes, 2"),
        ({"hosts": HOSTS, "masters": 3}, "topology: masters: 3 is not between 1 and the number of nodes, 2"),
        ({"lock": "secrets"}, "topology: lock: 'secrets' is neither 'leases', 'endpoints' nor 'configmaps'"),
        ({"hosts": (HOSTS[0], HOSTS[0])}, "topology: hosts: alpha and alpha have one name, 'alpha'"),
        (
            {"hosts": (HOSTS[0], attrs.evolve(HOSTS[1], ip="192.0.2.1"))},
            "topology: hosts: alpha and beta have one address, '192.0.2.1'",
        ),
        (
            {"hosts": (HOSTS[0], attrs.evolve(HOSTS[1], pod_cidr="10.200.0.0/24"))},
            "topology: hosts: the pod networks of alpha and beta overlap: 10.200.0.0/24, 10.200.0.0/24",
        ),
        (
            {"hosts": (attrs.evolve(HOSTS[1], pod_cidr="10.200.0.128/25"), HOSTS[0])},
            "topology: hosts: the pod networks of alpha and beta overlap: 10.200.0.0/24, 10.200.0.128/25",
        ),
        ({"capacity": Map({"cpu": "lots"})}, "topology: capacity['cpu']: not a quantity"),
        ({"hosts": (attrs.evolve(HOSTS[0], external=True),)}, "hosts[0].external: alpha is to carry the control plane"),
        ({"scheduler": {"kind": "Pod"}}, "topology: scheduler: 'Pod' of None is no KubeSchedulerConfiguration"),
        (
            {"scheduler": {**SCHEDULER, "parallelism": 0}},
            "topology: scheduler: parallelism: Invalid value: 0: should be an integer value greater than zero",
        ),
        ({"drivers": (Driver(name="No"),)}, "topology: drivers[0].name: 'No': a lowercase RFC 1123 subdomain"),
        ({"drivers": (Driver(name="d", provision=-1),)}, "topology: drivers[0].provision: -1 is negative"),
        ({"drivers": (Driver(name="d", reach="a b"),)}, "topology: drivers[0].reach: 'a b': "),
        ({"drivers": (Driver(name="d"), Driver(name="d"))}, "topology: drivers: two are called 'd'"),
        ({"balancer": Balancer(kind="nginx")}, "topology: balancer.kind: 'nginx' is none of none, round-robin, "),
        ({"balancer": Balancer(fall=0)}, "topology: balancer.fall: 0 is less than 1"),
        ({"balancer": Balancer(interval=-1)}, "topology: balancer.interval: -1 is less than 1"),
        ({"balancer": Balancer(address="here")}, "topology: balancer.address: 'here' is not an IPv4 address"),
        ({"balancer": Balancer(straight=("etcd",))}, "topology: balancer.straight[0]: 'etcd' is none of "),
        ({"balancer": Balancer(rise="2")}, "topology: balancer.rise: "),
        ({"cloud": Cloud(balance=-1)}, "topology: cloud.balance: -1 is negative"),
        ({"cloud": Cloud(addresses="here")}, "topology: cloud.addresses: 'here' is not an IPv4 network"),
        ({"cloud": Cloud(region="a b")}, "topology: cloud.region: 'a b': "),
        ({"cloud": Cloud(zones={"n": "/"})}, "topology: cloud.zones['n']: '/': "),
        ({"cloud": "aws"}, "topology: cloud: expected a cloud, or nothing, found 'aws'"),
        ({"drivers": ("d",)}, "topology: drivers"),
        ({"cluster_cidr": "10.244.0.0"}, "topology: node_cidr_mask_size: 24 is not between 32 and 30"),
        ({"cluster_cidr": "pods"}, "topology: cluster_cidr: 'pods' is not an IPv4 network, such as 10.244.0.0/16"),
        (
            {"cluster_cidr": "10.244.0.0/16", "node_cidr_mask_size": 12},
            "topology: node_cidr_mask_size: 12 is not between 16 and 30, as cluster_cidr is 10.244.0.0/16",
        ),
        (
            {"drivers": (Driver(name="d", limit=1 << 31),)},
            "topology: drivers[0].limit: 2147483648 is more than a CSINode can say",
        ),
        ({"drivers": (Driver(name="d", unit="much"),)}, "topology: drivers[0].unit: "),
        ({"drivers": (Driver(name="d", unit="0"),)}, "topology: drivers[0].unit: '0' is not more than 0"),
        ({"drivers": (Driver(name="d", reach="zone,"),)}, "topology: drivers[0].reach: '': "),
        (
            {"drivers": (Driver(name="d", capacity={"a": "1Gi"}),)},
            "topology: drivers[0].capacity: 'a' is a value of no label: the driver has no reach",
        ),
        (
            {"drivers": (Driver(name="d", reach="zone,rack", capacity={"a": "1Gi"}),)},
            "topology: drivers[0].capacity: 'a' has not one value for each label of the driver's reach 'zone,rack'",
        ),
        (
            {"drivers": (Driver(name="d", reach="zone", capacity={"": "1Gi"}),)},
            "topology: drivers[0].capacity: '': a value is empty",
        ),
        (
            {"drivers": (Driver(name="d", reach="zone", capacity={"a b": "1Gi"}),)},
            "topology: drivers[0].capacity: 'a b': a valid label must be",
        ),
        (
            {"drivers": (Driver(name="d", capacity={"": "much"}),)},
            "topology: drivers[0].capacity['']: not a quantity",
        ),
        (
            {"drivers": (Driver(name="d", capacity={"": "-1"}),)},
            "topology: drivers[0].capacity['']: '-1' is negative",
        ),
        (
            {"drivers": (Driver(name="d", capacity="1Gi"),)},
            "topology: drivers[0].capacity: expected a map of text to the text of a quantity, found '1Gi'",
        ),
        (
            {"drivers": (Driver(name="d", faults=(DriverFault(operation="mount"),)),)},
            "topology: drivers[0].faults[0].operation: 'mount' is none of provision, delete, attach, ",
        ),
        (
            {"drivers": (Driver(name="d", faults=(DriverFault(operation="attach", code="internal"),)),)},
            "topology: drivers[0].faults[0].code: 'internal' is none of Canceled, ",
        ),
        (
            {"drivers": (Driver(name="d", faults=(DriverFault(operation="attach", times=-1),)),)},
            "topology: drivers[0].faults[0].times: -1 is negative",
        ),
        ({"device_drivers": ("d",)}, "topology: device_drivers: expected device drivers, found"),
        ({"device_drivers": (DeviceDriver(name="No"),)}, "topology: device_drivers[0].name: 'No': a lowercase"),
        ({"device_drivers": (DeviceDriver(name="d", bind=-1),)}, "topology: device_drivers[0].bind: -1 is negative"),
        ({"device_drivers": (DeviceDriver(name="d"),) * 2}, "topology: device_drivers: two are called 'd'"),
        (
            {"device_drivers": (DeviceDriver(name="d", health={"gpu": "ill"}),)},
            "topology: device_drivers[0].health['gpu']: 'ill': a device is one of Healthy, Unhealthy, Unknown",
        ),
        (
            {"device_drivers": (DeviceDriver(name="d", pools=(DevicePool(devices=()),)),)},
            "topology: device_drivers[0].pools[0]: a pool is either on hosts, or has a name of its own: (), ''",
        ),
        (
            {"device_drivers": (DeviceDriver(name="d", pools=(DevicePool(devices=(GPU,), on=("node-9",)),)),)},
            "topology: device_drivers[0].pools[0].on: there is no host 'node-9'; there are node-1",
        ),
        (
            {
                "device_drivers": (
                    DeviceDriver(name="d", pools=(DevicePool(devices=(), on=("a",), labels={"b": "c"}),)),
                )
            },
            "topology: device_drivers[0].pools[0].labels: are of a pool with a name of its own; this one is on ('a',)",
        ),
        (
            {"device_drivers": (DeviceDriver(name="d", pools=(DevicePool(devices=(GPU, GPU), on=("a",)),)),)},
            "topology: device_drivers[0].pools[0].devices: two are called 'gpu'",
        ),
        (
            {
                "device_drivers": (
                    DeviceDriver(name="d", pools=(DevicePool(devices=(), name="p", labels={"a b": ""}),)),
                )
            },
            "topology: device_drivers[0].pools[0].labels: 'a b': ",
        ),
    ],
)
def test_a_wrong_topology_is_refused(wrong, message):
    with pytest.raises(ReconcileError) as caught:
        Topology(**wrong)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "A B"}, "name: 'A B': a lowercase RFC 1123 subdomain"),
        ({"name": ""}, "name: '': a lowercase RFC 1123 subdomain"),
        ({"ip": "300.1.1.1"}, "ip: '300.1.1.1' is not an IPv4 address"),
        ({"pod_cidr": "10.1.0.7/24"}, "pod_cidr: '10.1.0.7/24' is not an IPv4 network with room for a pod"),
        ({"pod_cidr": "10.1.0.0/31"}, "pod_cidr: '10.1.0.0/31' is not an IPv4 network with room for a pod"),
        ({"pod_cidr": "fd00::/120"}, "pod_cidr: 'fd00::/120' is not an IPv4 network with room for a pod"),
        ({"capacity": Map({"cpu": "x"})}, "capacity['cpu']: not a quantity"),
        ({"capacity": Map({"cpu": "-1"})}, "capacity['cpu']: -1 is negative"),
        ({"reserved": Map({"cpu": "5"})}, "reserved: 5 of cpu is more than there is"),
        ({"reserved": Map({"gpu": "1"})}, "reserved: 1 of gpu is more than there is"),
        ({"labels": Map({"a b": "c"})}, "labels: 'a b': name part must consist of"),
        ({"labels": Map({"a": "c!"})}, "labels['a']: 'c!': a valid label must be"),
        ({"manifests": (core_v1.Pod(),)}, "manifests[0]: a static pod needs a name and containers"),
    ],
)
def test_a_host_that_cannot_be_is_refused_with_its_place(wrong, message):
    with pytest.raises(ReconcileError) as caught:
        Topology(hosts=(HOSTS[1], attrs.evolve(HOSTS[0], **wrong)))
    assert str(caught.value).startswith(f"topology: hosts[1].{message}")


def test_the_smallest_pod_network_has_room_for_one_pod():
    Topology(hosts=(attrs.evolve(HOSTS[0], pod_cidr="10.1.0.0/30"),))


def test_a_static_pod_is_one_that_a_kubelet_takes():
    pod = static_pod("kube-scheduler")
    assert pod.metadata.namespace == "kube-system"
    assert pod.spec.host_network
    assert pod.spec.priority_class_name == "system-node-critical"
    assert pod.spec.containers[0].image == "registry.k8s.io/kube-scheduler:v1.36.0"


@pytest.mark.parametrize(
    "wrong", [{"nodes": 2.0}, {"nodes": True}, {"masters": "1"}, {"start": 1.5}, {"start": 1 << 64}]
)
def test_what_is_no_integer_of_a_log_is_refused(wrong):
    with pytest.raises(ReconcileError, match=r"topology: [a-z]+: .* is not an integer of 64 bits"):
        Topology(**wrong)


# Feature gates --------------------------------------------------------------------------------------------------------

STATEFUL_SET = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "db"},
    "spec": {
        "replicas": 4,
        "serviceName": "db",
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": {"app": "db"}},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}},
        "template": {
            "metadata": {"labels": {"app": "db"}},
            "spec": {"containers": [{"name": "c", "image": "c:1"}]},
        },
    },
}


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        (
            {"Nonesuch": True},
            "'Nonesuch' cannot be switched here; there are CoordinatedLeaderElection, GangScheduling, Gen",
        ),
        ({"GangScheduling": True}, "GangScheduling is on, but GenericWorkload, which it depends on, is off"),
        ({"MaxUnavailableStatefulSet": "yes"}, "feature_gates: expected a map of text to true or false"),
    ],
)
def test_gates_that_are_none(given_, why):
    with pytest.raises(ReconcileError, match=why):
        Topology(feature_gates=given_)


@pytest.mark.parametrize(("switched", "kept"), [({}, None), ({"MaxUnavailableStatefulSet": True}, "50%")])
def test_a_gate_reaches_the_api_server(switched, kept):
    cluster = settle(Cluster.boot(Topology(nodes=1, feature_gates=switched), seed=1)).cluster
    cluster, response = apply(cluster, STATEFUL_SET)
    assert response.ok
    rolling = cluster.store.get("statefulsets.apps", "default/db").spec.update_strategy.rolling_update
    assert (rolling.partition, rolling.max_unavailable) == (0, kept)


@pytest.mark.parametrize(
    "gate",
    sorted(
        set(gates.DEFAULTS)
        - {
            gates.WATCH_LIST_CLIENT,
            gates.COORDINATED_LEADER_ELECTION,
            gates.GENERIC_WORKLOAD,
            gates.GANG_SCHEDULING,
        }
    ),
)
def test_a_gate_reaches_its_controller(gate):
    default = controllers.standard()
    switched = controllers.standard(feature_gates=Map({gate: not gates.DEFAULTS[gate]}))
    differ = [one.name for one, other in zip(default, switched, strict=True) if one.reconcile != other.reconcile]
    assert len(differ) == 1
    assert differ[0] in gate.lower().replace("hpa", "horizontalpodautoscaler")


def test_schedulers_work_as_the_topology_says():
    election = {"leaderElection": {"leaderElect": False}}
    scheduler = {**SCHEDULER, **election, "profiles": [{"schedulerName": "packing"}]}
    cluster = settle(Cluster.boot(Topology(nodes=3, masters=2, scheduler=scheduler))).cluster
    states = [cluster.states[f"kube-scheduler/node-{number}"] for number in (1, 2)]
    # Nobody is elected: each of them works.
    assert all(state.clock.runs and state.settings.profile.name == "packing" for state in states)
    assert "kube-scheduler" not in [each.metadata.name for each in cluster.objects("leases", namespace="kube-system")]


def test_the_lock_of_schedulers_is_as_the_configuration_says():
    scheduler = {**SCHEDULER, "leaderElection": {"leaseDuration": "40s", "renewDeadline": "20s", "retryPeriod": "5s"}}
    cluster = settle(Cluster.boot(Topology(nodes=1, scheduler=scheduler))).cluster
    (lease,) = [
        each for each in cluster.objects("leases", namespace="kube-system") if "scheduler" in each.metadata.name
    ]
    assert lease.spec.lease_duration_seconds == 40


def linked(*links):
    return Topology(nodes=3, links=links)


def test_links_are_cut_and_slow_from_the_beginning():
    cluster = Cluster.boot(
        linked(
            Link(one="node-3", other="node-1", cut=True),
            Link(one="node-1", other="node-2", delay=5_000_000, loss=10),
            Link(one="node-2", other="node-3", cut=True, one_way=True),
        )
    )
    assert cluster.cuts == (("node-1", "node-3"),)
    assert cluster.links.ways == (("node-2", "node-3"),)
    pace = Pace(5_000_000, 0, 10)
    assert dict(cluster.links.paces.items()) == {("node-1", "node-2"): pace, ("node-2", "node-1"): pace}


def test_what_is_cut_one_way_twice_is_cut():
    both = (Link(one="node-1", other="node-2", cut=True, one_way=True),)
    both += (Link(one="node-2", other="node-1", cut=True, one_way=True),)
    cluster = Cluster.boot(linked(*both))
    assert (cluster.cuts, cluster.links.ways) == ((("node-1", "node-2"),), ())


def test_a_cluster_whose_links_are_slow_takes_longer_and_is_repaired_to_what_it_was_at_first():
    slow = linked(Link(one="node-1", other="node-2", delay=400_000_000))
    booted = settle(Cluster.boot(slow, seed=1))
    assert booted.settled
    assert booted.cluster.now > settle(Cluster.boot(Topology(), seed=1)).cluster.now
    broken = settle(
        booted.cluster, (SlowLink("node-1", "node-2"), SlowLink("node-1", "node-3", 5), CutLink("node-1", "node-2"))
    ).cluster
    machine = Machine(broken)
    said = []
    while (event := next(repairs(machine), None)) is not None:
        apply_event(machine, event)
        said.append(event)
    assert MendLink("node-1", "node-2") in said
    assert machine.closed().links.paces == booted.cluster.links.paces
    assert machine.closed().cuts == ()


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (Link(one="node-1", other="node-9"), r"links\[0\].other: there is no host 'node-9'; there are node-1, node-2"),
        (Link(one="node-1", other="node-1"), r"links\[0\]: 'node-1' has no link to itself"),
        (Link(one="node-1", other="node-2", delay=-1), r"links\[0\].delay: -1 is not between 0 and an hour"),
        (Link(one="node-1", other="node-2", loss=1_000_000), r"links\[0\].loss: 1000000 is not between 0 and 999999"),
        (Link(one="node-1", other="node-2", cut="no"), r"links\[0\].cut: expected true or false, found 'no'"),
    ],
)
def test_links_that_are_none(link, said):
    with pytest.raises(ReconcileError, match=said):
        linked(link)


def test_a_link_is_said_once():
    with pytest.raises(
        ReconcileError, match=r"links\[1\]: from node-2 to node-1 there is topology: links\[0\] already"
    ):
        linked(Link(one="node-1", other="node-2"), Link(one="node-2", other="node-1", one_way=True))
