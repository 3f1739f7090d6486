"""Validation of names and amounts of resources, and of what containers and pods ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity
from reconcile.components.apiserver.refusals import (
    Cause,
    duplicate,
    forbidden,
    not_found,
    not_supported,
    required,
    wrong,
)
from reconcile.components.apiserver.registry.aggregation import aggregated, amounts_of
from reconcile.components.apiserver.registry.validation.values import NOT_NEGATIVE, label, qualified
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model.text import names

HUGE: Final = "hugepages-"
_CONTAINERS: Final = ("cpu", "memory", "ephemeral-storage")
_COUNTED: Final = (
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
)
_REQUESTS: Final = ("requests.cpu", "requests.memory", "requests.ephemeral-storage", "requests.storage")
_LIMITS: Final = ("limits.cpu", "limits.memory", "limits.ephemeral-storage")
QUOTED: Final = frozenset({*_CONTAINERS, *_COUNTED, *_REQUESTS, *_LIMITS})
"""What a quota can be of."""

_STANDARD: Final = QUOTED | {"storage"}

Naming = Callable[[str, str], list[Cause]]


def is_huge(name: str) -> bool:
    """Tell whether a resource is of huge pages, as a container or a quota calls it."""
    return name.startswith((HUGE, "requests." + HUGE))


def is_native(name: str) -> bool:
    """Tell whether a resource is Kubernetes' own."""
    return "/" not in name or "kubernetes.io/" in name


def is_overcommitted(name: str) -> bool:
    """Tell whether more of a resource may be promised than there is."""
    return is_native(name) and not name.startswith(HUGE)


def is_extended(name: str) -> bool:
    """Tell whether a resource is of nobody but its vendor."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not names.qualified_faults("requests." + name)


def name_causes(field: str, name: str) -> list[Cause]:
    """Say what keeps *name* from being that of a resource."""
    found = qualified(field, name)
    if not found and "/" not in name and name not in _STANDARD and not is_huge(name):
        found.append(wrong(field, name, "must be a standard resource type or fully qualified"))
    return found


def container_name_causes(field: str, name: str) -> list[Cause]:
    """Say what keeps *name* from being a resource of containers."""
    if name in _CONTAINERS:
        return []
    found = name_causes(field, name)
    if "/" not in name:
        if not name.startswith(HUGE):
            found.append(wrong(field, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        found.append(wrong(field, name, "doesn't follow extended resource name standard"))
    return found


def pod_name_causes(field: str, name: str) -> list[Cause]:
    """Say what keeps *name* from being a resource of a whole pod."""
    found = name_causes(field, name)
    if not found and name not in ("cpu", "memory") and not name.startswith(HUGE):
        found.append(not_supported(field, name, ("cpu", HUGE, "memory")))
    return found


def amount_causes(field: str, name: str, amount: Quantity) -> list[Cause]:
    """Say that there can be no such amount of a resource."""
    found: list[Cause] = []
    if amount.nanos < 0:
        found.append(wrong(field, amount.text, NOT_NEGATIVE))
    if amount.milli % 1000 and (name in _COUNTED or is_extended(name)):
        found.append(wrong(field, amount.text, "must be an integer"))
    return found


def _huge_causes(field: str, name: str, amount: Quantity) -> list[Cause]:
    if not name.startswith(HUGE):
        return []
    try:
        size = Quantity.parse(name.removeprefix(HUGE))
    except ReconcileError:
        size = None
    if size is not None and size.nanos > 0 and not size.milli % 1000 and not amount.whole % size.whole:
        return []
    return [wrong(field, amount.text, f"{amount.text} is not positive integer multiple of {name}")]


def resources_causes(
    field: str,
    resources: core_v1.ResourceRequirements,
    claims: tuple[str, ...] = (),
    naming: Naming = container_name_causes,
) -> list[Cause]:
    """Say what is wrong with what is asked for; *claims* are the names of the pod's."""
    limits, requests = resources.limits or Map[Quantity](), resources.requests or Map[Quantity]()
    found: list[Cause] = []
    for name, amount in limits.items():
        at = f"{field}.limits[{name}]"
        found += naming(at, name) + amount_causes(at, name, amount) + _huge_causes(at, name, amount)
    for name, amount in requests.items():
        at = f"{field}.requests[{name}]"
        found += naming(at, name) + amount_causes(at, name, amount)
        limit = limits.get(name)
        if limit is None:
            if not is_overcommitted(name):
                found.append(required(f"{field}.limits", "Limit must be set for non overcommitable resources"))
        elif amount != limit and not is_overcommitted(name):
            found.append(wrong(f"{field}.requests", amount.text, f"must be equal to {name} limit of {limit.text}"))
        elif amount > limit:
            why = f"must be less than or equal to {name} limit of {limit.text}"
            found.append(wrong(f"{field}.requests", amount.text, why))
        found += _huge_causes(at, name, amount)
    asked = {*limits, *requests}
    if any(name.startswith(HUGE) for name in asked) and not asked & {"cpu", "memory"}:
        found.append(forbidden(field, "HugePages require cpu or memory"))
    return found + (_claims_causes(f"{field}.claims", resources.claims, claims) if resources.claims else [])


