"""Conditions: set, find, remove."""

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.lib.mapping import Map
from reconcile.model import conditions


def ready(status, **others):
    return core_v1.PodCondition(type="Ready", status=status, **others)


def test_transition_time_moves_with_the_status_only():
    one = conditions.set(None, ready("False"), 10**9)
    assert one == (ready("False", last_transition_time=Time(10**9)),)
    two = conditions.set(one, ready("False", reason="X"), 2 * 10**9)
    assert two == (ready("False", reason="X", last_transition_time=Time(10**9)),)
    three = conditions.set(two, ready("True"), 3 * 10**9)
    assert three == (ready("True", last_transition_time=Time(3 * 10**9)),)
    assert conditions.is_true(three, "Ready")


def test_what_changes_nothing_gives_the_same():
    one = conditions.set(None, ready("True"), 10**9)
    assert conditions.set(one, ready("True"), 2 * 10**9) is one
    assert conditions.remove(one, "Other") is one
    assert conditions.remove(one, "Ready") == ()
    assert conditions.find(one, "Other") is None


def test_the_order_in_a_strategic_patch_has_a_new_condition_last():
    ready, disk = core_v1.NodeCondition(type="Ready", status="True"), core_v1.NodeCondition(type="Disk", status="True")
    assert conditions.order_with((ready, disk), "Ready") == (Map({"type": "Ready"}), Map({"type": "Disk"}))
    assert conditions.order_with((ready,), "Disk") == (Map({"type": "Ready"}), Map({"type": "Disk"}))
    assert conditions.order_with(None, "Disk") == (Map({"type": "Disk"}),)
