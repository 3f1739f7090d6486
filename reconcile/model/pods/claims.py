"""
Claims of a pod for devices: which ResourceClaims it has, by what it says itself and by what its status says.

Source:   k8s.io/dynamic-resource-allocation/resourceclaim.
Left out: claims of pod groups, which are alpha.
"""

from __future__ import annotations

from typing import Any


def resource_claims_of(pod: Any) -> tuple[str, ...]:
    """Give the names of a pod's ResourceClaims, as far as they are known: those that were made for it among them."""
    status = pod.status
    names = [each.resource_claim_name for each in pod.spec.resource_claims or ()]
    if status is not None:
        names += [each.resource_claim_name for each in status.resource_claim_statuses or ()]
        if status.extended_resource_claim_status is not None:
            names.append(status.extended_resource_claim_status.resource_claim_name)
    return tuple(dict.fromkeys([name for name in names if name]))
