"""Several members of etcd in the engine: what a cluster's clients see while they agree, lag, fail and come back."""

import attrs
import pytest

from reconcile import Cluster, Topology, run, settle, step
from reconcile.cluster.pending import Posted, Replied
from reconcile.driver.choices import choices
from reconcile.driver.client import ask, create, get
from reconcile.driver.operating.members import member_list
from reconcile.effects import Answer
from reconcile.events import (
    Advance,
    Carry,
    ChangeMember,
    CutLink,
    Deliver,
    Disconnect,
    DriftClock,
    DropMessage,
    FillDisk,
    ForceNewCluster,
    LoseDisk,
    MendLink,
    MoveLeader,
    Reconnect,
    RestoreSnapshot,
    SaveSnapshot,
    SlowDisk,
    StartHost,
    StopHost,
    StopProcess,
    Submit,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.model.balancers import Balancer
from reconcile.model.requests import Request

NEW = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}}
"""What is written."""

NODES = Request(verb="list", resource="nodes")


@pytest.fixture(scope="module")
def three():
    return settle(Cluster.boot(Topology(nodes=4, masters=3, members=3), seed=3)).cluster


def leader(cluster):
    (found,) = {each.leader for each in member_list(cluster) if each.role == "leader"}
    return found


def followers(cluster):
    return [each.host for each in member_list(cluster) if each.role == "follower"]


def happened(cluster, *events):
    for event in events:
        cluster, _ = step(cluster, event)
    return cluster


def store_of(cluster, host):
    return cluster.states[f"etcd/{host}"].store


def test_members_that_are_equally_far_share_one_store(three):
    assert {id(store_of(three, host)) for host in three.members} == {id(three.store)}
    again = settle(happened(three, StopProcess(f"etcd/{followers(three)[0]}"))).cluster
    assert {id(store_of(again, host)) for host in again.members} == {id(again.store)}


def test_heartbeats_hold_by_rule_while_nothing_is_amiss(three):
    assert three.calm
    later = run(three, until=three.now + 8 * SECOND).cluster
    assert not [timer for timer in (*three.timers, *later.timers) if timer.key[2] == ("raft",)]
    struck = happened(later, Disconnect("node-4"))
    assert len([timer for timer in struck.timers if timer.key[2] == ("raft",)]) == 3


@pytest.mark.parametrize("fault", [StopHost, Disconnect])
def test_a_leader_that_fails_is_followed_by_another_within_two_timeouts(three, fault):
    old = leader(three)
    after = run(three, (fault(old),), until=three.now + 2100 * MILLISECOND).cluster
    new = {each.leader for each in member_list(after) if each.role == "leader"}
    assert new
    assert old not in new
    before = run(three, (fault(old),), until=three.now + 999 * MILLISECOND).cluster
    assert {each.leader for each in member_list(before) if each.host != old} == {old}


def test_a_follower_that_fails_changes_nothing(three):
    after = run(three, (StopHost(followers(three)[0]),), until=three.now + 5 * SECOND).cluster
    assert leader(after) == leader(three)
    _, response = ask(after, create(NEW))
    assert response.code == 201


def test_who_was_cut_off_does_not_unseat_the_leader_on_its_return(three):
    away = followers(three)[0]
    after = run(three, (Disconnect(away),), until=three.now + 20 * SECOND).cluster
    assert [each.leader for each in member_list(after) if each.host == away] == [""]
    back = settle(happened(after, Reconnect(away))).cluster
    assert {(each.leader, each.term) for each in member_list(back)} == {(leader(three), member_list(three)[0].term)}


def test_what_was_asked_of_a_leader_that_fails_is_given_up_after_seven_seconds(three):
    lost = happened(three, StopHost(leader(three)))
    cluster, response = ask(lost, create(NEW))
    assert (response.code, response.body.message) == (500, "etcdserver: request timed out")
    assert cluster.now - three.now == 7 * SECOND
    cluster, response = ask(cluster, create(NEW))
    assert response.code == 201


