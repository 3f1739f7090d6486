"""Policies are told that they were looked at."""

from __future__ import annotations

from tests.unit.components.controllers.real import Real

POLICY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "small"},
    "spec": {
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
            ]
        },
        "validations": [{"expression": "size(object.data) < 10"}],
    },
}


def status(real):
    (policy,) = real.machine.store.table("validatingadmissionpolicies.admissionregistration.k8s.io").values()
    return policy.metadata.generation, policy.status.observed_generation


def test_each_generation_is_observed():
    real = Real()
    real.create(POLICY)
    real.run(1)
    assert status(real) == (1, 1)
    real.patch("validatingadmissionpolicies", "small", {"spec": {"failurePolicy": "Ignore"}})
    real.run(1)
    assert status(real) == (2, 2)
