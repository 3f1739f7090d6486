"""The B+tree against a plain dict: what it holds, how it is laid out, and what two versions share."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.lib import btree
from reconcile.lib.btree import FAN, FEW, LEAF, NOTHING, Writes
from reconcile.lib.table import Table

# Keys few enough to be hit again, in runs, which fill and empty whole leaves.
runs = st.tuples(st.integers(0, 4000), st.integers(1, 700), st.integers(1, 3))
batches = st.lists(st.tuples(st.sampled_from(["put", "take"]), runs), max_size=8)
singles = st.lists(st.tuples(st.sampled_from(["put", "take"]), st.integers(0, 300)), max_size=60)


def sound(root: Any, height: int) -> list[int]:
    """Give every key in order, if the tree is one: balanced, filled, in order, each key below its separators."""

    def keys_of(node: Any, above: int, low: int | None, high: int | None) -> list[int]:
        is_root = node is root
        if not above:
            assert type(node) is dict
            assert len(node) <= LEAF
            assert is_root or len(node) >= FEW
            keys = sorted(node)
            assert all((low is None or low <= key) and (high is None or key < high) for key in keys)
            return keys
        assert type(node) is list
        separators = node[-1]
        assert type(separators) is tuple
        assert len(node) == len(separators) + 2
        assert len(separators) + 1 <= FAN
        assert len(separators) + 1 >= (2 if is_root else FAN // 4)
        assert list(separators) == sorted(separators)
        bounds = [low, *separators, high]
        return [
            key
            for place, child in enumerate(node[:-1])
            for key in keys_of(child, above - 1, bounds[place], bounds[place + 1])
        ]

    return keys_of(root, height, None, None)


def check(table: Table[int, int], plain: dict[int, int]) -> None:
    assert sound(table._root, table._height) == sorted(plain)
    assert len(table) == len(plain)
    assert list(table.items()) == sorted(plain.items())


def played(table: Table[int, int], plain: dict[int, int], steps: Any, value: int) -> Table[int, int]:
    """Write runs of keys, many at once, and check each tree."""
    for verb, (first, count, stride) in steps:
        keys = range(first, first + count * stride, stride)
        table = table.updated(dict.fromkeys(keys, value) if verb == "put" else dict.fromkeys(keys))
        for key in keys:
            if verb == "put":
                plain[key] = value
            else:
                plain.pop(key, None)
        check(table, plain)
    return table


@given(batches)
def test_many_writes_at_once_keep_the_tree_sound(steps: Any) -> None:
    played(Table(), {}, steps, 1)


@given(runs, singles)
def test_single_writes_keep_the_tree_sound(run: Any, steps: Any) -> None:
    first, count, stride = run
    plain = dict.fromkeys(range(first, first + count * stride, stride), 0)
    table = Table.of(plain.items())
    for number, (verb, place) in enumerate(steps):
        key = first + place
        if verb == "put":
            table, plain[key] = table.set(key, number), number
        elif key in plain:
            table = table.remove(key)
            del plain[key]
        else:
            with pytest.raises(KeyError):
                table.remove(key)
        assert table.get(key, NOTHING) == plain.get(key, NOTHING)
        assert (key in table) == (key in plain)
        check(table, plain)


@pytest.mark.parametrize("backwards", [False, True])
def test_grows_and_shrinks_through_every_height(backwards: bool) -> None:
    table: Table[int, int] = Table()
    plain: dict[int, int] = {}
    heights = set()
    for key in range(6000, 0, -1) if backwards else range(6000):
        table, plain[key] = table.set(key, -key), -key
        heights.add(table._height)
        if not key % 500:
            check(table, plain)
    for key in sorted(plain, reverse=backwards):
        table = table.remove(key)
        del plain[key]
        if not key % 500:
            check(table, plain)
    assert heights == {0, 1, 2}
    assert (table._root, table._height) == ({}, 0)


@given(batches, batches)
@settings(max_examples=50)
def test_differences_are_what_two_dicts_differ_in(first: Any, second: Any) -> None:
    before: dict[int, int] = {}
    old = played(Table(), before, first, 1)
    after = dict(before)
    new = played(old, after, second, 2)
    for ours, mine, theirs, other in [(new, after, old, before), (old, before, new, after), (old, before, old, before)]:
        expected = [
            (key, other.get(key), mine.get(key))
            for key in sorted({*mine, *other})
            if mine.get(key) is not other.get(key)
        ]
        assert ours.differences(theirs) == expected
    assert new.differences(Table.of(after.items())) == []
    assert (new == old) == (after == before)
    assert new == Table.of(after.items())


@given(batches, st.integers(-10, 6200), st.integers(-10, 6200))
@settings(max_examples=50)
def test_between_is_what_a_scan_finds(steps: Any, low: int, high: int) -> None:
    plain: dict[int, int] = {}
    table = played(Table(), plain, steps, 1)
    assert table.between(low, high) == [pair for pair in sorted(plain.items()) if low <= pair[0] < high]


def nodes_of(root: Any, height: int) -> list[Any]:
    level, found = [root], [root]
    for _ in range(height):
        level = [child for node in level for child in node[:-1]]
        found += level
    return found


def test_a_write_copies_one_path_and_shares_every_other_node() -> None:
    old = Table.of([(key, key) for key in range(50_000)])
    assert old._height == 2
    before = {id(node) for node in nodes_of(old._root, old._height)}
    for new in (old.set(31_000, -1), old.updated({31_000: -1}), old.remove(31_000)):
        fresh = [node for node in nodes_of(new._root, new._height) if id(node) not in before]
        assert len(fresh) == 3


def test_many_writes_copy_each_node_once() -> None:
    old = Table.of([(key, key) for key in range(50_000)])
    before = {id(node) for node in nodes_of(old._root, old._height)}
    new = old.updated(dict.fromkeys(range(1000, 1060), -1))
    fresh = [node for node in nodes_of(new._root, new._height) if id(node) not in before]
    assert len(fresh) <= 6


def test_differences_look_at_what_is_not_shared_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    below = btree._below
    monkeypatch.setattr(btree, "_below", lambda level: looked.append(len(level)) or below(level))
    old = Table.of([(key, key) for key in range(50_000)])
    new = old.set(7, -7).set(31_000, -1).remove(49_999)
    assert new.differences(old) == [(7, 7, -7), (31_000, 31_000, -1), (49_999, 49_999, None)]
    assert looked == [1, 1, 3, 3]


def test_differences_of_trees_of_unlike_heights() -> None:
    old = Table.of([(key, key) for key in range(20)])
    new = old.updated({key: key for key in range(20, 9000)})
    assert (old._height, new._height) == (0, 2)
    assert new.differences(old) == [(key, None, key) for key in range(20, 9000)]
    assert old.differences(new) == [(key, key, None) for key in range(20, 9000)]


def test_what_is_written_as_it_reads_is_no_write() -> None:
    value, absent = object(), object()
    small, big = Table.of([(1, value)]), Table.of([(key, value) for key in range(1000)])
    for table in (small, big):
        assert table.updated({1: value, 5000: None}) is table
        assert table.updated({1: value, 5000: absent}, absent) is table
        assert len(table.updated({1: value, 5000: value})) == len(table) + 1
        assert table.updated({1: absent}, absent)[1] is absent


def test_none_may_be_a_value() -> None:
    table: Table[int, None] = Table()
    for key in range(200):
        table = table.set(key, None)
    assert len(table) == 200
    assert table.get(7, 1) is None
    for key in range(0, 200, 2):
        table = table.remove(key)
    assert table.keys() == tuple(range(1, 200, 2))
    assert table != Table.of([(key, None) for key in range(0, 200, 2)])


def test_writes_say_what_they_changed() -> None:
    root, height = btree.built({key: key for key in range(100)})
    writes = Writes({5: None, 7: 7, 8: -8, 200: 200, 300: None}, None, None)
    btree.written(root, height, writes)
    assert writes.changed == [(5, 5, NOTHING), (8, 8, -8), (200, NOTHING, 200)]
    assert writes.grown == 0
