"""
Requests: what the controllers of certificate requests share: what one asks for, and what was said of it.

Source:   pkg/controller/certificates: certificate_controller.go, certificate_controller_utils.go; apis/certificates'
          helpers.
Left out: nothing known.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from reconcile.components.controllers.runtime import service_account
from reconcile.lib.errors import ReconcileError
from reconcile.model import certificates
from reconcile.model.certificates import Asked
from reconcile.model.requests import Request

REQUESTS: Final = "certificatesigningrequests.certificates.k8s.io"
USER: Final = service_account("certificate-controller")

KUBELET_CLIENT: Final = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING: Final = "kubernetes.io/kubelet-serving"
CLIENT: Final = "kubernetes.io/kube-apiserver-client"
LEGACY: Final = "kubernetes.io/legacy-unknown"

_NODES: Final = ("system:nodes",)
_NODE: Final = "system:node:"
_ENCIPHERS: Final = "key encipherment"


def certificate_of(request: Any) -> str:
    """Give the certificate that was given, in PEM; empty if none was."""
    status = request.status
    return "" if status is None or not status.certificate else base64.b64decode(status.certificate).decode()


def says(request: Any, kind: str) -> Any:
    """Give the condition of this kind that is true of a request; None if there is none."""
    for condition in (request.status.conditions if request.status is not None else None) or ():
        if condition.type == kind and condition.status in ("", "True", None):
            return condition
    return None


def asked_by(request: Any) -> Asked:
    """Give what a request asks for; ReconcileError if that cannot be read."""
    try:
        return certificates.parse(base64.b64decode(str(request.spec.request)).decode())
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ReconcileError(f"spec.request: {error}") from None


def written(request: Any, subresource: str) -> Request:
    """Ask to write a request's *subresource*."""
    return Request(verb="update", resource=REQUESTS, name=request.metadata.name, subresource=subresource, body=request)


def not_a_kubelets_client(asked: Asked, usages: tuple[str, ...]) -> str:
    """Say why this is not for a kubelet as a client; empty if it is."""
    if asked.organizations != _NODES:
        return "subject organization is not system:nodes"
    for count, kind in ((asked.dns, "DNS"), (asked.emails, "Email"), (asked.ips, "IP"), (asked.uris, "URI")):
        if count:
            return f"{kind} subjectAltNames are not allowed"
    if not asked.common_name.startswith(_NODE):
        return "subject common name does not begin with system:node:"
    return _unlike(usages, "client auth")


def not_a_kubelets_server(asked: Asked, usages: tuple[str, ...]) -> str:
    """Say why this is not for a kubelet as a server; empty if it is."""
    if asked.organizations != _NODES:
        return "subject organization is not system:nodes"
    if not asked.dns and not asked.ips:
        return "DNS or IP subjectAltName is required"
    for count, kind in ((asked.emails, "Email"), (asked.uris, "URI")):
        if count:
            return f"{kind} subjectAltNames are not allowed"
    return _unlike(usages, "server auth") or (
        "" if asked.common_name.startswith(_NODE) else "subject common name does not begin with system:node:"
    )


def _unlike(usages: tuple[str, ...], purpose: str) -> str:
    wanted = sorted(["digital signature", _ENCIPHERS, purpose])
    if {*usages} in ({*wanted}, {*wanted} - {_ENCIPHERS}):
        return ""
    return f"usages did not match [{' '.join(wanted)}]"
