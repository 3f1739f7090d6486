import re

from hypothesis import given
from hypothesis import strategies as st

from reconcile.lib.dice import Dice


def test_a_draw_is_the_same_everywhere() -> None:
    # Recorded once: a change here breaks every log that was ever written.
    assert Dice(7, "kubelet/node-1").bits()[0] == 1713336594191656983
    assert Dice(7, "request", 3).uuid()[0] == "ef1f2a4a-4a1f-4c15-877c-56a07ed7e448"


def test_streams_do_not_shift_each_other() -> None:
    dice = Dice(1, "a")
    _, later = dice.bits()
    assert later.named("b").bits() == dice.named("b").bits()
    assert dice.named("b").bits() != dice.named("c").bits()


@given(st.integers(), st.text(max_size=5), st.integers(1, 50))
def test_below_stays_below(seed: int, stream: str, bound: int) -> None:
    drawn, rest = Dice(seed, stream).below(bound)
    assert 0 <= drawn < bound
    assert rest.count == 1


def test_below_is_fair() -> None:
    dice, seen = Dice(3, "fair"), [0] * 6
    for _ in range(6000):
        side, dice = dice.below(6)
        seen[side] += 1
    assert all(850 < count < 1150 for count in seen)


def test_names_have_the_form_that_kubernetes_gives_them() -> None:
    assert re.fullmatch(r"[bcdfghjklmnpqrstvwxz2456789]{5}", Dice(1, "x").suffix()[0])
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", Dice(1, "x").uuid()[0])
