"""Machines that come into a cluster: workers, masters, and members of etcd on hosts that had none."""

from functools import cache

import attrs
import pytest

from reconcile import Cluster, Topology, run, settle, step
from reconcile.api.scalars import Quantity
from reconcile.cluster.kubeadm import kubeadm
from reconcile.cluster.manifests import static_pod
from reconcile.driver.choices import reachable
from reconcile.driver.client import ask, create, watch
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import replay
from reconcile.driver.operating.joining import join
from reconcile.driver.operating.members import member_list
from reconcile.driver.wire import from_json, state_digest, to_json
from reconcile.events import (
    AddHost,
    ChangeMember,
    ClusterEvent,
    LoseDisk,
    RestoreSnapshot,
    SaveSnapshot,
    SetBackends,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
    Submit,
    WriteManifest,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.balancers import Balancer
from reconcile.model.hosts import Host

NEW = Host(name="new", ip="172.18.0.99", pod_cidr="10.200.0.0/24")
MASTERS = ("node-1", "node-2", "node-3")
NOTE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}}
THREE = Topology(nodes=4, masters=3, members=3)


@cache
def booted(topology):
    return settle(Cluster.boot(topology, seed=3)).cluster


def happened(cluster, *events):
    for event in events:
        cluster, _ = step(cluster, event)
    return cluster


def parts(cluster):
    return {each.host: each.part for each in member_list(cluster)}


def wrote(cluster):
    return ask(cluster, create(NOTE))[1].code


# Hosts ----------------------------------------------------------------------------------------------------------------


def test_a_machine_that_comes_is_a_node_like_the_others():
    topology = Topology(nodes=1, kubelet={"maxPods": "7"})
    cluster = settle(happened(booted(topology), AddHost(attrs.evolve(NEW, capacity={"cpu": "9"})))).cluster
    node = cluster.get("nodes", "new")
    assert [each.status for each in node.status.conditions if each.type == "Ready"] == ["True"]
    assert node.spec.pod_cidr == "10.200.0.0/24"
    assert node.status.capacity["cpu"] == Quantity.parse("9")
    assert node.status.allocatable["pods"] == Quantity.parse("7")
    assert "kube-proxy/new" in cluster.processes
    assert settle(happened(cluster, StopHost("new"), StartHost("new"))).settled


def test_a_machine_that_comes_is_given_the_addresses_of_its_pods():
    cluster = settle(happened(booted(kubeadm("single", workers=0)), AddHost(attrs.evolve(NEW, pod_cidr="")))).cluster
    assert cluster.get("nodes", "new").spec.pod_cidr == "10.244.1.0/24"


def test_a_manifest_that_is_there_before_the_kubelet_begins_runs_once():
    cluster = happened(booted(Topology(nodes=1)), AddHost(NEW))
    for program in ("kube-scheduler", "kube-controller-manager"):
        cluster = happened(cluster, WriteManifest("new", static_pod(program)))
    cluster = settle(cluster).cluster
    pods = [pod for pod in cluster.objects("pods", namespace="kube-system") if pod.spec.node_name == "new"]
    assert len(pods) == 3
    assert all(status.ready and not status.restart_count for pod in pods for status in pod.status.container_statuses)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (AddHost(attrs.evolve(NEW, name="node-1")), "topology: hosts: node-1 and node-1 have one name, 'node-1'"),
        (AddHost(attrs.evolve(NEW, ip="172.18.0.2")), "topology: hosts: node-1 and new have one address, '172.18.0.2'"),
        (AddHost(attrs.evolve(NEW, pod_cidr="10.128.0.0/20")), "pod networks of new and node-1 overlap"),
        (AddHost(attrs.evolve(NEW, ip="here")), "host.ip: 'here' is not an IPv4 address"),
        (AddHost(attrs.evolve(NEW, name="a b")), "host.name: 'a b'"),
        (SetBackends(("node-1",)), "nothing stands before the API servers"),
    ],
)
def test_what_cannot_come_is_refused(event, said):
    with pytest.raises(ReconcileError) as caught:
        step(booted(THREE), event)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ((), "hosts: none: one or more"),
        (("node-1", "node-1"), "node-1, node-1: one"),
        (("node-9",), "no host 'node-9'"),
    ],
)
def test_a_balancer_sends_to_hosts_that_there_are(hosts, said):
    with pytest.raises(ReconcileError) as caught:
        step(booted(Topology(nodes=1, balancer=Balancer())), SetBackends(hosts))
    assert said in str(caught.value)


