import pytest

from reconcile.cluster import Cluster, Topology
from reconcile.components.controllers import Controller, Outcome, Source, keys_of_itself
from reconcile.driver import Shuffled, run, settle
from reconcile.driver.client import ask, create, delete, get, patch
from reconcile.driver.log.recording import Recorder
from reconcile.driver.machine import Machine
from reconcile.driver.machine.processes import end
from reconcile.driver.run import play, play_until_settled
from reconcile.driver.step import apply_event
from reconcile.driver.telling.circles import HURRY, Circles
from reconcile.events import Submit
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MINUTE
from tests.unit.driver.lab import SEED, booted, configmap, deployment, running

NOTE = Submit(request=create({**configmap("note"), "data": {"word": "maybe"}}))


def own(name, reconcile, resource="configmaps"):
    return Controller(name=name, sources=(Source(resource, keys_of_itself),), reconcile=reconcile)


def says(word, key="default/note"):
    def reconcile(asked):
        found = asked.views.get("configmaps", asked.key)
        if asked.key != key or found is None or found.data["word"] == word:
            return Outcome()
        body = {"data": {"word": word}}
        return Outcome(calls=(patch("configmaps", asked.key.partition("/")[2], body, namespace="default"),))

    return own(word, reconcile)


def makes(asked):
    if asked.key != "default/note":
        return Outcome()  # every namespace has one of its own
    return Outcome(
        calls=(create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}}),), again=True
    )


def looks(asked):
    return Outcome(calls=(get("configmaps", "note"),), again=True)


def begs(_):
    nowhere = create({**configmap("note"), "metadata": {"name": "note", "namespace": "nowhere"}})
    return Outcome(calls=(nowhere,), again=True)


def spins(_):
    return Outcome(again=True)


def deletes(asked):
    return Outcome(calls=(delete("pods", asked.key.partition("/")[2]),))


def of(*controllers, nodes=1):
    return settle(Cluster.boot(Topology(nodes=nodes), seed=SEED, controllers=controllers)).cluster


def test_two_that_fight_over_a_field_are_named_with_it():
    done = settle(of(says("yes"), says("no")), (NOTE,))
    assert not done.settled
    assert done.steps <= HURRY + 1
    assert done.moving[0] == (
        "controller no and controller yes go round in a circle, 2s after power-on: 20,000 steps at one instant; "
        "in the last 10,000 configmaps default/note data.word written 1,250 times by controller no and 1,250 times by "
        "controller yes"
    )
    assert done.moving[1].startswith("2 messages and turns are under way")


def test_after_how_many_steps_is_the_callers_to_say():
    cluster = of(says("yes"), says("no"))
    assert settle(cluster, (NOTE,), hurry=1_000).steps == 1_001
    assert run(cluster, (NOTE,), hurry=100, steps=90).circle == ""
    for hurry in (0, -3):
        with pytest.raises(ReconcileError, match=f"hurry: expected a number of steps above 0, found {hurry}"):
            settle(cluster, hurry=hurry)


@pytest.mark.parametrize(
    ("reconcile", "said"),
    [
        (makes, "configmaps created 667 times by controller own"),
        (looks, "configmaps default/note asked for 500 times by controller own"),
        (begs, "configmaps nowhere/note asked for 500 times by controller own"),
        (spins, "hardly anything was asked for; the next: work kube-controller-manager/node-1 own"),
    ],
)
def test_one_alone_goes_round_in_a_circle(reconcile, said):
    done = settle(of(own("own", reconcile)), (NOTE,), hurry=2_000)
    assert said in done.moving[0]
    assert "at one instant" in done.moving[0]


def test_pods_that_are_deleted_as_soon_as_they_are_there_are_replaced_in_time():
    cluster = of(own("own", deletes, "pods"))
    done = settle(cluster, (Submit(request=create(deployment(2))),), limit=MINUTE)
    assert not done.settled
    assert not done.moving[0].startswith("controller")
    assert done.cluster.now >= cluster.now + MINUTE * 9 // 10


