"""API servers behind a balancer: what their callers see while servers, hosts and connections fail, and caches lag."""

import attrs
import pytest

from reconcile import Cluster, Topology, run, settle, step
from reconcile.cluster.pending import Replied
from reconcile.components import world
from reconcile.components.apiserver.rest import HttpRequest
from reconcile.driver.choices import choices
from reconcile.driver.client import ask, create, delete, get, watch
from reconcile.driver.serving.exchange import exchange
from reconcile.effects import Answer, Notice
from reconcile.events import (
    CutLink,
    DelayCall,
    Disconnect,
    Execute,
    HoldCache,
    MendLink,
    Reconnect,
    ReleaseCache,
    ResetCall,
    Return,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
    Submit,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.balancers import Balancer
from reconcile.model.requests import Request

LISTED = Request(verb="list", resource="configmaps", namespace="default")


def named(name):
    return create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})


def booted(kind="round-robin", nodes=4, members=1, **fields):
    topology = Topology(nodes=nodes, masters=3, members=members, balancer=Balancer(kind=kind), **fields)
    settled = settle(Cluster.boot(topology, seed=2))
    assert settled.settled
    return settled.cluster


@pytest.fixture(scope="module")
def balanced():
    return booted()


@pytest.fixture(scope="module")
def floating():
    return booted("floating-address")


def happened(cluster, *events):
    for event in events:
        cluster, _ = step(cluster, event)
    return cluster


def server_of(cluster, process):
    line = cluster.states["network"].lines.get(process, None)
    return "" if line is None else line.server.rpartition("/")[2]


def on(cluster, host):
    """Name the kubelets that are connected to the API server on *host*."""
    return [name for name in cluster.processes if name.startswith("kubelet/") and server_of(cluster, name) == host]


def answered(cluster, request):
    cluster, response = ask(cluster, request)
    said = response.body.message if not response.ok else ""
    return cluster, response.code, said


def test_kubelets_go_through_the_balancer_and_the_control_plane_to_its_own_host(balanced):
    for host in ("node-1", "node-2", "node-3"):
        assert server_of(balanced, f"kube-scheduler/{host}") == host
        assert server_of(balanced, f"kube-controller-manager/{host}") == host
    assert {server_of(balanced, f"kubelet/node-{number}") for number in range(1, 5)} == {"node-1", "node-2", "node-3"}


def test_nothing_is_under_way_in_a_cluster_at_rest(balanced):
    state = balanced.states["network"]
    assert not state.waiting
    assert not state.again
    assert not [timer for timer in balanced.timers if timer.key[0] == "network"]


def test_connections_stay_where_they_are_until_they_break(balanced):
    (gone, *_) = on(balanced, "node-2")
    after = settle(balanced, (StopProcess("kube-apiserver/node-2"),)).cluster
    moved = server_of(after, gone)
    assert moved != "node-2"
    for name in on(balanced, "node-1") + on(balanced, "node-3"):
        assert server_of(after, name) == server_of(balanced, name)
    assert server_of(after, "kube-scheduler/node-2") == "node-2"  # its own host's runs again


def test_who_calls_a_server_that_does_not_listen_is_refused(balanced):
    (leader,) = [each for each in balanced.processes if each.startswith("kube-scheduler/") and led(balanced, each)]
    host = leader.rpartition("/")[2]
    # At its second end in a row it is started only ten seconds later.
    cluster = run(balanced, (StopProcess(f"kube-apiserver/{host}"),), until=balanced.now + 5 * SECOND).cluster
    cluster = happened(cluster, StopProcess(f"kube-apiserver/{host}"))
    seen: list[Replied] = []
    for _ in range(200):
        cluster, _ = step(cluster, choices(cluster)[0])
        answers = [item for item in cluster.pending.values() if isinstance(item, Replied)]
        seen += [item for item in answers if item.process == leader and not item.response.code]
    address = cluster.hosts[host].host.ip
    assert seen[0].response.body.message.endswith(f"dial tcp {address}:6443: connect: connection refused")
    assert settle(cluster).settled


def led(cluster, process):
    return cluster.processes[process].leading


