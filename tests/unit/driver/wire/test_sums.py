import enum
from hashlib import sha256
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1, meta_v1
from reconcile.api.quantity import Quantity
from reconcile.api.scalars import MicroTime, Time
from reconcile.driver.wire import plain
from reconcile.driver.wire.sums import Summer
from reconcile.driver.wire.values import Same
from reconcile.lib.dice import Dice
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.lib.sequence import Sequence
from reconcile.lib.table import Table
from reconcile.lib.timers import Timers


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@attrs.frozen
class Thing:
    name: str
    part: Any = None
    cached: Any = attrs.field(default=None, eq=False)


def total(value):
    return Summer({}).sum(value)


def pod(name, image="nginx", phase=None):
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(name=name),
        spec=core_v1.PodSpec(containers=(core_v1.Container(name="web", image=image),)),
        status=None if phase is None else core_v1.PodStatus(phase=phase),
    )


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.text("ab\u00e9", max_size=2)
    | st.sampled_from(
        [Colour.RED, Colour.BLUE, Time.at(10**9), MicroTime.at(1000), Quantity.parse("1"), pod("a"), pod("b")]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text("ab", max_size=1), inner, max_size=2).map(Map)
        | st.dictionaries(st.integers(0, 3), inner, max_size=2).map(lambda rows: Table.of(rows.items()))
        | st.builds(Thing, st.text("ab", max_size=1), inner)
    ),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_sums_are_equal_where_the_values_at_length_are(one, other):
    # The second implementation: what `plain` writes, but for parts of API objects, whose class only a sum says.
    assert (total(one) == total(other)) == (canonical(plain(one)) == canonical(plain(other)))


@given(VALUES)
def test_what_is_remembered_makes_no_difference(value):
    first = Summer({})
    found = first.sum(value)
    assert Summer(first.seen).sum(value) == found == first.sum(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, 2), (2, 1)),
        (("1",), (1,)),
        ((True,), (1,)),
        ((None,), ()),
        (Thing("a"), Thing("b")),
        (pod("a"), pod("b")),
        (pod("a", "nginx"), pod("a", "httpd")),
        (pod("a", phase="Running"), pod("a", phase="Failed")),
        (Time.at(0), MicroTime.at(1000)),
        (Quantity.parse("1"), Quantity.parse("2")),
        (Dice(1, "a"), Dice(1, "b")),
        (Sequence(), Sequence().append(1)),
        (Timers().set("a", 1), Timers().set("a", 1, periodic=True)),
        (Timers().set("a", 1).set("b", 1), Timers().set("b", 1).set("a", 1)),
        (canonical, plain),
        (frozenset({1}), frozenset({2})),
        (b"a", b"b"),
        (core_v1.ConfigMap(), core_v1.Secret(kind="ConfigMap")),
    ],
)
def test_what_differs_sums_differently(one, other):
    assert total(one) != total(other)


def test_what_is_laid_out_differently_sums_alike():
    assert total(Table.of([(1, "a"), (2, "b")])) == total(Table.of([(2, "b"), (3, "c"), (1, "a")]).remove(3))
    assert total(Timers().set("a", 2).set("b", 1).cancel("b")) == total(Timers().set("a", 2))
    assert total({"b": 1, "a": 2}) == total(Map({"a": 2, "b": 1}))
    assert total(Thing("a", cached=1)) == total(Thing("a", cached=2))
    assert total(frozenset({1, 2, 3})) == total(frozenset({3, 2, 1}))


def test_a_cache_stands_for_its_watch():
    table = Table.of([("a", pod("a"))])
    summer = Summer({})
    views = {Same(table): {"is": "view", "watch": "pods"}}
    assert summer.apart(Thing("x", table), views) != summer.apart(Thing("x", table), {})
    assert summer.apart(Thing("x", table), views) == summer.apart(Thing("x", {"is": "view", "watch": "pods"}), {})


def test_a_sum_is_the_same_everywhere():
    value = (
        1,
        "\u00e9",
        Map({"b": (None, True), "a": 1.5}),
        Thing("x"),
        Table.of([("k", Time.at(10**9))]),
        Dice(1, "d"),
    )
    text = r'[1,"\u00e9",{"a":1.5,"b":[null,true]},{"Thing":["x",null]},{"rows":[["k",1000000000]]},{"Dice":[1,"d",0]}]'
    assert total(value) == "sha256:" + sha256(text.encode()).hexdigest()


def test_what_a_state_must_not_hold_is_refused():
    for value in (object(), float("nan"), {(1, 2): 3}):
        with pytest.raises(ReconcileError, match="has no form in JSON"):
            total((value,))
