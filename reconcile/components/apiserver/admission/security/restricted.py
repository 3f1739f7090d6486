"""
Restricted: what a pod has to do to be hardened, as checks.

Source:   https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api import core_v1
from reconcile.components.apiserver.admission.security.baseline import seccomp
from reconcile.components.apiserver.admission.security.saying import (
    Check,
    Finding,
    containers_of,
    context_of,
    has_users_of_its_own,
    is_windows,
    named,
    plural,
    quoted,
    setters,
)

_VOLUMES: Final = frozenset(
    {
        "config_map",
        "csi",
        "downward_api",
        "empty_dir",
        "ephemeral",
        "image",
        "persistent_volume_claim",
        "projected",
        "secret",
    }
)
_VOLUME: Final[Any] = core_v1.Volume
# The fields of a volume in upstream's words; the first that is set is its type.
_TYPES: Final[tuple[tuple[str, str], ...]] = tuple(
    [
        (field.name, "storageos" if field.name == "storageos" else word)
        for field, word in zip(attrs.fields(_VOLUME), core_v1.Volume.JSON_NAMES, strict=True)
        if field.name != "name"
    ]
)


def escalation(_: Any, spec: Any) -> Finding:
    """Containers that do not say that they gain no privileges."""
    bad = [each.name for each in containers_of(spec) if context_of(each, "allow_privilege_escalation") is not False]
    said = f"{named(bad)} must set securityContext.allowPrivilegeEscalation=false"
    return ("allowPrivilegeEscalation != false", said) if bad else None


def capabilities(_: Any, spec: Any) -> Finding:
    """Containers that do not drop all capabilities, or add another than that of low ports."""
    undropped, adding, values = [], [], set()
    for container in containers_of(spec):
        asked = context_of(container, "capabilities")
        if asked is None or "ALL" not in (asked.drop or ()):
            undropped.append(container.name)
        more = {name for name in (asked.add if asked is not None else None) or () if name != "NET_BIND_SERVICE"}
        if more:
            adding.append(container.name)
            values |= more
    said = [f'{named(undropped)} must set securityContext.capabilities.drop=["ALL"]'] if undropped else []
    if adding:
        said.append(f"{named(adding)} must not include {quoted(sorted(values))} in securityContext.capabilities.add")
    return ("unrestricted capabilities", "; ".join(said)) if said else None


def volumes(_: Any, spec: Any) -> Finding:
    """Volumes of other kinds than the harmless ones."""
    bad, types = [], set()
    for volume in spec.volumes or ():
        kinds = [(field, word) for field, word in _TYPES if getattr(volume, field) is not None]
        if not any(field in _VOLUMES for field, _ in kinds):
            bad.append(volume.name)
            types.add(kinds[0][1] if kinds else "unknown")
    if not bad:
        return None
    what = plural(len(types), "restricted volume type")
    uses = plural(len(bad), "uses", "use")
    return (
        "restricted volume types",
        f"{plural(len(bad), 'volume')} {quoted(bad)} {uses} {what} {quoted(sorted(types))}",
    )


def non_root(_: Any, spec: Any) -> Finding:
    """Containers that do not say that they run as somebody else than root."""
    pod = context_of(spec, "run_as_non_root")
    found = [(each.name, context_of(each, "run_as_non_root")) for each in containers_of(spec)]
    denying = [name for name, value in found if value is False]
    if pod is False or denying:
        who = setters(pod is False, denying)
        return "runAsNonRoot != true", f"{who} must not set securityContext.runAsNonRoot=false"
    silent = [name for name, value in found if value is None] if not pod else []
    said = f"pod or {named(silent)} must set securityContext.runAsNonRoot=true"
    return ("runAsNonRoot != true", said) if silent else None


def root_user(_: Any, spec: Any) -> Finding:
    """Containers that run as root."""
    containers = [each.name for each in containers_of(spec) if context_of(each, "run_as_user") == 0]
    pod = context_of(spec, "run_as_user") == 0
    return ("runAsUser=0", f"{setters(pod, containers)} must not set runAsUser=0") if pod or containers else None


def seccomp_set(metadata: Any, spec: Any) -> Finding:
    """Containers without a seccomp profile, or with one that is no good."""
    found = seccomp(metadata, spec)
    if found is not None or context_of(spec, "seccomp_profile") is not None:
        return found
    silent = [each.name for each in containers_of(spec) if context_of(each, "seccomp_profile") is None]
    said = f'pod or {named(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return ("seccompProfile", said) if silent else None


def unless_windows(check: Check) -> Check:
    """Give the check as it is for pods that do not say that they are for Windows."""
    return lambda metadata, spec: None if is_windows(spec) else check(metadata, spec)


def unless_users(check: Check) -> Check:
    """Give the check as it is for pods that have no users of their own."""
    return lambda metadata, spec: None if has_users_of_its_own(spec) else check(metadata, spec)
