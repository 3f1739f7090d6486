"""Hosts: what befalls them reaches their kubelets, and outlives these."""

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.topology import Topology
from reconcile.driver.run import run, settle
from reconcile.driver.step import step
from reconcile.events import RemoveManifest, ShutDown, StartProcess, StopHost, StopProcess, Strain, WriteManifest
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND

TOPOLOGY = Topology(nodes=1, events=False)


@pytest.fixture(scope="module")
def rested():
    return settle(Cluster.boot(TOPOLOGY, seed=1)).cluster


def static(name="agent", **spec):
    containers = (core_v1.Container(name="agent", image="agent:1"),)
    metadata = meta_v1.ObjectMeta(name=name, namespace="kube-system")
    return core_v1.Pod(metadata=metadata, spec=core_v1.PodSpec(**{"containers": containers, **spec}))


def happens(cluster, *events):
    for event in events:
        cluster, _ = step(cluster, event)
    return run(cluster, until=cluster.now + 20 * SECOND).cluster


def pressed(cluster):
    node = cluster.store.get("nodes", "node-1")
    return [row.type for row in node.status.conditions if row.type != "Ready" and row.status == "True"]


def test_a_strain_reaches_the_kubelet_and_outlives_it(rested):
    strained = happens(rested, Strain("node-1", "pid.available", "5"))
    assert strained.hosts["node-1"].host.strain["pid.available"] == "5"
    strained = happens(strained, Strain("node-1", "memory.available", "5Mi"))
    assert pressed(strained) == ["MemoryPressure"]
    again = happens(strained, StopProcess("kubelet/node-1"), StartProcess("kubelet/node-1"))
    assert pressed(again) == ["MemoryPressure"]
    relieved = happens(again, Strain("node-1", "memory.available"))
    assert dict(relieved.hosts["node-1"].host.strain) == {"pid.available": "5"}


def test_a_manifest_is_written_and_removed(rested):
    key = "kube-system/agent-node-1"
    written = happens(rested, WriteManifest("node-1", static()))
    assert written.store.get("pods", key).status.phase == "Running"
    again = happens(written, WriteManifest("node-1", static(termination_grace_period_seconds=5)))
    assert len(again.hosts["node-1"].host.manifests) == len(written.hosts["node-1"].host.manifests)
    assert again.store.get("pods", key).spec.termination_grace_period_seconds == 5
    assert happens(again, RemoveManifest("node-1", "kube-system/agent")).store.get("pods", key) is None


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (Strain("gone", "memory.available", "1Mi"), "there is no host 'gone'"),
        (Strain("node-1", "memory", "1Mi"), "signal: 'memory' is no signal"),
        (Strain("node-1", "memory.available", "much"), "available: "),
        (RemoveManifest("node-1", "default/agent"), "host node-1 has no manifest of 'default/agent'"),
        (WriteManifest("node-1", static("A")), "manifest.metadata.name: 'A'"),
        (WriteManifest("node-1", static(containers=())), "pod 'agent' has none"),
        (WriteManifest("node-1", {"kind": "Pod"}), "manifest: expected a Pod"),
    ],
)
def test_what_cannot_be_is_refused(rested, event, why):
    with pytest.raises(ReconcileError) as refused:
        step(rested, event)
    assert why in str(refused.value)


def test_a_host_that_is_off_does_not_shut_down(rested):
    cluster, _ = step(rested, StopHost("node-1"))
    with pytest.raises(ReconcileError, match="host node-1 is off already"):
        step(cluster, ShutDown("node-1"))
