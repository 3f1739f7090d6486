"""Validation of what is projected into one volume: parts of Secrets, ConfigMaps and the pod, tokens, certificates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, forbidden, not_supported, required, too_long, wrong
from reconcile.components.apiserver.registry.validation.core.volumes import key_to_path
from reconcile.components.apiserver.registry.validation.metadata import selector_causes
from reconcile.components.apiserver.registry.validation.values import mode_causes, named, unreserved
from reconcile.model.text import names

_KEY_TYPES: Final = ("ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", "RSA3072", "RSA4096")
_LEAST_TOKEN: Final = 600
_MOST_TOKEN: Final = 1 << 32
_LEAST_CERTIFICATE: Final = 3600
_MOST_CERTIFICATE: Final = 7_862_400
_MOST_KUBERNETES_CERTIFICATE: Final = 86_400
_CONFLICTING: Final = "conflicting duplicate paths"

File = Callable[[str, core_v1.DownwardAPIVolumeFile], list[Cause]]


def projected(field: str, volume: core_v1.ProjectedVolumeSource, file: File) -> list[Cause]:
    """Say what is wrong with a projected volume; *file* says it of a file about the pod."""
    found = mode_causes(f"{field}.defaultMode", volume.default_mode)
    seen: set[str] = set()
    for place, source in enumerate(volume.sources or ()):
        at = f"{field}.sources[{place}]"
        found += _keys_causes(field, at, source, seen)
        if source.downward_api is not None:
            for each in source.downward_api.items or ():
                found += file(f"{at}.downwardAPI", each)
                found += _again(field, each.path, each.path, seen)
        if source.service_account_token is not None:
            found += _token_causes(field, f"{at}.serviceAccountToken", source.service_account_token)
        if source.cluster_trust_bundle is not None:
            found += _bundle_causes(f"{at}.clusterTrustBundle", source.cluster_trust_bundle)
            path = source.cluster_trust_bundle.path
            found += _again(field, path, path, seen, empty=True)
        if source.pod_certificate is not None:
            found += _certificate_causes(field, f"{at}.podCertificate", source.pod_certificate, seen)
        if sum(getattr(source, name) is not None for name in _SOURCES) > 1:
            found.append(forbidden(at, "may not specify more than 1 volume type per source"))
    return found


_SOURCES: Final = (
    "secret",
    "config_map",
    "downward_api",
    "service_account_token",
    "cluster_trust_bundle",
    "pod_certificate",
)


def _again(field: str, shown: Any, path: str, seen: set[str], *, empty: bool = False) -> list[Cause]:
    if path in seen and (path or empty):
        return [wrong(field, shown, _CONFLICTING)]
    seen.add(path)
    return []


def _keys_causes(field: str, at: str, source: core_v1.VolumeProjection, seen: set[str]) -> list[Cause]:
    found: list[Cause] = []
    for name, kept in (("secret", source.secret), ("configMap", source.config_map)):
        if kept is None:
            continue
        if not kept.name:
            found.append(required(f"{at}.{name}.name"))
        for place, item in enumerate(kept.items or ()):
            found += key_to_path(f"{at}.{name}.items[{place}]", item)
            found += _again(field, kept.name or "", item.path, seen)
    return found


def _token_causes(field: str, at: str, token: core_v1.ServiceAccountTokenProjection) -> list[Cause]:
    found: list[Cause] = []
    seconds = token.expiration_seconds or 0
    if seconds < _LEAST_TOKEN:
        found.append(wrong(f"{at}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"))
    if seconds > _MOST_TOKEN:
        why = "may not specify a duration larger than 2^32 seconds"
        found.append(wrong(f"{at}.expirationSeconds", seconds, why))
    return found + (unreserved(f"{field}.path", token.path) if token.path else [required(f"{field}.path")])


def _bundle_causes(field: str, bundle: core_v1.ClusterTrustBundleProjection) -> list[Cause]:
    found: list[Cause] = []
    name, signer = bundle.name, bundle.signer_name
    if name is not None and signer is not None:
        found.append(wrong(field, bundle, "only one of name and signerName may be used"))
    elif name is not None:
        if not name:
            found.append(required(f"{field}.name", "must be a valid object name"))
        found += [
            wrong(f"{field}.name", name, f"not a valid clustertrustbundlename: {fault}")
            for fault in _bundle_name_faults(name)
        ]
        if bundle.label_selector is not None:
            why = "labelSelector must be unset if name is specified"
            found.append(wrong(f"{field}.labelSelector", bundle.label_selector, why))
    elif signer is not None:
        if not signer:
            found.append(required(f"{field}.signerName", "must be a valid signer name"))
        found += signer_causes(f"{field}.signerName", signer)
        found += selector_causes(f"{field}.labelSelector", bundle.label_selector)
    else:
        found.append(required(field, "either name or signerName must be specified"))
    if not bundle.path:
        found.append(required(f"{field}.path"))
    return found + unreserved(f"{field}.path", bundle.path)


def _bundle_name_faults(name: str) -> tuple[str, ...]:
    # What belongs to a signer begins with the signer's name.
    return names.subdomain_faults(name.rpartition(":")[2])


def _certificate_causes(field: str, at: str, source: core_v1.PodCertificateProjection, seen: set[str]) -> list[Cause]:
    found = signer_causes(f"{at}.signerName", source.signer_name)
    for key in source.user_annotations or ():
        faults = named(f"{at}.userAnnotations", key.lower(), names.qualified_faults(key.lower()))
        if not faults and "/" not in key:
            why = 'must be a domain-prefixed key (such as "acme.io/foo")'
            faults = [wrong(f"{at}.userAnnotations", key.lower(), why)]
        found += faults
    if source.key_type not in _KEY_TYPES:
        order = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
        found.append(not_supported(f"{at}.keyType", source.key_type or "", order))
    seconds = source.max_expiration_seconds
    if seconds is not None:
        most = _MOST_KUBERNETES_CERTIFICATE if _is_kubernetes(source.signer_name) else _MOST_CERTIFICATE
        where = f"{at}.maxExpirationSeconds"
        if seconds < _LEAST_CERTIFICATE:
            found.append(wrong(where, seconds, f"if provided, maxExpirationSeconds must be >= {_LEAST_CERTIFICATE}"))
        if seconds > most:
            found.append(wrong(where, seconds, f"if provided, maxExpirationSeconds must be <= {most}"))
    paths = (
        ("credentialBundlePath", source.credential_bundle_path),
        ("keyPath", source.key_path),
        ("certificateChainPath", source.certificate_chain_path),
    )
    for name, path in paths:
        if path:
            found += unreserved(f"{at}.{name}", path) + _again(field, path, path, seen)
    if not any(path for _, path in paths):
        why = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        found.append(required(at, why))
    return found


def _is_kubernetes(signer: str) -> bool:
    host = signer.partition("/")[0]
    return host == "kubernetes.io" or host.endswith(".kubernetes.io")


def signer_causes(field: str, signer: str) -> list[Cause]:
    """Say what keeps *signer* from being the name of a signer of certificates."""
    if not signer:
        return [required(field)]
    parts = signer.split("/")
    if len(parts) != 2:  # noqa: PLR2004 -- a domain and a path
        why = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [wrong(field, signer, why)]
    domain, path = parts
    found: list[Cause] = []
    if len(domain) > names.SUBDOMAIN_LENGTH:
        found.append(too_long(field, names.SUBDOMAIN_LENGTH))
    found += _parts_causes(field, domain, names.label_faults)
    if "." not in domain:
        why = "should be a domain with at least two segments separated by dots"
        found.append(wrong(field, domain, why))
    found += _parts_causes(field, path, names.subdomain_faults)
    most = 2 * names.SUBDOMAIN_LENGTH + names.LABEL_LENGTH + 2
    if len(signer) > most:
        found.append(too_long(field, most))
    return found


def _parts_causes(field: str, text: str, naming: Callable[[str], names.Faults]) -> list[Cause]:
    for part in text.split("."):
        faults = naming(part)
        if faults:
            return [wrong(field, text, f'validating label "{part}": {fault}') for fault in faults]
    return []
