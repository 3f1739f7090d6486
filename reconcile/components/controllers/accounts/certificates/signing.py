"""
Signing: who was approved gets a certificate of the cluster's authority, each of whose four signers has its own queue.

Takes:    changes of CertificateSigningRequests.
Gives:    update of a request's status.
Source:   pkg/controller/certificates/signer: signer.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from reconcile.api import certificates_v1
from reconcile.api.scalars import Time
from reconcile.components.controllers.accounts.certificates import requests
from reconcile.components.controllers.accounts.certificates.requests import REQUESTS, USER, says
from reconcile.components.controllers.answers import text_of
from reconcile.components.controllers.runtime import Ask, Controller, Outcome, Source, keys_of_itself
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import HOUR, MINUTE, SECOND, Duration
from reconcile.lib.replacing import replace
from reconcile.model import certificates
from reconcile.model.certificates import Asked

# --cluster-signing-duration
LONGEST: Final[Duration] = 365 * 24 * HOUR
SHORTEST: Final[Duration] = 10 * MINUTE

_CLIENT_AUTH: Final = "client auth"
_OF_CLIENTS: Final = (_CLIENT_AUTH, "digital signature", "key encipherment")


def reconcile(signer: str, ask: Ask) -> Outcome:
    """Sign what was approved for *signer*; or say why it cannot be."""
    if ask.answers:
        response = ask.answers[0][1]
        return Outcome() if response.ok or response.reason == "NotFound" else Outcome(error=text_of(response))
    request = ask.views.get(REQUESTS, ask.key)
    if request is None or request.spec.signer_name != signer or requests.certificate_of(request):
        return Outcome()
    if not says(request, "Approved") or says(request, "Failed"):
        return Outcome()
    try:
        asked = requests.asked_by(request)
    except ReconcileError as error:
        return Outcome(error=f'unable to parse csr "{ask.key}": {error}')
    usages = request.spec.usages or ()
    why = _CHECKS[signer](asked, usages)
    status = request.status
    if why:
        failed = certificates_v1.CertificateSigningRequestCondition(
            type="Failed",
            status="True",
            reason="SignerValidationFailure",
            message=why,
            last_update_time=Time.at(ask.now),
        )
        status = replace(status, conditions=(*status.conditions, failed))
    else:
        serial = f"{request.metadata.uid}/{ask.now}".encode()
        made = certificates.issued(asked, usages, _lasts(request), ask.now, serial)
        status = replace(status, certificate=base64.b64encode(made.encode()).decode())
    return Outcome(calls=(requests.written(replace(request, status=status), "status"),), again=True)


def _lasts(request: Any) -> Duration:
    seconds = request.spec.expiration_seconds
    return LONGEST if seconds is None else max(SHORTEST, min(LONGEST, seconds * SECOND))


def _not_a_client(_: Asked, usages: tuple[str, ...]) -> str:
    for usage in usages:
        if usage not in _OF_CLIENTS:
            return f"invalid usage for client certificate: {usage}"
    return "" if _CLIENT_AUTH in usages else f"missing required usage for client certificate: {_CLIENT_AUTH}"


def _as_it_is(_: Asked, __: tuple[str, ...]) -> str:
    return ""


_CHECKS: Final[dict[str, Callable[[Asked, tuple[str, ...]], str]]] = {
    requests.KUBELET_SERVING: requests.not_a_kubelets_server,
    requests.KUBELET_CLIENT: requests.not_a_kubelets_client,
    requests.CLIENT: _not_a_client,
    requests.LEGACY: _as_it_is,
}

CONTROLLERS: Final[tuple[Controller, ...]] = tuple(
    [
        Controller(
            name=f"csrsigning-{signer.partition('/')[2]}",
            sources=(Source(REQUESTS, keys_of_itself),),
            reconcile=partial(reconcile, signer),
            workers=5,
            user=USER,
            awaits=(REQUESTS,),
        )
        for signer in _CHECKS
    ]
)
