"""Ephemeral volumes: a claim for each, owned by its pod."""

from __future__ import annotations

from reconcile.components.controllers.volumes import ephemeral
from tests.unit.components.controllers.lab import Lab
from tests.unit.components.controllers.volumes.things import CLAIMS, claim, pod


def test_a_pod_gets_a_claim_for_each_of_its_ephemeral_volumes():
    lab = Lab(ephemeral.CONTROLLER)
    made = lab.put("pods", pod("p", "data", ephemeral=("a", "b")))
    lab.run()
    assert lab.keys(CLAIMS) == ("default/p-a", "default/p-b")
    found = lab.get(CLAIMS, "default/p-a")
    (owner,) = found.metadata.owner_references
    assert (owner.kind, owner.uid) == ("Pod", made.metadata.uid)
    assert (owner.controller, owner.block_owner_deletion) == (True, True)
    assert found.metadata.labels["app"] == "x"
    assert found.spec == claim().spec


def test_one_that_is_deleted_is_made_again():
    lab = Lab(ephemeral.CONTROLLER)
    lab.put("pods", pod("p", ephemeral=("a",)))
    lab.run()
    lab.remove(CLAIMS, "default/p-a")
    lab.run()
    assert lab.keys(CLAIMS) == ("default/p-a",)


def test_a_claim_of_that_name_that_is_not_the_pods_is_left_alone():
    lab = Lab(ephemeral.CONTROLLER)
    lab.put(CLAIMS, claim("p-a"))
    lab.settle()
    lab.put("pods", pod("p", ephemeral=("a",)))
    lab.settle()
    why = "ephemeral volume a: PVC default/p-a was not created for pod default/p (pod is not owner)"
    assert lab.said() == [("FailedBinding", why)]
    assert lab.writes() == []


def test_a_pod_without_them_is_none_of_its_business():
    lab = Lab(ephemeral.CONTROLLER)
    lab.put("pods", pod("p", "data"))
    lab.run()
    assert lab.requests == []
