from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconcile.api.convert import InvalidObject
from reconcile.driver.wire import integer_from_json, integer_to_json
from reconcile.driver.wire.numbers import EXACT, is_doubtful

LONG = st.integers(-(2**63), 2**64 - 1)


@given(LONG)
@example(0)
@example(-(2**63))
@example(2**64 - 1)
def test_text_and_number_are_read_alike(number):
    assert integer_from_json(number, "") == integer_from_json(str(number), "") == number
    assert integer_from_json(integer_to_json(number), "") == number
    assert isinstance(integer_to_json(number), int) == (abs(number) <= EXACT)


@pytest.mark.parametrize(
    "content", [2**64, -(2**63) - 1, str(2**64), "1e3", "1.0", "", "٣", "1\n", None, True, [], 1.0]
)
def test_what_is_no_integer_of_64_bits_is_refused_with_its_path(content):
    with pytest.raises(InvalidObject, match=r"^to: expected an integer, as text"):
        integer_from_json(content, "to")


@given(LONG)
@example(1_767_225_600_000_000_000)
def test_what_a_client_with_doubles_sends_for_another_number_is_doubted(number):
    for sent in (int(Decimal(repr(float(number)))), int(float(number))):
        digits = len(str(abs(sent)).rstrip("0"))
        assert is_doubtful(sent) == (abs(sent) > EXACT and digits > 15)


@given(st.integers(10**18, 2**63))
def test_what_no_double_gives_is_not_doubted(number):
    given_by_none = number not in (int(float(number)), int(Decimal(repr(float(number)))))
    assert not (given_by_none and is_doubtful(number))


@given(st.integers(1, 10**15 - 1), st.integers(0, 4))
def test_up_to_15_digits_survive_any_double(digits, zeros):
    number = digits * 10**zeros
    assert not is_doubtful(number)
    assert int(Decimal(repr(float(number)))) == number
