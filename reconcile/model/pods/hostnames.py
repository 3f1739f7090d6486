"""
Hostnames: what a pod is called within itself.

Source:   the kubelet's GeneratePodHostNameAndDomain; setHostnameAsFQDN;
          https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

DOMAIN: Final = "cluster.local"
_LONGEST: Final = 63
_LONGEST_FQDN: Final = 64


def host_and_domain(pod: Any) -> tuple[str, str]:
    """Give a pod's hostname, cut off to what the kernel takes, and the domain that it is in; empty if in none."""
    spec = pod.spec
    if spec.hostname_override:
        return _cut(spec.hostname_override), ""
    domain = f"{spec.subdomain}.{pod.metadata.namespace}.svc.{DOMAIN}" if spec.subdomain else ""
    return _cut(spec.hostname or pod.metadata.name), domain


def hostname_of(pod: Any) -> str:
    """Give a pod's hostname, cut off to what the kernel takes; its FQDN, if it is to have that and has one."""
    name, domain = host_and_domain(pod)
    return f"{name}.{domain}" if pod.spec.set_hostname_as_fqdn and domain else name


def hostname_fault(pod: Any) -> str:
    """Say why a pod cannot have its hostname; empty if it can."""
    name = hostname_of(pod)
    if not pod.spec.set_hostname_as_fqdn or len(name) <= _LONGEST_FQDN:
        return ""
    return (
        f"failed to construct FQDN from Pod hostname and cluster domain, FQDN {name} is too long ({_LONGEST_FQDN} "
        f"characters is the max, {len(name)} characters requested)"
    )


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else name[:_LONGEST].rstrip("-.")
