import attrs
import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components import scheduler
from reconcile.components.scheduler import questions
from reconcile.effects import CancelTimer, SetTimer, Wake
from reconcile.events import Turned, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND
from reconcile.lib.table import Table
from reconcile.model.requests import Request
from reconcile.model.watches import Watch

WAKE = Wake("schedule")


def test_watches_nodes_and_pods_and_what_plugins_ask_for():
    watches = scheduler.watches(scheduler.begin(Dice(1, "s")))
    assert watches[:2] == (Watch("nodes", "nodes"), Watch("pods", "pods"))
    assert [watch.name for watch in watches[2:4]] == ["namespaces", "services"]


def test_nothing_is_scheduled_before_all_watches_have_told(kit):
    play = kit.fresh()
    assert play.tell("pods", kit.pod("a")) == ()
    assert play.turn() == ()
    *others, last = [watch for watch in scheduler.watches(play.state) if watch.name != "pods"]
    for watch in others:
        assert play.hear(Watched(0, watch.name, (), Table())) == ()
    assert play.hear(Watched(0, last.name, (), Table())) == (WAKE,)


def test_a_pod_is_bound_to_the_node_and_the_event_says_so(kit):
    play = kit.play(kit.node("n1"))
    pod = kit.pod("web")
    assert play.tell("pods", pod) == (WAKE,)
    (call,) = play.turn()
    binding = core_v1.Binding(
        metadata=meta_v1.ObjectMeta(namespace="default", name="web", uid="uid-web"),
        target=core_v1.ObjectReference(kind="Node", name="n1"),
    )
    assert call.request == Request(
        verb="create", resource="pods", namespace="default", name="web", subresource="binding", body=binding
    )
    (record,) = play.answer(call)
    assert (record.about, record.type, record.reason) == (pod, "Normal", "Scheduled")
    assert record.message == "Successfully assigned default/web to n1"
    assert questions.assumed(play.state) == ("default/web",)
    assert play.confirm(call) == ()
    assert questions.assumed(play.state) == ()
    assert questions.node_of(play.state, "default/web") == "n1"


def leaving(pod):
    return attrs.evolve(pod, metadata=attrs.evolve(pod.metadata, deletion_timestamp=Time.at(0)))


@pytest.mark.parametrize("known", [True, False])
def test_a_pod_that_is_being_deleted_has_its_turn_skipped(kit, known):
    play = kit.play(kit.node("n1"))
    pod = kit.pod("web")
    if known:
        assert play.tell("pods", pod) == (WAKE,)
    assert play.tell("pods", leaving(pod)) == (() if known else (WAKE,))
    (record,) = play.turn()
    assert (record.about, record.type, record.reason) == (leaving(pod), "Warning", "FailedScheduling")
    assert record.message == "skip schedule deleting pod: default/web"
    assert questions.place_of(play.state, "default/web") is None
    assert play.turn() == ()
    # One of the same template that comes after it is as usual.
    play.tell("pods", kit.pod("other"))
    assert play.placed() == "n1"
    assert not play.state.placed["default/other"].traits.guise.leaving


def test_a_pod_that_waits_and_is_being_deleted_stays_until_something_changes(kit):
    play = kit.play(kit.node("n1", cpu="1"))
    pod = kit.pod("web", kit.container(cpu="2"))
    play.tell("pods", pod)
    play.refused()
    assert play.tell("pods", leaving(pod)) == ()
    assert questions.place_of(play.state, "default/web") == "waiting"
    play.tell("nodes", kit.node("n1", cpu="3"))
    assert play.refused() == "skip schedule deleting pod: default/web"


def test_the_event_is_recorded_though_the_watch_was_quicker_than_the_answer(kit):
    play = kit.play(kit.node("n1"), pods=[kit.pod("web")])
    (call,) = play.turn()
    play.confirm(call)
    (record,) = play.answer(call)
    assert record.reason == "Scheduled"
    assert play.answer(call) == ()


def test_a_spurious_turn_is_harmless(kit):
    play = kit.play(kit.node("n1"))
    before = play.state
    assert play.turn() == ()
    assert play.state == before


def test_turns_go_on_until_none_is_left_and_do_not_wait_for_bindings(kit):
    play = kit.play(kit.node("n1"))
    assert play.tell("pods", kit.pod("a"), kit.pod("b")) == (WAKE,)
    first, again = play.turn()
    assert again == WAKE
    (second,) = play.turn()
    assert [first.request.name, second.request.name] == ["a", "b"]


