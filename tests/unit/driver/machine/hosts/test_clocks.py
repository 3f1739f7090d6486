"""Clocks of hosts that drift, are slewed back, and jump meanwhile."""

import pytest

from reconcile import Cluster, Topology, run, settle, step
from reconcile.components import world
from reconcile.driver.machine import Machine
from reconcile.driver.step import apply_event
from reconcile.events import DriftClock, KillContainer, SetClock, StartProcess, StopProcess
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR, MILLISECOND, MINUTE, SECOND
from reconcile.model.hosts import Host

FAST = 100_000


def hosts(**clock):
    return (
        Host(name="node-1", ip="172.18.0.2", pod_cidr="10.244.0.0/24"),
        Host(name="node-2", ip="172.18.0.3", pod_cidr="10.244.1.0/24", **clock),
    )


def booted(**clock):
    return settle(Cluster.boot(Topology(hosts=hosts(**clock)))).cluster


def later(cluster, time):
    return run(cluster, (), until=cluster.now + time).cluster


def ahead(cluster, host="node-2"):
    return cluster.hosts[host].host.clock_skew


def test_a_clock_that_drifts_gains_what_its_rate_says_and_its_processes_go_by_it():
    began = Cluster.boot(Topology(hosts=hosts(clock_drift=100)))
    cluster = run(began, (), until=began.now + HOUR).cluster
    assert ahead(cluster) == 360 * MILLISECOND
    assert cluster.processes["kubelet/node-2"].skew == ahead(cluster)
    assert cluster.processes["runtime/node-2"].skew == ahead(cluster, "node-1") == 0


def test_what_a_clock_showed_is_known_after_it_was_changed():
    cluster = booted(clock_skew=SECOND)
    first = cluster.now
    cluster, _ = step(later(cluster, MINUTE), DriftClock("node-2", 1000, until=2 * SECOND))
    cluster, _ = step(later(cluster, HOUR), SetClock("node-2", -MINUTE))
    status = later(cluster, SECOND).hosts["node-2"]
    shown = [status.showed(first + after) - first - after for after in (0, MINUTE + 500 * SECOND, HOUR, HOUR + MINUTE)]
    assert shown == [SECOND, SECOND + SECOND // 2, 2 * SECOND, -MINUTE]


def test_containers_began_when_their_hosts_clock_said_so_whatever_it_says_now():
    cluster = booted(clock_skew=HOUR)
    node = cluster.hosts["node-2"]
    (found,) = world.containers(cluster.states["runtime/node-2"]).pods
    cluster, _ = step(cluster, SetClock("node-2", 0))
    cluster, _ = step(cluster, StopProcess("kubelet/node-2"))
    cluster = settle(step(cluster, StartProcess("kubelet/node-2"))[0]).cluster
    (pod,) = [each for each in cluster.store.table("pods").values() if each.spec.node_name == node.host.name]
    (shown,) = [each.state.running.started_at.instant for each in pod.status.container_statuses]
    assert shown == (found.containers[0].started_at + HOUR) // SECOND * SECOND


def test_timers_of_a_fast_clock_come_sooner():
    renewals = {}
    for rate in (0, FAST):
        cluster = booted(clock_drift=rate)
        cluster = run(cluster, (), until=cluster.now + MINUTE).cluster
        before = cluster.store.get("leases.coordination.k8s.io", "kube-node-lease/node-2").spec.renew_time.instant
        cluster = later(cluster, 110 * SECOND)
        after = cluster.store.get("leases.coordination.k8s.io", "kube-node-lease/node-2").spec.renew_time.instant
        renewals[rate] = after - before
    assert renewals[0] == 110 * SECOND
    assert abs(renewals[FAST] - 120 * SECOND) <= 10 * MILLISECOND, "twelve, each ten of its own seconds"


def test_a_clock_is_slewed_back_and_then_goes_right():
    cluster = booted(clock_skew=SECOND)
    cluster, _ = step(cluster, DriftClock("node-2", -500, until=0))
    half = later(cluster, 1000 * SECOND)
    assert ahead(half) == SECOND // 2
    done = later(half, 1001 * SECOND)
    assert ahead(done) == 0
    assert done.hosts["node-2"].host.clock_drift == 0
    assert ahead(later(done, HOUR)) == 0


def test_a_clock_that_jumps_goes_on_drifting():
    cluster = booted(clock_drift=1000)
    cluster, _ = step(cluster, SetClock("node-2", -HOUR))
    assert ahead(later(cluster, 10 * SECOND)) == -HOUR + 10 * MILLISECOND


def test_a_clock_goes_on_while_its_host_is_off_and_a_process_that_starts_goes_by_it():
    machine = Machine(booted())
    apply_event(machine, DriftClock("node-2", FAST))
    cluster = later(machine.closed(), 10 * SECOND)
    assert ahead(cluster) == SECOND
    again, _ = step(cluster, DriftClock("node-2", 0))
    assert ahead(later(again, MINUTE)) == SECOND


def test_members_of_etcd_go_by_a_clock_that_never_jumps():
    masters = tuple(
        Host(name=f"node-{number}", ip=f"172.18.0.{number + 1}", pod_cidr=f"10.244.{number}.0/24", clock_skew=skew)
        for number, skew in ((1, HOUR), (2, -HOUR), (3, 0))
    )
    cluster = settle(Cluster.boot(Topology(hosts=masters, masters=3, members=3))).cluster
    events = len(cluster.objects("events"))
    assert events
    cluster, _ = step(cluster, DriftClock("node-1", FAST))
    cluster = later(cluster, 10 * MINUTE)
    assert len(cluster.objects("events")) >= events, "no lease has run out"
    assert cluster.processes["etcd/node-1"].skew == MINUTE


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (DriftClock("node-9", 1), "there is no host 'node-9'"),
        (DriftClock("node-2", 200_000), "rate: 200000 is not between -100000 and 100000 parts of a million"),
        (DriftClock("node-2", 500, until=-1), "until: a clock that is 0 ns ahead does not come to -1 at a rate of 500"),
        (DriftClock("node-2", 0, until=5), "until: a clock that is 0 ns ahead does not come to 5 at a rate of 0"),
    ],
)
def test_a_drift_that_cannot_be_is_refused(event, said):
    with pytest.raises(ReconcileError, match=said):
        step(Cluster.boot(Topology(hosts=hosts())), event)


def test_a_topology_with_a_clock_that_no_host_has_is_refused():
    with pytest.raises(ReconcileError, match=r"hosts\[1\].clock_drift: 100001 is not between"):
        Topology(hosts=hosts(clock_drift=100_001))


def test_a_container_is_started_again_by_a_slow_clock():
    cluster = booted(clock_drift=-500)
    cluster, _ = step(cluster, KillContainer("kube-system/kube-proxy-node-2", "kube-proxy"))
    for restarts in (1, 2, 3):
        cluster = later(cluster, MINUTE)
        (row,) = cluster.store.get("pods", "kube-system/kube-proxy-node-2").status.container_statuses
        assert (row.restart_count, row.ready) == (restarts, True)
        cluster, _ = step(cluster, KillContainer("kube-system/kube-proxy-node-2", "kube-proxy"))
