import pytest

from reconcile.api import core_v1
from reconcile.cluster import Cluster, Topology
from reconcile.cluster.pending import Message, Replied, Sent
from reconcile.driver import choices, run, settle, step
from reconcile.driver.client import apply, create, delete, get, watch
from reconcile.driver.log.replay import replay
from reconcile.driver.machine import Machine
from reconcile.driver.step import apply_event
from reconcile.driver.wire import state_digest
from reconcile.effects import Answer, Install, Notice, Order
from reconcile.events import (
    Advance,
    Begin,
    Carry,
    Compact,
    ContainerStarted,
    CutWatch,
    Deliver,
    Disconnect,
    DropCall,
    DropOrder,
    Execute,
    Fire,
    KillContainer,
    KillSandbox,
    Reconnect,
    RepeatCall,
    ReportIn,
    Return,
    SandboxReady,
    SkipChanges,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
    Submit,
    Work,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.hosts import Host
from reconcile.model.requests import Request, User
from tests.unit.driver.lab import (
    SEED,
    booted,
    configmap,
    deployed,
    deployment,
    executed,
    newest_call,
    offered,
    recorded,
    running,
    submitted,
)

MANAGER = "kube-controller-manager/node-1"


# A request, step by step ----------------------------------------------------------------------------------------------


def test_a_request_is_sent_carried_out_and_answered():
    cluster, call = submitted(booted(), create(configmap(red="1")), tag="mine", client="tester")
    assert cluster.get("configmaps", "colours") is None
    assert Execute(call) in choices(cluster)

    cluster, effects = step(cluster, Execute(call))
    assert effects == ()
    assert cluster.get("configmaps", "colours").data["red"] == "1"
    answer = next(serial for serial, item in cluster.pending.items() if isinstance(item, Replied))

    after, (effect,) = step(cluster, Return(answer))
    assert isinstance(effect, Answer)
    assert (effect.client, effect.tag, effect.response.code) == ("tester", "mine", 201)
    assert answer not in after.pending


def test_an_answer_says_how_long_the_client_waited():
    cluster, call = submitted(booted(), get("nodes", "node-1"))
    cluster, _ = step(executed(cluster, call), Advance(cluster.now + SECOND))
    (back,) = offered(cluster, Return)
    _, (answer,) = step(cluster, back)
    assert answer.took == SECOND


def test_requests_without_a_tag_are_told_apart():
    tags = set()
    cluster = booted()
    for _ in range(3):
        cluster, call = submitted(cluster, get("nodes", "node-1"))
        cluster = executed(cluster, call)
    for back in offered(cluster, Return):
        cluster, (answer,) = step(cluster, back)
        tags.add(answer.tag)
    assert len(tags) == 3


def test_a_user_may_not_do_what_it_may_not():
    cluster, call = submitted(booted(), get("nodes", "node-1"), user=User(name="nobody"))
    (back,) = offered(executed(cluster, call), Return)
    _, (answer,) = step(executed(cluster, call), back)
    assert answer.response.code == 403


def test_each_event_is_one_step_and_the_old_cluster_stays_as_it_was():
    old = booted()
    digest = state_digest(old)
    new, _ = step(old, Submit(request=get("nodes", "node-1")))
    assert new.steps == old.steps + 1
    assert state_digest(old) == digest != state_digest(new)


# Choices --------------------------------------------------------------------------------------------------------------


def test_a_process_begins_once():
    cluster = Cluster.boot(Topology(nodes=1))
    assert offered(cluster, Begin) == [Begin("runtime/node-1"), Begin("kubelet/node-1")]
    cluster, _ = step(cluster, Begin("kubelet/node-1"))
    assert "kubelet/node-1" in cluster.states
    with pytest.raises(ReconcileError, match="kubelet/node-1 is not about to begin"):
        step(cluster, Begin("kubelet/node-1"))


def test_a_message_waits_until_who_is_meant_has_begun():
    cluster, _ = step(Cluster.boot(Topology(nodes=1)), Begin("kubelet/node-1"))
    message = next(serial for serial, item in cluster.pending.items() if isinstance(item, Message))
    assert offered(cluster, Carry) == []
    with pytest.raises(
        ReconcileError, match=f"runtime/node-1 has not begun, so message {message} cannot be handed over"
    ):
        step(cluster, Carry(message))
    cluster, _ = step(cluster, Begin("runtime/node-1"))
    assert Carry(message) in choices(cluster)
    step(cluster, Carry(message))


def test_changes_are_delivered_so_many_at_a_time():
    cluster = booted()
    for name in ("a", "b", "c"):
        cluster, call = submitted(cluster, create(deployment(0, name=name)))
        cluster = executed(cluster, call)
    assert cluster.lag(MANAGER, "deployments.apps") == 3
    assert Deliver(MANAGER, "deployments.apps", 1) in choices(cluster)
    one, _ = step(cluster, Deliver(MANAGER, "deployments.apps", 1))
    two, _ = step(cluster, Deliver(MANAGER, "deployments.apps", 2))
    more, _ = step(cluster, Deliver(MANAGER, "deployments.apps", 9))
    rest, _ = step(cluster, Deliver(MANAGER, "deployments.apps"))
    assert [each.lag(MANAGER, "deployments.apps") for each in (one, two, more, rest)] == [2, 1, 0, 0]


def test_work_is_done_in_turns():
    cluster, call = submitted(booted(), create(deployment(1)))
    cluster = executed(cluster, call)
    assert offered(cluster, Work) == []
    cluster, _ = step(cluster, Deliver(MANAGER, "deployments.apps", 1))
    (work,) = offered(cluster, Work)
    assert work.process == MANAGER
    cluster, _ = step(cluster, work)
    sent = cluster.pending[newest_call(cluster)]
    assert (sent.request.verb, sent.request.resource) == ("create", "replicasets.apps")


def test_time_moves_to_the_next_timer_and_not_beyond():
    cluster = booted()
    (advance,) = offered(cluster, Advance)
    assert choices(cluster)[-1] == advance
    with pytest.raises(ReconcileError, match=r"time cannot pass \d+, when .* is due, to"):
        step(cluster, Advance(advance.to + 1))
    with pytest.raises(ReconcileError, match="time cannot go back"):
        step(cluster, Advance(cluster.now - 1))
    between, _ = step(cluster, Advance(cluster.now + 1))
    assert between.now == cluster.now + 1
    due, _ = step(cluster, advance)
    assert offered(due, Fire)


def test_a_timer_fires_when_it_is_due():
    cluster = booted()
    timer = cluster.timers.first()
    process, _, key = timer.key
    with pytest.raises(ReconcileError, match=r"is due at 2026-.*, not at 2026-"):
        step(cluster, Fire(process, key))
    cluster, _ = step(cluster, Advance(timer.at))
    assert Fire(process, key) in choices(cluster)
    fired, _ = step(cluster, Fire(process, key))
    again = fired.timers.get(timer.key)
    assert again is None or again.at > fired.now
    with pytest.raises(ReconcileError, match=rf"{process} has no timer \('nothing',\)"):
        step(cluster, Fire(process, ("nothing",)))


# Hosts and processes --------------------------------------------------------------------------------------------------


def test_with_a_host_everything_on_it_is_gone():
    cluster = deployed(2)
    off, effects = step(cluster, StopHost("node-2"))
    assert effects == ()
    assert [name for name in off.processes if name.endswith("/node-2")] == []
    for table in (off.states, off.elections, off.recorders):
        assert [name for name in table if name.endswith("/node-2")] == []
    assert [name for name, _ in off.cursors if name.endswith("/node-2")] == []
    assert all(not name.endswith("/node-2") for channel in off.channels.values() for name, _ in channel.watchers)
    assert off.hosts["node-2"].rules is None


def test_a_host_comes_back_with_what_is_on_its_disk():
    cluster, _ = step(deployed(2), StopHost("node-2"))
    cluster, _ = step(cluster, StartHost("node-2"))
    assert offered(cluster, Begin) == [Begin("runtime/node-2"), Begin("kubelet/node-2")]
    done = settle(cluster)
    assert done.settled, done.moving
    assert running(done.cluster) == 2
    pulled = [
        event
        for event in done.cluster.objects("events", namespace="default")
        if event.reason == "Pulled" and "already present" in event.message
    ]
    assert pulled


def test_a_host_that_is_stopped_before_it_has_begun_comes_back():
    cluster, _ = step(Cluster.boot(Topology(nodes=1)), StopHost("node-1"))
    cluster, _ = step(cluster, StartHost("node-1"))
    done = settle(cluster)
    assert done.settled, done.moving
    assert done.cluster.get("nodes", "node-1") is not None


def test_with_etcd_gone_nothing_is_carried_out_until_it_is_back():
    cluster, _ = step(booted(2), StopHost("node-1"))
    assert (cluster.etcd, cluster.servers) == ("", ())
    cluster, call = submitted(cluster, get("nodes", "node-1"))
    assert Execute(call) not in choices(cluster)
    stuck = run(cluster, until=cluster.now + MINUTE)
    assert not [effect for effect in stuck.effects if isinstance(effect, Answer)]
    back = settle(stuck.cluster, (StartHost("node-1"),))
    assert back.settled, back.moving
    assert [effect.response.code for effect in back.effects if isinstance(effect, Answer)] == [200]


def test_a_killed_container_process_is_started_again_by_its_kubelet():
    before = booted().processes["kube-scheduler/node-1"]
    cluster, _ = step(booted(), StopProcess("kube-scheduler/node-1"))
    assert "kube-scheduler/node-1" not in cluster.processes
    after = settle(cluster).cluster.processes["kube-scheduler/node-1"]
    assert after.life > before.life


def test_a_killed_container_is_started_again_by_its_kubelet():
    pod = deployed().objects("pods", namespace="default")[0].metadata.name
    done = settle(deployed(), (KillContainer(f"default/{pod}", "web"),))
    assert done.settled, done.moving
    (status,) = done.cluster.get("pods", pod).status.container_statuses
    assert (status.ready, status.restart_count) == (True, 1)
    ended = status.last_state.terminated
    assert (ended.exit_code, ended.reason) == (137, "Error")


def test_a_pod_whose_sandbox_is_lost_begins_anew_with_another_ip():
    pod = deployed().objects("pods", namespace="default")[0]
    key = f"default/{pod.metadata.name}"
    done = settle(deployed(), (KillSandbox(key),))
    assert done.settled, done.moving
    after = done.cluster.get("pods", pod.metadata.name)
    (status,) = after.status.container_statuses
    assert (status.ready, status.restart_count) == (True, 1)
    assert after.status.pod_ip != pod.status.pod_ip
    lost, _ = step(done.cluster, KillSandbox(key))
    with pytest.raises(ReconcileError, match="has no sandbox that is ready"):
        step(lost, KillSandbox(key))


def test_the_sandbox_of_a_static_pod_can_be_lost_too():
    before = booted().processes["kube-scheduler/node-1"]
    done = settle(booted(), (KillSandbox("kube-system/kube-scheduler-node-1"),))
    assert done.cluster.processes["kube-scheduler/node-1"].life > before.life


def test_a_container_that_ends_can_be_killed_before():
    cluster, answer = apply(booted(), deployment(1, command=["sleep", "30"]))
    assert answer.ok
    cluster = run(cluster, until=cluster.now + 10 * SECOND).cluster
    (pod,) = cluster.objects("pods", namespace="default")
    key = f"default/{pod.metadata.name}"
    cluster = run(cluster, (KillContainer(key, "web"),)).cluster
    (status,) = cluster.get("pods", pod.metadata.name).status.container_statuses
    assert (status.ready, status.state.terminated.exit_code) == (False, 137)
    with pytest.raises(ReconcileError, match="has no container 'web' that runs; none runs"):
        step(cluster, KillContainer(key, "web"))


def test_killing_a_static_pod_s_container_kills_its_process():
    before = booted().processes["kube-scheduler/node-1"]
    cluster, _ = step(booted(), KillContainer("kube-system/kube-scheduler-node-1", "kube-scheduler"))
    assert "kube-scheduler/node-1" not in cluster.processes
    assert settle(cluster).cluster.processes["kube-scheduler/node-1"].life > before.life


def test_a_kubelet_stays_down_until_it_is_started():
    cluster, _ = step(deployed(), StopProcess("kubelet/node-1"))
    later = run(cluster, until=cluster.now + MINUTE).cluster
    assert "kubelet/node-1" not in later.processes
    assert "kube-scheduler/node-1" in later.processes
    again, _ = step(later, StartProcess("kubelet/node-1"))
    done = settle(again)
    assert done.settled, done.moving
    restarts = [
        pod.status.container_statuses[0].restart_count for pod in done.cluster.objects("po", namespace="default")
    ]
    assert restarts == [0, 0]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Begin("kube-proxy/node-9"), "kube-proxy/node-9 is not about to begin"),
        (Deliver("kubelet/node-9", "pods"), "there is no process 'kubelet/node-9' running"),
        (Deliver("kubelet/node-1", "secrets"), "kubelet/node-1 has no watch 'secrets'; it has "),
        (Deliver("kubelet/node-1", "pods", 1), "kubelet/node-1 has seen all of pods"),
        (Deliver("kubelet/node-1", "pods", -1), "cannot deliver -1 changes"),
        (Work(MANAGER, "deployment"), f"{MANAGER} does not wait for a turn of 'deployment'"),
        (Execute(123456), "123456 is not the number of a pending Sent"),
        (Return(123456), "123456 is not the number of a pending Replied"),
        (Carry(123456), "123456 is not the number of a pending Message"),
        (Fire("kubelet/node-9", ("x",)), "there is no process 'kubelet/node-9' running"),
        (StopHost("node-9"), "there is no host 'node-9'; there are node-1"),
        (StartHost("node-1"), "host node-1 is on already"),
        (StopProcess("kubelet/node-9"), "there is no process 'kubelet/node-9' running"),
        (
            StopProcess("runtime/node-1"),
            "runtime/node-1 is what a host's containers are made of: stop the host instead",
        ),
        (StartProcess("kubelet/node-1"), "kubelet/node-1 is running already"),
        (StartProcess("kubelet/node-9"), "there is no host 'node-9'"),
        (StartProcess("kube-scheduler/node-1"), "'kube-scheduler/node-1' is not a host process: a kubelet starts all"),
        (KillContainer("default/web", "c"), "there is no pod 'default/web'"),
        (KillSandbox("default/web"), "there is no pod 'default/web'"),
        (
            KillContainer("kube-system/etcd-node-1", "x"),
            "pod kube-system/etcd-node-1 has no container 'x' that runs; there run etcd",
        ),
        (Disconnect("node-9"), "there is no host 'node-9'"),
        (Reconnect("node-9"), "there is no host 'node-9'"),
        (CutWatch("kubelet/node-1", "secrets"), "kubelet/node-1 has no watch 'secrets'"),
        (SkipChanges("kubelet/node-1", "pods", 1), "kubelet/node-1 has 0 changes of pods to come, not 1"),
        (SkipChanges("kubelet/node-1", "pods", 0), "kubelet/node-1 has 0 changes of pods to come, not 0"),
        (DropCall(123456), "123456 is not the number of a call"),
        (RepeatCall(123456), "123456 is not the number of a call that is on its way"),
        (Compact(10**9), "cannot compact to revision 1000000000: "),
        (ReportIn("node-9", SandboxReady("u", "10.0.0.1")), "there is no host 'node-9'"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_cannot_happen_is_refused_and_leaves_no_trace(event, message):
    machine = Machine(booted())
    with pytest.raises(ReconcileError) as caught:
        apply_event(machine, event)
    assert message in str(caught.value)
    assert machine.steps == booted().steps
    assert state_digest(machine.closed()) == state_digest(booted())


@pytest.mark.parametrize("value", [get("nodes", "node-1"), "a", None])
def test_what_is_no_event_is_refused_by_name(value):
    with pytest.raises(ReconcileError, match="is no event that a cluster is stepped by; a request goes into a Submit"):
        step(booted(), value)


def test_no_kubelet_starts_on_a_host_that_is_off():
    off, _ = step(booted(2), StopHost("node-2"))
    with pytest.raises(ReconcileError, match="host node-2 is off: its kubelet starts with it"):
        step(off, StartProcess("kubelet/node-2"))


def test_a_host_that_is_off_is_not_stopped_again():
    off, _ = step(booted(2), StopHost("node-2"))
    with pytest.raises(ReconcileError, match="host node-2 is off already"):
        step(off, StopHost("node-2"))


def test_the_number_of_a_message_is_not_that_of_a_call():
    cluster, _ = step(Cluster.boot(Topology(nodes=1)), Begin("runtime/node-1"))
    cluster, _ = step(cluster, Begin("kubelet/node-1"))
    (carry, *_) = offered(cluster, Carry)
    machine = Machine(cluster)
    for event in (DropCall(carry.message), RepeatCall(carry.message), Execute(carry.message), Return(carry.message)):
        with pytest.raises(ReconcileError, match=f"{carry.message} is not the number of a"):
            apply_event(machine, event)
    assert state_digest(machine.closed()) == state_digest(cluster)


# Calls that are lost or repeated --------------------------------------------------------------------------------------


def test_a_call_that_is_lost_is_not_carried_out_and_times_out():
    cluster, call = submitted(booted(), create(configmap()))
    cluster, _ = step(cluster, DropCall(call))
    done = run(cluster)
    (answer,) = done.effects
    assert (answer.response.code, answer.response.reason) == (500, "ServerTimeout")
    assert done.cluster.get("configmaps", "colours") is None


def test_an_answer_that_is_lost_leaves_what_was_done():
    cluster, call = submitted(booted(), create(configmap()))
    cluster = executed(cluster, call)
    (back,) = offered(cluster, Return)
    cluster, _ = step(cluster, DropCall(back.call))
    done = run(cluster)
    (answer,) = done.effects
    assert answer.response.reason == "ServerTimeout"
    assert done.cluster.get("configmaps", "colours") is not None


def test_a_repeated_call_is_carried_out_twice_and_answered_once():
    request = Request(
        verb="create",
        resource="configmaps",
        namespace="default",
        body=create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}}).body,
    )
    cluster, call = submitted(booted(), request)
    cluster, _ = step(cluster, RepeatCall(call))
    done = run(cluster)
    assert len(done.effects) == 1
    assert (
        len([obj for obj in done.cluster.objects("cm", namespace="default") if obj.metadata.name.startswith("x-")]) == 2
    )


