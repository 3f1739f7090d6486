"""Validation of coordination: leases, and the candidates for them."""

from __future__ import annotations

from typing import Final

from reconcile.api import coordination_v1, coordination_v1beta1
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, required, wrong
from reconcile.components.apiserver.registry.validation.parts import chosen, faulty
from reconcile.model.text import names
from reconcile.model.text.semver import ZERO, parsed

_STRATEGIES: Final = ("OldestEmulationVersion",)
_NO_VERSION: Final = "must be a valid semantic version"


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
        found += _strategy_causes(spec.strategy)
    if spec.preferred_holder and not spec.strategy:
        found.append(forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"))
    return tuple(found)


def candidate_causes(obj: coordination_v1beta1.LeaseCandidate) -> Causes:
    """Say what is wrong with a candidate."""
    spec = obj.spec
    found: list[Cause] = []
    if not spec.lease_name:
        found.append(required("spec.leaseName"))
    emulated, binary = parsed(spec.emulation_version or ""), parsed(spec.binary_version)
    if spec.emulation_version and emulated is None:
        found.append(wrong("spec.emulationVersion", spec.emulation_version, _NO_VERSION))
    if not spec.binary_version:
        found.append(required("spec.binaryVersion"))
    elif binary is None:
        found.append(wrong("spec.binaryVersion", spec.binary_version, _NO_VERSION))
    # What is no version counts as the lowest that there is.
    lower = (binary or ZERO) < (emulated or ZERO)
    if spec.binary_version and spec.emulation_version and lower:
        found.append(
            wrong("spec.binaryVersion", spec.binary_version, "must be greater than or equal to `emulationVersion`")
        )
    if not spec.strategy:
        return (*found, required("spec.strategy"))
    if spec.strategy in _STRATEGIES and (emulated or ZERO) == ZERO:
        said = f"must be specified when `strategy` is '{spec.strategy}'"
        found.append(required("spec.emulationVersion", said))
    return (*found, *_strategy_causes(spec.strategy))


def candidate_change_causes(
    new: coordination_v1beta1.LeaseCandidate, old: coordination_v1beta1.LeaseCandidate
) -> Causes:
    """Say which changes of a candidate cannot be."""
    if new.spec.lease_name == old.spec.lease_name:
        return ()
    return (wrong("spec.leaseName", new.spec.lease_name, "field is immutable"),)


def _strategy_causes(strategy: str) -> Causes:
    # The field is named twice, as upstream does.
    at = "spec.strategy.strategy"
    if "/" in strategy:
        return tuple(faulty(at, strategy, names.qualified_faults(strategy)))
    return tuple(chosen(at, strategy, _STRATEGIES))
