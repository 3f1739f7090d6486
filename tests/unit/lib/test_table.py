import pickle
from collections.abc import Hashable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.lib.draft import Draft
from reconcile.lib.table import Index, Table

PARITY: tuple[Index[Any], ...] = (
    Index("parity", lambda value: (value % 2,)),
    Index("digits", lambda value: tuple(sorted(set(str(value))))),
)

operations = st.lists(
    st.tuples(st.sampled_from(["set", "remove"]), st.text("abcxyz", min_size=1, max_size=3), st.integers(0, 500)),
    max_size=80,
)


def play(steps: Any, indexes: tuple[Index[Any], ...] = PARITY) -> tuple[Table[str, int], dict[str, int]]:
    table: Table[str, int] = Table(indexes)
    plain: dict[str, int] = {}
    for verb, key, value in steps:
        if verb == "set":
            table = table.set(key, value)
            plain[key] = value
        elif key in plain:
            table = table.remove(key)
            del plain[key]
    return table, plain


def filed(plain: dict[str, int], index: Index[Any]) -> dict[Hashable, list[str]]:
    found: dict[Hashable, list[str]] = {}
    for key in sorted(plain):
        for value in index.values(plain[key]):
            found.setdefault(value, []).append(key)
    return found


@given(operations)
def test_is_a_dict_in_key_order(steps: Any) -> None:
    table, plain = play(steps)
    assert list(table.items()) == sorted(plain.items())
    assert len(table) == len(plain)
    assert [table.get(key) for key in plain] == list(plain.values())
    assert table == Table.of(plain.items(), PARITY)


@given(operations, operations)
def test_many_writes_together_are_those_writes_one_by_one(before: Any, steps: Any) -> None:
    table, plain = play(before)
    writes = {key: value if verb == "set" else None for verb, key, value in steps}
    together, one_by_one = table.updated(writes), table
    for key, value in writes.items():
        if value is not None:
            one_by_one = one_by_one.set(key, value)
        elif key in one_by_one:
            one_by_one = one_by_one.remove(key)
    assert together == one_by_one
    assert list(together.items()) == list(one_by_one.items())
    for index in PARITY:
        for value in [0, 1, *"0123456789"]:
            assert together.keys_under(index.name, value) == one_by_one.keys_under(index.name, value)
            assert together.count(index.name, value) == one_by_one.count(index.name, value)
    assert list(table.items()) == sorted(plain.items())


def test_very_many_writes_together_spread() -> None:
    table = Table[int, int](PARITY).updated({key: key for key in range(5_000)})
    assert table == Table.of([(key, key) for key in range(5_000)], PARITY)
    assert table.count("parity", 1) == 2_500
    assert not table.updated(dict.fromkeys(range(5_000)))


@given(operations)
def test_indexes_are_what_a_scan_finds(steps: Any) -> None:
    table, plain = play(steps)
    for index in PARITY:
        expected = filed(plain, index)
        for value in [0, 1, *"0123456789"]:
            assert table.keys_under(index.name, value) == tuple(expected.get(value, ()))
            assert table.count(index.name, value) == len(expected.get(value, ()))
            assert table.under(index.name, value) == tuple(plain[key] for key in expected.get(value, ()))


@given(operations, operations)
def test_an_old_table_stays_as_it_was_and_differences_lead_to_the_new_one(first: Any, second: Any) -> None:
    old, before = play(first)
    new = old
    after = dict(before)
    for verb, key, value in second:
        if verb == "set":
            new, after[key] = new.set(key, value), value
        elif key in after:
            new = new.remove(key)
            del after[key]
    assert dict(old.items()) == before
    patched = dict(before)
    for key, was, now in new.differences(old):
        assert patched.get(key) == was
        if now is None:
            del patched[key]
        else:
            patched[key] = now
    assert patched == after


@given(operations, operations)
def test_a_draft_ends_in_the_table_that_single_writes_end_in(first: Any, second: Any) -> None:
    base, plain = play(first)
    draft = Draft(base)
    for verb, key, value in second:
        if verb == "set":
            draft.set(key, value)
            plain[key] = value
        else:
            draft.remove(key)
            plain.pop(key, None)
        assert draft.get(key) == plain.get(key)
    assert dict(draft.table().items()) == plain
    assert dict(draft.table().items()) == plain


def test_grows_through_every_size_of_its_spine() -> None:
    table: Table[int, int] = Table()
    for number in range(5000):
        table = table.set(number, -number)
    assert table.keys() == tuple(range(5000))
    for number in range(0, 5000, 2):
        table = table.remove(number)
    assert table.keys() == tuple(range(1, 5000, 2))


def test_says_what_is_missing() -> None:
    table = Table.of([("a", 1)], PARITY)
    with pytest.raises(KeyError):
        table["b"]
    with pytest.raises(KeyError):
        table.remove("b")
    with pytest.raises(KeyError, match="no index 'colour'; there are"):
        table.keys_under("colour", 1)
    with pytest.raises(TypeError):
        hash(table)
    assert table.get("b") is None
    assert table.get("b", 7) == 7
    assert "b" not in table


def _tens(value: int) -> tuple[int, ...]:
    return (value // 10,)


NAMESPACED: tuple[Index[Any], ...] = (
    Index("filed", lambda value: (value[0],)),
    Index("span", lambda value: (value[0],), span=lambda space: (f"{space}/", f"{space}0")),
)


@given(st.lists(st.tuples(st.sampled_from(["a", "a-b", "a0", "ab"]), st.text("ab0-.", max_size=3)), max_size=80))
def test_an_index_that_is_a_span_gives_what_one_that_files_gives(names: Any) -> None:
    table = Table.of([("/".join(name), name) for name in names], NAMESPACED)
    for name in names[::2]:
        key = "/".join(name)
        table = table.remove(key) if key in table else table
    for space in ("a", "a-b", "a0", "ab", "b"):
        assert table.keys_under("span", space) == table.keys_under("filed", space)
        assert table.under("span", space) == table.under("filed", space)
        assert table.count("span", space) == table.count("filed", space)


@pytest.mark.parametrize("count", [0, 7, 3000])
def test_travels_to_another_process(count: int) -> None:
    table = Table.of([(key, key) for key in range(count)], (Index("tens", _tens),))
    there = pickle.loads(pickle.dumps(table))
    assert there == table
    assert there.keys_under("tens", 0) == table.keys_under("tens", 0)


def test_keys_are_kept_while_values_are_replaced() -> None:
    table = Table.of([(key, key) for key in range(100)])
    keys = table.keys()
    assert table.set(7, -7).keys() is keys
    assert table.set(100, 0).keys() == (*keys, 100)
    assert table.remove(7).keys() == (*keys[:7], *keys[8:])