# Watches --------------------------------------------------------------------------------------------------------------


def test_a_watch_that_was_cut_lists_again():
    cluster, call = submitted(
        deployed(), delete("pods", deployed().objects("pods", namespace="default")[0].metadata.name)
    )
    cluster, _ = step(executed(cluster, call), CutWatch(MANAGER, "pods"))
    assert cluster.lag(MANAGER, "pods") == -1
    assert Deliver(MANAGER, "pods", 0) in choices(cluster)
    done = settle(cluster)
    assert done.settled, done.moving
    assert running(done.cluster) == 2


def test_changes_that_are_skipped_are_never_delivered():
    cluster, call = submitted(booted(), create(deployment(1)))
    cluster = executed(cluster, call)
    cluster, _ = step(cluster, SkipChanges(MANAGER, "deployments.apps", 1))
    assert cluster.lag(MANAGER, "deployments.apps") == 0
    unseen = settle(cluster, limit=MINUTE)
    assert unseen.cluster.objects("replicasets") == ()
    seen = settle(unseen.cluster, (CutWatch(MANAGER, "deployments.apps"),))
    assert running(seen.cluster) == 1


def test_changes_of_a_watch_that_has_to_list_cannot_be_skipped():
    cluster, call = submitted(booted(), create(deployment(1)))
    cluster, _ = step(executed(cluster, call), CutWatch(MANAGER, "deployments.apps"))
    with pytest.raises(ReconcileError, match=f"{MANAGER} has to list deployments.apps first"):
        step(cluster, SkipChanges(MANAGER, "deployments.apps", 1))


