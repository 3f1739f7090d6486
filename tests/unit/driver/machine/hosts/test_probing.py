"""What processes of the control plane answer to their kubelet's probes, in a cluster as kubeadm builds it."""

import attrs
import pytest

from reconcile import Cluster, run, settle, step
from reconcile.cluster.kubeadm import kubeadm
from reconcile.components import world
from reconcile.driver.machine import Machine
from reconcile.driver.machine.hosts.probing import answered
from reconcile.effects import ProbeContainer
from reconcile.events import Disconnect, Freeze, Reconnect
from reconcile.lib.instant import SECOND
from reconcile.model.balancers import Balancer

SERVER, MEMBER = "kube-apiserver/master-2", "etcd/master-2"


@pytest.fixture(scope="module")
def booted():
    settled = settle(Cluster.boot(attrs.evolve(kubeadm("stacked", masters=3), balancer=Balancer()), seed=5))
    assert settled.settled, settled.moving
    return settled.cluster


def after(cluster, seconds, *events):
    return run(cluster, events, until=cluster.now + seconds * SECOND).cluster


def asked(cluster, process, action):
    """Give what the container of a process answers, which is asked this."""
    kind, _, host = process.partition("/")
    machine = Machine(cluster)
    state = machine.states.get(f"runtime/{host}")
    uid = next(pod.uid for pod in world.containers(state).pods if world.process_of(state, pod.uid, kind) == kind)
    runtime = machine.processes.get(f"runtime/{host}")
    return answered(machine, runtime, ProbeContainer(uid, kind, "liveness", action, SECOND))


def life(cluster, process):
    found = cluster.processes.get(process)
    return None if found is None else found.life


def test_all_is_well(booted):
    for process in (SERVER, MEMBER, "kube-scheduler/master-2"):
        assert asked(booted, process, "GET :1/livez") is None  # its behaviour says it
        assert asked(booted, process, "GET :1/readyz") is None


def test_an_api_server_without_etcd_is_not_alive_unless_etcd_is_left_out(booted):
    cluster = after(booted, 3, Freeze(MEMBER))
    assert asked(cluster, SERVER, "GET :6443/livez") is False
    assert asked(cluster, SERVER, "GET :6443/readyz") is False
    assert asked(cluster, SERVER, "GET :6443/livez?exclude=etcd") is None
    assert asked(cluster, SERVER, "GET :6443/version") is None
    assert asked(cluster, SERVER, "tcp :6443") is None
    assert asked(cluster, "kube-apiserver/master-1", "GET :6443/livez") is None


def test_what_is_paused_answers_nothing(booted):
    for process in (SERVER, MEMBER, "kube-scheduler/master-2"):
        cluster, _ = step(booted, Freeze(process))
        assert asked(cluster, process, "GET :1/livez?exclude=etcd") is False
        assert asked(cluster, process, "tcp :1") is False


def test_a_member_without_a_leader_is_alive_and_not_ready(booted):
    cluster = after(booted, 5, Disconnect("master-2"))
    assert asked(cluster, MEMBER, "GET :2381/livez") is None
    assert asked(cluster, MEMBER, "GET :2381/health?serializable=true") is None
    assert asked(cluster, MEMBER, "GET :2381/health") is False
    assert asked(cluster, MEMBER, "GET :2381/readyz") is False


def test_an_api_server_that_reads_nothing_for_80_seconds_is_ended_by_its_kubelet(booted):
    cluster = after(booted, 60, Disconnect("master-2"))
    assert life(cluster, SERVER) == life(booted, SERVER)
    cluster = after(cluster, 40)
    assert life(cluster, SERVER) not in (None, life(booted, SERVER))
    assert life(cluster, MEMBER) == life(booted, MEMBER)
    done = settle(cluster, (Reconnect("master-2"),))
    assert done.settled, done.moving
    said = [each.message for each in done.cluster.objects("events") if each.reason == "Unhealthy"]
    assert any(each.startswith("Liveness probe failed") for each in said)


def test_a_member_that_is_paused_is_ended_by_its_kubelet(booted):
    cluster = after(booted, 100, Freeze(MEMBER))
    assert life(cluster, MEMBER) not in (None, life(booted, MEMBER))
    assert settle(cluster).settled