def test_events_of_machines_are_written_and_read():
    for event in (AddHost(NEW), SetBackends(("a", "b")), RestoreSnapshot("x", ("a",), 7)):
        assert from_json(to_json(event), ClusterEvent) == event
    assert from_json({"event": "RestoreSnapshot", "name": "x", "hosts": ["a"]}, ClusterEvent).bump == 0


# kubeadm join ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topology", "member"),
    [
        (attrs.evolve(THREE, balancer=Balancer(kind="floating-address")), "voter"),
        (kubeadm("stacked", workers=0), "voter"),
        (kubeadm("external-etcd", masters=1, members=2, workers=0), "none"),
    ],
    ids=["plain", "stacked", "external"],
)
def test_a_master_joins(topology, member):
    cluster = settle(join(booted(topology), "new", control_plane=True)).cluster
    assert parts(cluster).get("new", "none") == member
    node = cluster.get("nodes", "new")
    assert node.metadata.labels["node-role.kubernetes.io/control-plane"] == ""
    assert bool(node.spec.taints) == topology.taint_masters
    pods = [pod for pod in cluster.objects("pods", namespace="kube-system") if pod.spec.node_name == "new"]
    assert {pod.metadata.labels.get("component") for pod in pods} >= {"kube-apiserver", "kube-scheduler"}
    assert all(status.ready and not status.restart_count for pod in pods for status in pod.status.container_statuses)
    if topology.balancer is not None:
        assert cluster.states["network"].health["new"].up


def test_an_image_and_flags_are_those_that_kubeadm_writes():
    cluster = join(booted(kubeadm("stacked", workers=0)), "new", control_plane=True)
    (written,) = [pod for pod in cluster.hosts["new"].host.manifests if pod.metadata.name == "etcd"]
    (first,) = [pod for pod in cluster.hosts["master-3"].host.manifests if pod.metadata.name == "etcd"]
    (one,), (other,) = written.spec.containers, first.spec.containers
    assert one.image == other.image
    (said,) = [word for word in one.command if word.startswith("--initial-cluster=")]
    assert sorted(each.partition("=")[0] for each in said.partition("=")[2].split(",")) == [
        "master-1",
        "master-2",
        "master-3",
        "new",
    ]
    assert "--initial-cluster-state=existing" in one.command


def test_a_worker_joins_once_and_may_become_a_master():
    cluster = settle(join(booted(Topology(nodes=1)), "new")).cluster
    with pytest.raises(ReconcileError, match="host new is there already"):
        join(cluster, "new")
    cluster = join(cluster, "new", control_plane=True)
    with pytest.raises(ReconcileError, match=r"FileAvailable--etc-kubernetes-manifests-kube-apiserver\.yaml"):
        join(cluster, "new", control_plane=True)
    down = happened(settle(join(cluster, "other")).cluster, StopProcess("kubelet/other"))
    with pytest.raises(ReconcileError, match="kubelet/other does not run"):
        join(down, "other", control_plane=True)


def test_a_master_cannot_join_without_a_quorum():
    cluster = happened(booted(THREE), StopHost("node-1"), StopHost("node-2"))
    began = cluster.now
    with pytest.raises(ReconcileError, match="etcdserver: no leader"):
        join(run(cluster, until=began + 5 * SECOND).cluster, "new", control_plane=True)


# Members --------------------------------------------------------------------------------------------------------------


def of_masters(cluster):
    """Name the hosts whose API servers serve when those of the first three do not run, nor their kubelets."""
    for host in MASTERS:
        cluster = happened(cluster, StopProcess(f"kubelet/{host}"), StopProcess(f"kube-apiserver/{host}"))
    return [host for host in ("node-4",) if reachable(cluster, host)]


def test_a_learner_does_not_serve():
    cluster = happened(booted(THREE), ChangeMember("learner", "node-4"))
    for program in ("etcd", "kube-apiserver"):
        cluster = happened(cluster, WriteManifest("node-4", static_pod(program)))
    cluster = settle(cluster).cluster
    assert parts(cluster)["node-4"] == "learner"
    assert "kube-apiserver/node-4" in cluster.servers
    assert "node-4" not in of_masters(cluster)
    promoted = settle(happened(cluster, ChangeMember("promote", "node-4"))).cluster
    assert parts(promoted)["node-4"] == "voter"
    assert "node-4" in of_masters(promoted)


