"""
Claims: which ResourceClaims a pod has, and what keeps it from being scheduled with them.

Source:   the scheduler plugin DynamicResources: PreEnqueue, PreFilter; resourceclaim.Name, IsForPod.
Left out: claims of pod groups (DRAWorkloadResourceClaims is off by default).
"""

from __future__ import annotations

from typing import Any

from reconcile.components.scheduler.cache.devices import Decided, Devices, claim_at
from reconcile.model.owners import is_controlled_by


def name_of(pod: Any, entry: Any) -> tuple[str | None, str]:
    """Give the name of the claim that an entry of a pod stands for, None if it needs none; and why it has none yet."""
    if entry.resource_claim_name is not None:
        return entry.resource_claim_name, ""
    for status in (pod.status.resource_claim_statuses if pod.status is not None else None) or ():
        if status.name == entry.name:
            return status.resource_claim_name, ""
    about = f'pod "{pod.metadata.namespace}/{pod.metadata.name}"'
    if entry.resource_claim_template_name is not None:
        return None, f"{about}: ResourceClaim not created yet"
    return None, f'{about}, spec.resourceClaim "{entry.name}": none of the supported fields are set'


def claims_of(pod: Any, devices: Devices, decided: Decided) -> tuple[tuple[tuple[str, Any], ...], str]:
    """Give the keys and claims of a pod; or why one cannot be used, in the plugin's words."""
    found: list[tuple[str, Any]] = []
    namespace = pod.metadata.namespace
    for entry in pod.spec.resource_claims or ():
        name, why = name_of(pod, entry)
        if why:
            return (), why
        if name is None:
            continue
        key = f"{namespace}/{name}"
        claim = claim_at(devices, decided, key)
        if claim is None:
            return (), f'resourceclaim.resource.k8s.io "{name}" not found'
        if claim.metadata.deletion_timestamp is not None:
            return (), f'resourceclaim "{name}" is being deleted'
        if entry.resource_claim_name is None and not is_controlled_by(claim, pod):
            about = f"ResourceClaim {namespace}/{name} was not created for Pod {namespace}/{pod.metadata.name}"
            return (), f"{about} (Pod is not owner)"
        found.append((key, claim))
    return tuple(found), ""


def allocation_of(claim: Any) -> Any:
    """Give what a claim has been given; None if nothing."""
    return claim.status.allocation if claim.status is not None else None


def is_reserved_for(pod: Any, claim: Any) -> bool:
    """Tell whether a claim is reserved for a pod."""
    rows = (claim.status.reserved_for if claim.status is not None else None) or ()
    return any(each.uid == pod.metadata.uid for each in rows)


def why_barred(claims: tuple[tuple[str, Any], ...], devices: Devices, decided: Decided) -> str:
    """Say why no node is looked at for a pod with these claims; empty if nothing keeps it from that."""
    for key, claim in claims:
        if allocation_of(claim) is not None:
            continue
        if claim.metadata.uid in decided.pending:
            return f"resource claim {key} is in the process of being allocated"
        asked = claim.spec.devices
        for request in (asked.requests if asked is not None else None) or ():
            for name, class_ in _classes(request):
                if class_ not in devices.classes:
                    return f"request {name}: device class {class_} does not exist"
            if request.exactly is None and not request.first_available:
                return f"resource claim {key}, request {request.name}: unknown request type"
    return ""


def _classes(request: Any) -> list[tuple[str, str]]:
    if request.exactly is not None:
        return [(request.name, request.exactly.device_class_name)]
    return [(f"{request.name}/{each.name}", each.device_class_name) for each in request.first_available or ()]
