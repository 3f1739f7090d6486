"""What every kind of workload promises is kept whatever happens, and missed when a rule is broken on purpose."""

from contextlib import suppress
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from reconcile.cluster.cluster import Cluster
from reconcile.driver.run import collector_paused, settle
from reconcile.testing.fuzzing import play
from reconcile.testing.programs import WAYS, programs, world
from tests.properties.mutants import MUTANTS

HOSTS = ("node-1", "node-2", "node-3")


class Missed(Exception):  # noqa: N818 -- what is looked for
    pass


@cache
def booted(cloud):
    settled = settle(Cluster.boot(world(cloud=cloud), seed=1))
    assert settled.settled, settled.moving
    return settled.cluster


def first_broken(mutant):
    """Play programs; give how many it took until the mutant's property was broken, and what was said."""
    count, said = 0, ()

    @seed(7)
    @settings(
        max_examples=mutant.most,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(programs(HOSTS if mutant.hosts else (), themes=(mutant.theme,)))
    def plays(program):
        nonlocal count, said
        count += 1
        problems = play(booted(mutant.cloud), program, past=WAYS).problems
        if any(problem.startswith(mutant.breaks) for problem in problems):
            said = problems
            raise Missed

    with suppress(Missed):
        plays()
    return count, said


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.put.__name__)
def test_a_broken_rule_is_found(mutant, monkeypatch):
    booted(mutant.cloud)
    mutant.put(monkeypatch)
    with collector_paused():
        count, said = first_broken(mutant)
    assert said, f"not found in {count} programs"