@pytest.mark.parametrize(
    ("before", "event", "said"),
    [
        ((), ChangeMember("add", "node-9"), "there is no host 'node-9'"),
        ((), ChangeMember("remove", "node-4"), "etcdserver: member not found"),
        ((), ChangeMember("promote", "node-4"), "etcdserver: member not found"),
        ((ChangeMember("learner", "node-4"),), ChangeMember("learner", "node-4"), "Peer URLs already exists"),
        ((ChangeMember("learner", "node-4"),), ChangeMember("promote", "node-4"), "which is in sync with leader"),
        ((ChangeMember("learner", "node-4"), AddHost(NEW)), ChangeMember("learner", "new"), "too many learner members"),
        ((StopHost("node-3"),), ChangeMember("learner", "node-4"), "etcdserver: unhealthy cluster"),
    ],
)
def test_a_change_is_refused_as_etcd_refuses_it(before, event, said):
    cluster = booted(THREE)
    for each in before:
        cluster = run(happened(cluster, each), until=cluster.now + 3 * SECOND).cluster
    with pytest.raises(ReconcileError, match=said):
        step(cluster, event)


def test_etcd_on_a_host_that_nobody_has_added_ends_again_and_again():
    cluster = happened(booted(THREE), WriteManifest("node-4", static_pod("etcd")))
    cluster = run(cluster, until=cluster.now + 90 * SECOND).cluster
    (pod,) = [each for each in cluster.objects("pods") if each.metadata.name == "etcd-node-4"]
    (status,) = pod.status.container_statuses
    assert status.restart_count > 1
    assert status.state.waiting.reason == "CrashLoopBackOff"
    assert status.last_state.terminated.exit_code == 1


def test_a_lone_member_gets_another_without_anything_being_lost():
    cluster, _ = ask(booted(Topology(nodes=2)), create(NOTE))
    before = cluster.store.revision
    cluster = happened(cluster, ChangeMember("learner", "node-2"))
    assert cluster.store.revision == before
    assert parts(settle(cluster).cluster) == {"node-1": "voter", "node-2": "learner"}
    with pytest.raises(ReconcileError, match="Peer URLs already exists"):
        step(booted(Topology(nodes=2)), ChangeMember("learner", "node-1"))
    cluster = settle(happened(cluster, WriteManifest("node-2", static_pod("etcd")))).cluster
    cluster = settle(happened(cluster, ChangeMember("promote", "node-2"))).cluster
    assert parts(cluster) == {"node-1": "voter", "node-2": "voter"}
    assert cluster.get("configmaps", "note") is not None
    # Of two, both are a quorum.
    assert not settle(happened(cluster, StopHost("node-2"))).settled


# Snapshots on new machines --------------------------------------------------------------------------------------------


def lost(topology, bump):
    """Save a snapshot, write a note, lose all masters, and begin anew on another machine with what was saved."""
    cluster = happened(booted(topology), SaveSnapshot("night", "node-1"))
    cluster, _ = ask(cluster, create(NOTE))
    cluster = settle(cluster).cluster
    cluster = happened(cluster, *[StopHost(f"node-{number}") for number in range(1, topology.masters + 1)])
    cluster = settle(join(cluster, "new"), limit=MINUTE).cluster
    cluster = happened(cluster, RestoreSnapshot("night", ("new",), bump))
    return join(cluster, "new", control_plane=True)


@pytest.mark.parametrize("topology", [Topology(nodes=2), THREE], ids=["one", "three"])
def test_a_cluster_goes_on_from_a_snapshot_on_a_machine_that_had_no_member(topology):
    cluster = settle(lost(topology, 1_000_000)).cluster
    assert cluster.store.revision > 1_000_000
    assert cluster.get("configmaps", "note") is None
    assert parts(cluster)["new"] == "voter"
    assert wrote(cluster) == 201
    ready = {node.metadata.name: node.status.conditions[-1].status for node in cluster.objects("nodes")}
    assert ready[f"node-{topology.nodes}"] == "True"


def pods_on_worker(cluster):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    pod["spec"] = {"nodeName": "node-2", "containers": [{"name": "c", "image": "c"}]}
    cluster, _ = ask(cluster, create(pod))
    cluster = run(cluster, until=cluster.now + 30 * SECOND).cluster
    return cluster.get("pods", "p").status.phase, cluster