def test_without_a_quorum_a_read_waits_and_an_old_one_does_not(three):
    three = happened(three, MoveLeader("node-2")) if leader(three) == "node-1" else three
    away = [host for host in three.members if host != "node-1"]
    cluster = run(settle(three).cluster, [StopHost(host) for host in away], until=three.now + 100 * MILLISECOND).cluster
    _, old = ask(cluster, attrs.evolve(NODES, resource_version="0"))
    assert old.code == 200
    sent = happened(cluster, Submit(request=NODES, tag="fresh"))
    result = run(sent, until=three.now + 6 * SECOND)
    assert not [effect for effect in result.effects if isinstance(effect, Answer)]
    (answer,) = [each for each in run(sent, until=three.now + 9 * SECOND).effects if isinstance(each, Answer)]
    assert answer.response.body.message == "etcdserver: request timed out"


def test_a_member_that_lags_shows_the_past_to_those_who_take_it(three):
    # As in kubernetes#59848: what is deleted is there still, for who lists with resourceVersion=0 at another server.
    server = three.servers[0]
    host = server.rpartition("/")[2]
    calm = settle(happened(three, *[MoveLeader(other) for other in followers(three) if other != host][:1])).cluster
    assert leader(calm) != host
    lagging = happened(calm, SlowDisk(host, 3 * SECOND))
    sent = happened(lagging, Submit(request=create(NEW), tag="new"))
    then = run(sent, until=sent.now + SECOND).cluster
    assert then.get("configmaps", "new") is not None
    assert store_of(then, host).get("configmaps", "default/new") is None
    _, stale = ask(then, attrs.evolve(get("configmaps", "new"), resource_version="0"))
    assert stale.code == 404
    _, fresh = ask(then, get("configmaps", "new"))
    assert fresh.code == 200


def test_messages_come_in_any_order_and_may_be_lost(three):
    cluster = happened(three, Submit(request=create(NEW), tag="new"))
    cluster = happened(cluster, choices(cluster)[0])
    posted = [serial for serial, item in cluster.pending.items() if isinstance(item, Posted)]
    offered = [each.message for each in choices(cluster) if isinstance(each, Carry)]
    assert posted
    assert set(posted) <= set(offered)
    assert settle(happened(cluster, DropMessage(posted[0]))).cluster.get("configmaps", "new") is not None
    assert settle(happened(cluster, Carry(posted[-1]))).cluster.get("configmaps", "new") is not None


def test_what_is_not_on_the_disk_is_lost_with_the_process(three):
    host = leader(three)
    slow = happened(three, SlowDisk(host, SECOND), Submit(request=create(NEW), tag="new"))
    writing = run(slow, until=slow.now + 100 * MILLISECOND).cluster
    assert writing.members[host].writing
    gone = happened(writing, StopProcess(f"etcd/{host}"))
    assert not gone.members[host].writing
    assert gone.members[host].disk == writing.members[host].disk


def test_a_member_whose_disk_is_gone_is_replaced(three):
    host = followers(three)[0]
    without = settle(happened(three, StopHost(host), LoseDisk(host), ChangeMember("remove", host))).cluster
    assert [each.part for each in member_list(without) if each.host == host] == ["none"]
    learning = settle(happened(without, ChangeMember("learner", host), StartHost(host))).cluster
    assert [(each.part, each.revision) for each in member_list(learning) if each.host == host] == [
        ("learner", learning.store.revision)
    ]
    whole = settle(happened(learning, ChangeMember("promote", host))).cluster
    assert leader(settle(happened(whole, MoveLeader(host))).cluster) == host


def test_a_leader_that_removes_itself_ends_and_another_leads(three):
    host = leader(three)
    without = happened(three, ChangeMember("remove", host))
    without = run(without, until=without.now + 4 * SECOND).cluster
    assert f"etcd/{host}" not in without.processes
    assert leader(without) != host
    assert {each.part for each in member_list(without) if each.host != host} == {"voter"}
    pods = without.states[f"runtime/{host}"].sandboxes.values()
    (ended,) = [each for pod in pods for each in pod.containers if each.process == "etcd"]
    assert (ended.stage, ended.code) == ("exited", 0)
    assert "the member has been permanently removed from the cluster" in ended.refused[0]