def test_while_no_server_is_up_the_balancer_closes_connections(balanced):
    cluster = run(
        balanced, tuple([StopHost(f"node-{number}") for number in (1, 2, 3)]), until=balanced.now + 10 * SECOND
    ).cluster
    before = cluster.now
    cluster, code, said = answered(cluster, named("new"))
    assert (code, said) == (0, 'Post "https://172.18.255.254:6443/api/v1/namespaces/default/configmaps": EOF')
    assert cluster.now == before
    cluster, code, said = answered(cluster, get("configmaps", "new"))
    assert (code, said.rpartition(": ")[2]) == (0, "EOF")
    assert cluster.now - before == 10 * SECOND  # a GET is sent again ten times


def test_over_http_what_nobody_answers_is_answered_as_a_proxy_does(balanced):
    cut = tuple([Disconnect(f"node-{number}") for number in (1, 2, 3)])
    cluster = run(balanced, cut, until=balanced.now + 10 * SECOND).cluster
    admin = ("kubernetes-admin", ("system:masters",))
    asked = HttpRequest(method="POST", path="/api/v1/namespaces", body=NAMESPACE, certificate=admin)
    _, response = exchange(cluster, asked)
    assert response.code == 503
    assert b'"message":"Post \\"https://172.18.255.254:6443/api/v1/namespaces\\": EOF"' in response.body


NAMESPACE = b'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"new"}}'


def test_what_has_no_server_is_not_at_rest_and_comes_to_rest_when_one_is_back(balanced):
    stopped = tuple([StopHost(f"node-{number}") for number in (1, 2, 3)])
    outcome = settle(balanced, stopped, limit=2 * MINUTE)
    assert not outcome.settled
    assert outcome.moving[0] == (
        "kube-proxy/node-4, kubelet/node-4 wait for an API server: etcd/node-1 does not run, for host node-1 is off"
    )
    back = settle(outcome.cluster, tuple([StartHost(f"node-{number}") for number in (1, 2, 3)]))
    assert back.settled
    _, code, _ = answered(back.cluster, named("new"))
    assert code == 201


def test_a_connection_to_a_silent_host_is_given_up_by_a_kubelet_after_two_heartbeats(balanced):
    (gone, *_) = on(balanced, "node-2")
    silent = happened(balanced, StopHost("node-2"))
    early = run(silent, until=silent.now + 19 * SECOND).cluster
    assert server_of(early, gone) == "node-2" or gone == "kubelet/node-2"
    late = run(early, until=early.now + 4 * SECOND).cluster
    assert server_of(late, gone) != "node-2"


def test_a_host_that_is_cut_off_rests_and_is_heard_again(balanced):
    cut = settle(balanced, (Disconnect("node-4"),))
    assert cut.settled
    back = settle(cut.cluster, (Reconnect("node-4"),))
    assert back.settled
    (node,) = [node for node in back.cluster.objects("nodes") if node.metadata.name == "node-4"]
    assert [each.status for each in node.status.conditions if each.type == "Ready"] == ["True"]


def test_the_floating_address_moves_when_its_holder_is_silent(floating):
    assert floating.states["network"].holder == "node-1"
    lost = happened(floating, StopHost("node-1"))
    assert run(lost, until=lost.now + 3 * SECOND).cluster.states["network"].holder == "node-1"
    moved = run(lost, until=lost.now + 5 * SECOND).cluster
    assert moved.states["network"].holder == "node-2"
    assert server_of(run(moved, until=moved.now + 5 * SECOND).cluster, "kubelet/node-4") == "node-2"
    back = settle(moved, (StartHost("node-1"),)).cluster
    assert back.states["network"].holder == "node-1"
    assert server_of(back, "kubelet/node-4") == "node-1"


def test_a_call_to_a_silent_floating_address_takes_half_a_minute_to_fail_or_until_it_is_taken_over(floating):
    lost = happened(floating, StopHost("node-1"))
    cluster, code, _ = answered(lost, Request(verb="list", resource="nodes", resource_version="0"))
    assert (code, cluster.now - lost.now) == (0, 30 * SECOND) or cluster.now - lost.now <= 5 * SECOND


def test_a_call_that_its_server_cannot_bring_to_etcd_is_given_up(balanced):
    cut = happened(balanced, CutLink("node-1", "node-2"), CutLink("node-1", "node-3"))
    for _ in range(3):
        cut, code, said = answered(cut, named(f"new-{cut.now}"))
        if code != 201:
            assert (code, said) == (504, "Timeout: request did not complete within the allotted timeout")


