"""etcd's housekeeping: compaction every five minutes, and the end of what is leased."""

from reconcile import Cluster, Topology, run, settle
from reconcile.components import etcd
from reconcile.driver.client import ask, create, patch
from reconcile.effects import SetTimer
from reconcile.events import Started, StopProcess, TimerFired
from reconcile.lib.instant import HOUR, MINUTE

EVENT = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "e", "namespace": "default"},
    "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"},
    "count": 1,
}


def test_it_is_asked_to_compact_every_five_minutes():
    again = SetTimer(("compact",), 7 + 5 * MINUTE, periodic=True)
    assert etcd.step(etcd.begin(), Started(7)) == (etcd.begin(), (again,))
    assert etcd.step(etcd.begin(), TimerFired(7, ("compact",))) == (etcd.begin(), (etcd.CompactTo(), again))


def test_a_lease_that_ran_out_ends():
    assert etcd.step(etcd.begin(), TimerFired(7, ("lease", 3))) == (etcd.begin(), (etcd.EndLease(3),))


def test_an_event_lives_for_an_hour_after_it_was_last_written():
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=7)).cluster
    cluster, response = ask(cluster, create(EVENT))
    assert response.code == 201
    begun = cluster.now
    cluster = run(cluster, until=begun + 30 * MINUTE).cluster
    cluster, response = ask(cluster, patch("events", "e", {"count": 2}))
    assert response.code == 200
    cluster = run(cluster, until=begun + HOUR + 30 * MINUTE).cluster
    assert cluster.get("events", "e") is not None
    cluster = run(cluster, until=begun + HOUR + 31 * MINUTE).cluster
    assert cluster.get("events", "e") is None


def test_after_a_restart_a_lease_runs_for_its_whole_time_again():
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=7)).cluster
    cluster, _ = ask(cluster, create(EVENT))
    cluster = run(cluster, until=cluster.now + 30 * MINUTE).cluster
    cluster = settle(cluster, (StopProcess("etcd/node-1"),)).cluster
    begun = cluster.now
    cluster = run(cluster, until=begun + HOUR - MINUTE).cluster
    assert cluster.get("events", "e") is not None
    cluster = run(cluster, until=begun + HOUR + MINUTE).cluster
    assert cluster.get("events", "e") is None