def test_who_missed_its_removal_is_told_when_it_comes_back(three):
    host = followers(three)[0]
    back = happened(three, Disconnect(host), ChangeMember("remove", host))
    back = run(back, until=back.now + 3 * SECOND).cluster
    assert f"etcd/{host}" in back.processes
    back = happened(back, Reconnect(host))
    assert f"etcd/{host}" not in run(back, until=back.now + 100 * MILLISECOND).cluster.processes


def test_who_comes_back_with_the_disk_of_a_member_that_was_removed_is_told_so(three):
    host = followers(three)[0]
    back = happened(three, StopHost(host), ChangeMember("remove", host))
    back = run(back, until=back.now + SECOND).cluster
    back = happened(back, ChangeMember("learner", host), StartHost(host))
    back = run(back, until=back.now + 20 * SECOND).cluster
    (before,) = [each for each in member_list(three) if each.host == host]
    (after,) = [each for each in member_list(back) if each.host == host]
    assert (after.part, after.role, after.started) == ("learner", "down", False)
    assert after.id != before.id
    assert after.cluster == before.cluster
    new = happened(back, StopHost(host), LoseDisk(host), StartHost(host))
    assert ("learner", True) in [(each.part, each.started) for each in member_list(settle(new).cluster)]


def test_a_disk_that_is_full_stays_so_when_a_write_that_was_under_way_is_on_it(three):
    host = followers(three)[0]
    slow = happened(three, SlowDisk(host, SECOND), Submit(request=create(NEW), tag="new"))
    full = happened(run(slow, until=slow.now + 100 * MILLISECOND).cluster, FillDisk(host))
    assert full.members[host].writing
    written = run(full, until=full.now + 2 * SECOND).cluster
    assert not written.members[host].writing
    assert written.members[host].full


def test_a_voter_without_whom_the_others_are_no_quorum_stays(three):
    one, other = followers(three)
    with pytest.raises(ReconcileError, match="etcdserver: unhealthy cluster"):
        step(happened(three, StopHost(one)), ChangeMember("remove", other))
    with pytest.raises(ReconcileError, match="re-configuration failed due to not enough started members"):
        step(happened(three, StopHost(one), LoseDisk(one)), ChangeMember("remove", other))


def test_one_survivor_begins_a_new_cluster(three):
    cluster = settle(happened(three, *[StopHost(host) for host in three.members])).cluster
    alone = settle(happened(cluster, ForceNewCluster("node-2"), StartHost("node-2"))).cluster
    assert [(each.part, each.role) for each in member_list(alone)] == [
        ("none", "down"),
        ("voter", "leader"),
        ("none", "down"),
    ]
    assert ask(alone, create(NEW))[1].code == 201


def test_a_snapshot_brings_back_what_it_holds(three):
    saved = happened(three, SaveSnapshot("monday", "node-1"))
    cluster, response = ask(saved, create(NEW))
    assert response.code == 201
    cluster = happened(cluster, *[StopHost(host) for host in three.members])
    cluster = happened(
        cluster, RestoreSnapshot("monday", ("node-1", "node-3")), StartHost("node-1"), StartHost("node-3")
    )
    back = settle(cluster).cluster
    assert back.get("configmaps", "new") is None
    assert back.get("nodes", "node-4") is not None


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (MoveLeader("node-4"), "host 'node-4' carries no member; node-1, node-2, node-3 do"),
        (ChangeMember("add", "node-1"), "etcdserver: Peer URLs already exists"),
        (ChangeMember("promote", "node-1"), "etcdserver: can only promote a learner member"),
        (ChangeMember("swap", "node-1"), "kind: 'swap' is not add, learner, promote or remove"),
        (LoseDisk("node-1"), "the member on host node-1 runs: stop its host, or its kubelet and then it, first"),
        (SlowDisk("node-1", -1), "delay: -1 is no duration"),
        (RestoreSnapshot("x", ("node-1",)), "there is no snapshot 'x'; there are none"),
        (DropMessage(1), "1 is not the number of a message between members of etcd"),
        (ForceNewCluster("node-1"), "the member on host node-1 runs: stop its host, or its kubelet and then it, first"),
    ],
)
def test_what_cannot_be_done_is_refused(three, event, said):
    with pytest.raises(ReconcileError) as caught:
        step(three, event)
    assert str(caught.value) == said


