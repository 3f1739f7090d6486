import attrs
import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.components.kubeproxy import RuleSet, State, begin, rules_of, step, watches
from reconcile.components.kubeproxy.chains import INDEXES
from reconcile.components.kubeproxy.ports import Backed
from reconcile.effects import Install, Record, SetTimer
from reconcile.events import Started, TimerFired, Turned, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.table import Table
from reconcile.model.requests import key_of
from reconcile.model.watches import Watch
from reconcile.store import Change
from reconcile.store.indexes import indexes_of

NOW = 1_767_225_600 * SECOND
SLICES = "endpointslices.discovery.k8s.io"
SYNC = ("kube-proxy", "sync")
ZONE = "topology.kubernetes.io/zone"


class Cluster:
    """What the API server has: tells a watch of one object at a time."""

    def __init__(self):
        self.tables = {name: Table(indexes_of(name)) for name in ("services", SLICES, "nodes")}

    def watched(self, watch, *pairs, now=NOW):
        changes = []
        for old, new in pairs:
            key = key_of(new if new is not None else old)
            table = self.tables[watch]
            table = self.tables[watch] = table.remove(key) if new is None else table.set(key, new)
            changes.append(Change(1, watch, key, old, new))
        return Watched(now, watch, tuple(changes), self.tables[watch])


@pytest.fixture
def cluster():
    return Cluster()


def node(cidr="10.244.1.0/24", ip="192.168.1.1"):
    addresses = (
        core_v1.NodeAddress(type="Hostname", address="node-1"),
        core_v1.NodeAddress(type="InternalIP", address=ip),
    )
    return core_v1.Node(
        metadata=meta_v1.ObjectMeta(name="node-1"),
        spec=core_v1.NodeSpec(pod_cidr=cidr),
        status=core_v1.NodeStatus(addresses=addresses),
    )


def synced(cluster, *events):
    """A proxy that has heard *events* and, before them, that there is nothing."""
    state = begin("node-1", Dice(7, "kube-proxy"))
    for event in (cluster.watched("services"), cluster.watched(SLICES), *events):
        state, _ = step(state, event)
    return state


def test_starts_by_saying_so():
    state = begin("node-1", Dice(7, "kube-proxy"))
    after, effects = step(state, Started(NOW))
    assert after == state
    about = core_v1.Node(metadata=meta_v1.ObjectMeta(name="node-1", uid="node-1"))
    assert effects == (Record(about, "Normal", "Starting", ""),)


def test_watches_services_slices_and_its_own_node():
    assert watches(State(node_name="node-1")) == (
        Watch("services", "services"),
        Watch(SLICES, SLICES),
        Watch("nodes", "nodes", "node-1"),
    )


def test_installs_nothing_before_it_knows_services_and_slices(cluster, make):
    service = make.service("ns1", "svc1", "172.30.0.41")
    state, effects = step(begin("node-1", Dice(7, "")), cluster.watched("services", (None, service)))
    assert effects == ()
    state, effects = step(state, cluster.watched(SLICES))
    assert effects == (Install(rules_of(state)),)
    assert rules_of(state) == RuleSet(node="node-1", services=Table.of([("ns1/svc1", Backed(service, ()))], INDEXES))


