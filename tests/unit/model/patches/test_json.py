"""JSON patch, as RFC 6902 has it and as upstream takes it."""

import pytest

from reconcile.model.patches import Unpatchable, json

DOCUMENT = {"a": {"b": 1, "": 2}, "l": ["x", "y", "z"], "n": None, "a/b": 3, "m~n": 4}


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        ({"op": "add", "path": "/a/c", "value": 5}, {"a": {"b": 1, "": 2, "c": 5}}),
        ({"op": "add", "path": "/a/b"}, {"a": {"b": None, "": 2}}),
        ({"op": "add", "path": "/l/1", "value": "w"}, {"l": ["x", "w", "y", "z"]}),
        ({"op": "add", "path": "/l/-", "value": "w"}, {"l": ["x", "y", "z", "w"]}),
        ({"op": "add", "path": "/l/-1", "value": "w"}, {"l": ["x", "y", "z", "w"]}),
        ({"op": "add", "path": "/l/-2", "value": "w"}, {"l": ["x", "y", "w", "z"]}),
        ({"op": "remove", "path": "/l/-1"}, {"l": ["x", "y"]}),
        ({"op": "remove", "path": "/a/"}, {"a": {"b": 1}}),
        ({"op": "replace", "path": "/l/00", "value": "w"}, {"l": ["w", "y", "z"]}),
        ({"op": "replace", "path": "/new", "value": 1}, {"new": 1}),
        ({"op": "replace", "path": "/a~1b", "value": 1}, {"a/b": 1}),
        ({"op": "replace", "path": "/m~0n", "value": 1}, {"m~n": 1}),
        ({"op": "replace", "path": "anything/new", "value": 1}, {"new": 1}),
        ({"op": "move", "from": "/l/0", "path": "/l/2"}, {"l": ["y", "z", "x"]}),
        ({"op": "copy", "from": "/a/b", "path": "/c"}, {"c": 1}),
        ({"op": "copy", "from": "/nowhere", "path": "/c"}, {"c": None}),
        ({"op": "test", "path": "/a", "value": {"": 2, "b": 1}}, {}),
        ({"op": "test", "path": "/nowhere", "value": None}, {}),
        ({"op": "test", "path": "", "value": DOCUMENT}, {}),
    ],
)
def test_operations(operation, changes):
    assert json.applied(DOCUMENT, [operation]) == {**DOCUMENT, **changes}


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ({"op": "add", "path": "/x/y", "value": 1}, 'add operation does not apply: doc is missing path: "/x/y"'),
        ({"op": "add", "path": "", "value": 1}, 'add operation does not apply: doc is missing path: ""'),
        ({"op": "add", "path": "/n/y", "value": 1}, 'add operation does not apply: doc is missing path: "/n/y"'),
        ({"op": "add", "path": "/l/5", "value": 1}, "Unable to access invalid index: 5"),
        ({"op": "add", "path": "/l/x", "value": 1}, "value was not a proper array index: 'x'"),
        ({"op": "remove", "path": "/nowhere"}, "Unable to remove nonexistent key: nowhere"),
        ({"op": "remove", "path": "/l/-"}, "value was not a proper array index: '-'"),
        ({"op": "replace", "path": "/l/3", "value": 1}, "Unable to access invalid index: 3"),
        ({"op": "replace", "path": "", "value": 1}, "replace operation value must be object or array"),
        ({"op": "move", "from": "/nowhere", "path": "/c"}, "Unable to remove nonexistent key: nowhere"),
        ({"op": "test", "path": "/a/b", "value": 1.0}, "testing value /a/b failed"),
        ({"op": "test", "path": "/a/b", "value": True}, "testing value /a/b failed"),
        ({"op": "test", "path": "/a/b"}, "testing value /a/b failed"),
        ({"op": "swap", "path": "/a"}, "Unexpected kind: swap"),
        ({"path": "/a"}, "Unexpected kind: unknown"),
        ({"op": "add", "path": 1}, "add operation failed to decode path"),
        (None, "Unexpected kind: unknown"),
    ],
)
def test_what_cannot_be_done(operation, said):
    with pytest.raises(Unpatchable) as refused:
        json.applied(DOCUMENT, [operation])
    assert (str(refused.value), refused.value.sort) == (said, "inapplicable")


def test_all_or_nothing():
    patch = [{"op": "add", "path": "/c", "value": 1}, {"op": "test", "path": "/c", "value": 2}]
    before = {**DOCUMENT}
    with pytest.raises(Unpatchable):
        json.applied(DOCUMENT, patch)
    assert before == DOCUMENT
    assert json.applied(DOCUMENT, [{"op": "replace", "path": "", "value": [1]}]) == [1]


def test_there_are_limits():
    with pytest.raises(Unpatchable, match="is 10000, got 10001") as refused:
        json.applied({}, [{"op": "add", "path": "/a", "value": 1}] * 10_001)
    assert refused.value.sort == "too large"
    with pytest.raises(Unpatchable, match="the sum of the copied values"):
        json.applied({"a": "x" * 1_000_000}, [{"op": "copy", "from": "/a", "path": "/b"}] * 4)