def test_a_lone_member_has_no_others():
    cluster = Cluster.boot(Topology(nodes=1))
    assert not cluster.members
    assert member_list(cluster) == ()
    with pytest.raises(ReconcileError, match="etcd has one member here"):
        step(cluster, MoveLeader("node-1"))


def test_more_members_than_masters_are_refused():
    with pytest.raises(ReconcileError, match="members: 3 is not between 1 and the number of masters, 2"):
        Topology(masters=2, members=3)


def test_any_order_of_messages_and_work_comes_to_the_same_end():
    cluster = Cluster.boot(Topology(nodes=3, masters=3, members=3), seed=9)
    for turn in range(1500):
        offered = choices(cluster)
        now = [each for each in offered if not isinstance(each, Advance)]
        cluster, _ = step(cluster, now[(turn * 7919) % len(now)] if now else offered[-1])
    assert settle(cluster).settled
    assert {each.revision for each in member_list(settle(cluster).cluster)} == {settle(cluster).cluster.store.revision}


def test_a_leader_that_one_follower_does_not_reach_goes_on(three):
    away = followers(three)[0]
    cut = happened(three, CutLink(leader(three), away))
    later = run(cut, until=cut.now + 20 * SECOND).cluster
    assert leader(later) == leader(three)
    assert [each.leader for each in member_list(later) if each.host == away] == [""]
    with pytest.raises(ReconcileError, match="are cut off from each other already"):
        step(later, CutLink(away, leader(three)))
    healed = settle(happened(later, MendLink(away, leader(three)))).cluster
    assert {each.leader for each in member_list(healed)} == {leader(three)}


def test_a_leader_that_reaches_nobody_steps_down_and_its_own_host_goes_on_with_another(three):
    old = leader(three)
    one, other = followers(three)
    cut = happened(three, CutLink(old, one), CutLink(old, other))
    later = run(cut, until=cut.now + 5 * SECOND).cluster
    assert leader(later) in (one, other)
    assert [each.role for each in member_list(later) if each.host == old] in (["pre-candidate"], ["follower"])
    assert ask(later, create(NEW))[1].code == 201


def test_a_host_that_is_cut_off_from_the_only_server_waits_for_it():
    cluster = settle(Cluster.boot(Topology(nodes=2), seed=3)).cluster
    cut = happened(cluster, CutLink("node-2", "node-1"))
    later = run(cut, until=cut.now + 60 * SECOND).cluster
    (ready,) = [each for each in later.get("nodes", "node-2").status.conditions if each.type == "Ready"]
    assert ready.status == "Unknown"
    healed = settle(happened(later, MendLink("node-1", "node-2"))).cluster
    (ready,) = [each for each in healed.get("nodes", "node-2").status.conditions if each.type == "Ready"]
    assert ready.status == "True"
    with pytest.raises(ReconcileError, match="cannot be cut off from itself"):
        step(cluster, CutLink("node-1", "node-1"))


def test_a_member_whose_disk_is_full_as_it_is_asked_for_its_vote_ends_in_the_midst_of_it(three):
    other = followers(three)[0]
    faults = (FillDisk(other), StopHost(leader(three)))
    cluster = run(three, faults, until=three.now + 30 * SECOND).cluster
    assert {each.host: each.role for each in member_list(cluster)}[other] == "down"
    cluster = run(cluster, (FillDisk(other, full=False),), until=cluster.now + 60 * SECOND).cluster
    assert {each.host: each.role for each in member_list(cluster)}[other] in ("leader", "follower")


def test_a_leader_that_is_heard_and_hears_nobody_steps_down(three):
    old = leader(three)
    one, other = followers(three)
    cut = happened(three, CutLink(one, old, one_way=True), CutLink(other, old, one_way=True))
    soon = run(cut, until=cut.now + 900 * MILLISECOND).cluster
    assert leader(soon) == old  # check-quorum: it has not been an election's time yet
    later = run(cut, until=cut.now + 5 * SECOND).cluster
    assert leader(later) in (one, other)
    assert ask(later, create(NEW))[1].code == 201
    healed = settle(happened(later, MendLink(one, old), MendLink(other, old))).cluster
    assert {each.leader for each in member_list(healed)} == {leader(later)}
    assert not healed.links.ways


