import pytest

from reconcile.api.text import MalformedText, loads_json


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ('{"a":1,\n "b":[1,{"a":2,"a":3}]}', 2, 16, 'duplicate key "a"'),
        ('{"x":{"a":1},"a":{"x":"a"},"y":[{"a":1}],\n"a":2}', 2, 1, 'duplicate key "a"'),
        (b'{"a":\n\xff}', 2, 1, "not UTF-8: byte 0xff"),
        ('{"a":1e999}', 1, 6, "a number beyond a double: 1e999"),
        ('{"a":\n[18446744073709551616]}', 2, 2, "a number beyond 64 bits: 18446744073709551616"),
        ("[" + "9" * 5000 + "]", 1, 2, "a number beyond 64 bits: " + "9" * 40 + "..."),
        ('["NaN",NaN]', 1, 8, "JSON knows no NaN"),
        ("[-Infinity]", 1, 2, "JSON knows no -Infinity"),
        ('{"a":1', 1, 7, "not JSON: Expecting ',' delimiter"),
        ("[1] x", 1, 5, "not JSON: Extra data"),
        ("", 1, 1, "not JSON: Expecting value"),
        ('{"a":"b\tc"}', 1, 8, "not JSON: Invalid control character at"),
        ("[" * 100_000, 1, 1, "nested deeper than 200 levels"),
        ("[" * 300 + "]" * 300, 1, 1, "nested deeper than 200 levels"),
    ],
)
def test_each_refusal_says_where(text, line, column, reason):
    with pytest.raises(MalformedText) as caught:
        loads_json(text)
    assert (caught.value.line, caught.value.column, caught.value.reason) == (line, column, reason)
    assert str(caught.value) == f"line {line}, column {column}: {reason}"


def test_good_text_is_read_as_it_stands():
    assert loads_json(b'{"a":[1,2.5,true,null,"\xc3\xa9"],"b":18446744073709551615}') == {
        "a": [1, 2.5, True, None, "é"],
        "b": 18446744073709551615,
    }
    assert loads_json('{"a":1,"b":{"a":1}}') == {"a": 1, "b": {"a": 1}}


def test_an_unpaired_surrogate_is_replaced_as_go_does():
    assert loads_json('["\\ud800x","\\ud83d\\ude00"]') == ["\ufffdx", "\U0001f600"]
