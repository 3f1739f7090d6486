"""API servers and members of etcd that are paused, and go on: what others notice, what waits, what is old then."""

import attrs
import pytest

from reconcile import Cluster, Topology, run, settle, step
from reconcile.driver.client import ask, create, get
from reconcile.driver.machine.members.messages import _QUEUE
from reconcile.driver.operating.members import member_list
from reconcile.driver.telling.waiting import waiting_for
from reconcile.driver.webhooks import admitted
from reconcile.effects import Answer, CallWebhook
from reconcile.events import Freeze, SaveSnapshot, StopProcess, Submit, Thaw, WebhookAnswered
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, MINUTE, SECOND
from reconcile.model.balancers import Balancer
from reconcile.model.requests import Request

MEMBERS = tuple([f"etcd/node-{number}" for number in (1, 2, 3)])
OLD = Request(verb="get", resource="configmaps", namespace="default", name="new", resource_version="0")


def booted(**fields):
    settled = settle(Cluster.boot(Topology(nodes=3, masters=3, heartbeats=False, **fields), seed=5))
    assert settled.settled, settled.moving
    return settled.cluster


@pytest.fixture(scope="module")
def plain():
    return booted(members=3)


@pytest.fixture(scope="module")
def balanced():
    return booted(members=3, balancer=Balancer())


def happened(cluster, *events):
    for event in events:
        cluster, _ = step(cluster, event)
    return cluster


def after(cluster, time, *events):
    return run(cluster, events, until=cluster.now + time).cluster


def named(name="new"):
    return create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})


def leader(cluster):
    return next(f"etcd/{each.host}" for each in member_list(cluster) if each.role == "leader")


def seen(cluster, process):
    return next(each for each in member_list(cluster) if f"etcd/{each.host}" == process)


def answered(cluster, *events, within):
    """Give the cluster later, and what clients were answered: the code and how long it took."""
    done = run(cluster, events, until=cluster.now + within)
    return done.cluster, [(each.response.code, each.took) for each in done.effects if isinstance(each, Answer)]


def test_a_leader_that_is_paused_is_replaced_and_learns_of_it_when_it_goes_on(plain):
    first = leader(plain)
    cluster = after(plain, 3 * SECOND, Freeze(first))
    assert (seen(cluster, first).role, seen(cluster, first).term) == ("paused", seen(plain, first).term)
    second = leader(cluster)
    assert seen(cluster, second).term == seen(plain, first).term + 1
    cluster, response = ask(cluster, named())
    assert response.code == 201
    cluster = settle(cluster, (Thaw(first),)).cluster
    assert leader(cluster) == second
    assert {(each.term, each.revision) for each in member_list(cluster)} == {
        (seen(cluster, second).term, seen(cluster, second).revision)
    }


def test_a_member_that_is_paused_counts_no_ticks(plain):
    first = leader(plain)
    other = next(each for each in MEMBERS if each != first)
    cluster = happened(after(plain, 10 * MINUTE, Freeze(other)), Thaw(other))
    state, before = cluster.states[other].raft, plain.states[other].raft
    assert state.role == "follower"  # it does not stand for election for having heard nobody for so long
    assert cluster.now < state.deadline <= cluster.now + 2 * SECOND
    after_it = settle(cluster).cluster
    assert leader(after_it) == first
    assert after_it.states[other].raft.term == before.term


def test_messages_to_a_member_that_is_paused_wait_up_to_a_number(plain):
    other = next(each for each in MEMBERS if each != leader(plain))
    cluster = happened(plain, Freeze(other))
    for number in range(3):
        cluster, _ = ask(cluster, named(f"c{number}"))
    waits = cluster.states[other].waits
    assert 0 < len(waits) < _QUEUE
    full = attrs.evolve(cluster.states[other], waits=waits[:1] * _QUEUE)
    cluster, _ = ask(attrs.evolve(cluster, states=cluster.states.set(other, full)), named("more"))
    assert len(cluster.states[other].waits) == _QUEUE
    assert settle(cluster, (Thaw(other),)).settled


def test_two_members_that_are_paused_are_no_quorum_and_it_is_said(plain):
    cluster = after(plain, 5 * SECOND, Freeze("etcd/node-1"), Freeze("etcd/node-2"), Submit(named()))
    said = "etcd has no leader, 1 of its 3 members run: etcd/node-1 is paused; etcd/node-2 is paused"
    assert said in waiting_for(cluster)
    done = settle(cluster, (Thaw("etcd/node-1"), Thaw("etcd/node-2")))
    assert done.settled
    assert [each.response.code for each in done.effects if isinstance(each, Answer)] == [201]


def test_a_snapshot_of_a_member_that_is_paused_is_refused(plain):
    with pytest.raises(ReconcileError, match="the member on host node-1 is paused"):
        happened(plain, Freeze("etcd/node-1"), SaveSnapshot("s", "node-1"))


@pytest.mark.parametrize("process", ["etcd/node-1", "kube-apiserver/node-1"])
def test_what_is_paused_can_be_ended_and_is_started_again(balanced, process):
    cluster = after(balanced, SECOND, Freeze(process))
    life = cluster.processes[process].life
    done = settle(cluster, (StopProcess(process),))
    assert done.settled, done.moving
    assert done.cluster.processes[process].life != life
    assert done.cluster.processes[process].kind == process.partition("/")[0]


