"""
Results: the devices that a claim gets, as its status says it.

Source:   k8s.io/dynamic-resource-allocation/structured: Allocate, createNodeSelector.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, resource_v1
from reconcile.components.scheduler.plugins.dynamic_resources.allocating import Taken
from reconcile.lib.dice import Dice
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

_CLASS: Final = "FromClass"
_CLAIM: Final = "FromClaim"


def allocation_of(
    claim: Any, taken: tuple[Taken, ...], node: str, dice: Dice
) -> tuple[resource_v1.AllocationResult, Dice]:
    """Give a claim's allocation; each share of a device that others may have as well is drawn a name."""
    results: list[Any] = []
    for each in taken:
        share = None
        if each.share is not None:
            share, dice = dice.uuid()
        results.append(_result(each, share))
    devices = resource_v1.DeviceAllocationResult(results=tuple(results), config=_configuration(claim, taken) or None)
    return resource_v1.AllocationResult(devices=devices, node_selector=_selector(taken, node)), dice


def _result(taken: Taken, share: str | None) -> resource_v1.DeviceRequestAllocationResult:
    driver, pool, device = taken.offer.id
    option, described = taken.option, taken.offer.device
    return resource_v1.DeviceRequestAllocationResult(
        request=option.name,
        driver=driver,
        pool=pool,
        device=device,
        admin_access=option.admin or None,
        tolerations=option.tolerations or None,
        share_id=share,
        consumed_capacity=Map(taken.share) if taken.share else None,
        binding_conditions=described.binding_conditions or None,
        binding_failure_conditions=described.binding_failure_conditions or None,
    )


def _configuration(claim: Any, taken: tuple[Taken, ...]) -> tuple[Any, ...]:
    chosen: dict[str, Any] = {}
    for each in taken:
        chosen.setdefault(each.option.request, each.option)
    rows: list[Any] = []
    places: dict[str, tuple[int, int]] = {}
    asked = claim.spec.devices
    for request in asked.requests or ():
        option = chosen.get(request.name)
        if option is None:
            continue
        class_ = option.device_class
        known = places.get(class_.metadata.name)
        if known is not None:
            for place in range(*known):
                rows[place] = replace(rows[place], requests=(*(rows[place].requests or ()), option.name))
            continue
        before = len(rows)
        rows += [
            resource_v1.DeviceAllocationConfiguration(source=_CLASS, requests=(option.name,), opaque=each.opaque)
            for each in class_.spec.config or ()
        ]
        places[class_.metadata.name] = before, len(rows)
    for config in asked.config or ():
        own = resource_v1.DeviceAllocationConfiguration(
            source=_CLAIM, requests=config.requests or None, opaque=config.opaque
        )
        if not config.requests:
            rows.append(own)
            continue
        named = [
            request.name in config.requests or (request.name in chosen and chosen[request.name].name in config.requests)
            for request in asked.requests or ()
        ]
        rows += [own] * sum(named)
    return tuple(rows)


def _selector(taken: tuple[Taken, ...], node: str) -> core_v1.NodeSelector | None:
    """Say from where devices can be used; None for everywhere."""
    fields: list[Any] = []
    expressions: list[Any] = []
    for each in taken:
        device, spec = each.offer.device, each.offer.slice.spec
        whose = device if spec.per_device_node_selection else spec
        if whose.node_name or device.binds_to_node:
            only = core_v1.NodeSelectorRequirement(key="metadata.name", operator="In", values=(node,))
            term = core_v1.NodeSelectorTerm(match_fields=(only,))
            return core_v1.NodeSelector(node_selector_terms=(term,))
        if whose.node_selector is not None and whose.node_selector.node_selector_terms:
            first = whose.node_selector.node_selector_terms[0]
            fields += [row for row in first.match_fields or () if row not in fields]
            expressions += [row for row in first.match_expressions or () if row not in expressions]
    if not fields and not expressions:
        return None
    term = core_v1.NodeSelectorTerm(match_fields=tuple(fields) or None, match_expressions=tuple(expressions) or None)
    return core_v1.NodeSelector(node_selector_terms=(term,))
