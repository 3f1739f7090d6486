"""What every kind of workload promises is kept whatever happens, and missed when a rule is broken on purpose."""

from contextlib import suppress
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconcile.cluster.cluster import Cluster
from reconcile.driver.run import collector_paused, settle
from reconcile.lib.errors import ReconcileError
from reconcile.properties import ALWAYS, PROMISES, named
from reconcile.testing.fuzzing import Schedule, play
from reconcile.testing.programs import THEMES, WAYS, programs, world
from reconcile.testing.writing import scenario_of
from tests.properties.mutants import MUTANTS

HOSTS = ("node-1", "node-2", "node-3")
# A soak plays as many as its profile says; everybody else a few of each.
RUNS = settings.default.max_examples if settings.default.max_examples > 1000 else settings.default.max_examples // 10
COUNTED = settings(
    max_examples=max(RUNS, 5),
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)


class Missed(Exception):  # noqa: N818 -- what is looked for
    pass


@cache
def shaped(theme):
    """Give a topology that has what only one theme needs."""
    return world(cloud=theme == "balancers", devices=theme == "devices")


@cache
def booted(topology):
    settled = settle(Cluster.boot(topology, seed=1))
    assert settled.settled, settled.moving
    return settled.cluster


def judged(program, theme=""):
    with collector_paused():
        verdict = play(booted(shaped(theme)), program, past=WAYS)
    if verdict.problems:
        said = "\n".join([*verdict.problems, *verdict.happened])
        pytest.fail(f"{said}\n\n{scenario_of(shaped(theme), 1, program, past=WAYS)}")
    return verdict


@pytest.mark.parametrize("theme", THEMES)
@COUNTED
@given(st.data())
def test_users_and_any_order(theme, data):
    judged(data.draw(programs(themes=(theme,))), theme)


@pytest.mark.parametrize("theme", THEMES)
@COUNTED
@given(st.data())
def test_everything_fails(theme, data):
    judged(data.draw(programs(HOSTS, themes=(theme,))), theme)


@COUNTED
@given(programs(HOSTS))
def test_themes_mix(program):
    judged(program)


# Broken on purpose ----------------------------------------------------------------------------------------------------


def first_broken(mutant, properties, promises):
    """Play programs; give how many it took until the mutant's property was broken, and what was said."""
    count, said = 0, ()

    @settings(
        max_examples=mutant.most * (1 if settings.default.derandomize else 10),
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(programs(themes=(mutant.theme,), most=mutant.moves))
    def plays(program):
        nonlocal count, said
        count += 1
        problems = play(booted(shaped(mutant.theme)), program, properties, promises, past=WAYS).problems
        if any(problem.startswith(f"{mutant.breaks}: ") for problem in problems):
            said = problems
            raise Missed

    with suppress(Missed):
        plays()
    return count, said


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.put.__name__)
def test_a_broken_rule_is_found(mutant, monkeypatch):
    booted(shaped(mutant.theme))
    mutant.put(monkeypatch)
    with collector_paused():
        count, said = first_broken(mutant, *named(mutant.breaks))
    assert said, f"not found in {count} programs"


def test_every_promise_has_a_mutant():
    assert {each.name for each in PROMISES} <= {mutant.breaks for mutant in MUTANTS}


def test_properties_go_by_their_names():
    properties, promises = named("no quota exceeded", "no eviction beyond a budget")
    assert [each.name for each in properties] == ["no quota exceeded"]
    assert [each.name for each in promises] == ["no eviction beyond a budget"]
    assert not {each.name for each in ALWAYS} & {each.name for each in PROMISES}
    with pytest.raises(ReconcileError, match="no property 'no quota'; there are a StatefulSet keeps its order, "):
        named("no quota")


def test_a_program_is_data():
    assert play(booted(shaped("")), Schedule(())).problems == ()


def smallest_broken(mutant):
    """Give the smallest program that breaks the mutant's property."""
    smallest = None

    @settings(max_examples=mutant.most, database=None, phases=(Phase.generate, Phase.shrink))
    @given(programs(themes=(mutant.theme,), most=6))
    def plays(program):
        nonlocal smallest
        problems = play(booted(shaped(mutant.theme)), program, *named(mutant.breaks), past=WAYS).problems
        if any(problem.startswith(f"{mutant.breaks}: ") for problem in problems):
            smallest = program
            raise Missed

    with suppress(Missed):
        plays()
    return smallest


@pytest.mark.parametrize("name", ["gives_devices_twice", "minds_no_budget"])
def test_what_is_found_shrinks_to_a_handful_of_moves(name, monkeypatch):
    mutant = next(each for each in MUTANTS if each.put.__name__ == name)
    booted(shaped(mutant.theme))
    mutant.put(monkeypatch)
    with collector_paused():
        smallest = smallest_broken(mutant)
    assert len(smallest.moves) - len(THEMES[mutant.theme].last(smallest.manifests)) <= 5
