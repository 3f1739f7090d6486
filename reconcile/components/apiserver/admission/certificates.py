"""
CertificateApproval, CertificateSigning, CertificateSubjectRestriction: who may let a signer sign, and for whom not.

Source:   the admission plugins of these names.
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.model import statuses

_CLIENTS: Final = "kubernetes.io/kube-apiserver-client"
_ORGANIZATION: Final = b"\x06\x03\x55\x04\x0a"  # X.520's organizationName, as an object identifier in DER
_BEGIN: Final = b"-----BEGIN CERTIFICATE REQUEST-----"
_END: Final = b"-----END CERTIFICATE REQUEST-----"
_LONG: Final = 0x80


def check_subject(ask: Ask, request: Any) -> None:
    """Refuse a request for a client's certificate that would make its bearer one of system:masters."""
    spec = request.spec
    if spec is None or spec.signer_name != _CLIENTS or "CertificateSubjectRestriction" in ask.state.disabled:
        return
    if authorising.MASTERS in _organizations(str(spec.request)):
        _refuse(ask, request, f"use of {_CLIENTS} signer with {authorising.MASTERS} group is not allowed")


def check_signing(ask: Ask, request: Any, old: Any) -> None:
    """Refuse to sign for a signer that somebody may not sign for."""
    if "CertificateSigning" in ask.state.disabled or request.status == old.status:
        return
    _check_signer(ask, request, "sign", old.spec.signer_name)


def check_approval(ask: Ask, request: Any, old: Any) -> None:
    """Refuse an approval for a signer that somebody may not approve for."""
    if "CertificateApproval" not in ask.state.disabled:
        _check_signer(ask, request, "approve", old.spec.signer_name)


def _check_signer(ask: Ask, request: Any, verb: str, signer: str) -> None:
    every = f"{signer.partition('/')[0]}/*"
    if not any(authorising.may_use_signer(ask.user, verb, name, ask.store) for name in (signer, every)):
        _refuse(ask, request, f'user not permitted to {verb} requests with signerName "{signer}"')


def _refuse(ask: Ask, request: Any, why: str) -> None:
    raise Refusal(statuses.forbidden(ask.request.resource, request.metadata.name or "", why))


def _organizations(text: str) -> list[str]:
    """Give the organizations of a certificate request's subject; none of what is no such request."""
    try:
        pem = base64.b64decode(text)
        der = base64.b64decode(pem[pem.index(_BEGIN) + len(_BEGIN) : pem.index(_END)])
    except (ValueError, binascii.Error):
        return []
    found = []
    start = der.find(_ORGANIZATION)
    while start >= 0:
        place = start + len(_ORGANIZATION) + 1
        if place < len(der) and der[place] < _LONG:  # a name of an organization is a short text
            found.append(der[place + 1 : place + 1 + der[place]].decode("utf-8", "replace"))
        start = der.find(_ORGANIZATION, start + 1)
    return found