def test_an_only_member_that_is_paused_keeps_what_is_asked_waiting():
    cluster = settle(Cluster.boot(Topology(nodes=1), seed=3)).cluster
    cluster, said = answered(cluster, Freeze("etcd/node-1"), Submit(named()), within=30 * SECOND)
    assert said == []
    assert "etcd/node-1 is paused" in waiting_for(cluster)
    done = settle(cluster, (Thaw("etcd/node-1"),))
    assert [each.response.code for each in done.effects if isinstance(each, Answer)] == [201]


def test_what_a_member_was_asked_before_it_was_paused_is_given_up_after_34_seconds(balanced):
    cluster, _ = step(balanced, Submit(named()))
    while not cluster.asked:
        cluster = run(cluster, steps=1).cluster
    (asked,) = cluster.asked.values()
    cluster, said = answered(cluster, Freeze(f"etcd/{asked.member}"), within=MINUTE)
    assert said == [(504, 34 * SECOND)]
    assert not cluster.asked


def test_what_a_member_was_asked_is_answered_if_it_goes_on_in_time(balanced):
    cluster, _ = step(balanced, Submit(named()))
    while not cluster.asked:
        cluster = run(cluster, steps=1).cluster
    (asked,) = cluster.asked.values()
    member = f"etcd/{asked.member}"
    cluster, said = answered(cluster, Freeze(member), within=3 * SECOND)
    assert said == []
    done = settle(cluster, (Thaw(member),))
    assert [each.response.code for each in done.effects if isinstance(each, Answer)] == [201]
    assert not done.cluster.states["network"].waiting


def test_connections_to_a_server_that_is_paused_are_given_up_and_the_balancer_takes_it_out(balanced):
    server = "kube-apiserver/node-2"
    cluster = after(balanced, 10 * SECOND, Freeze(server))
    network = cluster.states["network"]
    silent = {client for client, line in network.lines.items() if line.silent}
    assert silent
    assert silent == {client for client, line in balanced.states["network"].lines.items() if line.server == server}
    assert not network.health["node-2"].up
    later = after(cluster, 2 * MINUTE).states["network"].lines
    assert not [client for client, line in later.items() if line.server == server and line.balanced]


def test_a_new_connection_to_a_server_that_is_paused_agrees_on_no_tls(balanced):
    cluster = happened(balanced, *[Freeze(f"kube-apiserver/node-{number}") for number in (1, 2, 3)])
    cluster, _ = step(cluster, Submit(named()))
    done = run(cluster, until=cluster.now + MINUTE)
    (answer,) = [each for each in done.effects if isinstance(each, Answer)]
    assert answer.took == 10 * SECOND
    assert answer.response.body.message.endswith("net/http: TLS handshake timeout")
    healed = settle(done.cluster, [Thaw(f"kube-apiserver/node-{number}") for number in (1, 2, 3)])
    assert healed.settled, healed.moving


def test_a_call_that_came_to_a_server_that_is_paused_is_carried_out_when_it_goes_on(balanced):
    servers = [f"kube-apiserver/node-{number}" for number in (1, 2, 3)]
    cluster = happened(balanced, *map(Freeze, servers))
    cluster = after(cluster, 4 * SECOND, Submit(named()))
    cluster, said = answered(cluster, *map(Thaw, servers), within=SECOND)
    assert said == [(201, 4 * SECOND)]


def test_the_watch_cache_of_a_server_that_goes_on_is_old_at_first(balanced):
    cluster = happened(balanced, Freeze("kube-apiserver/node-2"), Freeze("kube-apiserver/node-3"))
    cluster = after(cluster, 10 * SECOND)
    cluster, response = ask(cluster, named())
    assert response.code == 201
    assert ask(cluster, OLD)[1].code == 200
    moved = after(happened(cluster, Thaw("kube-apiserver/node-3")), 0)
    stale = moved.states["network"].stale
    assert list(stale) == ["kube-apiserver/node-3"]
    assert stale["kube-apiserver/node-3"].revision < moved.store.revision
    assert list(after(moved, 100 * MILLISECOND).states["network"].stale) == []


HOOK = {
    "name": "h.example.com",
    "clientConfig": {"url": "https://hook.example.com/admit"},
    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}],
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
}


def test_an_answer_of_a_webhook_waits_for_its_server():
    cluster = settle(Cluster.boot(Topology(nodes=1, webhooks=True), seed=3)).cluster
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    cluster, response = ask(cluster, create({**kind, "metadata": {"name": "c"}, "webhooks": [HOOK]}))
    assert response.ok, response.body.message
    done = run(cluster, (Submit(named()),), until=cluster.now)
    (call,) = [each for each in done.effects if isinstance(each, CallWebhook)]
    cluster = happened(done.cluster, Freeze("kube-apiserver/node-1"), WebhookAnswered(call.call, admitted(call.review)))
    cluster, said = answered(cluster, within=3 * SECOND)
    assert said == []
    cluster, said = answered(cluster, Thaw("kube-apiserver/node-1"), within=SECOND)
    assert said == [(201, 3 * SECOND)]


def test_without_a_balancer_who_calls_goes_to_another_server(plain):
    cluster = happened(plain, Freeze("kube-apiserver/node-1"))
    cluster, response = ask(cluster, named())
    assert response.code == 201
    done = settle(cluster, (Thaw("kube-apiserver/node-1"),))
    assert done.settled
    assert ask(done.cluster, get("configmaps", "new"))[1].code == 200
