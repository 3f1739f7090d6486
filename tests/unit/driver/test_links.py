"""Links that take their time: what goes over them is late, in order, and sent again if it is lost."""

import pickle

import attrs
import pytest

from reconcile import Cluster, Topology, run, settle, step
from reconcile.cluster.links import NO_LINKS
from reconcile.driver.choices import choices
from reconcile.driver.client import ask, create
from reconcile.driver.operating.members import member_list
from reconcile.driver.wire.states import state_digest, state_json
from reconcile.events import Advance, Fire, SlowLink, StopHost
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR, MILLISECOND, SECOND
from reconcile.model.balancers import Balancer

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"nodeName": "node-2", "containers": [{"name": "c", "image": "c"}]},
}


def happened(cluster, *events):
    for event in events:
        cluster, _ = step(cluster, event)
    return cluster


@pytest.fixture(scope="module")
def two():
    return settle(Cluster.boot(Topology(nodes=2), seed=3)).cluster


@pytest.fixture(scope="module")
def three():
    return settle(Cluster.boot(Topology(nodes=4, masters=3, members=3), seed=3)).cluster


def until_running(cluster):
    """Give how long it takes until a pod that is created on node-2 is Running."""
    start = cluster.now
    cluster, response = ask(cluster, create(POD))
    assert response.code == 201
    while cluster.now < start + 60 * SECOND:
        if cluster.get("pods", "web").status.phase == "Running":
            return cluster, cluster.now - start
        cluster = run(cluster, until=cluster.now + 10 * MILLISECOND).cluster
    raise AssertionError("it does not run")


def test_what_goes_over_a_slow_link_is_late(two):
    _, soon = until_running(two)
    slow = happened(two, SlowLink("node-1", "node-2", 500 * MILLISECOND))
    later, late = until_running(slow)
    # The kubelet sees the pod half a second later, and what it says of it comes half a second later.
    assert late - soon >= SECOND
    assert settle(later).settled


def test_one_way_is_late_by_half(two):
    slow = happened(two, SlowLink("node-1", "node-2", 500 * MILLISECOND, one_way=True))
    _, late = until_running(slow)
    _, both = until_running(happened(two, SlowLink("node-1", "node-2", 500 * MILLISECOND)))
    assert late < both


def test_a_link_that_is_fast_again_leaves_nothing_behind(two):
    slow = happened(two, SlowLink("node-1", "node-2", 300 * MILLISECOND, 100 * MILLISECOND, 100_000))
    busy = run(slow, until=slow.now + 20 * SECOND).cluster
    assert busy.links.paces
    fast = settle(happened(busy, SlowLink("node-2", "node-1"))).cluster
    assert fast.links == NO_LINKS


def test_jitter_and_loss_are_drawn_from_the_seed_and_keep_the_order(two):
    event = SlowLink("node-1", "node-2", 10 * MILLISECOND, 50 * MILLISECOND, 300_000)
    ends = [until_running(happened(two, event)) for _ in range(2)]
    assert ends[0] == ends[1]
    assert settle(ends[0][0]).settled


def test_every_choice_comes_to_an_end_over_slow_links(two):
    cluster = happened(two, SlowLink("node-1", "node-2", 80 * MILLISECOND))
    cluster, _ = ask(cluster, create(POD))
    fired = 0
    for turn in range(3000):
        offered = choices(cluster)
        now = [each for each in offered if not isinstance(each, Advance)]
        choice = now[(turn * 7919) % len(now)] if now else offered[-1]
        fired += isinstance(choice, Fire) and choice.process == "links"
        cluster, _ = step(cluster, choice)
    assert fired > 5
    assert cluster.get("pods", "web").status.phase == "Running"


def test_a_cluster_agrees_over_slow_links_and_a_leader_is_found(three):
    every = [SlowLink(one, other, 40 * MILLISECOND, 10 * MILLISECOND) for one, other in
             (("node-1", "node-2"), ("node-2", "node-3"), ("node-1", "node-3"))]  # fmt: skip
    slow = happened(three, *every)
    settled = settle(slow)
    assert settled.settled
    before = settled.cluster.now
    cluster, response = ask(settled.cluster, create(POD))
    assert response.code == 201
    assert cluster.now - before >= 80 * MILLISECOND  # there and back, before more than half have it
    (old,) = {each.leader for each in member_list(cluster)}
    after = run(cluster, (StopHost(old),), until=cluster.now + 10 * SECOND).cluster
    assert len({each.leader for each in member_list(after) if each.role != "down"}) == 1


def test_members_that_lose_packets_hear_each_other_by_messages(three):
    rough = happened(three, SlowLink("node-1", "node-2", 5 * MILLISECOND, 0, 50_000))
    later = run(rough, until=rough.now + 5 * SECOND).cluster
    assert not later.calm
    smooth = settle(happened(later, SlowLink("node-1", "node-2"))).cluster
    assert run(smooth, until=smooth.now + 3 * SECOND).cluster.calm


def test_behind_a_floating_address_calls_are_late_too():
    topology = Topology(nodes=4, masters=3, balancer=Balancer(kind="floating-address"))
    cluster = settle(Cluster.boot(topology, seed=2)).cluster
    slow = happened(cluster, SlowLink("node-1", "node-4", 300 * MILLISECOND))
    pod = {**POD, "spec": {**POD["spec"], "nodeName": "node-4"}}
    _, response = ask(slow, create(pod))
    assert response.code == 201
    later = run(slow, until=slow.now + 15 * SECOND).cluster
    assert later.links.last
    assert settle(later).settled


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (SlowLink("node-1", "node-1", 1), "'node-1' has no link to itself"),
        (SlowLink("node-1", "node-9", 1), "there is no host 'node-9'"),
        (SlowLink("node-1", "node-2", -1), "delay: -1 is not between 0 and an hour"),
        (SlowLink("node-1", "node-2", 0, 2 * HOUR), "jitter: 7200000000000 is not between 0 and an hour"),
        (SlowLink("node-1", "node-2", 0, 0, 1_000_000), "loss: 1000000 is not between 0 and 999999"),
    ],
)
def test_what_no_link_can_be(two, event, said):
    with pytest.raises(ReconcileError, match=said):
        step(two, event)


def test_what_is_under_way_decides(two):
    slow = happened(two, SlowLink("node-1", "node-2", 500 * MILLISECOND))
    cluster, _ = ask(slow, create(POD))
    assert cluster.links.under_way
    digest = state_digest(cluster)
    assert "links" in state_json(cluster)
    assert state_digest(pickle.loads(pickle.dumps(cluster))) == digest
    assert state_digest(attrs.evolve(cluster, links=NO_LINKS)) != digest
