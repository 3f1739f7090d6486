import json
import struct
from decimal import Decimal
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.lib.digest import Chain, canonical, digest
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map

# RFC 8785, appendix B: the bits of a double and its text.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_floats_are_written_as_the_rfc_shows(bits, text):
    assert canonical(struct.unpack(">d", bytes.fromhex(bits))[0]) == text


def test_the_rfcs_document():
    document = json.loads(
        r"""
        {"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
         "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
         "literals": [null, true, false]}
        """
    )
    assert canonical(document) == (
        r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        r'"string":"€$\u000f\nA'
        r"'"
        r'B\"\\\\\"/"}'
    )


def test_the_rfcs_order_of_keys():
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(canonical(dict.fromkeys(keys)))) == [
        "\r",
        "1",
        "\u0080",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]


def test_integers_are_exact():
    assert canonical([2**53 + 1, -(10**30), 10**6000]) == f"[9007199254740993,-1{'0' * 30},1{'0' * 6000}]"
    assert canonical(IntEnum("Color", ["RED"]).RED) == "1"
    assert canonical(True) == "true"


def test_a_map_a_dict_a_tuple_and_a_list_are_the_same_json():
    assert canonical(Map({"a": (1, 2)})) == canonical({"a": [1, 2]}) == '{"a":[1,2]}'


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {"b": float("nan")}]}, "a[1].b: JSON knows no such number: nan"),
        ([float("-inf")], "[0]: JSON knows no such number: -inf"),
        ({"a": {1: 2}}, "a: a JSON object's keys are text, not 1"),
        ({1: 2, "a": 3}, "at the root: a JSON object's keys are text, not 1"),
        ({"a": {2}}, "a: not JSON: {2}"),
        ({"a": "\ud800"}, "a: a lone surrogate is no text: '\\ud800'"),
        (b"a", "at the root: not JSON: b'a'"),
    ],
)
def test_what_is_no_json_is_refused_with_its_path(value, message):
    with pytest.raises(ReconcileError) as refused:
        canonical(value)
    assert str(refused.value) == message


def test_what_has_no_bottom_is_refused():
    loop: list = []
    loop.append(loop)
    with pytest.raises(ReconcileError, match="too deep"):
        canonical(loop)


def test_a_digest_is_the_sha256_of_the_text():
    # echo -n '{"a":1}' | sha256sum
    assert digest({"a": 1}) == "sha256:015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.dictionaries(st.text(), inner).map(Map),
    max_leaves=20,
)


@given(JSON)
def test_agrees_with_the_dumb_one(value):
    assert canonical(value) == dumb(value)


@given(JSON)
def test_reads_back_as_the_same_value_and_writes_the_same_again(value):
    text = canonical(value)
    back = json.loads(
        text, parse_int=float
    )  # as RFC 8785 says; the digits of a whole float beyond 2**53 are not its own
    assert back == json.loads(json.dumps(value), parse_int=float)
    if not any(abs(number) > 2**53 for number in _integers(value)):
        assert canonical(back) == text


def _integers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for entry in value for number in _integers(entry)]
    return [value] if isinstance(value, int) else []


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back_as_itself(value):
    assert float(canonical(value)) == value


def dumb(value):
    """Canonical JSON with nothing in mind but the RFC's words."""
    if isinstance(value, dict):
        pairs = sorted(([*struct.iter_unpack(">H", key.encode("utf-16-be"))], key) for key in value)
        return "{" + ",".join(dumb(key) + ":" + dumb(value[key]) for _, key in pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(dumb, value)) + "]"
    if isinstance(value, str):
        short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
        return '"' + "".join(short.get(c) or (c if c >= " " else f"\\u{ord(c):04x}") for c in value) + '"'
    if isinstance(value, float):
        return dumb_number(value)
    return (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or value is True or value is False
        else str(value)
    )


def dumb_number(value):
    """ECMAScript's Number::toString, step by step, with its names s, k and n."""
    if value == 0:
        return "0"
    if value < 0:
        return "-" + dumb_number(-value)
    number = Decimal(repr(value)).normalize()
    s = "".join(map(str, number.as_tuple().digits))
    k, n = len(s), len(s) + number.as_tuple().exponent
    if k <= n <= 21:
        return s + "0" * (n - k)
    if 0 < n <= 21:
        return s[:n] + "." + s[n:]
    if -6 < n <= 0:
        return "0." + "0" * -n + s
    sign = "+" if n - 1 > 0 else "-"
    return s[0] + ("." + s[1:] if k > 1 else "") + "e" + sign + str(abs(n - 1))


def test_a_chain_tells_every_change():
    lines = [b"one", b"two", b"three"]

    def chained(lines):
        chain = Chain()
        for line in lines:
            chain = chain.add(line)
        return chain

    whole = chained(lines)
    assert str(whole) == whole.text
    assert len(whole.text) == 16
    assert whole == chained(lines)
    others = [lines[:2], lines[1:], [b"two", b"one", b"three"], [b"one", b"twothree"], [b"one", b"tw0", b"three"]]
    assert len({chained(other).text for other in [lines, *others]}) == 6
