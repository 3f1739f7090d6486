import attrs
import pytest

from reconcile.api import core_v1, meta_v1, policy_v1
from reconcile.api.scalars import Time
from reconcile.components.scheduler.questions import node_of, place_of
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map


def running(kit, name, node, cpu, priority=0, *, since=0, labels=None):
    pod = kit.pod(name, kit.container(cpu=cpu), node=node, phase="Running", priority=priority)
    return attrs.evolve(
        pod,
        metadata=attrs.evolve(pod.metadata, labels=Map(labels or {})),
        status=attrs.evolve(pod.status, start_time=Time.at(since * SECOND)),
    )


def wanted(kit, cpu, priority=10, **spec):
    return kit.pod("high", kit.container(cpu=cpu), priority=priority, **spec)


def evicted(kit, effects):
    return [call.tag[1] for call in kit.calls(effects, "status") if call.tag and call.tag[0] == "evict"]


def test_a_victim_is_told_why_and_then_deleted_and_the_pod_gets_its_node(kit):
    play = kit.play(kit.node("n1"), pods=[running(kit, "low", "n1", "3")])
    play.tell("pods", wanted(kit, "2"))
    effects = play.turn()
    message = "0/1 nodes are available: 1 Insufficient cpu."
    assert [(record.reason, record.message) for record in kit.records(effects)] == [
        ("FailedScheduling", message),
        ("Preempted", "Preempted by pod uid-high on node n1"),
    ]
    told, evict = kit.calls(effects, "status")
    assert told.request.body["status"]["nominatedNodeName"] == "n1"
    (condition,) = evict.request.body["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("DisruptionTarget", "PreemptionByScheduler")
    assert condition["message"] == "default-scheduler: preempting to accommodate a higher priority pod"
    (delete,) = play.answer(evict, 200)
    assert (delete.request.verb, delete.request.name) == ("delete", "low")
    assert place_of(play.state, "default/high") == "waiting"
    play.gone("pods", "default/low")
    assert play.placed() == "n1"
    assert not play.state.nominated


def test_a_victim_that_is_gone_meanwhile_is_not_deleted(kit):
    play = kit.play(kit.node("n1"), pods=[running(kit, "low", "n1", "3")])
    play.tell("pods", wanted(kit, "2"))
    _, evict = kit.calls(play.turn(), "status")
    assert play.answer(evict, 404, meta_v1.Status(message="not found")) == ()


@pytest.mark.parametrize("told", [True, False])
def test_a_pod_whose_victim_cannot_be_evicted_is_tried_again(kit, told):
    play = kit.play(kit.node("n1"), pods=[running(kit, "low", "n1", "3")])
    play.tell("pods", wanted(kit, "2"))
    _, call = kit.calls(play.turn(), "status")
    if told:
        (call,) = play.answer(call, 200)
    (timer,) = play.answer(call, 403, meta_v1.Status(message="no"))
    assert (timer.key, place_of(play.state, "default/high")) == (("retry",), "failed")
    assert play.answer(call, 403) == ()
    play.wait(2)
    play.fire(("retry",))
    assert len(evicted(kit, play.turn())) == 1


def test_only_as_many_go_as_have_to_the_least_important_first(kit):
    there = [
        running(kit, "old", "n1", "1", since=1),
        running(kit, "young", "n1", "1", since=2),
        running(kit, "mid", "n1", "1", 5, since=3),
    ]
    play = kit.play(kit.node("n1", cpu="3"), pods=there)
    play.tell("pods", wanted(kit, "1"))
    assert evicted(kit, play.turn()) == ["default/young"]


def test_the_node_is_taken_where_it_hurts_least(kit):
    there = [
        running(kit, "mid", "n1", "4", 5),
        running(kit, "one", "n2", "2"),
        running(kit, "two", "n2", "2"),
        running(kit, "single", "n3", "4"),
    ]
    play = kit.play(kit.node("n1"), kit.node("n2"), kit.node("n3"), pods=there)
    play.tell("pods", wanted(kit, "4"))
    assert evicted(kit, play.turn()) == ["default/single"]


def test_a_budget_is_violated_last(kit):
    budget = policy_v1.PodDisruptionBudget(
        metadata=meta_v1.ObjectMeta(name="b", namespace="default"),
        spec=policy_v1.PodDisruptionBudgetSpec(selector=meta_v1.LabelSelector(match_labels=Map({"app": "a"}))),
        status=policy_v1.PodDisruptionBudgetStatus(
            disruptions_allowed=0, current_healthy=1, desired_healthy=1, expected_pods=1
        ),
    )
    there = [
        running(kit, "guarded", "n1", "2", since=2, labels={"app": "a"}),
        running(kit, "free", "n1", "2", since=1),
    ]
    play = kit.play(kit.node("n1"), pods=there, **{"poddisruptionbudgets.policy": [budget]})
    play.tell("pods", wanted(kit, "2"))
    assert evicted(kit, play.turn()) == ["default/free"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"preemption_policy": "Never"}, "not eligible due to preemptionPolicy=Never."),
        ({"priority": 0}, "0/1 nodes are available: 1 No preemption victims found for incoming pod."),
        ({"priority": -5}, "0/1 nodes are available: 1 No preemption victims found for incoming pod."),
    ],
)
def test_who_preempts_nobody(kit, spec, why):
    play = kit.play(kit.node("n1"), pods=[running(kit, "low", "n1", "3")])
    play.tell("pods", wanted(kit, "2", **spec))
    assert play.refused() == (
        f"0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: {why}"
    )


def test_a_second_look_waits_for_the_victims_that_are_ending(kit):
    low = running(kit, "low", "n1", "3")
    play = kit.play(kit.node("n1"), pods=[low])
    play.tell("pods", wanted(kit, "2"))
    play.turn()
    ending = attrs.evolve(
        low,
        metadata=attrs.evolve(low.metadata, deletion_timestamp=Time.at(0)),
        status=attrs.evolve(
            low.status,
            conditions=(core_v1.PodCondition(type="DisruptionTarget", status="True", reason="PreemptionByScheduler"),),
        ),
    )
    play.tell("pods", ending)
    play.wait(301)
    play.fire(("flush",))
    assert play.refused().endswith("preemption: not eligible due to a terminating pod on the nominated node.")


def test_a_promised_node_is_kept_from_pods_that_matter_less(kit):
    play = kit.play(kit.node("n1"), pods=[running(kit, "low", "n1", "3")])
    play.tell("pods", wanted(kit, "2"))
    play.turn()
    play.gone("pods", "default/low")
    play.tell("pods", kit.pod("small", kit.container(cpu="3"), priority=5))
    bound = [play.turn() for _ in range(2)]
    assert [call.tag[1] for effects in bound for call in kit.calls(effects, "binding")] == ["default/high"]
    assert node_of(play.state, "default/small") is None
