"""
Publishing: every pool of a driver has its ResourceSlices, and they are kept as the driver describes its devices.

A pool of a node's own belongs to its Node, and goes with it; it is published when the Node is there.

Source:   k8s.io/dynamic-resource-allocation/resourceslice: its controller.
Left out: see docs/limits.md, "Devices".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1, resource_v1
from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.lib.replacing import replace
from reconcile.model.devices import DeviceDriver, DevicePool
from reconcile.model.requests import Request
from reconcile.store import Change

SLICES: Final = "resourceslices.resource.k8s.io"
MOST_DEVICES: Final = 128
MOST_RICH_DEVICES: Final = 64
"""How many devices one slice holds: fewer if any of them has taints or uses counters."""


def keys_of_node(drivers: tuple[DeviceDriver, ...], change: Change, _: Views) -> tuple[Key, ...]:
    """Give the pools of a node that has come or was made anew; shared ones are looked at with the first node."""
    old, new = change.old, change.new
    if new is None or (old is not None and old.metadata.uid == new.metadata.uid):
        return ()
    return tuple([(driver.name, _name_of(pool, change.key)) for driver, pool in _pools(drivers, change.key)])


def keys_of_slice(drivers: tuple[DeviceDriver, ...], change: Change, _: Views) -> tuple[Key, ...]:
    """Give the pool of a slice of one of the drivers."""
    spec = (change.new or change.old).spec
    return ((spec.driver, spec.pool.name),) if any(driver.name == spec.driver for driver in drivers) else ()


def reconcile(drivers: tuple[DeviceDriver, ...], ask: Ask) -> Outcome:
    """Make, mend or delete the slices of one pool."""
    for _, response in ask.answers:
        if not is_done(response):
            return Outcome(error=text_of(response))
    if ask.answers:
        return Outcome()
    name, pool = ask.key
    found = ask.views.table(SLICES).under("pool", ask.key)
    node = ask.views.get("nodes", pool)
    wanted = _wanted(drivers, name, pool, node)
    generation = max([each.spec.pool.generation for each in found], default=0)
    specs = [_spec(name, pool, generation, part, wanted) for part in wanted]
    old = [each for each in found if each.spec.pool.generation == generation]
    if len(old) == len(found) and _sorted([each.spec for each in old]) == _sorted(specs):
        return Outcome()
    if found and specs:
        # Others see the new devices all at once: by a generation that none of the old slices has.
        specs = [replace(spec, pool=replace(spec.pool, generation=generation + 1)) for spec in specs]
    elif specs:
        specs = [replace(spec, pool=replace(spec.pool, generation=1)) for spec in specs]
    calls = [_creation(name, pool, spec, node) for spec in specs]
    calls += [Request(verb="delete", resource=SLICES, name=each.metadata.name) for each in found]
    return Outcome(calls=tuple(calls), again=True) if calls else Outcome()


def _pools(drivers: tuple[DeviceDriver, ...], host: str) -> list[tuple[DeviceDriver, DevicePool]]:
    return [(driver, pool) for driver in drivers for pool in driver.pools if host in pool.on or not pool.on]


def _name_of(pool: DevicePool, host: str) -> str:
    return host if pool.on else pool.name


def _wanted(drivers: tuple[DeviceDriver, ...], name: str, pool: str, node: Any) -> list[dict[str, Any]]:
    """Give what each slice of a pool says."""
    parts: list[dict[str, Any]] = []
    for driver in drivers:
        for each in driver.pools if driver.name == name else ():
            if (each.on and (node is None or pool not in each.on)) or (not each.on and each.name != pool):
                continue
            reach = {"node_name": pool} if each.on else _reach(each)
            if each.counters:
                parts.append({**reach, "shared_counters": each.counters})
            rich = any(device.taints or device.consumes_counters for device in each.devices)
            most = MOST_RICH_DEVICES if rich else MOST_DEVICES
            parts += [
                {**reach, "devices": each.devices[place : place + most]}
                for place in range(0, max(len(each.devices), 1), most)
            ]
    return parts


def _reach(pool: DevicePool) -> dict[str, Any]:
    if not pool.labels:
        return {"all_nodes": True}
    rows = [
        core_v1.NodeSelectorRequirement(key=key, operator="In", values=(value,)) for key, value in pool.labels.items()
    ]
    term = core_v1.NodeSelectorTerm(match_expressions=tuple(rows))
    return {"node_selector": core_v1.NodeSelector(node_selector_terms=(term,))}


def _spec(
    driver: str, pool: str, generation: int, part: dict[str, Any], parts: list[dict[str, Any]]
) -> resource_v1.ResourceSliceSpec:
    about = resource_v1.ResourcePool(name=pool, generation=generation, resource_slice_count=len(parts))
    return resource_v1.ResourceSliceSpec(driver=driver, pool=about, **part)


def _sorted(specs: list[Any]) -> list[str]:
    return sorted([repr(replace(spec, devices=_undated(spec))) for spec in specs])


def _undated(spec: Any) -> tuple[Any, ...]:
    """Give devices without when they were tainted, which the API server says if nobody does."""
    return tuple(
        [
            replace(device, taints=tuple([replace(taint, time_added=None) for taint in device.taints]))
            if device.taints
            else device
            for device in spec.devices or ()
        ]
    )


def _creation(driver: str, pool: str, spec: Any, node: Any) -> Request:
    owners = None
    base = f"{driver}-"
    if spec.node_name:
        about = node.metadata
        owner = meta_v1.OwnerReference(api_version="v1", kind="Node", name=about.name, uid=about.uid, controller=True)
        owners, base = (owner,), f"{pool}-{driver}-"
    body = resource_v1.ResourceSlice(
        metadata=meta_v1.ObjectMeta(generate_name=base, owner_references=owners), spec=spec
    )
    return Request(verb="create", resource=SLICES, body=body)
