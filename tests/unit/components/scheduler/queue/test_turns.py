from hypothesis import given
from hypothesis import strategies as st

from reconcile.components.scheduler.queue.turns import Turns

KEYS = ("a", "b", "c", "d", "e")


def served(turns):
    found = []
    while turns.count:
        key, turns = turns.pop()
        found.append(key)
    return found, turns


def test_those_of_one_turn_have_it_as_they_came():
    turns = Turns()
    for number in range(100):
        turns = turns.add(f"pod-{number}", 7)
    assert served(turns) == ([f"pod-{number}" for number in range(100)], Turns())


def test_a_lower_turn_is_sooner_whenever_it_came():
    turns = Turns().add("a", 5).add("b", 3).add("c", 5).add("d", 9).add("e", 3)
    assert served(turns)[0] == ["b", "e", "a", "c", "d"]


def test_who_goes_and_comes_again_stands_at_the_end():
    turns = Turns().add("a", 5).add("b", 5).remove("a").add("a", 5).add("c", 5)
    assert turns.count == 3
    assert served(turns)[0] == ["b", "a", "c"]
    assert served(turns.remove("a"))[0] == ["b", "c"]


def test_when_all_have_gone_it_is_as_at_first():
    assert Turns().add("a", 5).add("b", 3).remove("b").remove("a") == Turns()
    assert Turns().add("a", 5).add("b", 3).remove("a").remove("b") == Turns()


@given(st.lists(st.tuples(st.sampled_from([*KEYS, "pop"]), st.integers(1, 3)), max_size=60))
def test_order_is_that_of_turns_and_then_of_coming(steps):
    turns, naive = Turns(), {}
    for number, (key, turn) in enumerate(steps):
        if key == "pop":
            if naive:
                first = min(naive, key=naive.get)
                popped, turns = turns.pop()
                assert popped == first
                del naive[first]
        elif key in naive:
            turns = turns.remove(key)
            del naive[key]
        else:
            turns = turns.add(key, turn)
            naive[key] = (turn, number)
        assert turns.count == len(naive)
    assert served(turns)[0] == sorted(naive, key=naive.get)
