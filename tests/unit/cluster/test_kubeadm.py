"""Clusters as kubeadm builds them: they boot, and their add-ons run."""

import attrs
import pytest

from reconcile import Cluster, Submit, Topology, create, run, settle, step
from reconcile.api import convert
from reconcile.cluster.kubeadm import FORMS, addons, kubeadm, with_manifests
from reconcile.driver.wire import topology_from_json, topology_to_json
from reconcile.events import StopHost
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from reconcile.model.programs import Options, read


def booted(form, **given):
    cluster = settle(Cluster.boot(kubeadm(form, **given), seed=3)).cluster
    for each in addons("v1.36.0"):
        cluster, _ = step(cluster, Submit(create(each)))
    return run(cluster, until=cluster.now + 60 * SECOND).cluster


def kinds(cluster, kind):
    return sorted(name.partition("/")[2] for name in cluster.processes if name.startswith(f"{kind}/"))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_boots_and_all_its_pods_become_ready(form):
    cluster = booted(form)
    pods = cluster.objects("pods")
    assert all(status.ready for pod in pods for status in pod.status.container_statuses)
    hosts = sorted(cluster.hosts.keys())
    assert kinds(cluster, "kube-proxy") == hosts  # a DaemonSet's container on each
    masters = [host for host in hosts if host.startswith("master")]
    assert kinds(cluster, "kube-apiserver") == masters
    assert kinds(cluster, "etcd") == ([host for host in hosts if host.startswith("etcd")] or masters)
    assert {node.spec.pod_cidr for node in cluster.objects("nodes")} == {
        f"10.244.{at}.0/24" for at in range(len(hosts))
    }
    assert cluster.get("services", "kube-dns", namespace="kube-system").spec.cluster_ip == "10.96.0.10"
    assert len([pod for pod in pods if pod.metadata.name.startswith("coredns-")]) == 2


@pytest.mark.parametrize("form", FORMS)
def test_every_flag_that_is_written_is_one_that_there_is(form):
    for host in kubeadm(form).machines():
        for pod in host.manifests:
            container = pod.spec.containers[0]
            told = read(container.name, tuple(container.command[1:]), container.image)
            assert isinstance(told, Options), told


def test_a_form_is_a_topology_like_any_other():
    topology = kubeadm("external-etcd", masters=2, workers=1, members=1)
    assert [host.name for host in topology.hosts] == ["etcd-1", "master-1", "master-2", "worker-1"]
    assert [host.name for host in topology.controls()] == ["master-1", "master-2"]
    assert topology.keepers() == ("etcd-1",)
    assert topology_from_json(topology_to_json(topology)) == topology


def test_a_host_of_an_external_etcd_can_be_lost():
    cluster = booted("external-etcd", masters=1, workers=0)
    cluster, _ = step(cluster, StopHost("etcd-1"))
    cluster = run(cluster, until=cluster.now + 10 * SECOND).cluster
    pod = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}}
    pod["spec"]["containers"][0]["image"] = "c"
    cluster, _ = step(cluster, Submit(create(pod)))
    cluster = run(cluster, until=cluster.now + 10 * SECOND).cluster
    assert cluster.get("pods", "p") is not None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"form": "both"}, "'both' is none of the forms single, stacked, external-etcd"),
        ({"masters": 0}, "masters: 0 is less than 1"),
        ({"form": "external-etcd", "members": 0}, "members: 0 is less than 1"),
    ],
)
def test_what_cannot_be_built_is_refused(given, said):
    with pytest.raises(ReconcileError, match=said):
        kubeadm(**given)


def test_more_masters_and_members_than_hosts_are_refused():
    with pytest.raises(ReconcileError, match="masters: 2 is not between 1"):
        Topology(nodes=3, masters=2, members=2, etcd_apart=True)


def test_manifests_that_somebody_has_take_the_place_of_those_of_the_topology():
    host = kubeadm("single").hosts[0]
    written = tuple([pod for pod in host.manifests if pod.metadata.name != "kube-scheduler"])
    topology = with_manifests(Topology(nodes=2), {"node-1": written})
    assert topology.cluster_cidr == "10.244.0.0/16"
    names = [pod.metadata.name for pod in topology.machines()[0].manifests]
    assert sorted(names) == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"]
    cluster = settle(Cluster.boot(topology, seed=1)).cluster
    assert cluster.processes["kube-controller-manager/node-1"].leading
    assert cluster.objects("nodes")[0].spec.pod_cidr == "10.244.0.0/24"
    with pytest.raises(ReconcileError, match="there is no host 'other'; there are node-1, node-2"):
        with_manifests(Topology(nodes=2), {"other": written})


def test_a_pod_named_like_a_program_elsewhere_is_not_in_its_place():
    pod = convert.load(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "etcd", "namespace": "default"},
            "spec": {"containers": [{"name": "etcd", "image": "etcd"}]},
        }
    ).object
    topology = with_manifests(Topology(nodes=1), {"node-1": (pod,)})
    names = [each.metadata.name for each in topology.machines()[0].manifests]
    assert names.count("etcd") == 2


def test_a_program_of_another_registry_is_one_too():
    topology = kubeadm("single", workers=0)
    (host,) = topology.hosts
    moved = []
    for pod in host.manifests:
        (container,) = pod.spec.containers
        container = attrs.evolve(container, image=container.image.replace("registry.k8s.io", "mirror:5000/k8s"))
        moved.append(attrs.evolve(pod, spec=attrs.evolve(pod.spec, containers=(container,))))
    topology = attrs.evolve(topology, hosts=(attrs.evolve(host, manifests=tuple(moved)),))
    cluster = settle(Cluster.boot(topology, seed=1)).cluster
    assert kinds(cluster, "kube-scheduler") == ["master-1"]
