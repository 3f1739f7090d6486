"""The garbage collector: background, foreground, orphan; owners that never were; references across namespaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.deletion import garbagecollector as gc
from reconcile.lib.instant import SECOND
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.parts import owned_by, pod, replica_set

RS = "replicasets.apps"


def lab_of(count=2, *, block=True):
    lab = Lab(gc.CONTROLLER)
    owner = lab.put(RS, replica_set("web"))
    for number in range(count):
        lab.put("pods", pod(f"p{number}", owners=(owned_by(owner, block=block),), node=None))
    lab.run()
    return lab, owner


def delete(lab, resource, name, policy):
    options = meta_v1.DeleteOptions(propagation_policy=policy)
    lab.ask(Request(verb="delete", resource=resource, namespace="default", name=name, body=options))
    lab.requests.clear()
    lab.run(60 * SECOND)


def test_nothing_is_asked_while_owners_live():
    lab, _ = lab_of()
    assert lab.requests == []
    found = lab.get("pods", "default/p0")
    lab.put("pods", replace(found, status=pod("x", ready=False).status))
    lab.run()
    assert lab.requests == []


def test_background_takes_dependents_after_their_owner():
    lab, owner = lab_of()
    delete(lab, RS, "web", "Background")
    assert lab.keys("pods") == ()
    deletes = [request for request in lab.requests if request.verb == "delete"]
    assert [request.body.propagation_policy for request in deletes] == ["Background", "Background"]
    assert all(request.body.preconditions.uid for request in deletes)
    # The owner's deletion was seen: nobody has to ask for it.
    assert [request.resource for request in lab.requests if request.verb == "get"] == ["pods", "pods"]
    assert f"{owner.metadata.uid} apps/v1 ReplicaSet default/web" in lab.state.works[0].memory.absent


def test_a_dependent_of_an_owner_that_never_was_goes_when_the_api_server_says_so():
    lab = Lab(gc.CONTROLLER)
    lab.put("pods", pod("p", owners=(owned_by(replica_set("web", uid="gone")),), node=None))
    lab.run()
    assert [(request.verb, request.resource) for request in lab.requests] == [
        ("get", "pods"),
        ("get", RS),
        ("delete", "pods"),
    ]
    assert lab.keys("pods") == ()


def test_an_owner_of_the_same_name_but_another_uid_is_none():
    lab = Lab(gc.CONTROLLER)
    lab.put(RS, replica_set("web", uid="new"))
    lab.put("pods", pod("p", owners=(owned_by(replica_set("web", uid="old")),), node=None))
    lab.run()
    assert lab.keys("pods") == ()


def test_an_owner_that_the_cache_has_not_seen_is_asked_for_and_found():
    lab = Lab(gc.CONTROLLER)
    lab.run()
    lab.late = {RS}
    owner = lab.put(RS, replica_set("web"))
    lab.put("pods", pod("p", owners=(owned_by(owner),), node=None))
    lab.run()
    assert [request.verb for request in lab.requests] == ["get", "get"]
    assert lab.keys("pods") == ("default/p",)


def test_one_living_owner_keeps_it_and_the_dead_reference_goes():
    lab = Lab(gc.CONTROLLER)
    one, other = lab.put(RS, replica_set("one")), lab.put(RS, replica_set("other"))
    lab.put("pods", pod("p", owners=(owned_by(one), owned_by(other)), node=None))
    lab.run()
    delete(lab, RS, "one", "Background")
    (left,) = lab.get("pods", "default/p").metadata.owner_references
    assert left.name == "other"


def test_foreground_keeps_the_owner_until_what_blocks_it_is_gone():
    lab, _ = lab_of()
    held = lab.get("pods", "default/p0")
    lab.put("pods", replace(held, metadata=replace(held.metadata, finalizers=("example.com/hold",))))
    lab.run()
    delete(lab, RS, "web", "Foreground")
    assert lab.keys(RS) == ("default/web",)
    assert lab.keys("pods") == ("default/p0",)
    lab.remove("pods", "default/p0")
    lab.run()
    assert lab.keys(RS) == ()


def test_who_comes_to_an_owner_that_waits_is_looked_at_when_another_dependent_has_gone():
    lab, owner = lab_of()
    for name in ("default/p0", "default/p1"):
        held = lab.get("pods", name)
        lab.put("pods", replace(held, metadata=replace(held.metadata, finalizers=("example.com/hold",))))
    delete(lab, RS, "web", "Foreground")
    lab.put("pods", pod("late", owners=(owned_by(owner),), node=None))
    lab.run(60 * SECOND)
    assert lab.keys("pods") == ("default/late", "default/p0", "default/p1")
    lab.remove("pods", "default/p0")
    lab.run()
    assert lab.keys("pods") == ("default/p1",)


def test_who_comes_to_an_owner_that_waits_for_nobody_else_is_looked_at():
    lab = Lab(gc.CONTROLLER)
    lab.run()
    deleted = {"deletion_timestamp": Time.at(0), "finalizers": ("foregroundDeletion",)}
    metadata = replace(replica_set("web").metadata, **deleted)
    owner = lab.put(RS, replace(replica_set("web"), metadata=metadata))
    lab.deliver(RS)
    # It comes before the owner, which nothing blocked until then, has had its turn.
    lab.put("pods", pod("late", owners=(owned_by(owner),), node=None))
    lab.deliver("pods")
    lab.run()
    assert (lab.keys("pods"), lab.keys(RS)) == ((), ())


def test_foreground_does_not_wait_for_what_does_not_block():
    lab, _ = lab_of(block=False)
    held = lab.get("pods", "default/p0")
    lab.put("pods", replace(held, metadata=replace(held.metadata, finalizers=("example.com/hold",))))
    lab.run()
    delete(lab, RS, "web", "Foreground")
    assert lab.keys(RS) == ()


def test_foreground_goes_down_a_chain():
    lab = Lab(gc.CONTROLLER)
    top = lab.put(RS, replica_set("top"))
    middle = lab.put(RS, replica_set("middle", owners=(owned_by(top),)))
    lab.put("pods", pod("p", owners=(owned_by(middle),), node=None))
    lab.run()
    delete(lab, RS, "top", "Foreground")
    assert lab.keys(RS) == ()
    assert lab.keys("pods") == ()
    gone = [request.name for request in lab.requests if request.verb == "update"]
    assert gone == ["middle", "top"]


def test_a_circle_of_owners_that_wait_for_each_other_is_broken():
    lab = Lab(gc.CONTROLLER)
    one = lab.put(RS, replica_set("one"))
    two = lab.put(RS, replica_set("two", owners=(owned_by(one),)))
    one = lab.get(RS, "default/one")
    lab.put(RS, replace(one, metadata=replace(one.metadata, owner_references=(owned_by(two),))))
    lab.run()
    delete(lab, RS, "one", "Foreground")
    assert lab.keys(RS) == ()


def test_orphan_takes_references_out_and_lets_the_owner_go():
    lab, _ = lab_of()
    delete(lab, RS, "web", "Orphan")
    assert lab.keys(RS) == ()
    assert lab.keys("pods") == ("default/p0", "default/p1")
    assert lab.get("pods", "default/p0").metadata.owner_references is None


def test_an_owner_in_another_namespace_is_absent_and_said_to_be():
    lab = Lab(gc.CONTROLLER)
    owner = lab.put(RS, replica_set("web", namespace="other"))
    lab.put("pods", pod("p", owners=(owned_by(owner),), node=None))
    lab.run()
    assert lab.keys("pods") == ()
    named = f"[apps/v1/ReplicaSet, namespace: default, name: web, uid: {owner.metadata.uid}]"
    assert lab.said() == [("OwnerRefInvalidNamespace", f'ownerRef {named} does not exist in namespace "default"')]


def test_a_cluster_scoped_object_of_a_namespaced_owner_is_left_alone():
    lab = Lab(gc.CONTROLLER)
    owner = lab.put(RS, replica_set("web"))
    metadata = meta_v1.ObjectMeta(name="pv", owner_references=(owned_by(owner),))
    lab.put("persistentvolumes", core_v1.PersistentVolume(metadata=metadata))
    lab.run()
    assert lab.keys("persistentvolumes") == ("pv",)
    assert lab.requests == []


@pytest.mark.parametrize("wrong", [{"name": "other"}, {"kind": "Deployment"}])
def test_a_reference_that_names_an_owner_wrongly_harms_no_other(wrong):
    lab = Lab(gc.CONTROLLER)
    first, owner = lab.put(RS, replica_set("first")), lab.put(RS, replica_set("web"))
    lab.put("pods", pod("misled", owners=(replace(owned_by(owner), **wrong),), node=None))
    lab.put("pods", pod("p", owners=(owned_by(first), owned_by(owner)), node=None))
    lab.run()
    assert lab.keys("pods") == ("default/p",)
    assert lab.said() == []
    delete(lab, RS, "first", "Background")
    assert lab.keys("pods") == ("default/p",)
    assert [each.name for each in lab.get("pods", "default/p").metadata.owner_references] == ["web"]


def test_an_owner_of_an_unknown_kind_keeps_its_dependents():
    lab = Lab(gc.CONTROLLER)
    reference = meta_v1.OwnerReference(api_version="example.com/v1", kind="Widget", name="w", uid="u")
    lab.put("pods", pod("p", owners=(reference,), node=None))
    lab.run(120 * SECOND)
    assert lab.keys("pods") == ("default/p",)


def test_absent_owners_are_forgotten_in_the_end():
    memory = gc.Memory()
    for number in range(gc.MOST_ABSENT + 10):
        memory = gc._absent(memory, f"u{number}")
    assert len(memory.absent) == len(memory.line) == gc.MOST_ABSENT
    assert "u9" not in memory.absent
    assert "u10" in memory.absent


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14),
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["Background", "Foreground"])), max_size=4),
)
def test_what_is_left_is_what_a_dumb_collector_leaves(edges, deletions):
    lab = Lab(gc.CONTROLLER)
    made = {}
    for number in range(8):  # an owner always has a lower number, so there is no circle
        owners = tuple([made[owner] for owner in sorted({a for a, b in edges if b == number and a < b})])
        made[number] = owned_by(lab.put(RS, replica_set(f"r{number}", owners=owners or None)))
    lab.run()
    gone = set()
    for number, policy in deletions:
        if lab.get(RS, f"default/r{number}"):
            delete(lab, RS, f"r{number}", policy)
        gone.add(number)
        for _ in range(8):
            for child in range(8):
                owners = {a for a, b in edges if b == child and a < b}
                if owners and owners <= gone:
                    gone.add(child)
    assert lab.keys(RS) == tuple(f"default/r{number}" for number in range(8) if number not in gone)
    for number in range(8):
        if number not in gone:
            left = {owner.name for owner in lab.get(RS, f"default/r{number}").metadata.owner_references or ()}
            assert not left & {f"r{owner}" for owner in gone}


def test_an_object_being_deleted_is_not_deleted_again():
    lab = Lab(gc.CONTROLLER)
    lab.put("pods", pod("p", owners=(owned_by(replica_set("web", uid="gone")),), deleted=Time.at(START)))
    lab.run()
    assert lab.requests == []
