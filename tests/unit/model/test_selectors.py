"""Selectors: what is refused, and with whose words; what they select is shown where the API server lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import meta_v1
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model import selectors

UNPARSED = "unable to parse requirement: "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a=b,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a notin (b) c", "found 'c', expected: ',' or 'end of string'"),
        ("!", UNPARSED + "found '', expected: identifier"),
        ("a!", UNPARSED + "found '!', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in x", UNPARSED + "found 'x' expected: '('"),
        ("a in (x y)", UNPARSED + "found 'y', expected: ',' or ')'"),
        ("a in (x", UNPARSED + "found '', expected: ',' or ')'"),
        ("a>x", UNPARSED + "values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"),
        ("a>" + "9" * 19, UNPARSED + 'values[0]: Invalid value: "9999999999999999999": for'),
        ('a="b"', UNPARSED + 'values[0][a]: Invalid value: "\\"b\\"": a valid label must be'),
        ("a\u00a0=b", UNPARSED + '<nil>: Invalid value: "a\\u00a0": name part must consist of'),
    ],
)
def test_labels_that_are_no_selector(text, said):
    with pytest.raises(ReconcileError) as caught:
        selectors.parse_labels(text)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "values"),
    [("a in ()", ("",)), ("a in (,)", ("",)), ("a in (,b)", ("", "b")), ("a in (c,b,c)", ("b", "c"))],
)
def test_between_two_commas_is_the_empty_value(text, values):
    assert selectors.parse_labels(text) == (selectors.Requirement("a", "in", values),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
        ("a=b\\c", "invalid field selector: invalid escape sequence: \\c"),
    ],
)
def test_fields_that_are_no_selector(text, said):
    with pytest.raises(ReconcileError) as caught:
        selectors.parse_fields(text)
    assert str(caught.value) == said


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b.c"]), st.sampled_from(["=", "==", "!="]), st.text("ab,=\\")), max_size=3
    )
)
def test_field_values_are_what_was_escaped(terms):
    def escaped(value):
        return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")

    text = ",".join([field + operator + escaped(value) for field, operator, value in terms])
    found = [(each.field, each.operator, each.value) for each in selectors.parse_fields(text)]
    assert found == [(field, operator.replace("==", "="), value) for field, operator, value in terms]


@given(st.text("ab =!<>(),\\5", max_size=12))
def test_any_text_is_a_selector_or_is_refused(text):
    for parse in (selectors.parse_labels, selectors.parse_fields):
        try:
            found = parse(text)
        except ReconcileError:
            continue
        assert isinstance(found, tuple)
    try:
        parsed = selectors.parse_labels(text)
    except ReconcileError:
        return
    assert selectors.parse_labels(selectors.text_of(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "labels", "fits"),
    [
        ("a>5", {"a": "6"}, True),
        ("a>5", {"a": "5"}, False),
        ("a<5", {"a": "-7"}, True),
        ("a<5", {"a": "x"}, False),
        ("a<5", {"a": "9" * 40}, False),
        ("a<5", {}, False),
    ],
)
def test_numbers_are_compared(text, labels, fits):
    assert selectors.fits(selectors.parse_labels(text), labels) is fits


def test_no_selector_selects_nothing_and_an_empty_one_everything():
    assert not selectors.matches(None, {"a": "b"})
    assert selectors.matches(meta_v1.LabelSelector(), None)
    assert selectors.matches(meta_v1.LabelSelector(match_labels=Map({"a": "b"})), {"a": "b", "c": "d"})
    assert not selectors.matches(meta_v1.LabelSelector(match_labels=Map({"a": "b"})), None)
