import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.adapters.manifests.parsing import parse
from reconcile.api.yaml_reading import BadYaml, read
from reconcile.api.yaml_text import written

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029\ufeff"), max_size=12)
_DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | _TEXTS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(_TEXTS, below, max_size=4),
    max_leaves=12,
)


@given(_DATA)
def test_reads_what_is_written(value):
    assert read(written(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "a: 1\nb: yes\nc: ~\nd: 010\ne: 1.50\nf: 2026-01-01\n",
        "- a\n- b: 1\n  c: 2\n-\n  d: 3\n-\n\n\n  - e\n- - f\n  - g\n-",
        "a:\n- 1\n- 2\nb:\n  - 3\n",
        "a:\n\n  b: c # said\n  'd e': \"f\\tg\\u00e9\"\n  'it''s': x#y\n",
        "a: {b: [1, 'x', {c: d}], e, f: }\ng: [\n  1,\n  2 # two\n]\n",
        "a: |\n  x\n   y\n\n  z\nb: |-\n  q\nc: |+\n  r\n\nd: >\n  s\n  t\n\n  u\n   v\n  w\n",
        "a: x\n  y z\n\n  q\nb: 1",
        'a: "x\n   y\n\n  z \\\n  w"',
        "---\na: 1\n...\nb: 2\n",
        "a: http://x:1/y\n",
        "a: |\n  no end",
        "$set/x:\n- type: A\n",
    ],
)
def test_reads_as_the_library_does(text):
    assert read(text) == parse(text).content


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b: c", "line 1: not YAML: mapping values are not allowed"),
        ("a: 1\n  b: 2", "line 2: not YAML: mapping values are not allowed"),
        ("a:\n  b: 1\n c: 2", "line 3"),
        ("a: &x 1", "line 1: not YAML: an anchor is not read here"),
        ("a: *x", "an alias is not read here"),
        ("a: !!str 1", "a tag is not read here"),
        ("<<: {}", "merge keys are not read here"),
        ("a: [1, 2", "did not find expected ',' or ']'"),
        ('a: "x', "unexpected end of stream"),
        ('a: "\\q"', "unknown escape character"),
        ("a: 'x' y", "unexpected 'y' after a value"),
        ("a: 1\n\tb: 2", "a tab"),
        ("- a\nb: 1", "line 2"),
        ("a: .inf", "no such number"),
        ("[" * 200, "nested deeper"),
    ],
)
def test_what_is_not_read_is_named_with_its_line(text, said):
    with pytest.raises(BadYaml) as caught:
        read(text)
    assert said in str(caught.value)
