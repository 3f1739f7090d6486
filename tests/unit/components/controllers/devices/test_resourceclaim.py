"""Claims of devices, in a whole cluster; what a scheduler would write is written by hand."""

from __future__ import annotations

from reconcile.driver import client
from reconcile.model.requests import Request
from tests.unit.components.controllers.real import Real

DEVICES = {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu"}}]}}
ALLOCATION = {"devices": {"results": [{"request": "gpu", "driver": "d.example.com", "pool": "p", "device": "g0"}]}}
FINALIZER = "resource.kubernetes.io/delete-protection"


def template(name="gpu"):
    spec = {"metadata": {"labels": {"team": "a"}}, "spec": DEVICES}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": name},
        "spec": spec,
    }


def claim(name="mine"):
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": name}, "spec": DEVICES}


def pod(name="p", image="work", node=None, **entry):
    spec = {
        "containers": [{"name": "c", "image": image}],
        "resourceClaims": [{"name": "g", **entry}],
        "nodeSelector": {"no": "node"},
        "restartPolicy": "Never",
    }
    if node:
        spec = {**spec, "nodeName": node, "nodeSelector": {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def allocated(real, name, *, finalizers=(FINALIZER,), reserved=None, allocation=ALLOCATION):
    """Write what a scheduler would."""
    real.patch("resourceclaims", name, {"metadata": {"finalizers": list(finalizers)}})
    status = {"allocation": allocation}
    if reserved is not None:
        uid = real.get("pods", reserved)["metadata"]["uid"]
        status["reservedFor"] = [{"resource": "pods", "name": reserved, "uid": uid}]
    request = Request(
        verb="patch",
        resource="resourceclaims.resource.k8s.io",
        namespace="default",
        name=name,
        subresource="status",
        body={"status": status},
    )
    response = client.asked(real.machine, request)
    assert response.ok, response.body


def claims(real):
    return real.all("resourceclaims")


def test_a_template_becomes_a_claim_of_the_pod():
    real = Real()
    real.create(template())
    real.create(pod(resourceClaimTemplateName="gpu"))
    real.run(1)
    (made,) = claims(real)
    assert made["metadata"]["name"].startswith("p-g-")
    assert made["metadata"]["labels"] == {"team": "a"}
    assert made["metadata"]["annotations"] == {"resource.kubernetes.io/pod-claim-name": "g"}
    assert [(each["kind"], each["name"]) for each in made["metadata"]["ownerReferences"]] == [("Pod", "p")]
    noted = real.get("pods", "p")["status"]["resourceClaimStatuses"]
    assert noted == [{"name": "g", "resourceClaimName": made["metadata"]["name"]}]


def test_a_template_that_is_missing_is_told_and_taken_up_when_it_comes():
    real = Real()
    real.create(claim())
    real.create(pod(resourceClaimTemplateName="gpu"))
    real.run(1)
    why = 'resource claim template "gpu": resourceclaimtemplate.resource.k8s.io "gpu" not found'
    assert ("FailedResourceClaimCreation", f"PodResourceClaim g: {why}") in real.events("Pod")
    real.create(template())
    real.run(1)
    assert len(claims(real)) == 2


def test_a_claim_that_somebody_deletes_is_made_again():
    real = Real()
    real.create(template())
    real.create(pod(resourceClaimTemplateName="gpu"))
    real.run(1)
    first = claims(real)[0]["metadata"]["uid"]
    real.delete("resourceclaims", claims(real)[0]["metadata"]["name"])
    real.run(2)
    assert len(claims(real)) == 1
    assert claims(real)[0]["metadata"]["uid"] != first


def test_a_pod_that_was_bound_by_hand_has_its_claim_reserved():
    real = Real()
    real.create(claim())
    allocated(real, "mine")
    real.create(pod(node="node-1", resourceClaimName="mine"))
    real.run(1)
    reserved = real.get("resourceclaims", "mine")["status"]["reservedFor"]
    assert [(each["resource"], each["name"]) for each in reserved] == [("pods", "p")]


def test_a_claim_that_nobody_uses_any_more_loses_its_devices():
    real = Real()
    real.create(claim())
    real.create(pod(resourceClaimName="mine"))
    allocated(real, "mine", reserved="p")
    real.run(1)
    assert "allocation" in real.get("resourceclaims", "mine")["status"]
    real.delete("pods", "p")
    real.run(1)
    found = real.get("resourceclaims", "mine")
    assert not found.get("status", {}).get("allocation")
    assert not found.get("status", {}).get("reservedFor")
    assert "finalizers" not in found["metadata"]


def test_the_claim_of_a_pod_that_has_ended_goes():
    real = Real()
    real.create(template())
    real.create(pod(image="done", node="node-1", resourceClaimTemplateName="gpu"))
    real.run(1)
    allocated(real, claims(real)[0]["metadata"]["name"], allocation={})
    real.run(70)  # the kubelet looks at the claim again a minute later
    assert real.get("pods", "p")["status"]["phase"] == "Succeeded"
    assert claims(real) == []


def test_a_claim_in_use_is_not_deleted_before_its_pod_is_gone():
    real = Real()
    real.create(claim())
    real.create(pod(resourceClaimName="mine"))
    allocated(real, "mine", reserved="p")
    real.delete("resourceclaims", "mine")
    real.run(5)
    assert real.get("resourceclaims", "mine")["metadata"]["deletionTimestamp"]
    real.delete("pods", "p")
    real.run(2)
    assert real.get("resourceclaims", "mine") is None
