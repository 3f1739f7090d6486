"""Gangs: they are placed whole or not at all."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.api import meta_v1, scheduling_v1alpha2
from reconcile.api.scalars import Time
from reconcile.components.scheduler.configuration import configuration_of
from reconcile.components.scheduler.groups import turning
from reconcile.lib.mapping import Map
from reconcile.model.pods.grouping import GROUPS
from tests.unit.components.scheduler.groups.gangs import GENERIC, Gangs, group

NOT_ALL = (
    "pod group is unschedulable, waiting for minCount pods from a gang to be scheduled, one or more plugins asked to "
    "wait and no plugin rejected pod"
)
NO_ROOM = (
    "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 "
    "No preemption victims found for incoming pod."
)
UNPLACED = ("g", "False", "Unschedulable", "pod group is unschedulable")
PLACED = ("g", "True", "Scheduled", "")


def names(count):
    return [f"p{number}" for number in range(count)]


def test_a_gang_that_fits_is_placed_in_one_turn(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=3),))
    gangs.come(*names(3))
    assert sorted(gangs.turns(2)) == names(3)
    assert (gangs.said(), gangs.conditions()) == ({}, [PLACED])


def test_of_a_gang_that_does_not_fit_nobody_is_placed(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=5),))
    gangs.come(*names(5))
    assert gangs.turns() == {}
    assert gangs.said() == {**dict.fromkeys(names(4), NOT_ALL), "p4": NO_ROOM}
    assert gangs.conditions() == [UNPLACED]
    assert set(gangs.places().values()) == {"waiting"}
    gangs.play.tell("nodes", gangs.node("c"))
    assert sorted(gangs.turns()) == names(5)


def test_what_was_thought_of_for_a_gang_takes_no_room_from_others(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=5),))
    gangs.come(*names(5))
    gangs.turns()
    gangs.come("alone", group=None)
    assert list(gangs.turns()) == ["alone"]


def test_more_than_the_least_are_placed_if_they_fit_and_the_rest_waits(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=3),))
    gangs.come(*names(5))
    assert sorted(gangs.turns()) == names(4)
    assert (gangs.said(), gangs.conditions()) == ({"p4": NO_ROOM}, [PLACED])
    gangs.play.tell("nodes", gangs.node("c"))
    assert gangs.turns() == {"p4": "c"}


def test_one_that_never_fits_does_not_matter_if_enough_others_do(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=2),))
    gangs.play.tell("pods", gangs.pod("p0"), gangs.pod("p1", cpu="8"), gangs.pod("p2"))
    assert sorted(gangs.turns()) == ["p0", "p2"]


def test_a_gang_has_no_turn_before_it_is_large_enough(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=3),))
    gangs.come("p0", "p1")
    gangs.come("alone", group=None)
    assert list(gangs.turns()) == ["alone"]
    assert gangs.places() == {"p0": "gated", "p1": "gated"}
    gangs.come("p2", scheduler_name="others")
    assert gangs.turns() == {}  # it is not this scheduler's to place
    gangs.come("p3")
    assert sorted(gangs.turns()) == ["p0", "p1", "p3"]


def test_a_pod_that_is_on_a_node_counts_whoever_placed_it(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=3),))
    gangs.come("p0", "p1")
    gangs.come("p2", node="b", scheduler_name="others")
    assert sorted(gangs.turns()) == ["p0", "p1"]


def test_a_gang_is_tried_again_when_somebody_else_places_one_of_it(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=5),))
    gangs.come(*names(5))
    assert gangs.turns() == {}
    gangs.play.tell("nodes", gangs.node("c", cpu="0"))
    assert gangs.turns() == {}
    gangs.come("p4", node="c")
    assert sorted(gangs.turns()) == names(4)


def test_what_a_scheduler_places_itself_does_not_stir_the_rest(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=3),))
    gangs.come(*names(5))
    gangs.turns()
    assert len(gangs.said()) == 1
    assert gangs.places() == {"p4": "waiting"}


def test_pods_wait_for_their_group_to_be_there(kit):
    gangs = Gangs(kit, "a", "b")
    gangs.come("p0", "p1")
    assert (gangs.turns(), gangs.places()) == ({}, {"p0": "gated", "p1": "gated"})
    gangs.play.tell(GROUPS, group(count=2))
    assert sorted(gangs.turns()) == ["p0", "p1"]


def test_a_pod_with_scheduling_gates_counts_and_has_no_turn(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=2),))
    held = gangs.gate(gangs.pod("p1"), "example.com/wait")
    gangs.play.tell("pods", gangs.pod("p0"), held)
    assert gangs.turns() == {}
    assert gangs.said() == {"p0": NOT_ALL}
    gangs.play.tell("pods", gangs.gate(held))
    assert sorted(gangs.turns()) == ["p0", "p1"]


def test_a_gang_of_which_one_is_gone_waits_again(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=2),))
    gangs.come("p0", "p1")
    gangs.play.gone("pods", "default/p1")
    assert (gangs.turns(), gangs.places()) == ({}, {"p0": "gated"})
    gangs.come("p2")
    assert sorted(gangs.turns()) == ["p0", "p2"]


def test_a_basic_group_is_placed_as_far_as_it_fits(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(),))
    gangs.come(*names(5))
    assert sorted(gangs.turns()) == names(4)
    assert gangs.conditions() == [PLACED]


def test_without_gang_scheduling_a_gang_is_as_a_basic_group_and_needs_none_to_be_there(kit):
    gangs = Gangs(kit, "a", gates=GENERIC)
    gangs.come(*names(3))
    assert sorted(gangs.turns()) == ["p0", "p1"]
    assert gangs.conditions() == []


def test_without_the_gate_groups_are_not_looked_at(kit):
    gangs = Gangs(kit, "a", gates=Map())
    gangs.come("p0")
    assert list(gangs.turns()) == ["p0"]
    assert len(gangs.play.state.memory.members) == 0


def test_a_group_that_was_placed_stays_so_in_its_status(kit):
    said = meta_v1.Condition(
        type="PodGroupScheduled",
        status="True",
        reason="Scheduled",
        message="",
        last_transition_time=Time.at(0),
    )
    placed = attrs.evolve(group(count=1), status=scheduling_v1alpha2.PodGroupStatus(conditions=(said,)))
    gangs = Gangs(kit, "a", groups=(placed,))
    gangs.come(*names(3))
    assert sorted(gangs.turns()) == ["p0", "p1"]
    assert gangs.conditions() == []


def test_pods_of_one_group_are_placed_by_one_profile(kit):
    both = configuration_of(
        {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "profiles": [{"schedulerName": "default-scheduler"}, {"schedulerName": "second"}],
        }
    )
    gangs = Gangs(kit, "a", groups=(group(count=2),), configuration=both)
    gangs.play.tell("pods", gangs.pod("p0"), gangs.pod("p1", scheduler_name="second"))
    assert gangs.turns() == {}
    said = "all pods in a single pod group should have the same .spec.schedulerName set, got: "
    why = f'{said}"second" and "default-scheduler"'
    assert gangs.said() == dict.fromkeys(["p0", "p1"], why)
    assert set(gangs.places().values()) == {"failed"}


# Preemption -----------------------------------------------------------------------------------------------------------


def lower(gangs, *names):
    """Let pods of a low priority be on node a, then on node b."""
    for place, name in enumerate(names):
        gangs.come(name, group=None, node="ab"[place // 2], priority=1, phase="Running")


def evicted(gangs):
    return {
        call.request.name for call in gangs.kit.calls(gangs.effects, "status") if call.tag and call.tag[0] == "evict"
    }


def test_a_gang_waits_until_those_are_gone_who_go_for_it(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=3),))
    lower(gangs, "v0", "v1", "v2")
    gangs.come(*names(3), priority=1000)
    assert gangs.turns() == {}
    waits = "pod group is unschedulable, pod group is waiting for preemption to complete"
    told = gangs.said()
    assert sorted(told.values()) == ["0/2 nodes are available: 2 Insufficient cpu."] * 2 + [waits]
    assert gangs.conditions() == [("g", "False", "Unschedulable", waits)]
    assert len(gangs.play.state.nominated) == 3
    victims = evicted(gangs)
    assert len(victims) >= 2
    gangs.play.gone("pods", *[f"default/{name}" for name in sorted(victims)])
    assert sorted(gangs.turns()) == names(3)
    assert gangs.conditions() == [PLACED]


def test_nothing_is_promised_to_a_gang_that_would_not_fit_even_so(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=5),))
    lower(gangs, "v0", "v1", "v2", "v3")
    gangs.come(*names(5), priority=1000)
    assert gangs.turns() == {}
    assert {name: gangs.said()[name] for name in names(4)} == dict.fromkeys(names(4), NOT_ALL)
    assert gangs.conditions() == [UNPLACED]
    assert len(gangs.play.state.nominated) == 0
    assert evicted(gangs) == {"v0", "v1", "v2", "v3"}  # they go all the same, as upstream


# Against a second, dumber look ----------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pods"), st.sampled_from("gh"), st.integers(1, 3)),
        st.tuples(st.just("node"), st.just(""), st.integers(1, 3)),
        st.tuples(st.just("gone"), st.sampled_from("gh"), st.just(0)),
    ),
    min_size=2,
    max_size=6,
)


def played(kit, least, steps):
    """Play *steps*; after each, what was bound at once is judged by counting. Give how often a gang was placed."""
    gangs = Gangs(kit, groups=[group(name, count) for name, count in least.items()])
    there, bound, free, count, placings = {"g": set(), "h": set()}, {"g": set(), "h": set()}, 0, 0, 0
    for what, which, number in steps:
        if what == "node":
            count += 1
            gangs.play.tell("nodes", gangs.node(f"n{count}", cpu=str(number)))
            free += number
        elif what == "pods":
            come = [f"{which}{count + each}" for each in range(1, number + 1)]
            count += number
            gangs.come(*come, group=which)
            there[which] |= set(come)
        elif bound[which]:
            name = min(bound[which])
            gangs.play.gone("pods", f"default/{name}")
            there[which].discard(name)
            bound[which].discard(name)
            free += 1
        now = gangs.turns()
        for name in now:
            bound[name[0]].add(name)
            free -= 1
        for name, pods in there.items():
            assert len(bound[name]) >= least[name] or not any(each[0] == name for each in now), "only a part of it"
            waits = pods - bound[name]
            fits = min(len(waits), free)
            assert not (fits and len(bound[name]) + fits >= least[name] and len(pods) >= least[name]), "it would fit"
            placings += len(bound[name]) >= least[name] > 1
    return placings


@given(least=st.fixed_dictionaries({"g": st.integers(1, 4), "h": st.integers(1, 4)}), steps=STEPS)
@settings(max_examples=25)
def test_a_gang_is_placed_if_enough_of_it_fits_and_never_less_of_it(kit, least, steps):
    played(kit, least, steps)


HALF = ({"g": 3, "h": 4}, [("node", "", 2), ("pods", "g", 3)])
WHOLE = ({"g": 3, "h": 4}, [("node", "", 2), ("pods", "g", 3), ("node", "", 1)])


def test_some_gang_is_placed(kit):
    assert played(kit, *WHOLE) == 1


def test_a_scheduler_that_places_half_a_gang_is_caught(kit, monkeypatch):
    played(kit, *HALF)
    monkeypatch.setattr(turning, "_least", lambda *_: 0)
    with pytest.raises(AssertionError, match="only a part of it"):
        played(kit, *HALF)


def test_a_scheduler_that_never_places_a_gang_is_caught(kit, monkeypatch):
    monkeypatch.setattr(turning, "_least", lambda *_: 99)
    with pytest.raises(AssertionError, match="it would fit"):
        played(kit, *WHOLE)


def test_one_that_is_being_deleted_is_skipped_and_the_others_are_tried_without_it(kit):
    gangs = Gangs(kit, "a", "b", groups=(group(count=3),))
    gangs.come(*names(3))
    pods = [gangs.pod(name) for name in names(3)]
    leaving = [attrs.evolve(pod, metadata=attrs.evolve(pod.metadata, deletion_timestamp=Time.at(0))) for pod in pods]
    gangs.play.tell("pods", leaving[1])
    assert gangs.turns() == {}
    skipped = "skip schedule deleting pod: default/p1"
    assert gangs.said() == {"p0": NOT_ALL, "p1": skipped, "p2": NOT_ALL}
    assert gangs.places() == {"p0": "waiting", "p2": "waiting"}
    gangs.play.tell("pods", leaving[0], leaving[2])
    gangs.play.tell("nodes", gangs.node("c"))
    assert gangs.turns() == {}
    assert sorted(gangs.said()) == ["p0", "p2"]
