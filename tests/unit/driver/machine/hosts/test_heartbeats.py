"""A cluster without heartbeats, or without events, comes to the same in fewer steps."""

import pytest

from reconcile.cluster import Cluster, Topology
from reconcile.driver import run, settle
from reconcile.driver.client import apply
from reconcile.events import Disconnect, Reconnect, StartHost, StartProcess, StopHost, StopProcess
from reconcile.lib.instant import HOUR, SECOND
from reconcile.model.conditions import find
from tests.unit.driver.lab import deployment, running

SILENCES = {
    "the host stops": (StopHost("node-2"), StartHost("node-2")),
    "the host is cut off": (Disconnect("node-2"), Reconnect("node-2")),
    "the kubelet stops": (StopProcess("kubelet/node-2"), StartProcess("kubelet/node-2")),
    "the master stops": (StopHost("node-1"), StartHost("node-1")),
}


def booted(**kinds):
    done = settle(Cluster.boot(Topology(nodes=3, **kinds), seed=11))
    assert done.settled, done.moving
    return done.cluster


def judged(cluster):
    """Give of every node whether it is ready, since when it is not, and its taints."""
    rows = {}
    for node in cluster.objects("nodes"):
        ready = find(node.status.conditions, "Ready")
        since = None if ready.status == "True" else ready.last_transition_time
        rows[node.metadata.name] = (
            ready.status,
            since,
            [(taint.key, taint.effect) for taint in node.spec.taints or ()],
        )
    return rows


@pytest.mark.parametrize("name", SILENCES)
@pytest.mark.parametrize("passed", [33 * SECOND, 40 * SECOND + 1, 97 * SECOND])
def test_a_silent_node_is_judged_at_the_same_instant(name, passed):
    falls_silent, comes_back = SILENCES[name]
    ends = []
    for heartbeats in (True, False):
        cluster = booted(heartbeats=heartbeats)
        cluster = run(cluster, until=cluster.now + passed).cluster
        cluster = run(cluster, (falls_silent,), until=cluster.now + 70 * SECOND).cluster
        silent = judged(cluster)
        cluster = run(cluster, (comes_back,), until=cluster.now + 70 * SECOND).cluster
        ends.append((silent, judged(cluster)))
    assert ends[0] == ends[1]
    assert {status for status, _, _ in ends[0][1].values()} == {"True"}
    if "master" not in name:
        assert ends[0][0]["node-2"][0] == "Unknown"


def test_who_is_silent_once_more_is_judged_once_more():
    cluster = booted(heartbeats=False)
    for number in range(2):
        began = cluster.now
        cluster = run(cluster, (Disconnect("node-2"),), until=began + 39 * SECOND).cluster
        assert judged(cluster)["node-2"][0] == "True", number
        cluster = run(cluster, until=began + 70 * SECOND).cluster
        assert judged(cluster)["node-2"][0] == "Unknown", number
        cluster = run(cluster, (Reconnect("node-2"),), until=cluster.now + 30 * SECOND).cluster
        assert judged(cluster)["node-2"][0] == "True", number


def test_a_short_silence_is_no_silence():
    cluster = booted(heartbeats=False)
    cluster = run(cluster, (Disconnect("node-2"),), until=cluster.now + 30 * SECOND).cluster
    before = cluster.store.history("nodes").end
    cluster = run(cluster, (Reconnect("node-2"),), until=cluster.now + HOUR).cluster
    assert cluster.store.history("nodes").end == before
    lease = cluster.get("leases", "node-2", namespace="kube-node-lease")
    assert lease.spec.holder_identity == "node-2"


def test_a_controller_that_starts_finds_out_who_is_silent():
    cluster = booted(heartbeats=False)
    stopped = run(cluster, (StopHost("node-2"), StopProcess("kube-controller-manager/node-1"))).cluster
    later = run(stopped, until=stopped.now + 100 * SECOND).cluster
    assert {name: row[0] for name, row in judged(later).items()} == {
        "node-1": "True",
        "node-2": "Unknown",
        "node-3": "True",
    }


def test_a_quiet_hour_is_quiet():
    """What is left is the renewal of the two locks, every two seconds."""
    loud, quiet = booted(), booted(heartbeats=False)
    beats = run(loud, until=loud.now + HOUR).cluster.store.revision - loud.store.revision
    silence = run(quiet, until=quiet.now + HOUR).cluster.store.revision - quiet.store.revision
    assert beats - silence >= 3 * 360
    assert silence <= 2 * 1800 + 2


def test_events_are_left_out_and_nothing_else():
    told, untold = booted(), booted(events=False)
    assert told.objects("events")
    ends = []
    for cluster in (told, untold):
        done = settle(apply(cluster, deployment(3))[0])
        assert done.settled
        ends.append((running(done.cluster), done.cluster.now - cluster.now))
        steps = done.steps
    assert ends[0] == ends[1]
    assert untold.objects("events") == done.cluster.objects("events") == ()
    assert steps < settle(apply(told, deployment(3))[0]).steps
