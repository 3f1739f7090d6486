"""
What the device drivers of a topology say of themselves, checked when a topology is made.

Takes:    device drivers.
Gives:    nothing; a ReconcileError for the first thing that cannot be.
Source:   the validation of ResourceSlices: what is published has to be taken by the API server.
Left out: the values of attributes and capacities, which the API server judges.
"""

from __future__ import annotations

from reconcile.cluster.typed import check_types
from reconcile.lib.errors import ReconcileError
from reconcile.model.devices import HEALTHS, DeviceDriver, DevicePool
from reconcile.model.text import names


def check_device_drivers(drivers: tuple[DeviceDriver, ...]) -> None:
    """
    Check the device drivers of a topology.

    Raises:
        ReconcileError: something is wrong with one; its path and the value are shown.
    """
    known: list[str] = []
    for place, driver in enumerate(drivers):
        path = f"topology: device_drivers[{place}]"
        _check_driver(driver, path)
        if driver.name in known:
            raise ReconcileError(f"topology: device_drivers: two are called {driver.name!r}")
        known.append(driver.name)


def check_device_hosts(drivers: tuple[DeviceDriver, ...], known: tuple[str, ...]) -> None:
    """
    Check that the hosts on which drivers have devices are among those that are *known*.

    Raises:
        ReconcileError: there is no such host; its path and the value are shown.
    """
    for place, driver in enumerate(drivers):
        for row, pool in enumerate(driver.pools):
            for host in pool.on:
                if host not in known:
                    path = f"topology: device_drivers[{place}].pools[{row}].on"
                    raise ReconcileError(f"{path}: there is no host {host!r}; there are {', '.join(known[:10])}")


def _check_driver(driver: DeviceDriver, path: str) -> None:
    check_types(driver, f"{path}.")
    _named(driver.name, names.subdomain_faults(driver.name), f"{path}.name")
    for field in ("prepare", "failures", "unprepare", "bind"):
        value = getattr(driver, field)
        if value < 0:
            raise ReconcileError(f"{path}.{field}: {value!r} is negative")
    for device, said in driver.health.items():
        if said.partition(":")[0] not in HEALTHS:
            raise ReconcileError(f"{path}.health[{device!r}]: {said!r}: a device is one of {', '.join(HEALTHS)}")
    for place, pool in enumerate(driver.pools):
        _check_pool(pool, f"{path}.pools[{place}]")


def _check_pool(pool: DevicePool, path: str) -> None:
    check_types(pool, f"{path}.")
    if bool(pool.on) == bool(pool.name):
        raise ReconcileError(f"{path}: a pool is either on hosts, or has a name of its own: {pool.on!r}, {pool.name!r}")
    if pool.on and pool.labels:
        raise ReconcileError(f"{path}.labels: are of a pool with a name of its own; this one is on {pool.on!r}")
    for host in pool.on:
        _named(host, names.subdomain_faults(host), f"{path}.on")
    if pool.name:
        _named(pool.name, names.subdomain_faults(pool.name), f"{path}.name")
    for key, value in pool.labels.items():
        _named(key, names.qualified_faults(key), f"{path}.labels")
        _named(value, names.label_value_faults(value), f"{path}.labels[{key!r}]")
    known: list[str] = []
    for place, device in enumerate(pool.devices):
        _named(device.name, names.label_faults(device.name), f"{path}.devices[{place}].name")
        if device.name in known:
            raise ReconcileError(f"{path}.devices: two are called {device.name!r}")
        known.append(device.name)


def _named(text: str, faults: tuple[str, ...] | list[str], path: str) -> None:
    if faults:
        raise ReconcileError(f"{path}: {text!r}: {faults[0]}")