def test_an_answer_that_is_reset_was_carried_out_and_who_tries_again_finds_it(balanced):
    cluster = happened(balanced, Submit(named("once"), tag="first"))
    (call,) = [each.call for each in choices(cluster) if isinstance(each, Execute)]
    cluster = happened(cluster, Execute(call))
    (answer,) = [each.call for each in choices(cluster) if isinstance(each, Return)]
    done = run(happened(cluster, ResetCall(answer)))
    (told,) = [each for each in done.effects if isinstance(each, Answer)]
    assert told.response.code == 0
    assert told.response.body.message.endswith("connection reset by peer")
    _, code, said = answered(done.cluster, named("once"))
    assert (code, said) == (409, 'configmaps "once" already exists')


def test_a_call_that_is_reset_on_its_way_was_not_carried_out(balanced):
    cluster = happened(balanced, Submit(named("never"), tag="first"))
    (call,) = [each.call for each in choices(cluster) if isinstance(each, Execute)]
    cluster = run(happened(cluster, ResetCall(call))).cluster
    _, code, _ = answered(cluster, get("configmaps", "never"))
    assert code == 404


def test_a_read_that_is_reset_is_sent_again_after_a_second(balanced):
    cluster = happened(balanced, Submit(LISTED, tag="read"))
    (call,) = [each.call for each in choices(cluster) if isinstance(each, Execute)]
    done = run(happened(cluster, ResetCall(call)), until=cluster.now + 2 * SECOND)
    (told,) = [each for each in done.effects if isinstance(each, Answer)]
    assert (told.response.code, told.took) == (200, SECOND)


def test_a_call_is_late(balanced):
    cluster = happened(balanced, Submit(named("late"), tag="late"))
    (call,) = [each.call for each in choices(cluster) if isinstance(each, Execute)]
    done = run(happened(cluster, DelayCall(call, 3 * SECOND)), until=cluster.now + 4 * SECOND)
    (told,) = [each for each in done.effects if isinstance(each, Answer)]
    assert (told.response.code, told.took) == (201, 3 * SECOND)


def test_a_clients_watch_ends_with_its_server(balanced):
    cluster = run(happened(balanced, Submit(watch("configmaps"), tag="seen"))).cluster
    host = server_of(cluster, "watch/kubectl:seen")
    done = run(happened(cluster), (StopProcess(f"kube-apiserver/{host}"),))
    ended = [each for each in done.effects if isinstance(each, Notice)]
    assert [(each.type, each.object.message) for each in ended] == [("ERROR", "unexpected EOF")]
    assert "watch/kubectl:seen" not in done.cluster.processes


def test_over_a_link_that_carries_one_way_calls_are_carried_out_and_said_to_be_lost(floating):
    before = floating.get("leases", "node-4", namespace="kube-node-lease").spec.renew_time
    cut = happened(floating, CutLink("node-1", "node-4", one_way=True))
    soon = run(cut, until=cut.now + 12 * SECOND).cluster
    assert soon.get("leases", "node-4", namespace="kube-node-lease").spec.renew_time > before
    waiting = [each.item for each in soon.states["network"].waiting.values() if each.item.process == "kubelet/node-4"]
    assert {item.__class__ for item in waiting} == {Replied}
    late = run(soon, until=soon.now + 30 * SECOND).cluster
    assert server_of(late, "kubelet/node-4") == ""  # it gave the connection up, and none comes about
    back = settle(happened(late, MendLink("node-1", "node-4")))
    assert back.settled
    assert server_of(back.cluster, "kubelet/node-4") == "node-1"


def test_who_is_behind_the_service_kubernetes_follows_which_servers_live():
    cluster = booted(members=3, managed_fields=True)
    everyone = [f"172.18.0.{number}" for number in (2, 3, 4)]

    def addresses():
        return [each.ip for subset in cluster.get("endpoints", "kubernetes").subsets for each in subset.addresses]

    assert addresses() == everyone
    cluster = run(cluster, (StopHost("node-2"),), until=cluster.now + 40 * SECOND).cluster
    assert addresses() == [everyone[0], everyone[2]]
    cluster = run(cluster, (StartHost("node-2"),), until=cluster.now + 40 * SECOND).cluster
    assert addresses() == everyone


# Watch caches ---------------------------------------------------------------------------------------------------------


def held(cluster, *hosts):
    return happened(cluster, *[HoldCache(f"kube-apiserver/{host}") for host in hosts])


