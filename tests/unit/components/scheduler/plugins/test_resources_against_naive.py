"""The strategies by which resources are scored, against a second implementation that goes by fractions."""

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from reconcile.components.scheduler.cache.demand import Demand
from reconcile.components.scheduler.cache.nodes import Room, Used
from reconcile.components.scheduler.plugins.balanced_allocation import balance, balance_of
from reconcile.components.scheduler.plugins.node_resources_fit import (
    least_allocated,
    least_used,
    most_allocated,
    requested_to_capacity,
    shares,
)
from reconcile.lib.mapping import Map

amounts = st.integers(0, 5000)
GPU = "example.com/gpu"
SHAPES = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 10)), min_size=1, max_size=4, unique_by=lambda p: p[0])


@st.composite
def places(draw):
    room = Room("n1", draw(amounts), draw(amounts), draw(amounts), 10, Map({GPU: draw(amounts)}), Map(), (), False, ())
    used = Used(draw(amounts), draw(amounts), draw(amounts), 1, ((GPU, draw(amounts)),), draw(amounts), draw(amounts))
    asked = draw(st.integers(0, 500))
    demand = Demand(
        draw(amounts), draw(amounts), draw(amounts), ((GPU, asked),) if asked else (), draw(amounts), draw(amounts)
    )
    return demand, room, used


def counted(resources, demand, room, used):
    """Give (weight, whole, taken) by hand."""
    rows = {
        "cpu": (room.cpu, used.scored_cpu + demand.scored_cpu, True),
        "memory": (room.memory, used.scored_memory + demand.scored_memory, True),
        "ephemeral-storage": (room.storage, used.storage + demand.storage, True),
        GPU: (room.others[GPU], used.others[0][1] + dict(demand.others).get(GPU, 0), bool(demand.others)),
    }
    return [(weight, rows[name][0], rows[name][1]) for name, weight in resources if rows[name][0] and rows[name][2]]


resources = st.lists(
    st.tuples(st.sampled_from(["cpu", "memory", "ephemeral-storage", GPU]), st.integers(1, 5)),
    min_size=1,
    max_size=4,
    unique_by=lambda row: row[0],
).map(tuple)


@given(place=places(), named=resources)
def test_the_emptier_or_the_fuller_the_better(place, named):
    found = shares(named, *place)
    rows = counted(named, *place)
    assert found == rows
    weights = sum(weight for weight, _, _ in rows)
    left = sum(weight * floor(Fraction(max(whole - taken, 0) * 100, whole)) for weight, whole, taken in rows)
    full = sum(weight * floor(Fraction(min(taken, whole) * 100, whole)) for weight, whole, taken in rows)
    assert least_used(found) == (left // weights if weights else 0)
    assert most_allocated(found) == (full // weights if weights else 0)


@given(place=places())
def test_the_default_is_a_case_of_the_general(place):
    assert least_allocated(*place) == least_used(shares((("cpu", 1), ("memory", 1)), *place))
    demand, room, used = place
    if room.cpu and room.memory:
        assert balance(*place) == balance_of(("cpu", "memory"), demand, room, used)


@given(place=places(), named=resources, shape=SHAPES.map(sorted))
def test_a_shape_says_how_good_each_part_is(place, named, shape):
    total = weights = 0
    for weight, whole, taken in counted(named, *place):
        percent = 100 if taken > whole else taken * 100 // whole
        if percent <= shape[0][0]:
            height = shape[0][1] * 10
        elif percent > shape[-1][0]:
            height = shape[-1][1] * 10
        else:
            place_ = next(number for number, point in enumerate(shape) if percent <= point[0])
            (low, before), (high, after) = shape[place_ - 1], shape[place_]
            rise = Fraction((after - before) * 10 * (percent - low), high - low)
            height = before * 10 + (floor(rise) if rise >= 0 else -floor(-rise))
        if height > 0:
            total, weights = total + height * weight, weights + weight
    expected = floor(Fraction(total, weights) + Fraction(1, 2)) if weights else 0
    assert requested_to_capacity(shares(named, *place), tuple(shape)) == expected
