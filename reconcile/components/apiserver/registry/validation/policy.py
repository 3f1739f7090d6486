"""Validation of policy: pod disruption budgets."""

from __future__ import annotations

from typing import Final

from reconcile.api import policy_v1
from reconcile.components.apiserver.refusals import Causes, wrong
from reconcile.components.apiserver.registry.validation.apps import amount_causes, share_causes
from reconcile.components.apiserver.registry.validation.metadata import at_least_zero, selector_causes
from reconcile.components.apiserver.registry.validation.parts import chosen, given

_EVICTIONS: Final = ("AlwaysAllow", "IfHealthyBudget")


def budget_causes(obj: policy_v1.PodDisruptionBudget) -> Causes:
    """Say what is wrong with a pod disruption budget."""
    spec = given(obj.spec, policy_v1.PodDisruptionBudgetSpec)
    found = []
    if spec.min_available is not None and spec.max_unavailable is not None:
        found.append(wrong("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    for field, amount in (
        ("spec.minAvailable", spec.min_available),
        ("spec.maxUnavailable", spec.max_unavailable),
    ):
        found += amount_causes(field, amount)
        found += share_causes(field, amount)
    found += selector_causes("spec.selector", spec.selector)
    if spec.unhealthy_pod_eviction_policy is not None:
        found += chosen("spec.unhealthyPodEvictionPolicy", spec.unhealthy_pod_eviction_policy, _EVICTIONS)
    return tuple(found)


def budget_status_causes(obj: policy_v1.PodDisruptionBudget) -> Causes:
    """Say what is wrong with the status of a pod disruption budget."""
    status = given(obj.status, policy_v1.PodDisruptionBudgetStatus)
    return (
        *at_least_zero("status.disruptionsAllowed", status.disruptions_allowed),
        *at_least_zero("status.currentHealthy", status.current_healthy),
        *at_least_zero("status.desiredHealthy", status.desired_healthy),
        *at_least_zero("status.expectedPods", status.expected_pods),
    )
