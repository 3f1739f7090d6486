"""
Pools: the devices that a node can use, by the driver and the pool that publish them.

Of the slices of a pool only those of the newest generation count. A pool of which slices are missing is incomplete,
one whose slices contradict each other is invalid: nothing is taken from either.

Source:   k8s.io/dynamic-resource-allocation/structured: GatherPools.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from reconcile.components.scheduler.cache.devices import DeviceID
from reconcile.components.scheduler.cache.nodes import Room
from reconcile.components.scheduler.cache.wishes import term_of
from reconcile.components.scheduler.plugins.node_affinity import fulfils
from reconcile.lib.table import Table


class Offer(NamedTuple):
    """
    A device that may be taken.

    Args:
        id: its driver, pool and name.
        device: as its slice describes it.
        slice: the ResourceSlice.
        pool: the pool that it is of.
    """

    id: DeviceID
    device: Any
    slice: Any
    pool: Pool


class Pool(NamedTuple):
    """
    A pool, as far as a node can use it.

    Args:
        driver: whose it is.
        name: its own.
        fault: why nothing can be taken from it; empty if something can.
        slices: those with devices for the node, by name.
        elsewhere: the others, whose devices may use the same counters.
        counters: counter set -> counter -> how much there is, in billionths.
    """

    driver: str
    name: str
    fault: Literal["", "incomplete", "invalid"] = ""
    slices: tuple[Any, ...] = ()
    elsewhere: tuple[Any, ...] = ()
    counters: dict[str, dict[str, int]] = {}  # noqa: RUF012 -- of an empty pool; nothing is ever written into it

    def offers(self) -> list[Offer]:
        """Give the devices, in the order in which they are tried."""
        return [
            Offer((self.driver, self.name, device.name), device, each, self)
            for each in self.slices
            for device in each.spec.devices or ()
        ]


def gathered(slices: Table[str, Any], room: Room) -> list[Pool]:
    """Give the pools that a node can use, those whose devices have to be made ready first at the end."""
    newest: dict[tuple[str, str], list[Any]] = {}
    for found in (*slices.under("node", room.name), *slices.under("node", "")):
        if found.spec.shared_counters or _is_for(found, room):
            _filed(newest, found)
    pools = [each for each in [_pool(key, rows, slices) for key, rows in newest.items()] if each is not None]
    return sorted(pools, key=_rank)


def is_reached(what: Any, room: Room) -> bool:
    """Tell whether a node is one of those that can use a device, or all devices of a slice."""
    if what.node_name:
        return bool(room.name == what.node_name)
    if what.all_nodes:
        return True
    selector = what.node_selector
    return selector is not None and any(fulfils(term_of(term), room) for term in selector.node_selector_terms)


def _is_for(found: Any, room: Room) -> bool:
    spec = found.spec
    if spec.node_name or spec.all_nodes or spec.node_selector is not None:
        return is_reached(spec, room)
    if spec.per_device_node_selection:
        return any(is_reached(each, room) for each in spec.devices or ())
    return False


def _filed(newest: dict[tuple[str, str], list[Any]], found: Any) -> None:
    key = (found.spec.driver, found.spec.pool.name)
    rows = newest.get(key)
    generation = found.spec.pool.generation
    if not rows or generation > rows[0].spec.pool.generation:
        newest[key] = [found]
    elif generation == rows[0].spec.pool.generation:
        rows.append(found)


def _pool(key: tuple[str, str], rows: list[Any], slices: Table[str, Any]) -> Pool | None:
    driver, name = key
    generation, count = rows[0].spec.pool.generation, rows[0].spec.pool.resource_slice_count
    others: list[Any] = []
    if len(rows) != count:
        everywhere = slices.under("pool", key)
        if any(each.spec.pool.generation > generation for each in everywhere):
            return None  # it is being replaced: the newer slices have nothing for this node
        same = [each for each in everywhere if each.spec.pool.generation == generation]
        if len(same) != count:
            return Pool(driver, name, "incomplete")
        names = {each.metadata.name for each in rows}
        others = [each for each in same if each.metadata.name not in names]
    rows = sorted(rows, key=_name)
    counters = _counters(rows)
    offering = [each for each in rows if not each.spec.shared_counters]
    names_of = [device.name for each in offering for device in each.spec.devices or ()]
    if counters is None or len({*names_of}) < len(names_of) or not _counted((*rows, *others), counters):
        return Pool(driver, name, "invalid")
    return Pool(driver, name, "", tuple(offering), tuple(others), counters)


def _counters(rows: list[Any]) -> dict[str, dict[str, int]] | None:
    """Give the counters of the pool; None if two sets have one name."""
    found: dict[str, dict[str, int]] = {}
    for each in rows:
        for group in each.spec.shared_counters or ():
            if group.name in found:
                return None
            found[group.name] = {name: counter.value.nanos for name, counter in group.counters.items()}
    return found


def _counted(rows: tuple[Any, ...], counters: dict[str, dict[str, int]]) -> bool:
    """Tell whether there are all the counters that devices use."""
    return all(
        name in counters.get(used.counter_set, {})
        for each in rows
        for device in each.spec.devices or ()
        for used in device.consumes_counters or ()
        for name in used.counters
    ) and all(
        used.counter_set in counters
        for each in rows
        for device in each.spec.devices or ()
        for used in device.consumes_counters or ()
    )


def _rank(pool: Pool) -> tuple[bool, str, str]:
    binds = any(device.binding_conditions for each in pool.slices for device in each.spec.devices or ())
    return binds, pool.driver, pool.name


def _name(found: Any) -> str:
    return str(found.metadata.name)