def test_installs_at_once_after_a_quiet_second_and_together_before(cluster, make):
    state = synced(cluster)
    one, two = (make.service("ns1", f"svc{n}", f"172.30.0.4{n}") for n in (1, 2))
    state, effects = step(state, cluster.watched("services", (None, one), now=NOW + SECOND // 2))
    assert effects == (SetTimer(SYNC, NOW + SECOND),)
    state, effects = step(state, cluster.watched("services", (None, two), now=NOW + SECOND // 2))
    assert effects == ()
    state, effects = step(state, TimerFired(NOW + SECOND, SYNC))
    assert effects == (Install(rules_of(state)),)
    assert rules_of(state).services.keys() == ("ns1/svc1", "ns1/svc2")
    state, effects = step(state, cluster.watched("services", (one, None), now=NOW + 2 * SECOND))
    assert effects == (Install(rules_of(state)),)
    assert rules_of(state).services.keys() == ("ns1/svc2",)


def test_brings_service_and_slices_together_whichever_comes_first(cluster, make):
    service = make.service("ns1", "svc1", "172.30.0.41")
    a, b = (make.slice("ns1/svc1", make.endpoint(f"10.0.0.{n}"), name=f"svc1-{n}") for n in (1, 2))
    first = synced(cluster, cluster.watched("services", (None, service)), cluster.watched(SLICES, (None, b), (None, a)))
    other = Cluster()
    second = synced(other, other.watched(SLICES, (None, a), (None, b)), other.watched("services", (None, service)))
    assert first.services == second.services == Table.of([("ns1/svc1", Backed(service, (a, b)))])
    last = step(first, cluster.watched(SLICES, (a, None)))[0]
    assert last.services["ns1/svc1"] == Backed(service, (b,))
    last = step(last, cluster.watched(SLICES, (b, None)))[0]
    last = step(last, cluster.watched("services", (service, None)))[0]
    assert len(last.services) == 0


def test_what_packets_do_not_depend_on_changes_nothing(cluster, make):
    service, piece = make.service("ns1", "svc1", "172.30.0.41"), make.slice("ns1/svc1", make.endpoint("10.0.0.1"))
    state = synced(cluster, cluster.watched("services", (None, service)), cluster.watched(SLICES, (None, piece)))
    state, _ = step(state, TimerFired(NOW + SECOND, SYNC))
    labelled = attrs.evolve(service, metadata=attrs.evolve(service.metadata, resource_version="9"))
    touched = attrs.evolve(piece, metadata=attrs.evolve(piece.metadata, resource_version="9"))
    assert step(state, cluster.watched("services", (service, labelled))) == (state, ())
    assert step(state, cluster.watched(SLICES, (piece, touched))) == (state, ())
    assert step(state, TimerFired(NOW + 5 * SECOND, SYNC)) == (state, ())
    assert step(state, Turned(NOW, "x")) == (state, ())


def test_leaves_out_what_is_not_its_business(cluster, make):
    services = [
        make.service("ns1", "headless", "None"),
        make.service("ns1", "external", None, type="ExternalName"),
        make.service("ns1", "six", "fd00::1"),
        make.service("ns1", "other", "172.30.0.1", labels={"service.kubernetes.io/service-proxy-name": "mine"}),
    ]
    slices = [
        make.slice("ns1/headless", labels={"service.kubernetes.io/headless": ""}),
        make.slice("ns1/six", family="IPv6"),
    ]
    state = synced(
        cluster,
        cluster.watched("services", *[(None, service) for service in services]),
        cluster.watched(SLICES, *[(None, piece) for piece in slices]),
    )
    assert len(state.services) == 0


def test_goes_by_its_nodes_addresses_and_pods(cluster):
    state = synced(cluster)
    state, effects = step(state, cluster.watched("nodes", (None, node()), now=NOW + SECOND))
    assert effects == (Install(RuleSet(node="node-1", addresses=("192.168.1.1",), local_cidr="10.244.1.0/24")),)
    # A heartbeat.
    assert step(state, cluster.watched("nodes", (node(), node()), now=NOW + 9 * SECOND)) == (state, ())
    assert step(state, cluster.watched("nodes", (node(), None), now=NOW + 9 * SECOND)) == (state, ())


def test_the_clusters_cidr_goes_before_the_nodes(cluster):
    state = begin("node-1", Dice(7, ""), cluster_cidr="10.244.0.0/16")
    for event in (cluster.watched("services"), cluster.watched(SLICES)):
        state, _ = step(state, event)
    assert rules_of(state).local_cidr == "10.244.0.0/16"


def test_a_node_that_comes_to_another_zone_has_its_rules_made_anew(cluster):
    there = node()
    state = synced(cluster, cluster.watched("nodes", (None, there)))
    state, _ = step(state, TimerFired(NOW + SECOND, SYNC))
    moved = attrs.evolve(there, metadata=meta_v1.ObjectMeta(name="node-1", labels=Map({ZONE: "east"})))
    state, effects = step(state, cluster.watched("nodes", (there, moved), now=NOW + 5 * SECOND))
    assert [type(effect) for effect in effects] == [Install]
    assert rules_of(state).zone == "east"
