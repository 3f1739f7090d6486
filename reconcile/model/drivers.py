"""Driver: a storage system outside the cluster, with the controllers that its vendor runs beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import attrs

from reconcile.api.quantity import Quantity
from reconcile.lib.given import as_map, as_tuple
from reconcile.lib.instant import SECOND, Duration
from reconcile.lib.mapping import Map

Operation: TypeAlias = Literal[
    "provision", "delete", "attach", "detach", "expand", "modify", "stage", "publish", "grow"
]
"""
What a driver is asked for: CreateVolume, DeleteVolume, ControllerPublishVolume, ControllerUnpublishVolume,
ControllerExpandVolume, ControllerModifyVolume; and on a node NodeStageVolume, NodePublishVolume, NodeExpandVolume.
"""

INFEASIBLE: Final = ("InvalidArgument", "OutOfRange", "NotFound")
"""The codes by which a driver says that it can never do what it is asked for."""
CODES: Final = (
    *("Canceled", "Unknown", "DeadlineExceeded", "AlreadyExists", "PermissionDenied", "ResourceExhausted"),
    *("FailedPrecondition", "Aborted", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"),
    *INFEASIBLE,
)
"""gRPC's codes of what went wrong."""
FINAL: Final = tuple(
    [
        code
        for code in CODES
        if code not in ("Canceled", "DeadlineExceeded", "Unavailable", "ResourceExhausted", "Aborted")
    ]
)
"""After another code it is not known whether the driver goes on with what it was asked for."""
_USUAL: Final = SECOND


@attrs.frozen(kw_only=True)
class DriverFault:
    """
    How an operation of a driver fails, before it succeeds.

    Args:
        operation: which.
        times: how often in a row, for each object that it is for; the next fault of the same operation comes then.
        code: as gRPC names it.
        message: what the driver says.
    """

    operation: Operation
    times: int = 1
    code: str = "Internal"
    message: str = "the storage system is not able to do this now"

    @property
    def words(self) -> str:
        """What callers say of it."""
        return f"rpc error: code = {self.code} desc = {self.message}"


@attrs.frozen(kw_only=True)
class Driver:
    """
    A CSI driver: what its storage does for StorageClasses whose provisioner it is, and how long that takes.

    Args:
        name: as StorageClasses, volumes and VolumeAttachments name it: `csi.example.com`.
        provision: how long it takes to make a volume, or to delete one, nanoseconds.
        failures: how often in a row making a volume fails first, for each claim; before what *faults* say of it.
        attach: how long it takes to attach a volume to a node, or to detach it, nanoseconds.
        expand: how long it takes to let a volume grow, or to change its attributes, nanoseconds.
        file_systems: whether a file system is grown on the node, when a pod next mounts it, and not at once.
        reach: the node label within whose one value a volume can be reached, such as `topology.kubernetes.io/zone`; or
            several, with commas between them, which must all be alike; empty: from anywhere.
        unit: what the size of a volume is a multiple of, such as `1Gi`: more is given than was asked, never less;
            empty: as much as was asked.
        limit: how many of its volumes can be attached to a node; 0: any number.
        faults: how its operations fail first.
        capacity: how much room there is, as a quantity such as `10Gi`, for each value of *reach*, with commas between
            the values of several labels; elsewhere there is none. Without *reach* it is that of the one key "": it is
            for everywhere. Empty: there is always room.
    """

    name: str
    provision: Duration = _USUAL
    failures: int = 0
    attach: Duration = _USUAL
    expand: Duration = _USUAL
    file_systems: bool = False
    reach: str = ""
    unit: str = ""
    limit: int = 0
    faults: tuple[DriverFault, ...] = attrs.field(default=(), converter=as_tuple)
    capacity: Map[str] = attrs.field(default=Map(), converter=as_map)

    @property
    def reaches(self) -> tuple[str, ...]:
        """The labels of *reach*."""
        return tuple(self.reach.split(",")) if self.reach else ()

    def segment_of(self, labels: Mapping[str, str]) -> str:
        """Give the key of *capacity* for which something with these labels stands; "" if it lacks one of *reach*."""
        return ",".join([labels[key] for key in self.reaches]) if all(key in labels for key in self.reaches) else ""

    def labels_of(self, segment: str) -> dict[str, str]:
        """Give the labels for which a key of *capacity* stands."""
        return dict(zip(self.reaches, segment.split(","), strict=True)) if self.reaches else {}

    def size(self, asked: Quantity) -> Quantity:
        """Give how large a volume is made for which so much was asked."""
        if not self.unit:
            return asked
        unit = Quantity.parse(self.unit)
        times = -(-asked.nanos // unit.nanos)
        return asked if times * unit.nanos == asked.nanos else Quantity.of(nanos=times * unit.nanos, form=unit.form)

    def fault(self, operation: Operation, failures: int) -> DriverFault | None:
        """Give how an operation fails that has failed so often already; None if it succeeds."""
        if operation == "provision":
            if failures < self.failures:
                return _REFUSED
            failures -= self.failures
        for fault in self.faults:
            if fault.operation == operation:
                if failures < fault.times:
                    return fault
                failures -= fault.times
        return None


_REFUSED: Final = DriverFault(operation="provision", message="the storage system refuses to make a volume")
