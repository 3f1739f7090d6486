"""What a value has and what became of it, where a list has one item twice; sets as clients send them."""

import pytest

from reconcile.api.core_v1 import PodSpec
from reconcile.model.fields import sets, typed
from reconcile.model.fields.shapes import shape_of

SHAPE = shape_of(PodSpec)
CONTAINER = ("f:containers", 'k:{"name":"a"}')
ENV = (*CONTAINER, "f:env")
ITEM = (*ENV, 'k:{"name":"A"}')


def spec(*env):
    return {"containers": [{"name": "a", "env": list(env)}]}


def row(value):
    return {"name": "A", "value": value}


ONE, TWO, OTHERS = spec(row("1")), spec(row("1"), row("2")), spec(row("1"), row("3"))


@pytest.mark.parametrize(
    ("old", "new", "added", "modified", "removed"),
    [
        (ONE, ONE, [], [], []),
        (TWO, TWO, [], [], []),
        (TWO, OTHERS, [], [ITEM], []),
        (ONE, TWO, [ITEM], [], [ITEM, (*ITEM, "f:name"), (*ITEM, "f:value")]),
        (TWO, ONE, [ITEM, (*ITEM, "f:name"), (*ITEM, "f:value")], [], [ITEM]),
    ],
)
def test_items_of_one_key_are_one_field(old, new, added, modified, removed):
    change = typed.compared(SHAPE, old, new)
    found = (change.added, change.modified, change.removed)
    assert [sorted(sets.paths(fields)) for fields in found] == [sorted(added), sorted(modified), sorted(removed)]


def test_of_items_of_one_key_nobody_owns_the_parts():
    owned = set(sets.paths(typed.fields_in(SHAPE, TWO)))
    assert ITEM in owned
    assert (*ITEM, "f:name") not in owned


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"f:a": {".": {}, "f:b": {}}}, {"f:a": {".": {}, "f:b": {}}}),
        ({'k:{"b":1,"a":2}': None, "v: 3 ": {}, "i:-1": {}}, {'k:{"a":2,"b":1}': {}, "v:3": {}, "i:-1": {}}),
        ({"x:new": 1, "f:a": {}}, {"f:a": {}}),
        ({"f:a": []}, None),
        ({"f:a": "b"}, None),
        ({"a": {}}, None),
        ({"k:[]": {}}, None),
        ({"v:{": {}}, None),
        ({"i:a": {}}, None),
    ],
)
def test_a_set_as_a_client_sends_it(data, found):
    assert sets.parsed(data) == found