def test_a_follower_that_hears_nobody_disturbs_nobody(three):
    away, other = followers(three)
    old = leader(three)
    term = {each.term for each in member_list(three)}
    cut = happened(three, CutLink(old, away, one_way=True), CutLink(other, away, one_way=True))
    later = run(cut, until=cut.now + 20 * SECOND).cluster
    assert leader(later) == old
    assert [each.role for each in member_list(later) if each.host == away] == ["pre-candidate"]
    assert {each.term for each in member_list(later)} == term


def test_a_follower_that_is_not_heard_follows_and_lags_nowhere(three):
    away, _ = followers(three)
    cut = happened(three, CutLink(away, leader(three), one_way=True))
    written, response = ask(cut, create(NEW))
    assert response.code == 201
    later = run(written, until=written.now + 10 * SECOND).cluster
    assert {each.leader for each in member_list(later)} == {leader(three)}
    healed = settle(happened(later, MendLink(away, leader(three), one_way=True))).cluster
    assert len({each.revision for each in member_list(healed)}) == 1


def test_two_ways_that_are_cut_one_by_one_are_a_link_that_is_cut(three):
    once = happened(three, CutLink("node-2", "node-1", one_way=True))
    assert (once.cuts, once.links.ways) == ((), (("node-2", "node-1"),))
    twice = happened(once, CutLink("node-1", "node-2", one_way=True))
    assert (twice.cuts, twice.links.ways) == ((("node-1", "node-2"),), ())
    half = happened(twice, MendLink("node-1", "node-2", one_way=True))
    assert (half.cuts, half.links.ways) == ((), (("node-2", "node-1"),))
    with pytest.raises(ReconcileError, match="node-2 is cut off on its way to node-1 already"):
        step(half, CutLink("node-2", "node-1", one_way=True))
    with pytest.raises(ReconcileError, match="node-1 is not cut off on its way to node-2"):
        step(half, MendLink("node-1", "node-2", one_way=True))
    assert happened(half, CutLink("node-1", "node-2")).cuts == (("node-1", "node-2"),)
    mended = happened(half, MendLink("node-1", "node-2"))
    assert (mended.cuts, mended.links.ways) == ((), ())


def test_requests_arrive_where_answers_are_lost():
    cluster = settle(Cluster.boot(Topology(nodes=2), seed=3)).cluster
    cut = happened(cluster, CutLink("node-1", "node-2", one_way=True))
    later = run(cut, until=cut.now + 60 * SECOND).cluster
    # Its last renewal arrived, and its next waits for the answer to that.
    (ready,) = [each for each in later.get("nodes", "node-2").status.conditions if each.type == "Ready"]
    assert ready.status == "Unknown"
    waiting = [item.request.resource for item in later.parked if isinstance(item, Replied)]
    assert "leases.coordination.k8s.io" in waiting
    lease = later.get("leases", "node-2", namespace="kube-node-lease")
    assert lease.spec.renew_time > cut.get("leases", "node-2", namespace="kube-node-lease").spec.renew_time
    assert all(
        not (isinstance(each, Deliver) and each.process.endswith("/node-2") and each.process != "runtime/node-2")
        for each in choices(later)
    )
    healed = settle(happened(later, MendLink("node-1", "node-2"))).cluster
    (ready,) = [each for each in healed.get("nodes", "node-2").status.conditions if each.type == "Ready"]
    assert ready.status == "True"


def test_a_member_whose_disk_is_full_does_not_wake_after_its_write():
    topology = Topology(nodes=4, masters=3, members=3, balancer=Balancer(kind="least-connections"))
    cluster, _ = step(settle(Cluster.boot(topology, seed=3)).cluster, DriftClock("node-2", 500))
    cluster, _ = step(run(cluster, until=cluster.now + 15 * SECOND).cluster, FillDisk("node-2"))
    cluster = run(cluster, until=cluster.now + 15 * SECOND).cluster
    assert cluster.processes.get("etcd/node-2") is None