def test_a_compacted_history_makes_those_who_lag_list_again():
    cluster = booted()
    for name in "abcdefghijklmnopqrstuvwxyz":
        cluster, call = submitted(cluster, create(deployment(0, name=name)))
        cluster = executed(cluster, call)
    for name in "abcdefghijklmnopqrstuvwxyz":
        cluster, call = submitted(cluster, delete("deployments", name))
        cluster = executed(cluster, call)
    cluster, call = submitted(cluster, create(deployment(1)))
    cluster, _ = step(executed(cluster, call), Compact(executed(cluster, call).store.revision))
    assert cluster.store.history("deployments.apps").start > cluster.cursors[MANAGER, "deployments.apps"].position
    done = settle(cluster)
    assert done.settled, done.moving
    assert running(done.cluster) == 1
    with pytest.raises(ReconcileError, match="cannot compact to revision"):
        step(done.cluster, Compact(cluster.store.compacted - 1))


def test_a_host_that_is_cut_off_hears_nothing_and_is_not_heard():
    cluster, _ = step(booted(2), Disconnect("node-2"))
    cluster, call = submitted(cluster, create(deployment(2)))
    cluster = executed(cluster, call)
    cluster = run(cluster, until=cluster.now + 5 * SECOND).cluster
    assert cluster.lag("kubelet/node-2", "pods") != 0
    assert not [each for each in offered(cluster, Deliver) if each.process.endswith("/node-2")]
    with pytest.raises(ReconcileError, match="kubelet/node-2 reaches no API server"):
        step(cluster, Deliver("kubelet/node-2", "pods"))
    assert all(
        cluster.pending[choice.call].host != "node-2"
        for choice in (*offered(cluster, Execute), *offered(cluster, Return))
    )
    done = settle(cluster, (Reconnect("node-2"),))
    assert done.settled, done.moving
    assert running(done.cluster) == 2


