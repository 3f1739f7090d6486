"""
What the CSI drivers of a topology say of themselves, checked when a topology is made.

Takes:    drivers.
Gives:    nothing; a ReconcileError for the first that cannot be.
Source:   the names that Kubernetes allows; gRPC's codes.
Left out: nothing known.
"""

from __future__ import annotations

from typing import get_args

from reconcile.api.quantity import Quantity
from reconcile.cluster.typed import check_types
from reconcile.lib.errors import ReconcileError
from reconcile.model.drivers import CODES, Driver, DriverFault, Operation
from reconcile.model.text import names


def check_drivers(drivers: tuple[Driver, ...]) -> None:
    """
    Check the CSI drivers of a topology.

    Raises:
        ReconcileError: one of them cannot be; its path and the value are shown.
    """
    known = [driver.name for driver in drivers]
    for place, driver in enumerate(drivers):
        _check_driver(driver, f"topology: drivers[{place}]")
        if driver.name in known[:place]:
            raise ReconcileError(f"topology: drivers: two are called {driver.name!r}")


def _check_driver(driver: Driver, path: str) -> None:
    check_types(driver, f"{path}.")
    faults = names.subdomain_faults(driver.name)
    if faults:
        raise ReconcileError(f"{path}.name: {driver.name!r}: {faults[0]}")
    for field in ("provision", "failures", "attach", "expand", "limit"):
        value = getattr(driver, field)
        if value < 0:
            raise ReconcileError(f"{path}.{field}: {value!r} is negative")
    if driver.unit:
        _check_unit(driver.unit, f"{path}.unit")
    if driver.limit >= 1 << 31:
        raise ReconcileError(f"{path}.limit: {driver.limit!r} is more than a CSINode can say")
    for label in driver.reaches:
        faults = names.qualified_faults(label)
        if faults:
            raise ReconcileError(f"{path}.reach: {label!r}: {faults[0]}")
    for segment in driver.capacity:
        _check_room(driver, segment, f"{path}.capacity")
    for place, fault in enumerate(driver.faults):
        _check_fault(fault, f"{path}.faults[{place}]")


def _check_unit(unit: str, path: str) -> None:
    try:
        size = Quantity.parse(unit)
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None
    if size.nanos <= 0:
        raise ReconcileError(f"{path}: {unit!r} is not more than 0")


def _check_room(driver: Driver, segment: str, path: str) -> None:
    values = segment.split(",") if driver.reach else []
    if segment and not driver.reach:
        raise ReconcileError(f"{path}: {segment!r} is a value of no label: the driver has no reach, so the key is ''")
    if len(values) != len(driver.reaches):
        wanted = f"one value for each label of the driver's reach {driver.reach!r}"
        raise ReconcileError(f"{path}: {segment!r} has not {wanted}")
    for value in values:
        faults = names.label_value_faults(value)
        if faults or not value:
            raise ReconcileError(f"{path}: {segment!r}: {faults[0] if faults else 'a value is empty'}")
    try:
        size = Quantity.parse(driver.capacity[segment])
    except ReconcileError as error:
        raise ReconcileError(f"{path}[{segment!r}]: {error}") from None
    if size.nanos < 0:
        raise ReconcileError(f"{path}[{segment!r}]: {driver.capacity[segment]!r} is negative")


def _check_fault(fault: DriverFault, path: str) -> None:
    check_types(fault, f"{path}.")
    if fault.operation not in get_args(Operation):
        raise ReconcileError(f"{path}.operation: {fault.operation!r} is none of {', '.join(get_args(Operation))}")
    if fault.times < 0:
        raise ReconcileError(f"{path}.times: {fault.times!r} is negative")
    if fault.code not in CODES:
        raise ReconcileError(f"{path}.code: {fault.code!r} is none of {', '.join(CODES)}")
