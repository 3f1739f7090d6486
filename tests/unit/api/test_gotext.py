"""Plain data as Go prints and writes it."""

import pytest

from reconcile.api import gotext


@pytest.mark.parametrize(
    ("value", "printed", "written"),
    [
        (None, "<nil>", "null"),
        (True, "true", "true"),
        ({"b": [1, "x"], "a": {}}, "map[a:map[] b:[1 x]]", '{"b":[1,"x"],"a":{}}'),
        ("<a&b>\u2028é", "<a&b>\u2028é", '"\\u003ca\\u0026b\\u003e\\u2028é"'),
    ],
)
def test_text(value, printed, written):
    assert (gotext.shown(value), gotext.written(value)) == (printed, written)