def test_the_higher_priority_goes_first_then_the_longer_wait(kit):
    play = kit.play(kit.node("n1"), pods=[kit.pod("late")])
    play.wait(1)
    play.tell("pods", kit.pod("later"), kit.pod("urgent", priority=10), kit.pod("idle", priority=-10))
    assert [play.turn()[0].request.name for _ in range(4)] == ["urgent", "late", "later", "idle"]


@pytest.mark.parametrize(
    "change",
    [
        {"scheduler_name": "other"},
        {"phase": "Succeeded"},
        {"phase": "Failed"},
        {"node": "n1"},
        {"scheduling_gates": (core_v1.PodSchedulingGate(name="wait"),)},
    ],
)
def test_not_queued(kit, change):
    play = kit.play(kit.node("n1"))
    assert play.tell("pods", kit.pod("a", **change)) == ()
    assert play.turn() == ()


def test_a_gated_pod_goes_on_when_its_gates_are_gone(kit):
    play = kit.play(kit.node("n1"))
    play.tell("pods", kit.pod("a", scheduling_gates=(core_v1.PodSchedulingGate(name="wait"),)))
    assert questions.place_of(play.state, "default/a") == "gated"
    assert play.tell("pods", kit.pod("a")) == (WAKE,)
    assert play.placed() == "n1"


def test_a_refused_binding_is_forgotten_and_tried_again_after_a_back_off(kit):
    play = kit.play(kit.node("n1", pods="1"), pods=[kit.pod("a")])
    (call,) = play.turn()
    record, patch, timer = play.answer(call, 409, meta_v1.Status(message="it is taken"))
    assert record.message == 'running Bind plugin "DefaultBinder": it is taken'
    assert patch.request.body["status"]["conditions"][0]["reason"] == "SchedulerError"
    assert timer == SetTimer(("retry",), SECOND)
    assert questions.node_of(play.state, "default/a") is None
    assert play.turn() == ()
    play.wait(1)
    assert play.fire(("retry",)) == (WAKE,)
    assert play.placed() == "n1"


