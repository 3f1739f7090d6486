import pytest

from reconcile.cluster import Cluster, Topology
from reconcile.driver import run, settle, step, still_moving
from reconcile.driver.client import create, get
from reconcile.driver.machine import Machine
from reconcile.driver.telling.convergence import at_rest
from reconcile.driver.telling.waiting import held_up, held_up_in, waiting_for
from reconcile.events import Disconnect, Reconnect, StartHost, StopHost, StopProcess, Submit
from reconcile.lib.instant import MINUTE, SECOND
from tests.unit.driver.lab import SEED, booted, deployment, running

OFF = "etcd/node-1 does not run, for host node-1 is off"


def test_at_rest_nothing_waits():
    cluster = settle(booted(2)).cluster
    assert (held_up(cluster), held_up_in(Machine(cluster)), waiting_for(cluster)) == (0, 0, "")


def test_without_etcd_nothing_is_settled_and_it_is_said_what_waits_for_what():
    cluster = booted(3)
    dark = settle(cluster, (StopHost("node-1"),))
    assert not dark.settled
    assert dark.moving == (
        f"4 requests of kubelet/node-2, kubelet/node-3 wait for an API server that can be reached: {OFF}",
    )
    assert dark.cluster.now - cluster.now < 2 * MINUTE, "nobody is waited for who cannot come"
    assert not at_rest(dark.cluster)
    back = settle(dark.cluster, (StartHost("node-1"), Submit(request=create(deployment(2)))))
    assert back.settled, back.moving
    assert running(back.cluster) == 2


def test_a_client_waits_too():
    cluster = booted(1)
    dark = settle(cluster, (StopHost("node-1"), Submit(request=get("nodes", "node-1"))))
    assert dark.moving == (f"1 request of a client waits for an API server that can be reached: {OFF}",)
    assert not dark.settled


def test_servers_that_run_wait_for_etcd():
    shape = settle(Cluster.boot(Topology(nodes=3, masters=3), seed=SEED)).cluster
    dark = run(shape, (StopHost("node-1"),), until=shape.now + 30 * SECOND).cluster
    assert waiting_for(dark).endswith(f": kube-apiserver/node-2, kube-apiserver/node-3 wait for etcd: {OFF}")
    assert still_moving(dark)[0] == waiting_for(dark)


@pytest.mark.parametrize("name", ["etcd/node-1", "kube-apiserver/node-1"])
def test_what_nobody_starts_again_is_named(name):
    kubelet = StopProcess("kubelet/node-1")
    dark = settle(booted(2), (kubelet, StopProcess(name)))
    assert not dark.settled
    said = f"{name} does not run, nor does kubelet/node-1, which would start it"
    assert said in dark.moving[0]


@pytest.mark.parametrize("name", ["etcd/node-1", "kube-apiserver/node-1"])
def test_what_its_kubelet_starts_again_is_waited_for(name):
    cluster, _ = step(booted(2), StopProcess(name))
    cluster, _ = step(cluster, Submit(request=get("nodes", "node-1")))
    soon = run(cluster, until=cluster.now)
    assert f"{name} does not run" in waiting_for(soon.cluster)
    done = settle(soon.cluster)
    assert done.settled, done.moving


def test_a_server_that_is_cut_off_is_waited_for_by_those_that_are_not():
    dark = settle(booted(3), (Disconnect("node-1"),))
    assert not dark.settled
    assert dark.moving[0].endswith(": host node-1, with etcd and kube-apiserver, is cut off")
    assert "node-1" not in dark.moving[0].split(" wait ")[0]
    assert settle(dark.cluster, (Reconnect("node-1"),)).settled


def test_who_is_gone_waits_no_more():
    cluster = booted(3)
    dark = run(cluster, (StopHost("node-1"),), until=cluster.now + MINUTE).cluster
    assert held_up(dark) == held_up_in(Machine(dark)) == 4
    off = settle(dark, (StopHost("node-2"), StopHost("node-3")))
    assert off.cluster.parked
    assert off.settled, off.moving
