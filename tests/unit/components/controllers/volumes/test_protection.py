"""Protection: what is in use stays, though it was deleted; what is not in use any more goes."""

from __future__ import annotations

from reconcile.api.scalars import Time
from reconcile.components.controllers.volumes import protection
from reconcile.lib.replacing import replace
from tests.unit.components.controllers.lab import START, Lab
from tests.unit.components.controllers.parts import owned_by
from tests.unit.components.controllers.volumes.things import CLAIMS, VOLUMES, claim, pod, volume

NOW = Time.at(START)


def test_a_claim_goes_with_the_last_pod_that_is_on_a_node_and_names_it():
    lab = Lab(protection.OF_CLAIMS)
    first = lab.put("pods", pod("a", "data"))
    lab.put("pods", pod("b", "data", phase="Succeeded"))
    lab.put("pods", pod("elsewhere", "data", node=None))
    lab.put(CLAIMS, claim(deleted=NOW))
    lab.run()
    assert lab.writes() == []
    lab.remove("pods", "default/a")
    lab.run()
    assert lab.writes() == []  # even one that has finished keeps it
    lab.remove("pods", "default/b")
    lab.run()
    assert lab.get(CLAIMS, "default/data") is None
    assert first is not None


def test_the_cache_of_pods_is_not_trusted():
    lab = Lab(protection.OF_CLAIMS)
    lab.settle()
    lab.late = {"pods"}
    lab.put("pods", pod("a", "data"))
    lab.put(CLAIMS, claim(deleted=NOW))
    lab.run()
    assert [(request.verb, request.resource) for request in lab.requests] == [("list", "pods")]
    assert lab.get(CLAIMS, "default/data") is not None


def test_a_pods_ephemeral_claim_goes_as_soon_as_the_pod_is_told_to_end_now():
    lab = Lab(protection.OF_CLAIMS)
    user = lab.put("pods", pod("a", ephemeral=("e",)))
    lab.put(CLAIMS, claim("a-e", owners=(owned_by(user),), deleted=NOW))
    lab.run()
    assert lab.writes() == []
    ending = replace(user.metadata, deletion_timestamp=NOW, deletion_grace_period_seconds=0)
    lab.put("pods", replace(user, metadata=ending, status=replace(user.status, phase="Failed")))
    lab.run()
    assert lab.get(CLAIMS, "default/a-e") is None


def test_a_claim_without_its_finalizer_is_given_it():
    lab = Lab(protection.OF_CLAIMS)
    lab.put(CLAIMS, claim(finalizers=None))
    lab.run()
    assert lab.get(CLAIMS, "default/data").metadata.finalizers == ("kubernetes.io/pvc-protection",)


def test_a_volume_stays_while_it_is_bound():
    lab = Lab(protection.OF_VOLUMES)
    found = lab.put(VOLUMES, volume("v", phase="Bound", deleted=NOW))
    lab.put(VOLUMES, volume("free", phase="Available", deleted=NOW))
    lab.put(VOLUMES, volume("bare", finalizers=None))
    lab.run()
    assert lab.keys(VOLUMES) == ("bare", "v")
    assert lab.get(VOLUMES, "bare").metadata.finalizers == ("kubernetes.io/pv-protection",)
    lab.put(VOLUMES, replace(found, status=replace(found.status, phase="Released")))
    lab.run()
    assert lab.keys(VOLUMES) == ("bare",)