ALL = ("node-1", "node-2", "node-3")


def test_a_cache_that_is_held_back_shows_the_past_to_who_takes_what_is_old(balanced):
    cluster, code, _ = answered(held(balanced, *ALL), named("new"))
    assert code == 201
    _, old = ask(cluster, attrs.evolve(LISTED, resource_version="0"))
    assert "new" not in [each.metadata.name for each in old.body.items]
    _, code, _ = answered(cluster, attrs.evolve(get("configmaps", "new"), resource_version="0"))
    assert code == 404
    _, code, _ = answered(cluster, get("configmaps", "new"))
    assert code == 200


def test_a_consistent_list_waits_three_seconds_for_the_cache_and_is_then_answered_by_etcd(balanced):
    cluster, _, _ = answered(held(balanced, *ALL), named("new"))
    after, found = ask(cluster, LISTED)
    assert "new" in [each.metadata.name for each in found.body.items]
    assert after.now - cluster.now == 3 * SECOND


def test_a_list_of_what_is_not_older_waits_and_is_refused(balanced):
    cluster, _, _ = answered(held(balanced, *ALL), named("new"))
    wanted = cluster.store.revision
    after, code, said = answered(cluster, attrs.evolve(LISTED, resource_version=str(wanted)))
    assert code == 504
    assert said.startswith(f"Timeout: Too large resource version: {wanted}, current: ")
    assert after.now - cluster.now == 3 * SECOND


def test_a_client_that_moves_to_another_server_can_see_the_past(balanced):
    cluster, _, _ = answered(held(balanced, "node-2"), named("new"))
    seen = []
    for _ in range(3):
        cluster, found = ask(cluster, attrs.evolve(LISTED, resource_version="0"))
        seen.append("new" in [each.metadata.name for each in found.body.items])
    assert sorted(seen) == [False, True, True]


def test_a_watch_lags_with_its_servers_cache_and_catches_up(balanced):
    (process, *_) = [name for name in on(balanced, "node-2") if name != "kubelet/node-2"] or on(balanced, "node-2")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"nodeName": process.rpartition("/")[2], "containers": [{"name": "c", "image": "c"}]},
    }
    cluster, _, _ = answered(held(balanced, "node-2"), create(pod))
    later = run(cluster, until=cluster.now + 30 * SECOND).cluster
    assert later.get("pods", "web").status.phase == "Pending"
    done = settle(happened(later, ReleaseCache("kube-apiserver/node-2"))).cluster
    assert done.get("pods", "web").status.phase == "Running"


def behind(cluster, time, *hosts):
    return happened(cluster, *[HoldCache(f"kube-apiserver/{host}", time) for host in hosts])


OLD = Request(verb="get", resource="configmaps", namespace="default", name="new", resource_version="0")


@pytest.mark.parametrize("members", [1, 3])
def test_a_cache_falls_behind_by_a_time(members):
    cluster = behind(booted(members=members), 5 * SECOND, *ALL)
    cluster, _ = ask(cluster, named("new"))
    at = cluster.now
    assert ask(run(cluster, until=at + 5 * SECOND - 1).cluster, OLD)[1].code == 404
    assert ask(run(cluster, until=at + 5 * SECOND).cluster, OLD)[1].code == 200
    done = settle(cluster)  # Leases that are renewed for ever keep it from no rest; a ConfigMap does
    assert done.settled
    assert ask(done.cluster, OLD)[1].code == 200


def test_who_wants_what_a_cache_comes_to_waits_until_then(balanced):
    cluster = behind(balanced, 2 * SECOND, *ALL)
    cluster, written = ask(cluster, named("new"))
    version = written.body.metadata.resource_version
    before = cluster.now
    not_older = Request(verb="list", resource="configmaps", namespace="default", resource_version=version)
    cluster, response = ask(cluster, not_older)
    assert "new" in [each.metadata.name for each in response.body.items]
    assert cluster.now - before == 2 * SECOND
    far = behind(balanced, 10 * SECOND, *ALL)
    far, written = ask(far, named("new"))
    not_older = attrs.evolve(not_older, resource_version=written.body.metadata.resource_version)
    assert ask(far, not_older)[1].code == 504


