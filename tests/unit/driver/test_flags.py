"""What the flags of the control plane's containers do."""

import attrs
import pytest

from reconcile import Cluster, Submit, Topology, create, run, settle, step
from reconcile.cluster.manifests import static_pod
from reconcile.components import world
from reconcile.components.apiserver.rest.elsewhere import version_of
from reconcile.components.controllers import STANDARD
from reconcile.events import StopHost, WriteManifest
from reconcile.lib.instant import SECOND

KCM = "kube-controller-manager"


def flagged(name, *words, tag="v1.36.0"):
    """Give a program's manifest with these flags."""
    pod = static_pod(name)
    container = attrs.evolve(pod.spec.containers[0], command=(name, *words), image=f"registry.k8s.io/{name}:{tag}")
    return attrs.evolve(pod, spec=attrs.evolve(pod.spec, containers=(container,)))


def told(name, *words, tag="v1.36.0", after=60, **topology):
    """Give a cluster on whose first host a program was given these flags some seconds ago."""
    cluster = settle(Cluster.boot(Topology(**{"nodes": 1, **topology}), seed=7)).cluster
    cluster, _ = step(cluster, WriteManifest("node-1", flagged(name, *words, tag=tag)))
    return run(cluster, until=cluster.now + after * SECOND).cluster


def shown(cluster, name):
    return cluster.get("pods", f"{name}-node-1", namespace="kube-system").status.container_statuses[0]


def test_an_unknown_flag_ends_the_container_again_and_again():
    cluster = told(KCM, "--bogus=1")
    status = shown(cluster, KCM)
    assert status.state.waiting.reason == "CrashLoopBackOff"
    assert (status.last_state.terminated.exit_code, status.last_state.terminated.reason) == (1, "Error")
    assert f"{KCM}/node-1" not in cluster.processes
    pod = cluster.get("pods", f"{KCM}-node-1", namespace="kube-system")
    uid = pod.metadata.annotations["kubernetes.io/config.hash"]
    _, behaviour = world.wrote(cluster.states["runtime/node-1"], uid, KCM)
    assert [line.text for line in behaviour.writes] == ["Error: unknown flag: --bogus"]


def test_a_mended_manifest_brings_it_back():
    cluster = told(KCM, "--bogus=1")
    cluster, _ = step(cluster, WriteManifest("node-1", flagged(KCM, "--v=4")))
    cluster = run(cluster, until=cluster.now + 60 * SECOND).cluster
    assert shown(cluster, KCM).ready
    assert cluster.processes[f"{KCM}/node-1"].leading


def test_etcds_exit_code_is_another():
    cluster = told("etcd", "--bogus")
    assert "etcd/node-1" not in cluster.processes
    sandbox = next(
        each for each in cluster.states["runtime/node-1"].sandboxes.values() if each.container("etcd") is not None
    )
    assert sandbox.container("etcd").code == 2


def test_who_does_not_elect_works_at_once_and_takes_no_lock():
    cluster = told("kube-scheduler", "--leader-elect=false")
    assert cluster.processes["kube-scheduler/node-1"].leading
    assert "kube-scheduler/node-1" not in cluster.elections


def test_the_lock_and_its_times_are_those_of_the_flags():
    cluster = told(
        "kube-scheduler",
        "--leader-elect-resource-name=mine",
        "--leader-elect-lease-duration=60s",
        "--leader-elect-renew-deadline=40s",
        "--leader-elect-retry-period=5s",
    )
    lease = cluster.get("leases", "mine", namespace="kube-system")
    assert lease.spec.lease_duration_seconds == 60
    assert lease.spec.holder_identity.startswith("node-1_")


def test_a_node_is_given_up_after_the_grace_that_the_flag_says():
    cluster = told(KCM, "--node-monitor-grace-period=25s", nodes=2)
    cluster, _ = step(cluster, StopHost("node-2"))
    cluster = run(cluster, until=cluster.now + 40 * SECOND).cluster
    ready = next(each for each in cluster.get("nodes", "node-2").status.conditions if each.type == "Ready")
    assert ready.status == "Unknown"


def test_controllers_that_are_switched_off_do_nothing():
    cluster = told(KCM, "--controllers=*,-deployment-controller")
    deployment = {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web"}]},
            },
        },
    }
    cluster = settle(step(cluster, Submit(create(deployment)))[0]).cluster
    assert cluster.objects("replicasets") == ()


def test_an_api_servers_flags():
    cluster = told(
        "kube-apiserver",
        "--service-node-port-range=31000-31001",
        "--default-not-ready-toleration-seconds=5",
        "--disable-admission-plugins=Priority,PodSecurity",
    )
    state = cluster.states["kube-apiserver/node-1"]
    assert state.node_ports == (31000, 31001)
    assert (state.not_ready_seconds, state.unreachable_seconds) == (5, 300)
    assert state.disabled == ("Priority", "PodSecurity")


def test_finished_pods_beyond_the_threshold_are_removed():
    cluster = told(KCM, "--terminated-pod-gc-threshold=2")
    for number in range(5):
        pod = {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {"name": f"once-{number}"},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "c", "image": "busybox", "command": ["sleep", "1"]}],
            },
        }
        cluster = settle(step(cluster, Submit(create(pod)))[0]).cluster
    cluster = run(cluster, until=cluster.now + 60 * SECOND).cluster
    assert len([pod for pod in cluster.objects("pods") if pod.status.phase == "Succeeded"]) == 2


@pytest.mark.parametrize(("tag", "consistent"), [("v1.35.4", False), ("v1.36.1", True)])
def test_an_older_controller_manager_has_the_gates_of_its_version(tag, consistent):
    cluster = told(KCM, tag=tag)
    mine = {each.name: each for each in cluster.states[f"{KCM}/node-1"].controllers}
    usual = {each.name: each for each in STANDARD}
    assert (mine["job"] == usual["job"]) is consistent


def test_a_second_one_on_the_same_host_finds_its_port_taken():
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=7)).cluster
    other = flagged("kube-scheduler")
    other = attrs.evolve(other, metadata=attrs.evolve(other.metadata, name="second"))
    cluster, _ = step(cluster, WriteManifest("node-1", other))
    cluster = run(cluster, until=cluster.now + 20 * SECOND).cluster
    status = shown(cluster, "second")
    assert status.last_state.terminated.exit_code == 1
    assert cluster.processes["kube-scheduler/node-1"].leading


def test_how_long_members_wait_is_what_etcds_flags_say():
    cluster = told("etcd", "--heartbeat-interval=200", "--election-timeout=5000", nodes=3, masters=3, members=3)
    timing = cluster.states["etcd/node-1"].timing
    assert (timing.heartbeat, timing.election) == (SECOND // 5, 5 * SECOND)
    assert cluster.states["etcd/node-2"].timing.election == SECOND


def test_a_server_is_of_the_version_of_its_image():
    cluster = told("kube-apiserver", tag="v1.35.4")
    assert cluster.states["kube-apiserver/node-1"].version == "v1.35.4"
    said = version_of("v1.35.4")
    assert (said["major"], said["minor"], said["minCompatibilityMinor"]) == ("1", "35", "34")
    assert said["gitVersion"] == "v1.35.4"
    assert told("kube-apiserver", tag="v1.36.0").states["kube-apiserver/node-1"].version == ""
