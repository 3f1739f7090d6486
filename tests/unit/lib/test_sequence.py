import weakref
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.lib.sequence import Sequence


def filled(count: int) -> Sequence[int]:
    sequence: Sequence[int] = Sequence()
    for number in range(count):
        sequence = sequence.append(number)
    return sequence


@given(st.integers(0, 200), st.integers(0, 250), st.data())
def test_between_is_a_slice_by_absolute_position(count: int, forgotten: int, data: Any) -> None:
    sequence = filled(count).forget(forgotten)
    assert sequence.end == count
    assert sequence.start <= min(forgotten, count)
    assert min(forgotten, count) - sequence.start < 32
    first = data.draw(st.integers(sequence.start, count))
    last = data.draw(st.integers(first, count + 5))
    assert sequence.between(first, last) == tuple(range(count))[first:last]


def test_what_is_forgotten_is_refused() -> None:
    sequence = filled(100).forget(70)
    assert sequence.start == 64
    with pytest.raises(IndexError, match="position 63 is forgotten; the sequence starts at 64"):
        sequence.between(63, 65)


def test_an_old_sequence_stays_as_it_was() -> None:
    old = filled(40)
    one, other = old.append(-1), old.append(-2)
    assert (one.between(39, 41), other.between(39, 41), old.end) == ((39, -1), (39, -2), 40)


@given(st.integers(1, 4300), st.integers(0, 4299), st.data())
@settings(max_examples=50)
def test_an_item_is_put_in_the_place_of_another(count: int, forgotten: int, data: Any) -> None:
    old = filled(count).forget(min(forgotten, count - 1))
    position = data.draw(st.integers(old.start, count - 1))
    new = old.put(position, -1)
    expected = [-1 if at == position else at for at in range(old.start, count)]
    assert [new.at(at) for at in range(old.start, count)] == expected == list(new.between(old.start, count))
    assert (old.at(position), new.start, new.end) == (position, old.start, old.end)


def test_what_is_not_there_is_neither_given_nor_replaced() -> None:
    sequence = filled(100).forget(70)
    for position in (63, 100):
        with pytest.raises(IndexError):
            sequence.at(position)
        with pytest.raises(IndexError, match=f"position {position} is not among 64 to 99"):
            sequence.put(position, 0)


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), max_size=4))
@settings(max_examples=40)
def test_a_sequence_is_what_is_left_of_a_list(steps: Any) -> None:
    sequence: Sequence[int] = Sequence()
    everything: list[int] = []
    for more, forgotten in steps:
        for number in range(len(everything), len(everything) + more):
            sequence = sequence.append(number)
            everything.append(number)
        sequence = sequence.forget(sequence.start + forgotten)
        assert sequence.between(sequence.start, sequence.end) == tuple(everything[sequence.start :])
    assert sequence.start % 32 == 0


def test_what_is_forgotten_is_let_go() -> None:
    class Item:
        pass

    item = Item()
    gone = weakref.ref(item)
    sequence: Sequence[Any] = Sequence().append(item)
    del item
    for number in range(100):
        sequence = sequence.append(number)
    assert gone() is not None
    sequence = sequence.forget(40)
    assert gone() is None


def test_sequences_of_equal_items_at_equal_positions_are_equal_whatever_they_forgot() -> None:
    one, other = Sequence[int](), Sequence[int]()
    for number in range(5000):
        one, other = one.append(number), other.append(number if number >= 4000 else -1)
        other = other.forget(number - 900)
    assert one.forget(4096) == other.forget(4096)
    assert one.forget(4064) != other
    assert one != other
