import pytest

from reconcile.lib.given import as_map, as_tuple
from reconcile.lib.mapping import Map


@pytest.mark.parametrize("value", [Map({"a": 1}), {1: 2}, None, 3, (), "text"])
def test_what_is_no_plain_dict_with_text_keys_is_left_to_who_checks_it(value):
    assert as_map(value) is value


@pytest.mark.parametrize("value", [(1, 2), None, 3, "text", {"a": 1}])
def test_what_is_no_list_is_left_to_who_checks_it(value):
    assert as_tuple(value) is value


def test_plain_ones_are_taken():
    assert (as_map({"b": 1, "a": 2}), as_map({}).__class__) == (Map({"a": 2, "b": 1}), Map)
    assert as_tuple([1, [2]]) == (1, [2])
