"""
Publishing: a driver whose room has an end says how much is left, in CSIStorageCapacity objects, which schedulers read.

There is one for each class of it that waits for the first pod and each segment of its topology; claims of other classes
are not placed by a scheduler. That it says so is in its CSIDriver.

Source:   external-provisioner: pkg/capacity; a driver's manifest of its CSIDriver.
Left out: see docs/limits.md, "Volumes".
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from reconcile.api import meta_v1, storage_v1
from reconcile.api.quantity import Quantity
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.components.controllers.volumes.drivers.naming import driver_named
from reconcile.components.controllers.volumes.drivers.room import left_in
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.drivers import Driver
from reconcile.model.pods.volumes import CLASSES, waits_for_consumer
from reconcile.model.requests import Request
from reconcile.store import Change

CAPACITIES: Final = "csistoragecapacities.storage.k8s.io"
DRIVERS: Final = "csidrivers.storage.k8s.io"
NAMESPACE: Final = "kube-system"
DRIVER_NAME: Final = "csi.storage.k8s.io/drivername"
MANAGED_BY: Final = "csi.storage.k8s.io/managed-by"
_MANAGER: Final = "external-provisioner"
_SELF: Final = "driver"
_ROOM: Final = "room"
_ALREADY: Final = "AlreadyExists"


def keys_of_namespace(drivers: tuple[Driver, ...], change: Change, _: Views) -> tuple[Key, ...]:
    """Give each driver, as soon as there is the namespace in which it runs."""
    if change.key != NAMESPACE or change.old is not None or change.new is None:
        return ()
    return tuple([(kind, driver.name) for driver in drivers for kind in (_SELF, _ROOM)])


def keys_of_class(drivers: tuple[Driver, ...], change: Change, _: Views) -> tuple[Key, ...]:
    """Give the driver of a class that has come, gone or changed."""
    return _room_of(drivers, [each.provisioner for each in (change.old, change.new) if each is not None])


def keys_of_volume(drivers: tuple[Driver, ...], change: Change, _: Views) -> tuple[Key, ...]:
    """Give the driver of a volume that takes room, or no longer takes it."""
    if change.old is not None and change.new is not None and change.old.spec == change.new.spec:
        return ()
    sources = [each.spec.csi for each in (change.old, change.new) if each is not None]
    return _room_of(drivers, [source.driver for source in sources if source is not None])


def keys_of_capacity(drivers: tuple[Driver, ...], change: Change, _: Views) -> tuple[Key, ...]:
    """Give the driver whose object somebody may have changed."""
    return _room_of(drivers, [_driver_of(change.new or change.old)])


def reconcile(drivers: tuple[Driver, ...], ask: Ask) -> Outcome:
    """Say that a driver tells of its room, or how much there is."""
    for _, response in ask.answers:
        if not is_done(response) and response.reason != _ALREADY:
            return Outcome(error=text_of(response))
    kind, name = ask.key
    driver = driver_named(drivers, name)
    if ask.answers or driver is None:
        return Outcome()
    calls = _presented(driver) if kind == _SELF else _published(driver, ask.views)
    return Outcome(calls=calls, again=bool(calls))


def _room_of(drivers: tuple[Driver, ...], names: list[str]) -> tuple[Key, ...]:
    return tuple([(_ROOM, name) for name in dict.fromkeys(names) if driver_named(drivers, name) is not None])


def _driver_of(found: Any) -> str:
    return str((found.metadata.labels or {}).get(DRIVER_NAME, ""))


def _presented(driver: Driver) -> tuple[Request, ...]:
    body = storage_v1.CSIDriver(
        metadata=meta_v1.ObjectMeta(name=driver.name), spec=storage_v1.CSIDriverSpec(storage_capacity=True)
    )
    return (Request(verb="create", resource=DRIVERS, body=body),)


def _published(driver: Driver, views: Views) -> tuple[Request, ...]:
    """Give what makes the objects of a driver say what is left."""
    classes = sorted(
        [
            each.metadata.name
            for each in views.table(CLASSES).values()
            if each.provisioner == driver.name and waits_for_consumer(each)
        ]
    )
    left = left_in(driver, views)
    wanted = {_name(driver, cls, segment): (cls, segment) for cls in classes for segment in sorted(left)}
    own = [each for each in views.table(CAPACITIES).under("namespace", NAMESPACE) if _driver_of(each) == driver.name]
    found = {each.metadata.name: each for each in own}
    calls = []
    for name, (cls, segment) in wanted.items():
        body = found.get(name)
        if body is None:
            made = _capacity(driver, name, cls, segment, left[segment])
            calls.append(Request(verb="create", resource=CAPACITIES, namespace=NAMESPACE, body=made))
        elif body.capacity is None or body.capacity.nanos != left[segment].nanos:
            body = replace(body, capacity=left[segment])
            calls.append(Request(verb="update", resource=CAPACITIES, namespace=NAMESPACE, name=name, body=body))
    gone = [
        Request(verb="delete", resource=CAPACITIES, namespace=NAMESPACE, name=name)
        for name in found
        if name not in wanted
    ]
    return (*calls, *gone)


def _name(driver: Driver, cls: str, segment: str) -> str:
    return f"csisc-{sha256(f'{driver.name}/{cls}/{segment}'.encode()).hexdigest()[:10]}"


def _capacity(driver: Driver, name: str, cls: str, segment: str, left: Quantity) -> storage_v1.CSIStorageCapacity:
    labels = driver.labels_of(segment)
    return storage_v1.CSIStorageCapacity(
        metadata=meta_v1.ObjectMeta(
            name=name, namespace=NAMESPACE, labels=Map.of({DRIVER_NAME: driver.name, MANAGED_BY: _MANAGER})
        ),
        storage_class_name=cls,
        node_topology=meta_v1.LabelSelector(match_labels=Map.of(labels) if labels else None),
        capacity=left,
    )
