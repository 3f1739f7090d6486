"""Validation of coordination: leases."""

from __future__ import annotations

from typing import Final

from reconcile.api import coordination_v1
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, wrong
from reconcile.components.apiserver.registry.validation.parts import chosen, faulty
from reconcile.model import names

_STRATEGIES: Final = ("OldestEmulationVersion",)


def lease_causes(obj: coordination_v1.Lease) -> Causes:
    """Say what is wrong with a lease."""
    spec = obj.spec
    if spec is None:
        return ()
    found: list[Cause] = []
    if spec.lease_duration_seconds is not None and spec.lease_duration_seconds <= 0:
        found.append(wrong("spec.leaseDurationSeconds", spec.lease_duration_seconds, "must be greater than 0"))
    if spec.lease_transitions is not None and spec.lease_transitions < 0:
        found.append(wrong("spec.leaseTransitions", spec.lease_transitions, "must be greater than or equal to 0"))
    if spec.strategy is not None:
        # The field is named twice, as upstream does.
        at = "spec.strategy.strategy"
        if "/" in spec.strategy:
            found += faulty(at, spec.strategy, names.qualified_faults(spec.strategy))
        else:
            found += chosen(at, spec.strategy, _STRATEGIES)
    if spec.preferred_holder and not spec.strategy:
        found.append(forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"))
    return tuple(found)
