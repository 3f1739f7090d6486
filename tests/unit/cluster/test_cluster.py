import attrs
import pytest

from reconcile.cluster import Cluster, Topology
from reconcile.cluster.components import COMPONENTS, host_processes
from reconcile.cluster.pending import Starting
from reconcile.components.controllers import Controller, Outcome, Source, keys_of_itself
from reconcile.driver import settle, step
from reconcile.driver.client import create
from reconcile.driver.wire import state_digest
from reconcile.events import CutWatch, Execute, Submit
from reconcile.lib.errors import ReconcileError
from reconcile.model.hosts import Host
from tests.unit.driver.lab import booted, configmap, deployed, executed, submitted

MANAGER = "kube-controller-manager/node-1"


def test_a_cluster_that_was_powered_on_has_kubelets_about_to_start():
    cluster = Cluster.boot(Topology(nodes=2), seed=5)
    assert (cluster.steps, cluster.now, cluster.seed) == (0, cluster.topology.start, 5)
    assert list(cluster.processes) == ["kubelet/node-1", "kubelet/node-2", "runtime/node-1", "runtime/node-2"]
    assert all(isinstance(item, Starting) for item in cluster.pending.values())
    assert len({process.life for process in cluster.processes.values()}) == 4
    assert (cluster.etcd, cluster.servers, cluster.parked, len(cluster.states)) == ("", (), (), 0)
    assert all(status.up and status.connected for status in cluster.hosts.values())
    assert cluster.store.revision == 1  # the access rules


def test_an_external_host_has_no_simulated_runtime():
    plain = Host(name="a", ip="192.0.2.1", pod_cidr="10.200.0.0/24")
    assert host_processes(plain) == ("runtime", "kubelet")
    assert host_processes(attrs.evolve(plain, external=True)) == ("kubelet",)


def test_a_boot_is_a_function_of_topology_and_seed():
    topologies = (Topology(), Topology(nodes=2), Topology(lock="endpoints"))
    boots = [(topology, seed) for topology in topologies for seed in (0, 1)]
    digests = [state_digest(Cluster.boot(topology, seed=seed)) for topology, seed in boots]
    assert len(set(digests)) == len(boots)
    assert digests == [state_digest(Cluster.boot(topology, seed=seed)) for topology, seed in boots]


def test_a_cluster_cannot_be_changed():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        booted().now = 0


# Questions ------------------------------------------------------------------------------------------------------------


def test_objects_are_given_in_the_order_of_their_keys():
    cluster = booted()
    for name in ("c", "a", "b"):
        cluster, call = submitted(cluster, create(configmap(name), namespace="kube-public"))
        cluster = executed(cluster, call)
    cluster, call = submitted(cluster, create(configmap("b")))
    cluster = executed(cluster, call)
    public = cluster.objects("configmaps", namespace="kube-public")
    assert [obj.metadata.name for obj in public if len(obj.metadata.name) == 1] == ["a", "b", "c"]
    keys = [(obj.metadata.namespace, obj.metadata.name) for obj in cluster.objects("cm")]
    assert keys == sorted(keys)
    assert len(keys) > len(public)
    assert cluster.objects("cm", namespace="nowhere") == ()


@pytest.mark.parametrize("word", ["pods", "pod", "po", "Pod"])
def test_a_resource_is_named_as_kubectl_names_it(word):
    cluster = deployed()
    found = cluster.objects(word, namespace="default")
    assert [pod.metadata.generate_name for pod in found] == [found[0].metadata.generate_name] * 2


def test_an_unknown_resource_is_refused():
    with pytest.raises(ReconcileError, match="starships"):
        booted().objects("starships")
    with pytest.raises(ReconcileError, match="starships"):
        booted().get("starships", "enterprise")


def test_one_object_is_given_by_its_name():
    cluster = deployed()
    assert cluster.get("deployments.apps", "web") is cluster.objects("deploy")[0]
    assert cluster.get("deploy", "web", namespace="default") is cluster.get("deploy", "web")
    assert cluster.get("deploy", "web", namespace="kube-system") is None
    assert cluster.get("nodes", "node-1").metadata.name == "node-1"
    assert cluster.get("nodes", "node-1", namespace="default").metadata.name == "node-1"
    assert cluster.get("pods", "nobody") is None
    assert cluster.get("persistentvolumes", "nothing") is None


def test_lag_counts_what_a_watch_has_not_been_told():
    cluster = booted()
    assert cluster.lag(MANAGER, "namespaces") == 0
    for count, name in enumerate(("a", "b"), start=1):
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        cluster, _ = step(cluster, Submit(request=create(manifest)))
        cluster, _ = step(cluster, Execute(max(cluster.pending)))
        assert cluster.lag(MANAGER, "namespaces") == count
    cluster, _ = step(cluster, CutWatch(MANAGER, "namespaces"))
    assert cluster.lag(MANAGER, "namespaces") == -1
    assert settle(cluster).cluster.lag(MANAGER, "namespaces") == 0
    with pytest.raises(KeyError):
        cluster.lag(MANAGER, "starships")


# Components -----------------------------------------------------------------------------------------------------------


def test_every_component_calls_as_its_own_user():
    users = {kind: component.user_on("node-7") for kind, component in COMPONENTS.items()}
    assert users["kubelet"].name == "system:node:node-7"
    assert set(users["kubelet"].groups) == {"system:nodes", "system:authenticated"}
    assert users["kube-scheduler"].name == "system:kube-scheduler"
    assert "system:masters" in users["kube-apiserver"].groups
    assert {kind for kind, component in COMPONENTS.items() if component.elected} == {
        "kube-controller-manager",
        "kube-scheduler",
        "leader-election-controller",
    }


def test_every_process_that_is_there_is_of_a_known_kind():
    cluster = deployed(2)
    for name, process in cluster.processes.items():
        assert name == process.name == f"{process.kind}/{process.host}"
        assert process.kind in COMPONENTS
        assert process.host in cluster.hosts
        assert all((name, watch) in cluster.cursors for watch in process.watches)
    assert len(cluster.cursors) == sum(len(process.watches) for process in cluster.processes.values())


@pytest.mark.parametrize("seed", [1 << 64, -(1 << 63) - 1, 7.5, "7", True, None])
def test_a_seed_that_no_log_can_hold_is_refused(seed):
    with pytest.raises(ReconcileError, match=r"seed: .* is not an integer of 64 bits"):
        Cluster.boot(Topology(nodes=1), seed=seed)
    Cluster.boot(Topology(nodes=1), seed=(1 << 64) - 1)


def test_controllers_that_cannot_run_are_refused_at_once():
    wrong = Controller(name="x", sources=(Source("deployments", keys_of_itself),), reconcile=lambda _: Outcome())
    with pytest.raises(ReconcileError, match=r"controller 'x': sources\[0\].resource: no such resource: 'deployments'"):
        Cluster.boot(Topology(nodes=1), controllers=(wrong,))