def test_a_maker_for_an_owner_is_caught_however_often_its_objects_go_again():
    """What ReplicaSet and kubelet would do without their paces."""

    def replaces(asked):
        owner = asked.views.get("replicasets.apps", "default/own")
        if owner is None:
            return Outcome()
        reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "own", "uid": owner.metadata.uid}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": "own-", "ownerReferences": [{**reference, "controller": True}]},
            "spec": {"containers": [{"name": "c", "image": "c"}]},
        }
        gone = [
            delete("pods", kept.metadata.name) for kept in asked.views.table("pods").under("owner", owner.metadata.uid)
        ]
        return Outcome(calls=(*gone, create(pod)), again=True)

    maker = Controller(
        name="maker",
        sources=(Source("replicasets.apps", keys_of_itself), Source("pods", lambda *_: ())),
        reconcile=replaces,
    )
    labels = {"matchLabels": {"a": "b"}}
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "own"},
        "spec": {
            "replicas": 0,
            "selector": labels,
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "c"}]}},
        },
    }
    done = settle(of(maker), (Submit(request=create(owner)),), hurry=2_000)
    assert not done.settled
    assert "controller maker goes round in a circle" in done.moving[0]
    assert "times for ReplicaSet default/own by controller maker" in done.moving[0]


def test_run_ends_in_a_circle_too_and_says_so():
    cluster = of(says("yes"), says("no"))
    ran = run(cluster, (NOTE,), until=cluster.now + MINUTE, hurry=2_000)
    assert (ran.idle, ran.cluster.now) == (False, cluster.now)
    assert ran.circle.startswith("controller no and controller yes go round in a circle")
    shuffled = run(cluster, (NOTE,), until=cluster.now, policy=Shuffled.of(3), hurry=500)
    assert "circle" in shuffled.circle
    assert run(booted(), until=booted().now + MINUTE).circle == ""


def test_a_recorder_counts_over_several_runs_at_one_instant():
    written = []
    recorder = Recorder(
        Cluster.boot(Topology(nodes=1), seed=SEED, controllers=(says("yes"), says("no"))), written.append
    )
    recorder.settle()
    recorder.step(NOTE)
    runs = [recorder.run(steps=500, hurry=2_000) for _ in range(5)]
    assert [bool(each.circle) for each in runs] == [False, False, False, False, True]
    assert recorder.settle(hurry=2_000).moving[0].startswith("controller no and controller yes")


def test_a_request_whose_answer_never_comes_because_time_stands_still_is_given_up():
    cluster, _ = ask(of(own("own", spins)), create(configmap("note")))
    machine = Machine(cluster)
    end(machine, "kube-apiserver/node-1")
    said = (
        "no API server answers the request to get nodes node-1: kube-controller-manager/node-1 goes round in a circle"
    )
    with pytest.raises(ReconcileError, match=said):
        ask(machine.closed(), get("nodes", "node-1"))


@pytest.mark.parametrize("hurry", [100, 300, 1_000])
def test_much_at_one_instant_is_no_circle(hurry):
    machine, circles = Machine(booted(2)), Circles(hurry)
    apply_event(machine, Submit(request=create(deployment(60))))
    first = machine.steps
    assert play_until_settled(machine, machine.now + MINUTE, None, circles=circles), circles.found
    assert machine.steps - first > 1_500
    assert running(machine.closed()) == 60
    assert machine.trace is None


def test_many_hosts_that_power_on_at_once_are_no_circle():
    done = settle(Cluster.boot(Topology(nodes=60), seed=SEED), hurry=200)
    assert done.settled, done.moving


def test_many_objects_of_clients_are_no_circle():
    events = tuple(Submit(request=create(configmap(f"note-{number}"))) for number in range(400))
    done = settle(booted(), events, hurry=300)
    assert done.settled, done.moving
    changes = tuple(
        Submit(request=patch("configmaps", "note-1", {"data": {"n": str(number)}})) for number in range(600)
    )
    again = settle(done.cluster, changes, hurry=300)
    assert again.settled, again.moving


def test_who_traces_himself_keeps_his_trace():
    machine = Machine(of(says("yes"), says("no")))
    machine.trace = []
    apply_event(machine, NOTE)
    circles = Circles(1_000)
    assert not play(machine, None, None, circles)
    assert circles.found
    assert len(machine.trace) == 250
