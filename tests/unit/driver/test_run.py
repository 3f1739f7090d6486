import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.cluster import Cluster, Topology
from reconcile.driver import Shuffled, collector_paused, run, settle, step, still_moving
from reconcile.driver.client import create, get, patch, scale
from reconcile.driver.run import quiet_time
from reconcile.driver.wire import state_digest
from reconcile.effects import Answer
from reconcile.events import Disconnect, Reconnect, StopHost, StopProcess, Submit
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.behaviours import Behaviours
from tests.unit.driver.lab import SEED, booted, configmap, deployed, deployment, running

APPLY = Submit(request=create(deployment(2)), tag="apply")


# run ------------------------------------------------------------------------------------------------------------------


def test_without_until_time_stands_still():
    done = run(booted(), (APPLY,))
    assert done.idle
    assert done.cluster.now == booted().now
    assert done.cluster.get("deployments", "web") is not None
    assert running(done.cluster) == 0


def test_time_moves_until_the_instant_that_was_named():
    end = booted().now + 7 * SECOND + 1
    done = run(booted(), (APPLY,), until=end)
    assert (done.idle, done.cluster.now) == (True, end)
    assert running(done.cluster) == 2
    assert done.cluster.timers.first().at > end


def test_a_run_of_so_many_steps_stops_there():
    done = run(booted(), (APPLY,), steps=10)
    assert (done.steps, done.idle) == (10, False)
    assert done.cluster.steps == booted().steps + 10
    nothing = run(booted(), steps=0, until=booted().now + MINUTE)
    assert (nothing.steps, nothing.idle, nothing.cluster.now) == (0, False, booted().now)


def test_the_events_count_as_steps():
    done = run(booted(), (APPLY, Submit(request=get("nodes", "node-1"))), steps=2)
    assert done.steps == 2
    assert len(done.cluster.pending) == 2


def test_a_run_gives_its_effects_in_order():
    events = [Submit(request=get("nodes", "node-1"), tag=str(number)) for number in range(5)]
    done = run(booted(), tuple(events))
    assert [effect.tag for effect in done.effects if isinstance(effect, Answer)] == list("01234")


def test_an_event_that_cannot_happen_is_refused():
    with pytest.raises(ReconcileError, match="there is no host 'node-7'"):
        run(booted(), (StopHost("node-7"),))


def test_a_policy_decides_and_stops_where_it_is_told():
    end = booted().now + 3 * SECOND
    done = run(booted(), (APPLY,), until=end, policy=Shuffled.of(1))
    assert done.idle
    assert done.cluster.now <= end
    still = run(booted(), (APPLY,), policy=Shuffled.of(1))
    assert still.idle
    assert still.cluster.now == booted().now
    assert run(booted(), (APPLY,), steps=5, policy=Shuffled.of(1)).steps == 5


def test_first_in_first_out_the_answers_come_in_the_order_of_the_requests():
    done = run(booted(), tuple([Submit(request=create(configmap(name)), tag=name) for name in "cab"]))
    assert [effect.tag for effect in done.effects] == ["c", "a", "b"]
    revisions = [int(done.cluster.get("cm", name).metadata.resource_version) for name in "cab"]
    assert revisions == sorted(revisions)


# A long run is many short ones ----------------------------------------------------------------------------------------


def whole():
    return run(booted(), (APPLY,), steps=300, until=booted().now + MINUTE)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 60), max_size=20))
def test_a_run_is_the_same_however_it_is_cut_into_runs(lengths):
    end = booted().now + MINUTE
    cluster, _ = step(booted(), APPLY)
    left, effects = 299, ()
    for length in (*lengths, left):
        done = run(cluster, steps=min(length, left), until=end)
        cluster, left, effects = done.cluster, left - done.steps, effects + done.effects
    assert left == 0
    assert effects == whole().effects
    assert state_digest(cluster) == state_digest(whole().cluster)


@settings(max_examples=10)
@given(st.lists(st.integers(0, 40 * SECOND), max_size=6))
def test_a_run_is_the_same_however_its_time_is_cut(instants):
    end = booted().now + 40 * SECOND
    cluster = run(booted(), (APPLY,)).cluster
    for instant in sorted(instants):
        cluster = run(cluster, until=booted().now + instant).cluster
    cut, straight = run(cluster, until=end).cluster, run(booted(), (APPLY,), until=end).cluster
    assert state_digest(cut) == state_digest(straight)


def test_a_fork_disturbs_nothing():
    base = booted()
    digest = state_digest(base)
    forks = [
        run(base, (Submit(request=create(deployment(number))),), until=base.now + MINUTE).cluster for number in (1, 3)
    ]
    aside = run(base, (StopHost("node-1"),), until=base.now + 5 * MINUTE).cluster
    assert [running(fork) for fork in forks] == [1, 3]
    assert state_digest(base) == digest
    again = run(base, (Submit(request=create(deployment(1))),), until=base.now + MINUTE).cluster
    assert state_digest(again) == state_digest(forks[0])
    assert running(aside) == 0
    assert len({state_digest(each) for each in (base, *forks, aside)}) == 4


