"""A step costs the same however many nodes there are, also while many of them come or go at once."""

import pytest

from reconcile.driver import collector_paused
from tests.benchmarks import storms

SMALL, LARGE = 30, 240
WITHIN = 1.3  # of the budget's 1.5: what is counted here does not depend on the machine


@pytest.fixture(scope="module")
def clusters():
    return storms.deployed(SMALL), storms.deployed(LARGE)


def grown(storm, small, large):
    with collector_paused():
        few, many = storms.counted(small, storm), storms.counted(large, storm)
    assert many.steps > LARGE / SMALL / 2 * few.steps
    return many.calls / few.calls, many.room / few.room


def test_booting_is_flat():
    assert max(grown(storms.boot, storms.powered(SMALL), storms.powered(LARGE))) < WITHIN


@pytest.mark.parametrize("name", storms.STORMS)
def test_a_storm_is_flat(name, clusters):
    assert max(grown(storms.STORMS[name], *clusters)) < WITHIN