def test_an_answer_to_a_host_that_was_cut_off_comes_when_it_is_back():
    cluster, _ = step(booted(2), StopProcess("kubelet/node-2"))
    cluster = run(cluster, (StartProcess("kubelet/node-2"),), steps=2).cluster
    while not (back := [each for each in offered(cluster, Return) if cluster.pending[each.call].host == "node-2"]):
        cluster = run(cluster, steps=1).cluster
    cluster, _ = step(cluster, Disconnect("node-2"))
    assert back[0] not in choices(cluster)
    parked, _ = step(cluster, back[0])
    assert [item.host for item in parked.parked if isinstance(item, Replied)] == ["node-2"]
    done = settle(parked, (Reconnect("node-2"),))
    assert done.settled, done.moving
    assert done.cluster.parked == ()


def test_a_watch_that_is_asked_for_twice_is_opened_once():
    cluster, call = submitted(booted(), watch("nodes"), tag="w")
    done = run(cluster, (RepeatCall(call),))
    assert [effect.type for effect in done.effects if isinstance(effect, Notice)] == ["ADDED"]
    assert [name for name in done.cluster.processes if name.startswith("watch/")] == ["watch/kubectl:w"]


def test_a_clients_watch_does_not_end_with_a_host_that_its_tag_names():
    cluster, _ = submitted(booted(2), watch("nodes"), tag="a/node-2")
    off, _ = step(run(cluster).cluster, StopHost("node-2"))
    assert "watch/kubectl:a/node-2" in off.processes


