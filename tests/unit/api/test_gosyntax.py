"""What Go says of text that is no JSON."""

import json

import pytest

from reconcile.api import gosyntax


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "unexpected end of JSON input"),
        (b"  ", "unexpected end of JSON input"),
        (b"{", "unexpected end of JSON input"),
        (b'{"a"', "unexpected end of JSON input"),
        (b'{"a":', "unexpected end of JSON input"),
        (b'{"a":1,', "unexpected end of JSON input"),
        (b'"a', "unexpected end of JSON input"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"{a: 1}", "invalid character 'a' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"{}x", "invalid character 'x' after top-level value"),
        (b'"a\nb"', "invalid character '\\n' in string literal"),
        (b'"\\x"', "invalid character 'x' in string escape code"),
        (b'"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
        (b"1e+", "unexpected end of JSON input"),
        (b"1ex", "invalid character 'x' in exponent of numeric literal"),
        (b"trux", "invalid character 'x' in literal true (expecting 'e')"),
        (b"nul", "unexpected end of JSON input"),
        (b"NaN", "invalid character 'N' looking for beginning of value"),
        (b"'a'", "invalid character '\\'' looking for beginning of value"),
        (b"\xef\xbb\xbf{}", "invalid character '\u00ef' looking for beginning of value"),
        (b"\x00", "invalid character '\\x00' looking for beginning of value"),
        (b"[" * 20_000, "exceeded max depth"),
    ],
)
def test_what_is_wrong_is_said_as_go_says_it(text, said):
    with pytest.raises(gosyntax.SyntaxFault) as caught:
        gosyntax.pairs_of(text)
    assert str(caught.value) == said


def test_numbers_and_repeated_keys_stay_as_they_are_written():
    found = gosyntax.pairs_of(b'{"a":1.0,"a":[1e3,"x"]}')
    assert found == [("a", "1.0"), ("a", ["1e3", "x"])]
    assert isinstance(found[0][1], gosyntax.Literal)
    assert not isinstance(found[1][1][1], gosyntax.Literal)


def test_bytes_that_are_no_text_become_the_replacement_each():
    assert gosyntax.pairs_of(b'"\xe2\x82"') == "\ufffd\ufffd"
    assert gosyntax.pairs_of(b'"\\ud800"') == "\ufffd"


@pytest.mark.parametrize("value", [None, True, [], {}, {"a": [1, {"b": "c\u2028\\"}]}, -1.5e-7, "\u0000", [[[]]]])
def test_what_is_json_is_found_to_be(value):
    gosyntax.check(json.dumps(value, indent=1).encode())