def test_a_watch_is_told_what_its_servers_cache_comes_to(balanced):
    tagged = Submit(watch("configmaps", namespace="default"), tag="mine")
    done = run(behind(balanced, 5 * SECOND, *ALL), (tagged, Submit(named("new"))), until=balanced.now + 4 * SECOND)
    told = [each.object.metadata.name for each in done.effects if isinstance(each, Notice) and each.type == "ADDED"]
    assert "new" not in told
    done = run(done.cluster, until=done.cluster.now + 2 * SECOND)
    told = [each.object.metadata.name for each in done.effects if isinstance(each, Notice) and each.type == "ADDED"]
    assert told == ["new"]


def test_a_cache_that_is_behind_is_released(balanced):
    cluster = behind(balanced, 5 * SECOND, *ALL)
    cluster, _ = ask(cluster, named("new"))
    cluster = happened(cluster, *[ReleaseCache(f"kube-apiserver/{host}") for host in ALL])
    assert ask(cluster, OLD)[1].code == 200
    assert settle(cluster).settled


def test_a_cache_is_behind_by_no_time_before(balanced):
    with pytest.raises(ReconcileError, match="behind: -1 is no duration"):
        step(balanced, HoldCache("kube-apiserver/node-1", -1))


def test_who_waits_for_a_cache_is_said(balanced):
    held_back = held(balanced, *ALL)
    cluster, _, _ = answered(held_back, named("new"))
    outcome = settle(cluster, (StopProcess("kubelet/node-4"), StartProcess("kubelet/node-4")), limit=MINUTE)
    assert not outcome.settled
    assert outcome.moving[0].startswith("kubelet/node-4 waits for an API server: the cache of kube-apiserver/node-1, ")


def test_a_server_that_starts_anew_has_a_fresh_cache(balanced):
    cluster = settle(held(balanced, "node-2"), (StopProcess("kube-apiserver/node-2"),)).cluster
    assert not cluster.states["network"].stale


@pytest.mark.parametrize("streams", [True, False])
def test_a_kubelet_that_starts_at_a_stale_server_runs_what_is_gone_unless_its_list_is_consistent(streams):
    """Source: kubernetes#59848, and WatchList, whose first list is consistent."""
    cluster = booted(feature_gates={} if streams else {"WatchListClient": False})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "db-0"},
        "spec": {"nodeName": "node-4", "containers": [{"name": "c", "image": "c"}]},
    }
    cluster = settle(answered(cluster, create(pod))[0]).cluster
    uid = cluster.get("pods", "db-0").metadata.uid
    fresh = server_of(cluster, "kubelet/node-4")
    cluster = held(cluster, *[host for host in ALL if host != fresh])
    cluster, code, _ = answered(cluster, delete("pods", "db-0"))
    assert code == 200
    cluster = run(cluster, until=cluster.now + MINUTE).cluster
    assert cluster.get("pods", "db-0") is None
    assert not world.running(cluster.states["runtime/node-4"], uid)

    anew = (StopProcess("kubelet/node-4"), StartProcess("kubelet/node-4"))
    while server_of(cluster, "kubelet/node-4") in {fresh, ""}:  # the balancer gives one server after the other
        cluster = run(cluster, anew, until=cluster.now + 20 * SECOND).cluster
    assert world.running(cluster.states["runtime/node-4"], uid) == (() if streams else ("c",))

    cluster = settle(cluster, tuple([ReleaseCache(f"kube-apiserver/{host}") for host in ALL if host != fresh])).cluster
    assert not world.running(cluster.states["runtime/node-4"], uid)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (HoldCache("kube-apiserver/node-9"), "no API server 'kube-apiserver/node-9' runs"),
        (ReleaseCache("kube-apiserver/node-2"), "the cache of kube-apiserver/node-2 is not held back"),
        (ResetCall(0), "0 is not the number of a call"),
        (StopProcess("network"), "network is what is between hosts"),
    ],
)
def test_what_cannot_happen_is_refused(balanced, event, said):
    with pytest.raises(ReconcileError, match=said):
        step(balanced, event)


def test_a_cache_is_held_back_once(balanced):
    with pytest.raises(ReconcileError, match="the cache of kube-apiserver/node-2 is held back already"):
        held(balanced, "node-2", "node-2")


def test_without_a_balancer_there_is_nothing_to_break():
    cluster = Cluster.boot(Topology(nodes=1))
    with pytest.raises(ReconcileError, match="no balancer stands before the API servers"):
        step(cluster, HoldCache("kube-apiserver/node-1"))
    assert "network" not in cluster.processes
