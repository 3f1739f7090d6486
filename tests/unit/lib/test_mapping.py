import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.lib.mapping import Map

ENTRIES = st.dictionaries(st.text(max_size=4), st.integers())


def test_iterates_by_key_in_the_order_of_code_points():
    assert list(Map({"b": 1, "a": 2, "Z": 3, "é": 4, "\U0001f600": 5, "\uffff": 6})) == [
        "Z", "a", "b", "é", "\uffff", "\U0001f600",
    ]  # fmt: skip


def test_is_made_of_a_mapping_or_of_pairs_and_of_equal_keys_the_last_counts():
    assert Map.of({"a": 1}) == Map([("a", 0), ("a", 1)]) == {"a": 1}
    made = Map({"a": 1})
    assert Map.of(made) is made


def test_set_remove_and_merge_make_others():
    made = Map({"b": 1})
    assert made.set("a", 2) == {"a": 2, "b": 1}
    assert made.remove("b") == Map()
    assert made.merge({"b": 3, "c": 4}) == {"b": 3, "c": 4}
    assert made | {"c": 4} == {"b": 1, "c": 4}
    assert {"c": 4} | made == Map({"b": 1, "c": 4})
    assert isinstance(made | {"c": 4}, Map)
    assert made == {"b": 1}


def test_what_changes_nothing_is_the_same_map():
    made = Map({"b": "x"})
    assert made.set("b", made["b"]) is made
    assert made.remove("c") is made
    assert made.merge({}) is made
    assert made.copy() is copy.copy(made) is copy.deepcopy(made) is made


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.__setitem__("a", 1),
        lambda made: made.__delitem__("a"),
        lambda made: made.__ior__({"a": 1}),
        lambda made: made.__init__({"a": 2}),
        lambda made: made.clear(),
        lambda made: made.pop("a"),
        lambda made: made.popitem(),
        lambda made: made.setdefault("b", 1),
        lambda made: made.update(a=2),
    ],
)
def test_never_changes(change):
    made = Map({"a": 1})
    with pytest.raises(TypeError, match="a Map never changes"):
        change(made)
    assert made == {"a": 1}


@pytest.mark.parametrize("source", [{1: 2}, [(None, 1)], {"a": 1, b"b": 2}])
def test_keys_are_text(source):
    with pytest.raises(TypeError, match="keys are text"):
        Map(source)


@given(ENTRIES, ENTRIES)
def test_is_a_sorted_dict(one, other):
    made = Map(one)
    assert made == one
    assert list(made.items()) == sorted(one.items())
    assert made.merge(other) == {**one, **other}
    assert list(made.merge(other)) == sorted({**one, **other})
    assert (made == Map(other)) == (one == other)
    if one == other:
        assert hash(made) == hash(Map(dict(reversed(other.items()))))
    assert json.dumps(made) == json.dumps(one, sort_keys=True)
    assert pickle.loads(pickle.dumps(made)) == made
    assert type(pickle.loads(pickle.dumps(made))) is Map
