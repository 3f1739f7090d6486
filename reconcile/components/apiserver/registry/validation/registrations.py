"""
Validation of what is registered with the server: API services, certificate signing requests.

Left out: whether a request for a certificate is signed with its own key; certificates are not read.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Final

from reconcile.api import apiregistration_v1, certificates_v1
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation.parts import (
    chosen,
    duplicates,
    faulty,
    given,
    port_faults,
    required_choice,
    signer_causes,
)
from reconcile.model.text import names

_HIGHEST_GROUP: Final = 20_000
_HIGHEST_VERSION: Final = 1_000
_SHORTEST_CERTIFICATE: Final = 600
_LEGACY_SIGNER: Final = "kubernetes.io/legacy-unknown"
_PEM: Final = re.compile(
    r"-----BEGIN CERTIFICATE REQUEST-----\s*\n(?:[^\n:]+:[^\n]*\n)*([A-Za-z0-9+/=\s]*)-----END CERTIFICATE REQUEST-----"
)
_BLOCKS: Final = re.compile(r"-----BEGIN ([^\n-]+)-----\s*\n((?:[^\n:]+:[^\n]*\n)*)([A-Za-z0-9+/=\s]*)-----END \1-----")
_USAGES: Final = (
    *("any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment"),
    *("decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel"),
    *("ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime"),
    *("server auth", "signing", "timestamping"),
)
_FINAL: Final = ("Approved", "Denied", "Failed")
_TRUTHS: Final = ("False", "True", "Unknown")


def api_service_causes(obj: apiregistration_v1.APIService) -> Causes:
    """Say what is wrong with an API service."""
    spec = given(obj.spec, apiregistration_v1.APIServiceSpec)
    group, version = spec.group or "", spec.version or ""
    name = (obj.metadata.name if obj.metadata is not None else None) or ""
    found: list[Cause] = []
    wanted = f"{version}.{group}"
    if name and not names.path_segment_faults(name) and name != wanted:
        found.append(wrong("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{wanted}"'))
    if not group and version != "v1":
        found.append(required("spec.group", "only v1 may have an empty group and it better be legacy kube"))
    if group:
        found += faulty("spec.group", group, names.subdomain_faults(group))
    found += faulty("spec.version", version, names.label_1035_faults(version))
    for field, number, most in (
        ("groupPriorityMinimum", spec.group_priority_minimum, _HIGHEST_GROUP),
        ("versionPriority", spec.version_priority, _HIGHEST_VERSION),
    ):
        if not 0 < (number or 0) <= most:
            found.append(wrong(f"spec.{field}", number or 0, f"must be positive and less than {most}"))
    return (*found, *_behind_causes(spec))


def _behind_causes(spec: apiregistration_v1.APIServiceSpec) -> list[Cause]:
    service, bundle, found = spec.service, spec.ca_bundle or "", list[Cause]()
    insecure, at = spec.insecure_skip_tls_verify, "spec.insecureSkipTLSVerify"
    if service is None:
        if bundle:
            why = "local APIServices may not have a caBundle"
            found.append(wrong("spec.caBundle", f"{len(b64decode(bundle))} bytes", why))
        if insecure:
            found.append(wrong(at, insecure, "local APIServices may not have insecureSkipTLSVerify"))
        return found
    found += [] if service.namespace else [required("spec.service.namespace")]
    found += [] if service.name else [required("spec.service.name")]
    for fault in port_faults(service.port):
        found.append(wrong("spec.service.port", service.port, f"port is not valid: {fault}"))
    if insecure and bundle:
        found.append(wrong(at, insecure, "may not be true if caBundle is present"))
    return found


def api_service_status_causes(obj: apiregistration_v1.APIService) -> Causes:
    """Say what is wrong with the status of an API service."""
    found: list[Cause] = []
    for place, condition in enumerate((obj.status.conditions if obj.status is not None else None) or ()):
        found += chosen(f"status.conditions[{place}].status", condition.status, ("True", "False", "Unknown"))
    return tuple(found)


def signing_request_causes(obj: certificates_v1.CertificateSigningRequest) -> Causes:
    """Say what is wrong with a request for a certificate."""
    spec = given(obj.spec, certificates_v1.CertificateSigningRequestSpec)
    found: list[Cause] = []
    fault = _request_fault(spec.request or "")
    if fault is not None:
        found.append(wrong("spec.request", spec.request, fault))
    usages = spec.usages or ()
    found += [] if usages else [required("spec.usages")]
    for place, usage in enumerate(usages):
        found += chosen(f"spec.usages[{place}]", usage, _USAGES)
    found += duplicates("spec.usages", usages)
    if spec.signer_name == _LEGACY_SIGNER:
        why = "the legacy signerName is not allowed via this API version"
        found.append(wrong("spec.signerName", spec.signer_name, why))
    else:
        found += signer_causes("spec.signerName", spec.signer_name)
    seconds = spec.expiration_seconds
    if seconds is not None and seconds < _SHORTEST_CERTIFICATE:
        why = "may not specify a duration less than 600 seconds (10 minutes)"
        found.append(wrong("spec.expirationSeconds", seconds, why))
    return (*found, *_conditions_causes(obj))


def signing_status_causes(
    new: certificates_v1.CertificateSigningRequest, old: certificates_v1.CertificateSigningRequest
) -> Causes:
    """Say what is wrong with what a signer writes into the status of a request for a certificate."""
    found = list(signing_request_causes(new))
    issued, before = _certificate(new), _certificate(old)
    fault = _certificate_fault(issued)
    if fault is not None and issued != before:
        found.append(wrong("status.certificate", "<certificate data>", fault))
    at = "status.conditions"
    for standing in _FINAL:
        now, was = _of_type(new, standing), _of_type(old, standing)
        if len(now) < len(was):
            found.append(forbidden(at, f'updates may not remove a condition of type "{standing}"'))
        elif len(now) > len(was) and standing != "Failed":
            found.append(forbidden(at, f'updates may not add a condition of type "{standing}"'))
    if before and issued != before:
        found.append(forbidden("status.certificate", "updates may not modify existing certificate content"))
    return tuple(found)


def _certificate(obj: certificates_v1.CertificateSigningRequest) -> str:
    return (obj.status.certificate if obj.status is not None else None) or ""


def _of_type(obj: certificates_v1.CertificateSigningRequest, kind: str) -> list[object]:
    conditions = (obj.status.conditions if obj.status is not None else None) or ()
    return [condition for condition in conditions if condition.type == kind]


def _certificate_fault(text: str) -> str | None:
    """Say that a text, in base 64, is no chain of certificates in PEM, in what can be seen without reading them."""
    if not text:
        return None
    try:
        blocks = _BLOCKS.findall(b64decode(text).decode("latin-1"))
    except (binascii.Error, ValueError):
        blocks = []
    for kind, headers, body in blocks:
        if kind != "CERTIFICATE":
            return f'only CERTIFICATE PEM blocks are allowed, found "{kind}"'
        if headers:
            return "no PEM block headers are permitted"
        if b64decode("".join(body.split()))[:1] != b"\x30":
            return "x509: malformed certificate"
    return None if blocks else "must contain at least one CERTIFICATE PEM block"


def _request_fault(text: str) -> str | None:
    """Say that a text, in base 64, is no request for a certificate in PEM, in what can be seen without its keys."""
    try:
        pem = b64decode(text).decode("latin-1")
        block = _PEM.search(pem)
        if block is None:
            return "PEM block type must be CERTIFICATE REQUEST"
        der = b64decode("".join(block[1].split()), validate=True)
    except (binascii.Error, ValueError):
        return "PEM block type must be CERTIFICATE REQUEST"
    return None if der[:1] == b"\x30" else "asn1: structure error: tags don't match"


def _conditions_causes(obj: certificates_v1.CertificateSigningRequest) -> list[Cause]:
    found: list[Cause] = []
    at, seen = "status.conditions", list[str]()
    for place, condition in enumerate((obj.status.conditions if obj.status is not None else None) or ()):
        kind, known = condition.type, ("True",) if condition.type in _FINAL else _TRUTHS
        found += [] if kind else [required(f"{at}[{place}].type")]
        found += required_choice(f"{at}[{place}].status", condition.status, known)
        other = {"Approved": "Denied", "Denied": "Approved"}.get(kind)
        if other in seen:
            found.append(wrong(at, kind, "Approved and Denied conditions are mutually exclusive"))
        found += [duplicate(f"{at}[{place}].type", kind)] if kind in seen else []
        seen.append(kind)
    return found