# settle ---------------------------------------------------------------------------------------------------------------


def test_settled_is_when_only_periodic_timers_are_left():
    done = settle(booted(), (APPLY,))
    assert (done.settled, done.moving) == (True, ())
    assert running(done.cluster) == 2
    assert done.cluster.timers.busy == 0
    assert still_moving(done.cluster) == ()
    again = settle(done.cluster)
    assert (again.steps, again.cluster.now) == (0, done.cluster.now)


def test_the_events_answers_are_among_the_effects():
    done = settle(booted(), (APPLY,))
    (answer,) = [effect for effect in done.effects if isinstance(effect, Answer)]
    assert (answer.tag, answer.response.code) == ("apply", 201)


def test_what_does_not_settle_says_what_still_moves():
    behaviours = Behaviours.parse({"images": {"crash*": "start 0.1s, exit 1 after 1s"}})
    base = settle(Cluster.boot(Topology(nodes=1, behaviours=behaviours), seed=SEED)).cluster
    done = settle(base, (Submit(request=create(deployment(1, image="crash:1"))),), limit=10 * MINUTE)
    assert not done.settled
    assert base.now + 9 * MINUTE < done.cluster.now <= base.now + 10 * MINUTE
    assert any(sentence.startswith("kubelet/node-1: ") and ", due in " in sentence for sentence in done.moving)


def test_a_limit_of_nothing_lets_no_time_go_by():
    done = settle(booted(), (APPLY,), limit=0)
    assert not done.settled
    assert done.cluster.now == booted().now
    assert done.moving


def test_what_cannot_reach_a_server_is_not_settled():
    done = settle(booted(2), (Disconnect("node-1"), APPLY), limit=MINUTE)
    assert not done.settled
    assert any("for an API server that can be reached" in sentence for sentence in done.moving)
    back = settle(done.cluster, (Reconnect("node-1"),))
    assert back.settled, back.moving
    assert running(back.cluster) == 2


def test_what_a_host_that_is_cut_off_waits_for_keeps_nobody_from_settling():
    done = settle(booted(2), (Disconnect("node-2"),))
    assert done.settled, done.moving
    assert done.cluster.parked
    assert {node.metadata.name: _ready(node) for node in done.cluster.objects("nodes")}["node-2"] == "Unknown"
    assert still_moving(done.cluster) == ()


def test_a_host_that_is_cut_off_still_reaches_the_server_on_it():
    before = booted(2).processes["kube-controller-manager/node-1"]
    done = run(booted(2), (Disconnect("node-1"),), until=booted(2).now + 2 * MINUTE)
    assert done.cluster.processes["kube-controller-manager/node-1"] == before
    assert {node.metadata.name: _ready(node) for node in done.cluster.objects("nodes")} == {
        "node-1": "True",
        "node-2": "Unknown",
    }


def test_a_cluster_without_a_leader_waits_until_it_has_one():
    manager = "kube-controller-manager/node-1"
    assert quiet_time(booted()) == 0
    done = settle(booted(), (StopProcess(manager), APPLY))
    assert done.settled, done.moving
    assert done.cluster.processes[manager].leading
    assert running(done.cluster) == 2


def test_quiet_waits_for_what_silence_will_cause():
    cluster, _ = step(deployed(2), StopHost("node-2"))
    at_once = settle(cluster, quiet=0)
    assert at_once.cluster.now - cluster.now < 40 * SECOND
    ready = {node.metadata.name: _ready(node) for node in at_once.cluster.objects("nodes")}
    assert ready["node-2"] == "True"
    waited = settle(cluster)
    ready = {node.metadata.name: _ready(node) for node in waited.cluster.objects("nodes")}
    assert ready == {"node-1": "True", "node-2": "Unknown"}


def test_quiet_goes_on_past_what_it_finds():
    done = settle(booted(), (APPLY,), quiet=MINUTE)
    plain = settle(booted(), (APPLY,))
    assert done.settled
    assert done.cluster.now >= plain.cluster.now + MINUTE


def test_settling_takes_up_what_has_no_answer_yet():
    cluster, _ = step(deployed(), Submit(request=scale("deployments", "web", 4)))
    cluster, _ = step(
        cluster, Submit(request=patch("deployments", "web", {"metadata": {"annotations": {"colour": "red"}}}))
    )
    done = settle(cluster)
    assert len([effect for effect in done.effects if isinstance(effect, Answer)]) == 2
    assert running(done.cluster) == 4


def _ready(node):
    return next(condition.status for condition in node.status.conditions if condition.type == "Ready")


# The collector --------------------------------------------------------------------------------------------------------


def test_the_collector_is_paused_and_then_as_it_was():
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), collector_paused():
        1 / 0  # noqa: B018
    assert gc.isenabled()
