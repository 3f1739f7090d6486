from typing import Any

import pytest
from hypothesis import given
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


@given(st.integers(1, 150), st.integers(0, 149), st.data())
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
