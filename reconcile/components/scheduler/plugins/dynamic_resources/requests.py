"""
Requests: what the requests of a claim ask for, with the alternatives that each allows.

Source:   k8s.io/dynamic-resource-allocation/structured: requestAccessor, validateDeviceRequest.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from reconcile.components.scheduler.plugins.dynamic_resources.matching import UnallocatableError, selects
from reconcile.components.scheduler.plugins.dynamic_resources.pools import Offer, is_reached
from reconcile.lib.table import Table

ALL: Final = "All"


class Option(NamedTuple):
    """
    A request, or one of its alternatives.

    Args:
        claim: `namespace/name` of the claim.
        request: the request's name.
        sub_request: the alternative's; empty if the request has none.
        device_class: the DeviceClass.
        wanted: how many devices; of a request for all of them it is known only when they are counted.
        all: whether all devices are wanted.
        selectors: the request's own.
        tolerations: the taints of devices that do not matter.
        capacity: what is asked of each device.
        admin: whether devices are wanted that others have.
    """

    claim: str
    request: str
    sub_request: str
    device_class: Any
    wanted: int
    all: bool
    selectors: tuple[Any, ...]
    tolerations: tuple[Any, ...]
    capacity: Any
    admin: bool | None

    @property
    def name(self) -> str:
        """The name by which the claim's status calls it."""
        return f"{self.request}/{self.sub_request}" if self.sub_request else self.request

    @property
    def own_name(self) -> str:
        """The name by which errors call it."""
        return self.sub_request or self.request


def options_of(claim: Any, classes: Table[str, Any]) -> tuple[tuple[Option, ...], ...]:
    """
    Give the alternatives of each request of a claim.

    Raises:
        UnallocatableError: a class is not there.
    """
    key = f"{claim.metadata.namespace}/{claim.metadata.name}"
    devices = claim.spec.devices
    return tuple(
        [
            tuple([_option(key, request, each, classes) for each in request.first_available])
            if request.first_available
            else (_option(key, request, None, classes),)
            for request in (devices.requests if devices is not None else None) or ()
        ]
    )


def is_wanted(option: Option, offer: Offer, room: Any) -> bool:
    """
    Tell whether a device is what is asked for, and can be used from a node.

    Raises:
        UnallocatableError: a selector is wrong.
    """
    driver, device = offer.id[0], offer.device
    class_ = option.device_class
    for whose, selectors in (
        (f"class {class_.metadata.name}", class_.spec.selectors or ()),
        (f"claim {option.claim}", option.selectors),
    ):
        for place, selector in enumerate(selectors):
            try:
                if not selects(selector.cel.expression, driver, device):
                    return False
            except UnallocatableError as error:
                raise UnallocatableError(f"{whose}: selector #{place}: {error}") from None
    if offer.slice.spec.per_device_node_selection:
        return is_reached(device, room)
    return True


def _option(claim: str, request: Any, alternative: Any, classes: Table[str, Any]) -> Option:
    asked = alternative if alternative is not None else request.exactly
    sub_request = "" if alternative is None else alternative.name
    if asked is None or not asked.device_class_name:
        name = sub_request or request.name
        raise UnallocatableError(
            f"claim {claim}, request {name}: missing device class name (unsupported request type?)"
        )
    found = classes.get(asked.device_class_name, None)
    if found is None:
        name, class_ = sub_request or request.name, asked.device_class_name
        why = f'could not retrieve device class {class_}: deviceclass.resource.k8s.io "{class_}" not found'
        raise UnallocatableError(f"claim {claim}, request {name}: {why}")
    return Option(
        claim,
        request.name,
        sub_request,
        found,
        1 if asked.count is None else asked.count,
        asked.allocation_mode == ALL,
        asked.selectors or (),
        asked.tolerations or (),
        asked.capacity,
        None if alternative is not None else asked.admin_access,
    )