def ordered():
    """Give a cluster whose kubelet has ordered something that its runtime has not heard, and the orders' numbers."""
    cluster, call = submitted(booted(), create(deployment(2)))
    cluster = executed(cluster, call)
    while not (orders := [serial for serial, item in cluster.pending.items() if _is_order(item)]):
        cluster = run(cluster, steps=1).cluster
    return cluster, orders


def _is_order(item):
    return isinstance(item, Message) and item.process == "runtime/node-1"


def test_orders_are_lost_with_their_kubelet_only():
    cluster, (order, *_) = ordered()
    with pytest.raises(ReconcileError, match="kubelet/node-1 is running: its orders are lost only with it"):
        step(cluster, DropOrder(order))
    down, _ = step(cluster, StopProcess("kubelet/node-1"))
    with pytest.raises(ReconcileError, match="123456 is not the number of an order to a container runtime"):
        step(down, DropOrder(123456))
    lost, _ = step(down, DropOrder(order))
    assert order not in lost.pending
    done = settle(lost, (StartProcess("kubelet/node-1"),))
    assert done.settled, done.moving
    assert running(done.cluster) == 2


# Clocks ---------------------------------------------------------------------------------------------------------------


AHEAD = 90 * SECOND


def skewed(**skews):
    """Give a cluster of two masters, node-1 and node-2, whose clocks are ahead."""
    hosts = tuple(
        [
            Host(name=f"node-{n}", ip=f"172.18.0.{n}", pod_cidr=f"10.128.{n}.0/24", clock_skew=skews.get(f"node{n}", 0))
            for n in (1, 2)
        ]
    )
    done = settle(Cluster.boot(Topology(hosts=hosts, masters=2), seed=SEED))
    assert done.settled, done.moving
    return done.cluster


