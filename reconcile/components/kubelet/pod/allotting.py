"""
Allotting: what a pod as a whole has been given, as its status says it.

Source:   the kubelet's convertToAPIPodLevelResourcesStatus; PodRequests and PodLimits of component-helpers.
Left out: what a cgroup rounds.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api import core_v1
from reconcile.api.quantity import Quantity
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.model.hosts import Host
from reconcile.model.kubelets import settings_of

_OF_CGROUPS: Final = ("cpu", "memory")


@quick
@attrs.frozen(weakref_slot=False)
class Allotted:
    """
    What a pod as a whole has.

    Args:
        requests: what it asks for; None if that is nothing.
        planned: what it is to have, until it runs and after it has; *given*: what it has while it runs. None if its
            status does not say it.
        devices: what is said of the devices that its containers have by its claims, by their names.
    """

    requests: Map[Quantity] | None
    planned: core_v1.ResourceRequirements | None
    given: core_v1.ResourceRequirements | None
    devices: Map[tuple[core_v1.ResourceStatus, ...]] = Map()


_UNLIMITED: Final = core_v1.ResourceRequirements()
NOTHING: Final = Allotted(None, _UNLIMITED, _UNLIMITED)
UNTOLD: Final = Allotted(None, None, None)


def told(host: Host, spec: Any) -> Allotted:
    """Say what a pod of this specification is given as a whole, if the kubelet of *host* tells it."""
    return allotted(spec) if settings_of(host.kubelet).tells_wholes else UNTOLD


def allotted(spec: Any) -> Allotted:
    """Say what a pod of this specification as a whole is given."""
    requests, limits = _sum_of(spec, "requests"), _sum_of(spec, "limits")
    for name, amount in (spec.overhead or {}).items():
        requests[name] = requests[name] + amount if name in requests else amount
        if name in limits:
            limits[name] = limits[name] + amount
    planned = core_v1.ResourceRequirements(requests=Map(requests) or None, limits=Map(limits) or None)
    own = spec.resources
    of_requests = dict((own and own.requests) or {})
    of_limits = dict((own and own.limits) or {})
    for name in _OF_CGROUPS:
        if requests.get(name):
            of_requests[name] = requests[name]
        if limits.get(name) and (name in of_limits or _limits_each(spec, name)):
            of_limits[name] = limits[name]
    given = core_v1.ResourceRequirements(requests=Map(of_requests) or None, limits=Map(of_limits) or None)
    return Allotted(planned.requests, planned, given)


def _limits_each(spec: Any, name: str) -> bool:
    """Tell whether every container has a limit: only then the pod's cgroup has one."""
    rows = [row.resources for row in (*(spec.init_containers or ()), *spec.containers)]
    return all(row is not None and row.limits and row.limits.get(name) for row in rows)


def _sum_of(spec: Any, part: str) -> dict[str, Quantity]:
    """Sum up what containers ask for, or are limited to: init containers one after the other, beside sidecars."""
    total: dict[str, Quantity] = {}
    for container in spec.containers:
        _add(total, container, part)
    beside: dict[str, Quantity] = {}
    peak: dict[str, Quantity] = {}
    for container in spec.init_containers or ():
        alone = beside
        if container.restart_policy == "Always":
            _add(total, container, part)
        else:
            alone = dict(beside)
        _add(alone, container, part)
        for name, amount in alone.items():
            if name not in peak or peak[name] < amount:
                peak[name] = amount
    for name, amount in peak.items():
        if name not in total or total[name] < amount:
            total[name] = amount
    if spec.resources is not None:
        total.update(getattr(spec.resources, part) or {})
    return total


def _add(total: dict[str, Quantity], container: Any, part: str) -> None:
    resources = container.resources
    for name, amount in ((resources is not None and getattr(resources, part)) or {}).items():
        total[name] = total[name] + amount if name in total else amount
