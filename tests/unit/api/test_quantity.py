"""What Kubernetes makes of quantities, as its documentation and its own behaviour show."""

import pickle

import pytest

from reconcile.api.quantity import Quantity
from reconcile.lib.errors import ReconcileError


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"),
        ("0Ki", "0"),
        ("-0", "0"),
        ("0.1", "100m"),
        ("100m", "100m"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("1.5", "1500m"),
        ("1.5Gi", "1536Mi"),
        ("0.5Gi", "512Mi"),
        ("1Ki", "1Ki"),
        ("1024Ki", "1Mi"),
        ("1024", "1024"),
        ("1000", "1k"),
        ("1000000", "1M"),
        ("1e3", "1e3"),
        ("1E3", "1E3"),
        ("1000e3", "1e6"),
        ("1.5e3", "1500"),
        ("12e-1", "1200e-3"),
        ("1E", "1E"),
        ("1000E", "1e21"),
        (".5", "500m"),
        ("5.", "5."),
        ("0.0000000001", "1n"),
        ("-0.0000000001", "-1n"),
        ("1.0000000001", "1000000001n"),
        ("0.5Ki", "512"),
        ("0.0001Ki", "102400u"),
        ("8Ei", "9223372036854775807"),
        ("100Ei", "9223372036854775807"),
        ("-100Ei", "-9223372036854775807"),
        ("12345678901234567890", "12345678901234567890"),
        ("1.500", "1.500"),
        ("007", "007"),
        ("+5Mi", "+5Mi"),
        ("512Ki", "512Ki"),
        ("M", "0"),
        ("+", "0"),
    ],
)
def test_canonical_text(text, canonical):
    assert str(Quantity.parse(text)) == canonical


@pytest.mark.parametrize(("one", "other"), [("1Ki", "1024"), ("1000m", "1"), ("1e3", "1k"), ("0.5Gi", "512Mi")])
def test_equal_by_value_whatever_the_text(one, other):
    assert Quantity.parse(one) == Quantity.parse(other)
    assert hash(Quantity.parse(one)) == hash(Quantity.parse(other))
    assert Quantity.parse(one) <= Quantity.parse(other) <= Quantity.parse(one)


@pytest.mark.parametrize(
    "text",
    ["", " ", "1.1.M", "1+1.0M", "0.1mi", "0.1am", "aoeu", ".5i", "1i", "-3.01i", "-3.01e-", "1e", "e5x", "1KiB",
     "1 Mi", "1K", "--1", "1e1001", "1e99999999999", "٣"],
)  # fmt: skip
def test_what_is_none_is_refused_with_its_text(text):
    with pytest.raises(ReconcileError) as caught:
        Quantity.parse(text)
    assert repr(text) in str(caught.value)


def test_the_longest_quantity_is_exact_and_longer_ones_are_refused():
    longest = Quantity.parse("9" * 995 + "e1000")
    assert longest.nanos == int("9" * 995) * 10**1009
    assert Quantity.parse(longest.text) == longest
    with pytest.raises(ReconcileError, match="a quantity has at most 1000 letters: '9999999999"):
        Quantity.parse("9" * 1001)


def test_rounds_away_from_zero():
    assert Quantity.parse("1001m").whole == 2
    assert Quantity.parse("-1001m").whole == -2
    assert Quantity.parse("1u").milli == 1
    assert Quantity.parse("250m").milli == 250


def test_a_sum_has_the_form_of_the_first_that_is_not_zero():
    assert str(Quantity.parse("1Gi") + Quantity.parse("1G")) == str(Quantity.of(nanos=2_073_741_824 * 10**9))
    assert str(Quantity.parse("1Gi") + Quantity.parse("512Mi")) == "1536Mi"
    assert str(Quantity.parse("0") + Quantity.parse("2Gi")) == "2Gi"
    assert str(Quantity.parse("1") - Quantity.parse("100m")) == "900m"
    assert str(-Quantity.parse("1Gi")) == "-1Gi"


def test_copies():
    quantity = Quantity.parse("1.5Gi")
    assert pickle.loads(pickle.dumps(quantity)).text == "1536Mi"
    assert not Quantity.parse("0m")
    assert repr(quantity) == "Quantity('1536Mi')"