def test_every_process_of_a_host_goes_by_its_clock():
    right, ahead = skewed(), skewed(node1=AHEAD, node2=AHEAD)
    assert right.now == ahead.now
    for word, name, space in (("nodes", "node-2", ""), ("leases", "kube-scheduler", "kube-system")):
        one, other = (each.get(word, name, namespace=space) for each in (right, ahead))
        assert other.metadata.creation_timestamp.instant - one.metadata.creation_timestamp.instant == AHEAD
    one, other = (each.get("leases", "kube-scheduler", namespace="kube-system") for each in (right, ahead))
    assert other.spec.renew_time.instant - one.spec.renew_time.instant == AHEAD
    events = [each.objects("events", namespace="default") for each in (right, ahead)]
    assert [event.first_timestamp.instant + AHEAD for event in events[0]] == [
        event.first_timestamp.instant for event in events[1]
    ]


def test_a_clock_that_is_wrong_moves_no_timer():
    right, ahead = skewed(), skewed(node1=AHEAD, node2=AHEAD)
    assert [timer.at for timer in right.timers] == [timer.at for timer in ahead.timers]


def test_candidates_on_different_clocks_take_over_from_each_other():
    cluster = skewed(node2=-AHEAD)
    (leader,) = leading(cluster)
    done = settle(cluster, (StopProcess(leader),))
    assert done.settled, done.moving
    assert len(leading(done.cluster)) == 1
    assert done.cluster.get("leases", "kube-scheduler", namespace="kube-system").spec.lease_transitions == 1


