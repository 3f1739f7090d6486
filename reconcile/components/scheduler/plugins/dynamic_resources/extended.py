"""
Extended resources that are devices: what a pod asks for by a resource's name is had by a claim that is made for it.

A DeviceClass says the name of the resource. A node that has the resource itself, by a device plugin, gives it; on any
other one a claim asks for it, container by container.

Source:   the scheduler plugin DynamicResources: extendeddynamicresources.go; extendedresourcecache.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from reconcile.api import meta_v1, resource_v1
from reconcile.components.scheduler.cache.demand import Demand, demand_of
from reconcile.components.scheduler.cache.devices import Decided, Devices, claim_at
from reconcile.components.scheduler.cache.nodes import Room
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.lib.mapping import Map

ANNOTATION: Final = "resource.kubernetes.io/extended-resource-claim"
IMPLICIT: Final = "deviceclass.resource.kubernetes.io/"
STALE: Final = Refusal("DynamicResources", ("cannot schedule extended resource claim",), final=True)
UNFIT: Final = Refusal("DynamicResources", ("cannot fit resource",), final=True)
_LONGEST_BASE: Final = 58


class Extras(NamedTuple):
    """
    What a pod asks for by the names of extended resources, of which at least one may be a device.

    Args:
        pod: the pod.
        amounts: resource -> how much.
        classes: resource -> the DeviceClass behind it, if there is one.
        stale: a claim that an earlier try has made, which has to go first.
    """

    pod: Any
    amounts: tuple[tuple[str, int], ...]
    classes: dict[str, Any]
    stale: Any = None

    def refusal(self, room: Room) -> Refusal | None:
        """Tell why a node will not do, whatever devices there are; None if it may."""
        if self.stale is not None:
            return STALE
        lacks = any(name not in self.classes and name not in room.others for name, _ in self.amounts)
        return UNFIT if lacks else None

    def claim_on(self, room: Room) -> resource_v1.ResourceClaim | None:
        """Give the claim that is to be made if the pod goes to a node; None if it has all itself."""
        names = [name for name, _ in self.amounts if name in self.classes and not room.others.get(name, 0)]
        if not names or self.stale is not None:
            return None
        requests, _ = _requests(self.pod, names, self.classes)
        about = self.pod.metadata
        owner = meta_v1.OwnerReference(api_version="v1", kind="Pod", name=about.name, uid=about.uid, controller=True)
        metadata = meta_v1.ObjectMeta(
            namespace=about.namespace,
            generate_name=f"{about.name[:_LONGEST_BASE]}-extended-resources-",
            uid=f"extended/{about.uid}",
            owner_references=(owner,),
            annotations=Map({ANNOTATION: "true"}),
        )
        devices = resource_v1.DeviceClaim(requests=requests)
        return resource_v1.ResourceClaim(metadata=metadata, spec=resource_v1.ResourceClaimSpec(devices=devices))

    def mappings(self, room: Room) -> tuple[tuple[str, str, str], ...]:
        """Give (container, resource, request) of each container that has a part of the claim."""
        names = [name for name, _ in self.amounts if name in self.classes and not room.others.get(name, 0)]
        return _requests(self.pod, names, self.classes)[1]


def extras_of(pod: Any, devices: Devices, decided: Decided) -> Extras | None:
    """Give what of a pod's extended resources may be had as devices; None if nothing."""
    amounts = tuple([row for row in demand_of(pod).others if is_extended(row[0])])
    classes = {name: found for name, _ in amounts if (found := class_of(name, devices)) is not None}
    if not classes:
        return None
    stale = None
    for key in devices.claims.keys_under("owner", pod.metadata.uid):
        claim = claim_at(devices, decided, key)
        if (claim.metadata.annotations or {}).get(ANNOTATION) == "true":
            stale = claim
    return Extras(pod, amounts, classes, stale)


def delegated(demand: Demand, devices: Devices) -> Demand:
    """Give the demand that says which of its resources may be had as devices, where a node does not have them."""
    names = tuple([name for name, _ in demand.others if is_extended(name) and class_of(name, devices) is not None])
    return demand._replace(delegated=names) if names else demand


def is_extended(name: str) -> bool:
    """Tell whether a resource is one that a device may stand for."""
    if name.startswith(IMPLICIT):
        return True
    domain, slash, _ = name.partition("/")
    native = domain == "kubernetes.io" or domain.endswith(".kubernetes.io")
    return bool(slash) and not native and not name.startswith("requests.")


def class_of(name: str, devices: Devices) -> Any:
    """Give the DeviceClass behind a resource: of several the youngest, of those the first by name."""
    found = devices.classes.under("extended", name)
    return min(found, key=_age, default=None)


def _age(class_: Any) -> tuple[int, str]:
    made = class_.metadata.creation_timestamp
    return (0 if made is None else -made.instant, class_.metadata.name)


class _Part(NamedTuple):
    """A request of the claim, and how many devices it asks for."""

    name: str
    class_: str
    amount: int


def _requests(
    pod: Any, names: list[str], classes: dict[str, Any]
) -> tuple[tuple[resource_v1.DeviceRequest, ...], tuple[tuple[str, str, str], ...]]:
    parts: list[_Part] = []
    mappings: list[tuple[str, str, str]] = []
    for name in sorted(names):
        found, rows = _of_resource(pod, name, classes[name].metadata.name)
        parts += found
        mappings += rows
    requests = [
        resource_v1.DeviceRequest(
            name=part.name,
            exactly=resource_v1.ExactDeviceRequest(
                device_class_name=part.class_, allocation_mode="ExactCount", count=part.amount
            ),
        )
        for part in sorted(parts)
    ]
    return tuple(requests), tuple(mappings)


def _of_resource(pod: Any, name: str, class_: str) -> tuple[list[_Part], list[tuple[str, str, str]]]:
    """Give the requests for one resource, and which container has which: what runs later may lend to who runs first."""
    first = pod.spec.init_containers or ()
    containers = (*first, *pod.spec.containers)
    lasting: list[_Part | None] = [None] * len(containers)
    rows: list[tuple[str, str, str]] = []
    passing: list[int] = []
    for place, container in enumerate(containers):
        if place < len(first) and container.restart_policy != "Always":
            passing.append(place)
            continue
        lasting[place], used = _of_container(place, container, name, class_, [])
        rows += [(container.name, name, request) for request in used]
    own: list[_Part] = []
    brief: list[tuple[str, str, str]] = []
    for place in passing:
        container = containers[place]
        part, used = _of_container(place, container, name, class_, lasting[place:])
        own += [] if part is None else [part]
        brief += [(container.name, name, request) for request in used]
    most = max(own, key=_amount, default=None)
    if most is not None:
        short = {part.name for part in own}
        brief = [(who, what, most.name if request in short else request) for who, what, request in brief]
    parts = [] if most is None else [most]
    return [*parts, *[part for part in lasting if part is not None]], [*rows, *brief]


def _of_container(
    place: int, container: Any, name: str, class_: str, lent: list[_Part | None]
) -> tuple[_Part | None, list[str]]:
    requests = (container.resources.requests if container.resources is not None else None) or {}
    wanted = requests[name].whole if name in requests else 0
    if not wanted:
        return None, []
    used: list[str] = []
    for part in lent:
        if part is not None:
            used.append(part.name)
            wanted -= part.amount
            if wanted <= 0:
                return None, used
    own = f"container-{place}-request-{sorted(requests).index(name)}"
    return _Part(own, class_, wanted), [*used, own]


def _amount(part: _Part) -> int:
    return part.amount
