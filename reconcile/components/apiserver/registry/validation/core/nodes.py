"""Validation of nodes."""

from __future__ import annotations

import re
from typing import Final

from reconcile.api import core_v1
from reconcile.api.scalars import Quantity
from reconcile.components.apiserver.refusals import Cause, Causes, duplicate, forbidden, wrong
from reconcile.components.apiserver.registry.validation.core.resources import amount_causes
from reconcile.components.apiserver.registry.validation.core.scheduling import taints_causes
from reconcile.components.apiserver.registry.validation.values import cidr_causes, is_dual
from reconcile.lib.mapping import Map
from reconcile.model.text import names

_FEATURE: Final = re.compile(r"[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*")
_NO_FEATURE: Final = (
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or"
    " MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
)


def node_causes(obj: core_v1.Node) -> Causes:
    """Say what is wrong with a node."""
    spec = obj.spec or core_v1.NodeSpec()
    found = taints_causes("metadata.taints", spec.taints or ())
    found += _status_causes(obj.status)
    blocks = spec.pod_cidrs or ()
    for place, block in enumerate(blocks):
        found += cidr_causes(f"spec.podCIDRs[{place}]", block)
    if len(blocks) > 1 and (not is_dual(blocks) or len(blocks) > 2):  # noqa: PLR2004 -- one of each family
        found.append(wrong("spec.podCIDRs", blocks, "may specify no more than one CIDR for each IP family"))
    return tuple(found)


def _status_causes(status: core_v1.NodeStatus | None) -> list[Cause]:
    if status is None:
        return []
    found: list[Cause] = []
    for field, amounts in (("capacity", status.capacity), ("allocatable", status.allocatable)):
        for name, amount in (amounts or Map[Quantity]()).items():
            found += amount_causes(f"status.{field}.{name}", name, amount)
    features = status.declared_features or ()
    for place, feature in enumerate(features):
        at = f"status.declaredFeatures[{place}]"
        if len(feature) > names.SUBDOMAIN_LENGTH:
            why = f'invalid feature name "{feature}": must be no more than {names.SUBDOMAIN_LENGTH} characters'
            found.append(wrong(at, feature, why))
        elif not _FEATURE.fullmatch(feature):
            found.append(wrong(at, feature, f'invalid feature name "{feature}": {_NO_FEATURE}'))
        after, at = features[place + 1 : place + 2], f"status.declaredFeatures[{place + 1}]"
        if after == (feature,):
            found.append(duplicate(at, feature))
        elif after and feature > after[0]:
            found.append(wrong(at, after[0], "list must be sorted alphabetically"))
    return found


def node_change_causes(new: core_v1.Node, old: core_v1.Node) -> Causes:
    """Say what of a node may not change, once it is said."""
    spec, before = new.spec or core_v1.NodeSpec(), old.spec or core_v1.NodeSpec()
    found = _status_causes(new.status)
    addresses = (new.status.addresses if new.status is not None else None) or ()
    for place, address in enumerate(addresses):
        if address in addresses[:place]:
            found.append(duplicate(f"status.addresses[{place}]", address))
    blocks, had = spec.pod_cidrs or (), before.pod_cidrs or ()
    if had and blocks != had:
        found.append(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'))
    if before.provider_id and spec.provider_id != before.provider_id:
        found.append(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'))
    return (*found, *taints_causes("metadata.taints", spec.taints or ()))
