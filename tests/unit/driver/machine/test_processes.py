import pytest

from reconcile.cluster.pending import Message, Replied, Sent, Turning
from reconcile.driver import run, settle, step
from reconcile.driver.client import create, get
from reconcile.driver.machine import Machine, execute, give_back
from reconcile.driver.machine.happening import carry, fired, turn
from reconcile.driver.machine.processes import end, take_up
from reconcile.effects import Answer, StartContainer
from reconcile.events import Disconnect, Reconnect, StartHost, StartProcess, StopHost, StopProcess, Submit
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.requests import Response
from tests.unit.driver.lab import booted, deployed, deployment, running

SCHEDULER = "kube-scheduler/node-1"
KUBELET = "kubelet/node-1"


def restarted(name=KUBELET):
    """Give an open machine in which a process has another life than it had, and the two lives."""
    machine = Machine(deployed())
    earlier = machine.processes.get(name)
    cluster, _ = step(deployed(), StopProcess(name))
    if name == KUBELET:
        cluster, _ = step(cluster, StartProcess(name))
    machine = Machine(settle(cluster).cluster)
    later = machine.processes.get(name)
    assert later.life > earlier.life
    return machine, earlier, later


def test_what_was_meant_for_an_earlier_life_is_dropped():
    machine, earlier, later = restarted()
    state = machine.states.get(KUBELET)
    request = get("pods", "web")
    answer = Response(404)
    gone = Replied(KUBELET, earlier.life, "node-1", request, ("x",), answer, machine.now)
    report = Message(KUBELET, earlier.life, StartContainer("u", "c", "i", 0, "p"))
    assert give_back(machine, gone) is False
    assert carry(machine, report) is False
    assert turn(machine, Turning(KUBELET, earlier.life, "pods")) is False
    fired(machine, (KUBELET, earlier.life, ("heartbeat",)))
    assert machine.states.get(KUBELET) is state
    assert machine.processes.get(KUBELET) == later


def test_a_call_of_an_earlier_life_is_carried_out_and_its_answer_dropped():
    machine, earlier, _ = restarted()
    request = create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}})
    user = machine.processes.get(SCHEDULER).user
    admin = Submit(request=request).user
    sent = Sent(KUBELET, earlier.life, "node-1", admin, request, ("x",), machine.now)
    assert user != admin
    assert execute(machine, sent)
    assert machine.store.get("configmaps", "default/late") is not None
    (back,) = [item for item in machine.settle_pending().values() if isinstance(item, Replied)]
    state = machine.states.get(KUBELET)
    assert give_back(machine, back) is False
    assert machine.states.get(KUBELET) is state


@pytest.mark.parametrize("name", [KUBELET, SCHEDULER, "kube-controller-manager/node-1", "kube-proxy/node-1"])
def test_a_process_that_ends_leaves_nothing_behind(name):
    machine = Machine(deployed())
    end(machine, name)
    end(machine, name)
    cluster = machine.closed()
    assert name not in cluster.processes
    assert all(name not in table for table in (cluster.states, cluster.elections, cluster.recorders))
    assert all(process != name for process, _ in cluster.cursors)
    assert all(process != name for channel in cluster.channels.values() for process, _ in channel.watchers)


def test_timers_of_a_dead_process_keep_nobody_from_settling():
    cluster = run(deployed(), (StopHost("node-1"),)).cluster
    live = [timer for timer in cluster.timers if cluster.processes.get(timer.key[0]) is not None]
    assert live == []
    done = settle(cluster)
    assert done.settled, done.moving


def test_an_order_is_lost_with_the_host_it_was_for():
    cluster = run(booted(2), (Submit(request=create(deployment(4))),)).cluster
    messages = 0
    while not messages:
        cluster = run(cluster, steps=1, until=cluster.now + SECOND).cluster
        messages = sum(isinstance(item, Message) and "/node-2" in item.process for item in cluster.pending.values())
    done = settle(cluster, (StopHost("node-2"), StartHost("node-2")))
    assert done.settled, done.moving
    assert running(done.cluster) == 4


def test_what_is_no_effect_is_refused():
    machine = Machine(booted())
    with pytest.raises(ReconcileError, match=r"kubelet/node-1 gave 'nonsense', which is no effect"):
        take_up(machine, machine.processes.get(KUBELET), ("nonsense",))


# Parked ---------------------------------------------------------------------------------------------------------------


def test_parked_requests_are_resumed_in_their_order():
    cluster, _ = step(booted(2), Disconnect("node-1"))
    for name in "abc":
        cluster, _ = step(cluster, Submit(request=get("nodes", name), tag=name))
    cluster = run(cluster, until=cluster.now + SECOND).cluster
    waiting = [item.request.name for item in cluster.parked if isinstance(item, Sent) and not item.process]
    assert waiting == ["a", "b", "c"]
    done = run(cluster, (Reconnect("node-1"),))
    assert [effect.tag for effect in done.effects if isinstance(effect, Answer)] == ["a", "b", "c"]
    assert done.cluster.parked == ()


@pytest.mark.parametrize("component", ["etcd", "kube-apiserver"])
def test_requests_wait_while_the_server_is_restarted(component):
    cluster, _ = step(deployed(2), StopProcess(f"{component}/node-1"))
    cluster, _ = step(cluster, Submit(request=get("deployments", "web")))
    still = run(cluster)
    assert still.effects == ()
    assert still.cluster.parked
    done = settle(still.cluster)
    assert done.settled, done.moving
    (answer,) = [effect for effect in done.effects if isinstance(effect, Answer)]
    assert answer.response.ok
    assert answer.took > 0
    assert running(done.cluster) == 2


def test_what_etcd_stored_is_there_when_it_is_back():
    before = deployed().store
    done = settle(deployed(), (StopProcess("etcd/node-1"),))
    assert done.cluster.store.revision >= before.revision
    assert (
        done.cluster.get("deployments", "web").metadata.uid
        == before.get("deployments.apps", "default/web").metadata.uid
    )


def test_events_last_an_hour():
    cluster = run(deployed(), until=deployed().now + 30 * MINUTE).cluster
    assert [event for event in cluster.objects("events", namespace="default") if event.reason == "Scheduled"]
    cluster = run(cluster, until=cluster.now + 32 * MINUTE).cluster
    assert not [event for event in cluster.objects("events", namespace="default") if event.reason == "Scheduled"]
    assert len(cluster.store.leases) < 62