def leading(cluster):
    return [each.name for each in cluster.processes.values() if each.kind == "kube-scheduler" and each.leading]


# The outside ----------------------------------------------------------------------------------------------------------


def test_orders_of_an_external_host_leave_and_its_reports_come_in():
    hosts = (
        Host(name="node-1", ip="172.18.0.2", pod_cidr="10.244.0.0/24"),
        Host(name="outside", ip="172.18.0.3", pod_cidr="10.244.1.0/24", external=True),
    )
    done = settle(Cluster.boot(Topology(hosts=hosts, proxy=True), seed=3), limit=MINUTE)
    orders = [effect for effect in done.effects if isinstance(effect, Order)]
    assert orders
    assert {order.host for order in orders} == {"outside"}
    assert "runtime/outside" not in done.cluster.processes
    started = orders[0].order
    cluster, effects = step(done.cluster, ReportIn("outside", SandboxReady(started.uid, "10.244.1.2")))
    assert effects == ()
    cluster, (order,) = _carried(cluster)
    assert order.host == "outside"
    assert type(order.order).__name__ in ("PullImage", "StartContainer")
    assert not isinstance(order.order, Install)


def test_a_report_that_no_kubelet_hears_is_lost():
    cluster, _ = step(booted(), StopProcess("kubelet/node-1"))
    after, effects = step(cluster, ReportIn("node-1", ContainerStarted("u", "c", "id", "image")))
    assert effects == ()
    assert len(after.pending) == len(cluster.pending)


