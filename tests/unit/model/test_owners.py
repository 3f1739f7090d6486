"""Owners: who an object belongs to."""

from reconcile.api import apps_v1, core_v1, meta_v1
from reconcile.model import owners


def owned(*references):
    return core_v1.Pod(metadata=meta_v1.ObjectMeta(name="p", owner_references=references or None))


def test_the_controller_is_the_one_owner_that_manages():
    owner = apps_v1.ReplicaSet(metadata=meta_v1.ObjectMeta(name="web", uid="u"))
    manages, watches = owners.owner_reference(owner), owners.owner_reference(owner, controller=False)
    assert manages == meta_v1.OwnerReference(
        api_version="apps/v1", kind="ReplicaSet", name="web", uid="u", controller=True, block_owner_deletion=True
    )
    assert (watches.controller, watches.block_owner_deletion) == (None, None)
    assert owners.controller_of(owned()) is None
    assert owners.controller_of(owned(watches)) is None
    assert owners.controller_of(owned(watches, manages)) is manages
    assert owners.is_controlled_by(owned(manages), owner)
    again = apps_v1.ReplicaSet(metadata=meta_v1.ObjectMeta(name="web", uid="another"))
    assert not owners.is_controlled_by(owned(manages), again)


def test_repeated_references_are_left_out():
    first, second = [meta_v1.OwnerReference(api_version="v1", kind="Pod", name="x", uid=uid) for uid in "12"]
    assert owners.without_repeats((first, second, first)) == ((first, second), ("1",))
    assert owners.without_repeats((first,)) == ((first,), ())
