from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.lib.timers import Timers

operations = st.lists(
    st.tuples(
        st.sampled_from(["set", "set", "set", "cancel", "pop"]), st.integers(0, 6), st.integers(0, 9), st.booleans()
    ),
    max_size=150,
)


@given(operations)
def test_comes_in_order_as_a_sorted_list_does(steps: Any) -> None:
    timers: Timers[int] = Timers()
    plain: dict[int, tuple[int, int, bool]] = {}
    for serial, (verb, key, at, periodic) in enumerate(steps):
        if verb == "set":
            timers = timers.set(key, at, periodic=periodic)
            plain[key] = (at, serial, periodic)
        elif verb == "cancel":
            timers = timers.cancel(key)
            plain.pop(key, None)
        elif plain:
            timer, timers = timers.pop()
            first = min(plain, key=lambda known: plain[known][:2])
            assert (timer.key, timer.at) == (first, plain[first][0])
            del plain[first]
        order = sorted(plain, key=lambda known: plain[known][:2])
        assert [timer.key for timer in timers] == order
        first_timer = timers.first()
        assert (first_timer.key if first_timer else None) == (order[0] if order else None)
        assert timers.busy == sum(not periodic for _, _, periodic in plain.values())
        assert len(timers) == len(plain)


def test_an_empty_queue_has_nothing_to_pop() -> None:
    with pytest.raises(IndexError, match="no timer is set"):
        Timers().pop()


def test_stale_entries_are_swept() -> None:
    timers: Timers[str] = Timers()
    for at in range(10_000):
        timers = timers.set("same", at)
    assert timers._held < 200
    assert timers.pop()[0].at == 9_999
