"""What preemption found on a node is remembered, and makes no difference: whoever forgets it all finds the same."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.api import meta_v1, policy_v1
from reconcile.api.scalars import Time
from reconcile.components.scheduler.cache.trials import KEPT, OpenTrials, Trials
from reconcile.components.scheduler.plugins import default_preemption
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

NODES = ("n1", "n2", "n3")
PODS = tuple([f"p{number}" for number in range(8)])


def running(kit, name, node, cpu, priority=0, *, since=1, app="a"):
    pod = kit.pod(name, kit.container(cpu=cpu), node=node, phase="Running", priority=priority)
    return attrs.evolve(
        pod,
        metadata=attrs.evolve(pod.metadata, labels=Map({"app": app})),
        status=attrs.evolve(pod.status, start_time=Time.at(since * SECOND)),
    )


def budget(app, allowed):
    return policy_v1.PodDisruptionBudget(
        metadata=meta_v1.ObjectMeta(name=f"b-{app}", namespace="default"),
        spec=policy_v1.PodDisruptionBudgetSpec(selector=meta_v1.LabelSelector(match_labels=Map({"app": app}))),
        status=policy_v1.PodDisruptionBudgetStatus(
            disruptions_allowed=allowed, current_healthy=1, desired_healthy=1, expected_pods=1
        ),
    )


def wanted(kit, name, cpu, priority=10):
    return kit.pod(name, kit.container(cpu=str(cpu)), priority=priority)


def evicted(kit, effects):
    return [call.tag[1] for call in kit.calls(effects, "status") if call.tag and call.tag[0] == "evict"]


def full(kit):
    """Two nodes that are alike, each filled by one pod."""
    return kit.play(
        kit.node("n1"), kit.node("n2"), pods=[running(kit, "p1", "n1", "4", since=1), running(kit, "p2", "n2", "4")]
    )


def tried(kit, play, monkeypatch, *, name="again", cpu=3, priority=10):
    """Have a pod look for room; give the nodes that are tried for it, and its victims."""
    slots = []
    real = default_preemption._on_node

    def counting(entry, slot, *rest):
        slots.append(slot)
        return real(entry, slot, *rest)

    monkeypatch.setattr(default_preemption, "_on_node", counting)
    play.tell("pods", wanted(kit, name, cpu, priority))
    victims = evicted(kit, play.turn())
    monkeypatch.undo()
    return sorted(slots), victims


def test_what_did_not_change_is_not_tried_again(kit, monkeypatch):
    play = full(kit)
    assert tried(kit, play, monkeypatch, name="first")[0] == [0, 1]
    play.gone("pods", "default/first")
    slots, victims = tried(kit, play, monkeypatch)
    assert (slots, len(victims)) == ([], 1)


def test_another_kind_of_pod_is(kit, monkeypatch):
    play = full(kit)
    tried(kit, play, monkeypatch, name="first")
    play.gone("pods", "default/first")
    assert tried(kit, play, monkeypatch, cpu=2)[0] == [0, 1]
    play.gone("pods", "default/again")
    assert tried(kit, play, monkeypatch, priority=9)[0] == [0, 1]


def test_a_node_that_is_promised_is_tried_with_whom_it_is_promised_to(kit, monkeypatch):
    play = full(kit)
    _, (first,) = tried(kit, play, monkeypatch, name="first")
    slots, (other,) = tried(kit, play, monkeypatch)
    assert len(slots) == 1
    assert {first, other} == {"default/p1", "default/p2"}


def older(kit, play):
    play.tell("pods", running(kit, "p1", "n1", "4", since=0))
    return [0], ["default/p2"]


def newer(kit, play):
    play.tell("pods", running(kit, "p2", "n2", "4", since=5))
    return [1], ["default/p2"]


def protected(kit, play):
    play.tell("poddisruptionbudgets.policy", budget("a", 1))
    play.tell("pods", running(kit, "p1", "n1", "4", app="b", since=9), running(kit, "p2", "n2", "4", since=8))
    play.tell("poddisruptionbudgets.policy", budget("b", 0))
    return [0, 1], ["default/p2"]


def joined(kit, play):
    play.gone("pods", "default/p1")
    play.tell("pods", running(kit, "p1", "n1", "2"), running(kit, "p3", "n1", "2"))
    return [0], ["default/p2"]


def cordoned(kit, play):
    play.tell("nodes", kit.node("n1", unschedulable=True))
    return [], ["default/p2"]


@pytest.mark.parametrize("how", [older, newer, protected, joined, cordoned])
def test_a_node_where_something_changed_is_tried_again(kit, monkeypatch, how):
    play = full(kit)
    tried(kit, play, monkeypatch, name="first")
    play.gone("pods", "default/first")
    expected = how(kit, play)
    assert tried(kit, play, monkeypatch) == expected


def test_only_so_many_kinds_are_remembered(kit):
    play = full(kit)
    for number in range(KEPT + 3):
        play.tell("pods", wanted(kit, f"h{number}", 3, 10 + number))
        play.turn()
    kinds = play.state.memory.trials.kinds
    assert [kind[2] for kind in kinds] == [10 + number for number in range(3, KEPT + 3)]


def test_who_asks_nothing_leaves_it_as_it_is(kit):
    play = full(kit)
    trials = Trials()
    opened = OpenTrials(trials, play.state.nodes, play.state.views, play.state.placed)
    assert opened.closed(trials) is trials


STEPS = st.one_of(
    st.tuples(
        st.just("runs"),
        st.sampled_from(PODS),
        st.sampled_from(NODES),
        st.integers(1, 3),
        st.integers(0, 3),
        st.integers(1, 4),
        st.sampled_from("ab"),
    ),
    st.tuples(st.just("ends"), st.sampled_from(PODS)),
    st.tuples(st.just("wants"), st.sampled_from("xyz"), st.integers(2, 4), st.integers(1, 4)),
    st.tuples(st.just("leaves"), st.sampled_from("xyz")),
    st.tuples(st.just("budget"), st.sampled_from("ab"), st.integers(0, 1)),
    st.tuples(st.just("node"), st.sampled_from(NODES), st.integers(3, 5), st.booleans()),
)


def told(kit, play, step):
    word, name, *rest = step
    if word == "runs":
        node, cpu, *more, since, app = rest
        play.tell("pods", running(kit, name, node, str(cpu), *more, since=since, app=app))
    elif word == "ends":
        play.gone("pods", f"default/{name}")
    elif word == "wants":
        play.tell("pods", wanted(kit, name, *rest))
    elif word == "leaves":
        play.gone("pods", f"default/{name}")
    elif word == "budget":
        play.tell("poddisruptionbudgets.policy", budget(name, *rest))
    else:
        play.tell("nodes", kit.node(name, cpu=str(rest[0]), unschedulable=rest[1]))


def forgetful(play):
    state = play.state
    play.state = replace(state, memory=replace(state.memory, trials=Trials()))


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, min_size=4, max_size=25))
def test_who_forgets_it_all_finds_the_same(kit, steps):
    start = [running(kit, name, node, "4") for name, node in zip(PODS, NODES, strict=False)]
    ours, other = [kit.play(*[kit.node(name) for name in NODES], pods=start) for _ in range(2)]
    for step in steps:
        for play in (ours, other):
            told(kit, play, step)
        for _ in range(2):
            forgetful(other)
            assert ours.turn() == other.turn()
    assert ours.state == other.state
