import pytest

from reconcile.lib.jq import BadQuery, JqError, compiled

POD = {
    "metadata": {"annotations": {"a.b/c": "1"}, "finalizers": ["f", "g"], "labels": {"x-y": "z"}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}], "n": 3},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (".", [POD]),
        (".metadata.name", [None]),
        ('.metadata.annotations["a.b/c"]', ["1"]),
        ('.metadata.labels."x-y"', ["z"]),
        (".metadata.finalizers.[]", ["f", "g"]),
        (".metadata.finalizers[]", ["f", "g"]),
        (".metadata.finalizers[-1], .metadata.finalizers[0:1]", ["g", ["f"]]),
        ('.status.conditions.[] | select( .type == "Ready" ) | .status', ["True"]),
        ('.status.conditions[] | select(.type | startswith("O")).status', ["False"]),
        ("[.status.conditions[].type] | length", [2]),
        ('.none // "d"', ["d"]),
        (".none.[]?", []),
        ("if .status.n > 2 then 1 elif true then 2 else 3 end", [1]),
        (".status.n * 2 + 1 - 4 / 2 % 2", [7]),
        ("(.status.n == 3 and (.none | not)) or false", [True]),
        ('.status.conditions | map(.type) | join(",")', ["Ready,Other"]),
        ("[1, [2], []] | any(. == [2]), all", [True, True]),
        ('[.metadata.labels | has("x-y", "q")]', [[True, False]]),
        ('"abc" | test("^a"), contains("bc"), ascii_upcase, ltrimstr("a")', [True, True, "ABC", "bc"]),
        ('"7" | tonumber, (tonumber | tostring)', [7, "7"]),
        ('[3, null, "a", false] | sort, min, max, first, last', [[None, False, 3, "a"], None, "a", 3, False]),
        ("[1, 2] + [3] | add", [6]),
    ],
)
def test_finds(expression, expected):
    assert compiled(expression)(POD) == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "it ends too early"),
        (".a |", "it ends too early"),
        (".a b", "unexpected 'b'"),
        (".a[", "it ends too early"),
        (". as $x | $x", "unexpected '$'"),
        ("reduce .[] as x (0; 1)", "function not defined: reduce/0"),
        ("frobnicate(.)", "function not defined: frobnicate/1"),
        ('"a\\(.b)"', "text with an expression in it"),
        ("{} | keys", "unexpected '{'"),
        ("(" * 200 + "1" + ")" * 200, "nested deeper"),
    ],
)
def test_what_is_not_read_is_named(expression, said):
    with pytest.raises(BadQuery) as caught:
        compiled(expression)
    assert said in str(caught.value)
    assert repr(expression) in str(caught.value)


@pytest.mark.parametrize(
    "expression", [".status.n[]", ".none[]", ".status.n.x", '1 + "a"', "1 / 0", '"a" | length | keys']
)
def test_what_comes_to_an_error(expression):
    with pytest.raises(JqError):
        compiled(expression)(POD)