def _claims_causes(field: str, claims: tuple[core_v1.ResourceClaim, ...], known: tuple[str, ...]) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    for place, claim in enumerate(claims):
        at, name = f"{field}[{place}]", claim.name
        if not name:
            found.append(required(at))
            continue
        if name in seen:
            found.append(duplicate(at, name))
        else:
            key = f"{name}/{claim.request}" if claim.request else name
            if claim.request:
                found += label(f"{at}.request", claim.request)
            if key in seen:
                found.append(duplicate(at, key))
            elif not claim.request:
                found += [duplicate(at, name) for other in sorted(seen) if other.partition("/")[0] == name]
            seen.add(key)
        if name not in known:
            listed = f": {', '.join(sorted(set(known)))}" if known else " which is empty"
            found.append(not_found(at, name, f"must be one of the names in pod.spec.resourceClaims{listed}"))
    return found


def claims_causes(field: str, claims: tuple[core_v1.PodResourceClaim, ...]) -> list[Cause]:
    """Say what is wrong with the claims of a pod."""
    found: list[Cause] = []
    seen: set[str] = set()
    for place, claim in enumerate(claims):
        at, name = f"{field}[{place}]", claim.name
        if not name:
            found.append(required(f"{at}.name"))
        elif name in seen:
            found.append(duplicate(f"{at}.name", name))
        else:
            found += label(f"{at}.name", name)
            seen.add(name)
        own, template = claim.resource_claim_name, claim.resource_claim_template_name
        if own is not None and template is not None:
            why = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            found.append(wrong(at, claim, why))
        if own is None and template is None:
            why = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            found.append(wrong(at, claim, why))
        for field_name, text in (("resourceClaimName", own), ("resourceClaimTemplateName", template)):
            if text is not None:
                found += [wrong(f"{at}.{field_name}", text, fault) for fault in names.subdomain_faults(text)]
    return found


def pod_resources_causes(field: str, spec: core_v1.PodSpec, claims: tuple[str, ...]) -> list[Cause]:
    """Say what is wrong with what a pod asks for as a whole."""
    whole = spec.resources
    if whole is None:
        return []
    at = f"{field}.resources"
    if spec.os is not None and spec.os.name == "windows":
        return [forbidden(at, "may not be set for a windows pod")]
    found: list[Cause] = []
    if whole.claims is not None:
        found.append(forbidden(f"{at}.claims", "claims may not be set for Resources at pod-level"))
    found += resources_causes(at, whole, claims, pod_name_causes)
    requests, limits = whole.requests or Map[Quantity](), whole.limits or Map[Quantity]()
    for name, amount in aggregated(spec, "requests").items():
        if name in requests and amount > requests[name]:
            why = f"must be greater than or equal to aggregate container requests of {amount.text}"
            found.append(wrong(f"{at}.requests[{name}]", requests[name].text, why))
    for name, amount in aggregated(spec, "limits").items():
        if name.startswith(HUGE) and name in limits and amount > limits[name]:
            why = f"must be greater than or equal to aggregate container limits of {amount.text}"
            found.append(wrong(f"{at}.limits[{name}]", limits[name].text, why))
    for place, container in enumerate(spec.containers):
        for name, amount in amounts_of(container, "limits").items():
            if name in limits and amount > limits[name]:
                why = f"must be less than or equal to pod limits of {limits[name].text}"
                found.append(wrong(f"{at}.containers[{place}][{name}].limits", amount.text, why))
    return found
