"""Whether what clients saw could have happened one thing after the other: by hand, and against all orders tried."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.properties.linearizability import Operation, linearized


def register(state, question):
    """A register: it is read, written, or set if it is as expected."""
    match question:
        case "read":
            return state, state
        case ("write", value):
            return value, None
        case ("set", old, new):
            return (new, True) if state == old else (state, False)


def write(asked, answered, value):
    return Operation(asked, ("write", value), answered)


def read(asked, answered, value):
    return Operation(asked, "read", answered, value)


def explained(*history):
    return linearized(history, register, 0) is not None


def test_nothing_has_happened():
    assert linearized((), register, 0) == ()


def test_the_order_is_given():
    first, second, third = write(1, 4, 1), read(2, 3, 0), read(5, 6, 1)
    assert linearized((first, second, third), register, 0) == (second, first, third)


def test_while_a_write_is_under_way_both_may_be_read():
    assert explained(write(1, 9, 1), read(2, 3, 0), read(4, 5, 1))


def test_what_was_read_as_new_is_never_old_again():
    assert not explained(write(1, 9, 1), read(2, 3, 1), read(4, 5, 0))


def test_a_read_that_misses_what_was_acknowledged_is_found():
    assert not explained(write(1, 2, 1), read(3, 4, 0))


def test_two_cannot_both_take_what_is_free():
    taken = [Operation(1, ("set", 0, name), 5, True) for name in (1, 2)]
    assert not explained(*taken)


def test_a_write_without_an_answer_may_have_happened_late_or_never():
    lost = Operation(1, ("write", 7))
    assert explained(lost, read(2, 3, 0))
    assert explained(lost, read(2, 3, 0), read(4, 5, 7))
    assert not explained(lost, read(2, 3, 7), read(4, 5, 0))


def test_what_is_answered_at_the_instant_of_the_next_question_may_overlap_it():
    assert explained(write(1, 3, 1), read(3, 4, 0))


def by_trying(history):
    """The dumber way: try every order of every choice of those without an answer."""
    for order in permutations(history):
        for length in range(len(order) + 1):
            chosen, left = order[:length], order[length:]
            if any(each.answered is not None for each in left) or not in_time(chosen):
                continue
            state, fits = 0, True
            for each in chosen:
                state, answer = register(state, each.question)
                fits = fits and (each.answered is None or answer == each.answer)
            if fits:
                return True
    return False


def in_time(order):
    return not any(
        later.answered is not None and later.answered < earlier.asked
        for place, earlier in enumerate(order)
        for later in order[place + 1 :]
    )


@st.composite
def operations(draw):
    asked = draw(st.integers(0, 8))
    question = draw(
        st.one_of(
            st.just("read"),
            st.tuples(st.just("write"), st.integers(0, 2)),
            st.tuples(st.just("set"), st.integers(0, 2), st.integers(0, 2)),
        )
    )
    answered = draw(st.none() | st.integers(asked, 10))
    answers = st.integers(0, 2) if question == "read" else st.booleans() if question[0] == "set" else st.none()
    return Operation(asked, question, answered, None if answered is None else draw(answers))


@given(st.lists(operations(), max_size=5))
def test_it_says_what_trying_every_order_says(history):
    assert (linearized(history, register, 0) is not None) == by_trying(history)


@pytest.mark.parametrize("length", [200])
def test_long_histories_of_few_clients_cost_little(length):
    history = [write(4 * place, 4 * place + 6, place % 3) for place in range(length)]
    assert linearized(history, register, 0) is not None
