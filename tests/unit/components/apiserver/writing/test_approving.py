"""Approval of certificate signing requests: conditions and nothing else."""

import pytest

from reconcile.api import certificates_v1, meta_v1
from reconcile.lib.replacing import replace

REQUESTS = "certificatesigningrequests.certificates.k8s.io"
ASKED = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlHTE1EOENBUUF3RERFS01BZ0dBMVVFQXd3QmNqQXFNQVVHQXl0"
    "bGNBTWhBRHRxSjd6T3RxUXRZcU9vMENwdgpEWE5sTWhWM0hlSkRwanJBU0tHTFdkb3BvQUF3QlFZREsyVndBMEVBenBDeDRtQjFh"
    "RmNlT3VDZVh1bTdyWnhOCmt1QTZLRlFLMndESDZHZFVIZ1BuaGZ4MjU4cFNiZThiVVQwdW9KNHp4UmxpMC9YUmlobVMxWm9VaVpo"
    "c0RRPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg=="
)
"""A request in PEM and base64: CN=r, signed by the Ed25519 key of 32 zero bytes."""


@pytest.fixture
def made(server):
    spec = certificates_v1.CertificateSigningRequestSpec(request=ASKED, signer_name="e.x/s", usages=("client auth",))
    body = certificates_v1.CertificateSigningRequest(metadata=meta_v1.ObjectMeta(name="r"), spec=spec)
    return server.made(REQUESTS, body, "")


def condition(kind, status="True"):
    return certificates_v1.CertificateSigningRequestCondition(type=kind, status=status)


def decided(server, made, *conditions):
    status = certificates_v1.CertificateSigningRequestStatus(conditions=conditions, certificate="eA==")
    return server("update", REQUESTS, name="r", body=replace(made, status=status), subresource="approval")


def test_a_request_is_approved(server, made):
    approved = decided(server, made, condition("Approved")).body
    (found,) = approved.status.conditions
    assert (found.type, approved.status.certificate, approved.spec) == ("Approved", None, made.spec)
    assert found.last_update_time == found.last_transition_time
    again = server("patch", REQUESTS, name="r", body={"metadata": {"labels": {"a": "b"}}}, subresource="approval").body
    assert (again.status.conditions, again.metadata.labels) == ((found,), {"a": "b"})


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ((condition("Approved"), condition("Denied")), "Approved and Denied conditions are mutually exclusive"),
        ((condition("Approved", "False"),), 'status.conditions[0].status: Unsupported value: "False"'),
        ((condition("X"), condition("X")), 'status.conditions[1].type: Duplicate value: "X"'),
        ((condition("", ""),), "status.conditions[0].type: Required value"),
    ],
)
def test_decisions_that_are_none(server, made, conditions, said):
    response = decided(server, made, *conditions)
    assert response.code == 422
    assert said in response.body.message


def test_a_decision_stands(server, made):
    decided(server, made, condition("Approved"))
    response = decided(server, server("get", REQUESTS, name="r").body)
    assert 'updates may not remove a condition of type "Approved"' in response.body.message
