"""Certificate requests in a whole cluster: approved, signed, cleaned away."""

from __future__ import annotations

import base64

import pytest

from reconcile import Cluster, Topology, run, settle
from reconcile.api import authorization_v1, certificates_v1
from reconcile.components.controllers.accounts.certificates import approving
from reconcile.driver import client
from reconcile.lib.instant import HOUR, MINUTE, SECOND
from reconcile.lib.replacing import replace
from reconcile.model import certificates
from reconcile.model.requests import Request, Response
from tests.unit.components.controllers.lab import Lab
from tests.unit.model.test_certificates import asked_for, read, x509

REQUESTS = "certificatesigningrequests.certificates.k8s.io"
CLIENT = ("digital signature", "client auth")
SERVER = ("digital signature", "server auth")


@pytest.fixture(scope="module")
def booted():
    return settle(Cluster.boot(Topology(nodes=1), seed=1)).cluster


def manifest(signer, usages=CLIENT, seconds=None, **asked):
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "r"},
        "spec": {
            "request": base64.b64encode(asked_for(**asked).encode()).decode(),
            "signerName": f"kubernetes.io/{signer}",
            "usages": list(usages),
            **({"expirationSeconds": seconds} if seconds else {}),
        },
    }


def requested(cluster, signer="kube-apiserver-client-kubelet", usages=CLIENT, **more):
    made, response = client.ask(cluster, replace(client.create(manifest(signer, usages, **more)), namespace=""))
    assert response.ok, response
    return settle(made).cluster


def approved(cluster, kind="Approved"):
    found = cluster.get(REQUESTS, "r")
    said = certificates_v1.CertificateSigningRequestCondition(type=kind, status="True", reason="Me", message="so")
    body = replace(found, status=certificates_v1.CertificateSigningRequestStatus(conditions=(said,)))
    call = Request(verb="update", resource=REQUESTS, name="r", subresource="approval", body=body)
    cluster, response = client.ask(cluster, call)
    assert response.ok, response
    return settle(cluster).cluster


def told(cluster):
    found = cluster.get(REQUESTS, "r")
    conditions = (found.status.conditions if found.status is not None else None) or ()
    return [(each.type, each.reason, each.message) for each in conditions]


def given(cluster):
    status = cluster.get(REQUESTS, "r").status
    certificate = None if status is None else status.certificate
    return None if not certificate else read(base64.b64decode(certificate).decode())


@pytest.mark.parametrize(
    ("signer", "usages", "asked"),
    [
        ("kube-apiserver-client", CLIENT, {"common_name": "jane", "organizations": ("dev",)}),
        ("kubelet-serving", SERVER, {"names": (x509.DNSName("n1"),)}),
        ("kube-apiserver-client-kubelet", CLIENT, {}),
    ],
)
def test_what_was_approved_is_signed(booted, signer, usages, asked):
    cluster = requested(booted, signer, usages, **asked)
    if not told(cluster):
        assert given(cluster) is None
        cluster = approved(cluster)
    found = given(cluster)
    found.verify_directly_issued_by(read(certificates.AUTHORITY))
    assert told(cluster)[0][0] == "Approved"


@pytest.mark.parametrize(
    ("signer", "usages", "asked", "why"),
    [
        ("kube-apiserver-client", SERVER, {}, "invalid usage for client certificate: server auth"),
        (
            "kube-apiserver-client",
            ("digital signature",),
            {},
            "missing required usage for client certificate: client auth",
        ),
        ("kubelet-serving", SERVER, {}, "DNS or IP subjectAltName is required"),
        ("kubelet-serving", SERVER, {"organizations": ()}, "subject organization is not system:nodes"),
        (
            "kubelet-serving",
            CLIENT,
            {"names": (x509.DNSName("n1"),)},
            "usages did not match [digital signature key encipherment server auth]",
        ),
        (
            "kube-apiserver-client-kubelet",
            CLIENT,
            {"common_name": "n1"},
            "subject common name does not begin with system:node:",
        ),
        (
            "kube-apiserver-client-kubelet",
            CLIENT,
            {"names": (x509.DNSName("n1"),)},
            "DNS subjectAltNames are not allowed",
        ),
    ],
)
def test_what_its_signer_does_not_sign_has_failed(booted, signer, usages, asked, why):
    cluster = approved(requested(booted, signer, usages, **asked))
    assert told(cluster) == [("Approved", "Me", "so"), ("Failed", "SignerValidationFailure", why)]
    assert given(cluster) is None


def test_a_client_that_may_is_approved_by_itself(booted):
    cluster = requested(booted)
    assert told(cluster) == [
        ("Approved", "AutoApproved", "Auto approving kubelet client certificate after SubjectAccessReview.")
    ]
    assert given(cluster).subject.rfc4514_string() == "CN=system:node:n1,O=system:nodes"


def test_what_was_denied_is_not_signed(booted):
    assert given(approved(requested(booted, "kube-apiserver-client"), "Denied")) is None


class Reviewing(Lab):
    """One whose API server lets who asks do some subresources of requests."""

    allowed: tuple[str, ...] = ()

    def ask(self, request):
        if request.resource.startswith("subjectaccessreviews"):
            self.requests.append(request)
            is_allowed = request.body.spec.resource_attributes.subresource in self.allowed
            status = authorization_v1.SubjectAccessReviewStatus(allowed=is_allowed)
            return Response(201, replace(request.body, status=status))
        if request.subresource == "approval":
            self.requests.append(request)
            return Response(200, self.put(REQUESTS, request.body))
        return super().ask(request)


@pytest.mark.parametrize(
    ("user", "allowed", "tried", "message"),
    [
        ("system:node:n1", ("selfnodeclient",), ["selfnodeclient"], "Auto approving self kubelet"),
        ("system:node:n1", ("nodeclient",), ["selfnodeclient", "nodeclient"], "Auto approving kubelet"),
        ("system:node:n1", (), ["selfnodeclient", "nodeclient"], ""),
        ("system:bootstrap:a", ("selfnodeclient",), ["nodeclient"], ""),
    ],
)
def test_a_kubelet_is_approved_if_who_asks_may_have_it(user, allowed, tried, message):
    lab = Reviewing(approving.CONTROLLER)
    lab.allowed = allowed
    body = manifest("kube-apiserver-client-kubelet")
    body["spec"]["username"] = user
    lab.put(REQUESTS, client.create(body).body)
    lab.run()
    reviews = [each.body.spec for each in lab.requests if each.verb == "create"]
    assert [each.resource_attributes.subresource for each in reviews] == tried
    assert {each.user for each in reviews} == {user}
    status = lab.get(REQUESTS, "r").status
    said = "" if status is None else status.conditions[0].message
    assert said.startswith(message)
    assert bool(said) is bool(message)


@pytest.mark.parametrize(("seconds", "lasts"), [(600, 600), (3600, 3600), (None, 365 * 24 * 3600 - 300)])
def test_it_lasts_as_long_as_asked(booted, seconds, lasts):
    cluster = requested(booted, seconds=seconds)
    found = given(cluster)
    assert (found.not_valid_after_utc - found.not_valid_before_utc).total_seconds() == lasts + 300


def test_requests_are_cleaned_away(booted):
    signed = requested(booted)
    assert run(signed, until=signed.now + 59 * MINUTE).cluster.get(REQUESTS, "r") is not None
    assert run(signed, until=signed.now + HOUR + 2 * SECOND).cluster.get(REQUESTS, "r") is None