def _carried(cluster):
    effects = []
    for choice in offered(cluster, Carry):
        cluster, more = step(cluster, choice)
        effects += more
    return cluster, tuple(effects)


def test_calls_that_no_server_can_take_are_parked_and_resumed():
    cluster, _ = step(booted(2), Disconnect("node-1"))
    cluster, call = submitted(cluster, get("nodes", "node-2"))
    cluster, _ = step(cluster, Execute(call))
    assert [item.request.name for item in cluster.parked if isinstance(item, Sent)] == ["node-2"]
    done = run(cluster, (Reconnect("node-1"),))
    assert [effect.response.code for effect in done.effects] == [200]


def test_what_waited_for_a_server_comes_after_what_the_server_asks_of_itself():
    done = settle(
        Cluster.boot(Topology(nodes=1, proxy=False), seed=SEED), (Submit(request=create(configmap(red="1"))),)
    )
    assert [effect.response.code for effect in done.effects] == [201]


# Made by hand ---------------------------------------------------------------------------------------------------------

DOOR = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "door"}, "data": {"colour": "red"}}


@pytest.mark.parametrize(
    "request_",
    [
        create(core_v1.ConfigMap(metadata={"name": "door"}, data={"colour": "red"})),
        Request(verb="create", resource="configmaps", namespace="default", body=DOOR),
        Request(
            verb="create",
            resource="configmaps",
            namespace="default",
            body=core_v1.ConfigMap(metadata={"name": "door"}, data={"colour": "red"}),
        ),
    ],
)
def test_a_request_made_of_plain_dicts_and_lists_is_what_it_stands_for(request_):
    user = User(name="me", groups=["system:masters"])
    wanted = settle(booted(), (Submit(request=create(DOOR), user=User(name="me", groups=("system:masters",))),)).cluster
    given = settle(booted(), (Submit(request=request_, user=user),)).cluster
    assert state_digest(given) == state_digest(wanted)
    recorder, lines = recorded()
    recorder.settle((Submit(request=request_, user=user),))
    recorder.end()
    assert replay(lines).identical


def test_what_stands_for_nothing_is_refused_with_its_place():
    body = {**DOOR, "data": ["red"]}
    request_ = Request(verb="create", resource="configmaps", namespace="default", body=body)
    with pytest.raises(ReconcileError, match=r"^request.body.data: expected an object"):
        step(booted(), Submit(request=request_))


def test_a_timers_key_may_be_a_list():
    with pytest.raises(ReconcileError, match=r"timer \('lease',\) of kubelet/node-1 is due at"):
        step(booted(), Fire("kubelet/node-1", ["lease"]))
    with pytest.raises(ReconcileError, match="kubelet/node-1 has no timer"):
        step(booted(), Fire("kubelet/node-1", {"lease": []}))
