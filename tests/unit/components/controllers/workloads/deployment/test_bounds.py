from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.components.controllers.workloads.deployment.bounds import fenceposts, max_surge, max_unavailable, scaled
from tests.unit.components.controllers import objects

VALUES = st.one_of(st.integers(0, 40), st.integers(0, 200).map(lambda percent: f"{percent}%"))


@given(st.integers(0, 200), st.integers(0, 1000), st.booleans())
def test_percentages_round_as_asked(percent, replicas, up):
    exact = Fraction(percent * replicas, 100)
    found = scaled(f"{percent}%", replicas, up=up)
    assert exact <= found < exact + 1 if up else exact - 1 < found <= exact


@given(VALUES, VALUES, st.integers(0, 100))
def test_never_both_nothing(surge, unavailable, replicas):
    assert fenceposts(surge, unavailable, replicas) != (0, 0)


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (3, "25%", "25%", (1, 0)),
        (10, "25%", "25%", (3, 2)),
        (1, "25%", "25%", (1, 0)),
        (2, 0, "1%", (0, 1)),
        (2, 0, 5, (0, 2)),
        (0, "25%", "25%", (0, 0)),
    ],
)
def test_bounds_of_a_deployment(replicas, surge, unavailable, expected):
    declared = objects.deployment(replicas, strategy=objects.rolling(surge, unavailable))
    assert (max_surge(declared) if replicas else 0, max_unavailable(declared)) == expected


def test_recreate_has_no_bounds():
    declared = objects.deployment(4, strategy=objects.apps_v1.DeploymentStrategy(type="Recreate"))
    assert (max_surge(declared), max_unavailable(declared)) == (0, 0)