def test_who_has_seen_more_than_the_snapshot_waits_in_vain_unless_revisions_go_on():
    # Kubernetes' page on etcd: after a restore, restart the components, so that they do not rely on what is old.
    busy = booted(Topology(nodes=2))
    saved = happened(busy, SaveSnapshot("night", "node-1"))
    for number in range(3):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"late-{number}"}}
        pod["spec"] = {"nodeName": "node-2", "containers": [{"name": "c", "image": "c"}]}
        saved, _ = ask(saved, create(pod))
    saved = run(settle(saved).cluster, (StopHost("node-1"),), until=saved.now + MINUTE).cluster

    def restored(bump):
        cluster = settle(join(saved, "new"), limit=MINUTE).cluster
        cluster = happened(cluster, RestoreSnapshot("night", ("new",), bump))
        return settle(join(cluster, "new", control_plane=True)).cluster

    phase, stuck = pods_on_worker(restored(0))
    assert phase == "Pending"
    again = settle(happened(stuck, StopProcess("kubelet/node-2"), StartProcess("kubelet/node-2"))).cluster
    assert again.get("pods", "p").status.phase == "Running"
    assert pods_on_worker(restored(1_000_000))[0] == "Running"


def test_a_client_that_watches_is_told_that_what_it_has_seen_is_too_old():
    cluster = booted(Topology(nodes=2))
    cluster = settle(happened(cluster, Submit(request=watch("configmaps"), tag="w"))).cluster
    cluster = happened(cluster, SaveSnapshot("night", "node-1"))
    cluster = settle(ask(cluster, create(NOTE))[0]).cluster
    cluster = happened(cluster, StopHost("node-1"))
    cluster = settle(join(cluster, "new"), limit=MINUTE).cluster
    _, told = step(cluster, RestoreSnapshot("night", ("new",), 1_000_000))
    assert [(each.tag, each.type, each.object.reason) for each in told] == [("w", "ERROR", "Expired")]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (RestoreSnapshot("night", ("new",)), "there is no host 'new'"),
        (RestoreSnapshot("night", ("node-4",), -1), "bump: -1 is not between 0 and"),
        (RestoreSnapshot("night", ()), "hosts: a cluster has at least one member"),
        (RestoreSnapshot("night", ("node-4",)), "the member on host node-1 runs"),
    ],
)
def test_a_snapshot_is_restored_where_that_can_be(event, said):
    saved = happened(booted(THREE), SaveSnapshot("night", "node-1"))
    with pytest.raises(ReconcileError, match=said):
        step(saved, event)


# The log --------------------------------------------------------------------------------------------------------------


def test_all_of_it_is_recorded_and_replayed():
    lines = []
    recorder = Recorder(Cluster.boot(Topology(nodes=2), seed=4), lambda line: lines.append(line.encode()))
    recorder.settle(())
    events = (AddHost(NEW), ChangeMember("learner", "new"), WriteManifest("new", static_pod("etcd")))
    recorder.settle(events)
    recorder.settle((ChangeMember("promote", "new"), SaveSnapshot("night", "new")))
    down = (StopHost("node-1"), StopHost("new"), LoseDisk("new"), RestoreSnapshot("night", ("new",), 500))
    recorder.settle((*down, StartHost("new")), limit=MINUTE)
    end = recorder.end()
    again = replay(lines)
    assert again.identical, again.divergence
    assert state_digest(again.cluster) == state_digest(end)
    assert parts(end) == {"new": "voter", "node-1": "none"}


@pytest.mark.parametrize("refused", [ChangeMember("promote", "node-1"), ChangeMember("learner", "node-1")])
@pytest.mark.parametrize("masters", [1, 3])
def test_a_refusal_leaves_nothing_behind(masters, refused):
    lines = []
    topology = Topology(nodes=3, masters=masters, members=masters)
    recorder = Recorder(Cluster.boot(topology, seed=4), lambda line: lines.append(line.encode()))
    recorder.settle(())
    before = recorder.cluster
    with pytest.raises(ReconcileError):
        recorder.step(refused)
    assert recorder.cluster.members == before.members
    assert recorder.cluster.calm == before.calm
    recorder.run(until=recorder.cluster.now + 10 * SECOND)
    end = recorder.end()
    again = replay(lines)
    assert again.identical, again.divergence
    assert state_digest(again.cluster) == state_digest(end)
