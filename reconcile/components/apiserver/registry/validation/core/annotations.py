"""Validation of annotations that say something of pods."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, forbidden, wrong
from reconcile.components.apiserver.registry.validation.core.security import every_container
from reconcile.components.apiserver.registry.validation.values import downward
from reconcile.lib.mapping import Map

MIRROR: Final = "kubernetes.io/config.mirror"
APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD: Final = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP: Final = "container.seccomp.security.alpha.kubernetes.io/"
_TOLERATIONS: Final = "scheduler.alpha.kubernetes.io/tolerations"
_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_LOCAL: Final = "localhost/"
_DEFAULTS: Final = ("runtime/default", "docker/default")
_INT32: Final = re.compile(r"-?(0|[1-9][0-9]*)")


def annotation_causes(field: str, annotations: Map[str], spec: core_v1.PodSpec) -> list[Cause]:
    """Say what is wrong with annotations by themselves."""
    found: list[Cause] = []
    cost = annotations.get(_COST)
    if cost is not None and not (_INT32.fullmatch(cost) and -(2**31) <= int(cost) < 2**31 and cost != "-0"):
        found.append(wrong(f"{field}[{_COST}]", cost, "must be a 32bit integer"))
    if annotations.get(_TOLERATIONS):
        found += _tolerations_causes(field, annotations[_TOLERATIONS])
    if _SECCOMP_POD in annotations:
        found += _seccomp_causes(f"{field}.{_SECCOMP_POD}", annotations[_SECCOMP_POD])
    for key, value in annotations.items():
        if key.startswith(_SECCOMP):
            found += _seccomp_causes(f"{field}.{key}", value)
    for key, value in annotations.items():
        if key.startswith(APPARMOR):
            name = key.removeprefix(APPARMOR)
            if all(container.name != name for _, container in every_container("", spec)):
                found.append(wrong(f"{field}[{key}]", name, "container not found"))
            if value not in ("", "runtime/default", "unconfined") and not value.startswith(_LOCAL):
                found.append(wrong(f"{field}[{key}]", value, f'invalid AppArmor profile name: "{value}"'))
    return found


def unbound_mirror(annotations: Map[str]) -> Cause:
    """Say that the mirror of a static pod is on no node."""
    why = "must set spec.nodeName if mirror pod annotation is set"
    return wrong(f"metadata.annotations[{MIRROR}]", annotations[MIRROR], why)


def _tolerations_causes(field: str, text: str) -> list[Cause]:
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if isinstance(given, list):
        return []
    return [wrong(field, _TOLERATIONS, "json: cannot unmarshal into Go value of type []core.Toleration")]


def _seccomp_causes(field: str, profile: str) -> list[Cause]:
    if profile in (*_DEFAULTS, "unconfined"):
        return []
    if profile.startswith(_LOCAL):
        return downward(field, profile.removeprefix(_LOCAL))
    return [wrong(field, profile, "must be a valid seccomp profile")]


def matching_causes(field: str, annotations: Map[str], spec: core_v1.PodSpec) -> list[Cause]:
    """Say which annotations say another profile than the fields that have taken their place."""
    found: list[Cause] = []
    context = spec.security_context
    if _SECCOMP_POD in annotations and context is not None:
        at = f"{field}.securityContext.seccompProfile"
        found += _match_causes(at, annotations[_SECCOMP_POD], context.seccomp_profile, "seccomp", _DEFAULTS)
    for at, container in every_container(field, spec):
        own = container.security_context
        said = annotations.get(_SECCOMP + (container.name or ""))
        if said is not None and own is not None:
            found += _match_causes(
                f"{at}.securityContext.seccompProfile", said, own.seccomp_profile, "seccomp", _DEFAULTS
            )
    if spec.os is not None and spec.os.name == "windows":
        return found
    whole = context.app_armor_profile if context is not None else None
    for at, container in every_container(field, spec):
        own = container.security_context
        profile = own.app_armor_profile if own is not None and own.app_armor_profile is not None else whole
        said = annotations.get(APPARMOR + (container.name or ""))
        if said is not None:
            found += _match_causes(
                f"{at}.securityContext.appArmorProfile", said, profile, "apparmor", ("runtime/default",)
            )
    return found


def _match_causes(field: str, said: str, profile: Any, kind: str, defaults: tuple[str, ...]) -> list[Cause]:
    if profile is None:
        return []
    differs = forbidden(f"{field}.type", f"{kind} type in annotation and field must match")
    if profile.type == "Unconfined":
        return [] if said == "unconfined" else [differs]
    if profile.type == "RuntimeDefault":
        return [] if said in defaults else [differs]
    if profile.type != "Localhost":
        return []
    if not said.startswith(_LOCAL):
        return [differs]
    if profile.localhost_profile == said.removeprefix(_LOCAL):
        return []
    return [forbidden(f"{field}.localhostProfile", f"{kind} profile in annotation and field must match")]


def annotation_change_causes(field: str, new: Map[str], old: Map[str]) -> list[Cause]:
    """Say which annotations of a pod may not be added, changed or taken away."""
    found: list[Cause] = []
    for key in old:
        if new.get(key) == old[key]:
            continue
        if key.startswith(APPARMOR):
            found.append(forbidden(f"{field}[{key}]", "may not remove or update AppArmor annotations"))
        if key == MIRROR:
            found.append(forbidden(f"{field}[{key}]", "may not remove or update mirror pod annotation"))
    for key in new:
        if key in old:
            continue
        if key.startswith(APPARMOR):
            found.append(forbidden(f"{field}[{key}]", "may not add AppArmor annotations"))
        if key == MIRROR:
            found.append(forbidden(f"{field}[{key}]", "may not add mirror pod annotation"))
    return found
