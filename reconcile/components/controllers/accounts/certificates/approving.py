"""
Approving: a kubelet gets the certificate by which the API server knows it, if who asks may have it.

Takes:    changes of CertificateSigningRequests.
Gives:    create of SubjectAccessReviews, update of a request's approval.
Source:   pkg/controller/certificates/approver: sarapprove.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import authorization_v1, certificates_v1
from reconcile.components.controllers.accounts.certificates import requests
from reconcile.components.controllers.accounts.certificates.requests import KUBELET_CLIENT, REQUESTS, USER, says
from reconcile.components.controllers.answers import text_of
from reconcile.components.controllers.runtime import (
    LONGEST_BACK_OFF,
    Ask,
    Controller,
    Outcome,
    Source,
    keys_of_itself,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request

NAME: Final = "csrapproving"
_REVIEWS: Final = "subjectaccessreviews.authorization.k8s.io"
_SELF: Final = "selfnodeclient"
_ANY: Final = "nodeclient"
_SAID: Final = {
    _SELF: "Auto approving self kubelet client certificate after SubjectAccessReview.",
    _ANY: "Auto approving kubelet client certificate after SubjectAccessReview.",
}


def reconcile(ask: Ask) -> Outcome:
    """Approve a request that is for a kubelet, of somebody who may make it."""
    request = ask.views.get(REQUESTS, ask.key)
    if request is None or requests.certificate_of(request) or says(request, "Approved") or says(request, "Denied"):
        return Outcome()
    try:
        tries = _tries(request)
    except ReconcileError as error:
        return Outcome(error=f'unable to parse csr "{ask.key}": {error}')
    if not ask.answers:
        return _reviewed(request, tries[0]) if tries else Outcome()
    call, response = ask.answers[0]
    if not response.ok:
        return Outcome(error=text_of(response))
    if call.verb == "update":
        return Outcome()
    tried = call.body.spec.resource_attributes.subresource
    if response.body.status.allowed:
        return Outcome(calls=(requests.written(_approved(request, _SAID[tried]), "approval"),), again=True)
    if tried in tries[:-1]:
        return _reviewed(request, tries[-1])
    # Only other rights can change that, of which nobody is told here: there is nothing to wait for.
    return Outcome(after=LONGEST_BACK_OFF, after_is_periodic=True)


def _tries(request: Any) -> tuple[str, ...]:
    """Give what who asks may have to be allowed; () if this is for no kubelet."""
    spec = request.spec
    if spec.signer_name != KUBELET_CLIENT:
        return ()
    asked = requests.asked_by(request)
    if requests.not_a_kubelets_client(asked, spec.usages or ()):
        return ()
    return (_SELF, _ANY) if spec.username == asked.common_name else (_ANY,)


def _reviewed(request: Any, subresource: str) -> Outcome:
    spec = request.spec
    attributes = authorization_v1.ResourceAttributes(
        group="certificates.k8s.io",
        resource="certificatesigningrequests",
        verb="create",
        subresource=subresource,
        version="*",
    )
    review = authorization_v1.SubjectAccessReview(
        spec=authorization_v1.SubjectAccessReviewSpec(
            user=spec.username, uid=spec.uid, groups=spec.groups, extra=spec.extra, resource_attributes=attributes
        )
    )
    return Outcome(calls=(Request(verb="create", resource=_REVIEWS, body=review),), again=True)


def _approved(request: Any, message: str) -> Any:
    approved = certificates_v1.CertificateSigningRequestCondition(
        type="Approved", status="True", reason="AutoApproved", message=message
    )
    status = request.status or certificates_v1.CertificateSigningRequestStatus()
    return replace(request, status=replace(status, conditions=(*(status.conditions or ()), approved)))


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source(REQUESTS, keys_of_itself),),
    reconcile=reconcile,
    workers=5,
    user=USER,
    awaits=(REQUESTS,),
)
