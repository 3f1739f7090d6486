"""CEL: values, errors, and what is wrong with a text before it is run."""

from __future__ import annotations

from typing import Any

import pytest

from reconcile.lib import cel
from reconcile.lib.cel import CelError, Span, Timestamp, Type, TypeValue, Uint, evaluating, list_of
from reconcile.lib.cel.types import INT, STRING

LIBRARY = cel.merged(cel.STANDARD, cel.EXTENSIONS)
SELF = {"a": "xyz", "n": 3, "list": [7, 8], "items": [{"v": 2}, {"v": 0}], "yes": True, "map": {"k": "v"}}


def evaluate(text: str, steps: int = 10_000, **variables: Any) -> Any:
    node, issues = cel.parsed(text)
    assert node is not None, cel.shown(issues, text)
    return evaluating.evaluate(node, {"self": SELF, **variables}, LIBRARY, steps)[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-5 / 2", -2),
        ("-5 % 2", -1),
        ("7 - 2 - 1", 4),
        ("1.5 + 0.25", 1.75),
        ("1u + 2u", Uint(3)),
        ("0x10", 16),
        ("'a' + \"b\" + '''c'''", "abc"),
        (r"r'\d' + '\x41\u00e9\n'", "\\dAé\n"),
        ("b'abc'", b"abc"),
        ("self.a.startsWith('x') && self.n > 2", True),
        ("self.n == 3 ? 'three' : 'other'", "three"),
        ("!self.yes || !!self.yes", True),
        ("1 in [1, 2] && 'k' in self.map && !(3 in [1, 2])", True),
        ("has(self.a) && !has(self.none)", True),
        ("self.list[1]", 8),
        ("self['a']", "xyz"),
        ("self.?none.orValue('d')", "d"),
        ("self[?'a'].value()", "xyz"),
        ("self.?map.k.hasValue()", True),
        ("optional.of(1).optMap(x, x + 1).value()", 2),
        ("{?'a': self.?none, 'b': 1}", {"b": 1}),
        ("[?self.?a, 'c']", ("xyz", "c")),
        ("self.items.all(i, i.v >= 0)", True),
        ("self.items.exists_one(i, i.v == 2)", True),
        ("self.items.map(i, i.v > 1, i.v * 2)", (4,)),
        ("self.list.filter(x, x > 7)", (8,)),
        ("self.list.exists(i, v, i == 1 && v == 8)", True),
        ("self.map.transformMap(k, v, k + v)", {"k": "kv"}),
        ("self.list.transformList(i, v, i + v)", (7, 9)),
        ("cel.bind(x, 3, x * x)", 9),
        ("size('héllo') + [1].size()", 6),
        ("type(1) == int && type('a') != int", True),
        ("dyn(1) == 1.0 && 1 < 1.5", True),
        ("int('42') + int(2.9)", 44),
        ("string(1.5) + string(true) + string(7u)", "1.5true7"),
        ("duration('1h') + duration('1m') == duration('61m')", True),
        ("timestamp('2024-02-29T12:00:00Z') + duration('12h') == timestamp('2024-03-01T00:00:00Z')", True),
        ("timestamp('2024-02-29T23:30:00Z').getDate('+01:00')", 1),
        ("'abc'.matches('^a.c$')", True),
        ("'a,b,c'.split(',', 2)", ("a", "b,c")),
        ("'%s is %d of %.1f: %s'.format(['x', 3, 2.0, [1, 'a']])", "x is 3 of 2.0: [1, a]"),
        ("'tacocat'.substring(4) + 'ab'.charAt(1)", "catb"),
        ("[3, 1, 2].sort()", (1, 2, 3)),
        ("[[1], [2, [3]]].flatten()", (1, 2, (3,))),
        ("sets.contains([1, 2], [1]) && !sets.intersects([1], [2])", True),
        ("self.none == 1 || true", True),
        ("self.items.exists(i, i.w == 1 || i.v == 2)", True),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("self.none", "no such key: none"),
        ("self['none']", "no such key: none"),
        ("10 / (self.n - 3)", "division by zero"),
        ("10 % 0", "modulus by zero"),
        ("self.list[2]", "index out of bounds: 2"),
        ("9223372036854775807 + 1", "integer overflow"),
        ("0u - 1u", "unsigned integer overflow"),
        ("self.a + self.n", "no such overload"),
        ("false || self.none", "no such key: none"),
        ("optional.none().value()", "optional.none() dereference"),
        ("'ab'.substring(2, 1)", "invalid substring range. start: 2, end: 1"),
        ("lists.range(100).map(i, lists.range(100).map(j, i * j))", evaluating.TOO_DEAR),
    ],
)
def test_errors(text: str, error: str) -> None:
    with pytest.raises(CelError, match="^" + error.replace("(", r"\(").replace(")", r"\)")):
        evaluate(text)


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("self.nope", 4, "undefined field 'nope'"),
        ("nope == 1", 0, "undeclared reference to 'nope' (in container '')"),
        ("foo(1)", 3, "undeclared reference to 'foo' (in container '')"),
        ("1 + 'a'", 2, "found no matching overload for '_+_' applied to '(int, string)'"),
        ("'a'.startsWith(1)", 14, "found no matching overload for 'startsWith' applied to 'string.(int)'"),
        ("[1, 'a']", 4, "expected type 'int' but found 'string'"),
        ("has(self)", 4, "invalid argument to has() macro"),
        (
            "self.n.all(x, true)",
            4,
            "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
        ),
        ("self.list.all(x, x)", 17, "expected type 'bool' but found 'int'"),
        ("self.a.b", 6, "type 'string' does not support field selection"),
        ("(1", 2, "Syntax error: missing ')' at '<EOF>'"),
        ("self.a == 'x", 10, "Syntax error: token recognition error at: ''x'"),
        ("self.a.matches('(')", 15, "invalid matches argument"),
        ("duration('x') == duration('1s')", 9, "invalid duration argument"),
        ("1 2", 2, "Syntax error: extraneous input '2' expecting <EOF>"),
        ("1 2 3", 2, "Syntax error: mismatched input '2' expecting <EOF>"),
        ("[1 2]", 3, "Syntax error: extraneous input '2' expecting {']', ','}"),
        ("[1,2", 4, "Syntax error: mismatched input '<EOF>' expecting {']', ','}"),
        ("true ? 1", 8, "Syntax error: mismatched input '<EOF>' expecting ':'"),
        ("true & ", 5, "Syntax error: token recognition error at: '& '"),
        ("self == null.a..b", 15, "Syntax error: no viable alternative at input '..'"),
        ("self. > 1", 6, "Syntax error: no viable alternative at input '. >'"),
    ],
)
def test_compile_errors(text: str, at: int, message: str) -> None:
    kind = Type("object", fields={"a": STRING, "n": INT, "list": list_of(INT)})
    program = cel.compiled(text, {"self": kind}, LIBRARY)
    assert program.errors.split("\n")[0] == f"ERROR: <input>:1:{at + 1}: {message}"


def test_errors_show_the_line_and_a_mark() -> None:
    program = cel.compiled("true &&\n  nope", {}, LIBRARY)
    assert program.errors == ("ERROR: <input>:2:3: undeclared reference to 'nope' (in container '')\n |   nope\n | ..^")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("self.map(x, string(x))", "list(string)"),
        ("{'a': [1]}", "map(string, list(int))"),
        ("optional.of('a').orValue('b')", "string"),
        ("dyn('a')", "dyn"),
        ("[] + [1]", "list(int)"),
    ],
)
def test_types(text: str, kind: str) -> None:
    assert str(cel.compiled(text, {"self": list_of(INT)}, LIBRARY).result) == kind


def test_names_that_are_read() -> None:
    node, _ = cel.parsed("self.a == oldSelf.b && [1].all(x, x > 0)")
    assert {"self", "oldSelf"} <= cel.names_in(node)
    assert "b" not in cel.names_in(node)


def test_values_know_their_types() -> None:
    assert cel.type_name({}) == "map"
    assert [cel.type_name(value) for value in (1, True, 1.0, Uint(1), Timestamp(0), Span(0), TypeValue("int"))] == [
        *("int", "bool", "double", "uint", "timestamp", "duration", "type")
    ]