def test_the_back_off_doubles_up_to_ten_seconds(kit):
    play = kit.play(kit.node("n1"), pods=[kit.pod("a")])
    waits = []
    for _ in range(6):
        (call,) = play.turn()
        *_, timer = play.answer(call, 500)
        waits.append((timer.at - play.now) // SECOND)
        play.now = timer.at
        play.fire(("retry",))
    assert waits == [1, 2, 4, 8, 10, 10]


def test_a_refusal_after_the_watch_has_told_the_binding_changes_nothing(kit):
    play = kit.play(kit.node("n1"), pods=[kit.pod("a")])
    (call,) = play.turn()
    play.confirm(call)
    assert play.answer(call, 504) == ()
    assert questions.node_of(play.state, "default/a") == "n1"


def test_the_timer_goes_when_the_pod_does(kit):
    play = kit.play(kit.node("n1"), pods=[kit.pod("a")])
    (call,) = play.turn()
    play.answer(call, 500)
    assert play.gone("pods", "default/a") == (CancelTimer(("retry",)),)


def test_a_watch_that_lags_does_not_give_an_assumed_pod_a_second_turn(kit):
    play = kit.play(kit.node("n1", pods="1"), pods=[kit.pod("a")])
    (call,) = play.turn()
    assert play.tell("pods", kit.pod("a")) == ()
    play.answer(call)
    play.wait(3600)
    assert play.tell("pods", kit.pod("a"), kit.pod("b")) == (WAKE,)
    assert "Too many pods" in play.refused()


def test_a_pod_deleted_while_it_is_bound_makes_room(kit):
    play = kit.play(kit.node("n1", pods="1"), pods=[kit.pod("a"), kit.pod("b")])
    call, _ = play.turn()
    play.refused()
    assert play.gone("pods", "default/a") == (WAKE,)
    assert play.answer(call) == ()
    assert play.placed() == "n1"


def test_a_pod_of_the_same_name_is_another_pod(kit):
    play = kit.play(kit.node("n1", pods="1"), pods=[kit.pod("a")])
    assert play.placed() == "n1"
    assert play.tell("pods", kit.pod("a", uid="second")) == (WAKE,)
    assert play.placed() == "n1"


def test_why_a_pod_waits_is_recorded_at_every_try_and_written_once(kit):
    play = kit.play(kit.node("n1", cpu="1"), pods=[kit.pod("a", kit.container(cpu="2"))])
    record, patch, timer = play.turn()
    message = (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: "
        "0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
    assert (record.type, record.reason, record.message) == ("Warning", "FailedScheduling", message)
    assert timer == SetTimer(("flush",), 300 * SECOND, periodic=True)
    body = patch.request.body
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": "1970-01-01T00:00:00Z",
    }
    assert body == {"status": {"conditions": (condition,)}}
    written = core_v1.PodCondition(
        type="PodScheduled", status="False", reason="Unschedulable", message=message, last_transition_time=Time.at(0)
    )
    pod = play.objects["pods", "default/a"]
    assert play.tell("pods", attrs.evolve(pod, status=attrs.evolve(pod.status, conditions=(written,)))) == ()
    play.wait(300)
    assert play.fire(("flush",)) == (WAKE,)
    again, timer = play.turn()
    assert again.message == message
    assert timer == SetTimer(("flush",), 600 * SECOND, periodic=True)


def test_the_words_of_three_nodes(kit):
    play = kit.play(
        kit.node("control", taints=[("node-role.kubernetes.io/control-plane", "", "NoSchedule")]),
        kit.node("one", cpu="1"),
        kit.node("two", cpu="1"),
        pods=[kit.pod("first", kit.container(cpu="600m")), kit.pod("second", kit.container(cpu="600m"))],
    )
    play.placed()
    play.placed()
    play.tell("pods", kit.pod("third", kit.container(cpu="600m")))
    assert play.refused() == (
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. "
        "no new claims to deallocate, preemption: 0/3 nodes are available: "
        "1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod."
    )


def test_a_pod_that_must_not_preempt_is_told_so(kit):
    play = kit.play(kit.node("n1", pods="0"), pods=[kit.pod("a", preemption_policy="Never")])
    assert play.refused().endswith("preemption: not eligible due to preemptionPolicy=Never.")


def test_without_nodes_a_pod_waits_for_the_first(kit):
    play = kit.play(pods=[kit.pod("a")])
    assert play.refused() == "no nodes available to schedule pods"
    assert play.tell("nodes", kit.node("n1")) == (WAKE,)
    assert play.placed() == "n1"


def test_a_pod_that_names_its_nodes_is_told_of_the_others_as_upstream_does(kit):
    play = kit.play(kit.node("n1", pods="0"), kit.node("n2"), kit.node("n3"))
    play.tell("pods", kit.pod("daemon", affinity=kit.affinity(((), [("metadata.name", "In", "n1")]))))
    assert play.refused().startswith(
        "0/3 nodes are available: 1 Too many pods, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]."
    )


def test_two_pods_leave_one_seed_alike_and_seeds_differ(kit):
    def run(seed):
        play = kit.play(*[kit.node(f"n{number}") for number in range(20)], seed=seed)
        play.tell("pods", *[kit.pod(f"p{number}") for number in range(10)])
        return [play.placed() for _ in range(10)]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_resizing_a_bound_pod_is_counted(kit):
    play = kit.play(kit.node("n1", cpu="1"), pods=[kit.pod("a", kit.container(cpu="900m"))])
    play.placed()
    play.tell("pods", kit.pod("b", kit.container(cpu="500m")))
    assert "Insufficient cpu" in play.refused()
    assert play.tell("pods", kit.pod("a", kit.container(cpu="100m"), node="n1")) == (WAKE,)
    assert play.placed() == "n1"


def test_a_turn_of_another_kind_of_event_is_refused(kit):
    play = kit.play()
    with pytest.raises(AssertionError, match="does not hear"):
        play.hear(object())
    assert play.hear(Turned(0, "schedule")) == ()


def test_room_is_free_only_when_a_resize_is_over(kit):
    def version(asks, has, generation):
        pod = kit.pod("there", kit.container(cpu=asks), node="n1", phase="Running")
        status = core_v1.ContainerStatus(
            name="main",
            image="nginx:1",
            image_id="",
            ready=True,
            restart_count=0,
            resources=core_v1.ResourceRequirements(requests=kit.quantities(cpu=has)),
        )
        return attrs.evolve(
            pod,
            metadata=attrs.evolve(pod.metadata, generation=generation),
            status=attrs.evolve(pod.status, container_statuses=(status,)),
        )

    play = kit.play(kit.node("n1"), pods=[version("3", "3", 1)])
    play.tell("pods", kit.pod("web", kit.container(cpu="2")))
    play.refused()
    play.tell("pods", version("1", "3", 2))
    assert questions.place_of(play.state, "default/web") == "waiting"
    play.tell("pods", version("1", "1", 2))
    assert questions.place_of(play.state, "default/web") == "backoff"
    assert play.placed() == "n1"
