"""
A second, dumber DefaultPreemption: it keeps nothing, thinks every node through from scratch, and takes the least row of
numbers. Both are given the same pods and must take the same victims; broken in any of several ways, ours does not.
"""

import random

import attrs
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from reconcile.api import meta_v1, policy_v1
from reconcile.api.scalars import Time
from reconcile.components.scheduler.plugins import default_preemption
from reconcile.lib.instant import SECOND
from reconcile.lib.mapping import Map

CORES = 4
APPS = ("a", "b", "c")


@st.composite
def worlds(draw):
    """Draw what runs on nodes, as (node, cores, priority, started, app); budgets; what the pod takes, its priority."""
    row = st.tuples(
        st.integers(1, 3), st.integers(1, 2), st.integers(0, 3), st.integers(1, 5), st.sampled_from((*APPS, None))
    )
    budgets = draw(st.lists(st.tuples(st.sampled_from(APPS), st.integers(0, 1)), max_size=2))
    return draw(st.lists(row, max_size=10)), budgets, draw(st.integers(2, CORES)), draw(st.integers(1, 4))


def running(kit, number, row):
    node, cores, priority, started, app = row
    pod = kit.pod(f"p{number}", kit.container(cpu=str(cores)), node=f"n{node}", phase="Running", priority=10 * priority)
    return attrs.evolve(
        pod,
        metadata=attrs.evolve(pod.metadata, labels=Map({"app": app}) if app else Map()),
        status=attrs.evolve(pod.status, start_time=Time.at(started * SECOND)),
    )


def budget(number, app, allowed):
    return policy_v1.PodDisruptionBudget(
        metadata=meta_v1.ObjectMeta(name=f"b{number}", namespace="default"),
        spec=policy_v1.PodDisruptionBudgetSpec(selector=meta_v1.LabelSelector(match_labels=Map({"app": app}))),
        status=policy_v1.PodDisruptionBudgetStatus(
            disruptions_allowed=allowed, current_healthy=1, desired_healthy=1, expected_pods=1
        ),
    )


def fitting(rows):
    """Leave out what there is no room for on its node."""
    left, found = dict.fromkeys((1, 2, 3), CORES), []
    for row in rows:
        if row[1] <= left[row[0]]:
            left[row[0]] -= row[1]
            found.append(row)
    return found


def chosen_by_ours(kit, rows, budgets, cores, priority):
    """Give the names of the victims; None if the pod gets a node without any, or none at all."""
    play = kit.play(
        *[kit.node(f"n{number}", cpu=str(CORES)) for number in (1, 2, 3)],
        pods=[running(kit, number, row) for number, row in enumerate(rows)],
        **{"poddisruptionbudgets.policy": [budget(number, *each) for number, each in enumerate(budgets)]},
    )
    play.tell("pods", kit.pod("high", kit.container(cpu=str(cores)), priority=10 * priority))
    effects = play.turn()
    if kit.calls(effects, "binding"):
        return None
    return sorted([call.tag[1].partition("/")[2] for call in kit.calls(effects, "status") if call.tag])


def allowed_by_naive(rows, budgets, cores, priority):
    """Give each set of victims that may be taken; None if the pod needs none."""
    free = {node: CORES - sum(row[1] for row in rows if row[0] == node) for node in (1, 2, 3)}
    if any(room >= cores for room in free.values()):
        return None
    found = []
    for node in (1, 2, 3):
        lower = [(f"p{number}", row) for number, row in enumerate(rows) if row[0] == node and row[2] < priority]
        lower.sort(key=lambda each: (-each[1][2], each[1][3]))
        if free[node] + sum(row[1] for _, row in lower) < cores or not lower:
            continue
        left, violating = [allowed for _, allowed in budgets], set()
        for name, row in lower:
            for place, (app, _) in enumerate(budgets):
                if row[4] == app:
                    left[place] -= 1
                    if left[place] < 0:
                        violating.add(name)
        room, victims = free[node] + sum(row[1] for _, row in lower), []
        for name, row in sorted(lower, key=lambda each: each[0] not in violating):
            if room - row[1] >= cores:
                room -= row[1]
            else:
                victims.append((name, row))
        highest = max(row[2] for _, row in victims)
        harm = (
            len([name for name, _ in victims if name in violating]),
            highest,
            sum(10 * row[2] + 2**31 for _, row in victims),
            len(victims),
            -min(row[3] for _, row in victims if row[2] == highest),
        )
        found.append((harm, sorted(name for name, _ in victims)))
    least = min([harm for harm, _ in found], default=None)
    return [names for harm, names in found if harm == least] or [[]]


def differ(kit, world):
    rows, *rest = world
    rows = distinct(fitting(rows))
    ours, naive = chosen_by_ours(kit, rows, *rest), allowed_by_naive(rows, *rest)
    return (ours is None) != (naive is None) or (ours is not None and ours not in naive)


def distinct(rows):
    """Let no two pods of a node be alike in priority and start: which of them goes is then not said."""
    return list({(node, priority, started): row for row in rows for node, _, priority, started, _ in [row]}.values())


@given(worlds())
def test_takes_the_victims_that_the_naive_one_does(kit, world):
    assert not differ(kit, world)


@given(worlds())
def test_nobody_goes_who_could_have_stayed(kit, world):
    rows, budgets, cores, priority = world
    rows = distinct(fitting(rows))
    victims = chosen_by_ours(kit, rows, budgets, cores, priority)
    for name in victims or ():
        (_, _, rank, _, _) = rows[int(name[1:])]
        assert rank < priority
        node = rows[int(name[1:])][0]
        staying = [row for number, row in enumerate(rows) if row[0] == node and f"p{number}" not in victims]
        assert CORES - sum(row[1] for row in staying) >= cores
        assert CORES - sum(row[1] for row in (*staying, rows[int(name[1:])])) < cores


REAL = default_preemption._harm
BROKEN = {
    "budgets do not count": ("_by_budget", lambda victims, around: ([], victims)),
    "violations are forgotten": ("_harm", lambda one: REAL(one)[1:]),
    "the highest is forgotten": ("_harm", lambda one: (REAL(one)[0], *REAL(one)[2:])),
    "the sum is forgotten": ("_harm", lambda one: (*REAL(one)[:2], *REAL(one)[3:])),
    "the earliest start": ("_harm", lambda one: (*REAL(one)[:4], -REAL(one)[4])),
    "the least important stay": ("_by_importance", lambda victims: sorted(victims, key=lambda one: one.key)),
    "none of a higher rank": ("_lower_ranks", lambda priority, around: priority > 1 << 20),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_one_is_caught(kit, monkeypatch, how):
    name, mutant = BROKEN[how]
    monkeypatch.setattr(default_preemption, name, mutant)
    try:
        find(
            worlds(),
            lambda world: differ(kit, world),
            settings=settings(max_examples=3000, database=None, deadline=None, phases=[Phase.generate]),
            random=random.Random(1),
        )
    except NoSuchExample:
        pytest.fail(f"nothing shows that {how}")
