"""
Demand: what a pod takes of a node, and what counts when nodes are scored for it.

Two pods with equal demands fit on the same nodes and score alike there, as far as resources and ports go.

Source:   component-helpers resource.PodRequests; the scheduler framework's NodeInfo and its non-zero requests.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import attrs

from reconcile.api import core_v1
from reconcile.lib.mapping import Map

# What a container without a request counts as when nodes are scored, so that
# such pods spread: a tenth of a core and 200 MiB.
UNSAID_CPU: Final = 100
UNSAID_MEMORY: Final = 200 * 1024 * 1024

ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 -- Kubernetes' word for all addresses of a node; nothing is bound here

Port = tuple[str, int, str]
"""Protocol, port, address."""


class Demand(NamedTuple):
    """
    What a pod takes: a tuple, since it is looked up and compared for every pod, which tuples do fastest.

    Args:
        cpu: in thousandths of a core.
        memory: in bytes.
        storage: ephemeral storage in bytes.
        others: every other resource that is asked for, by name.
        scored_cpu: cpu, with the default for containers that do not say.
        scored_memory: memory, likewise.
        ports: host ports, sorted.
        delegated: which of *others* may be had as devices where a node does not have them.
        ignored: resources among *others* of which a node need not have enough.
        apart: what *scored_cpu* and *scored_memory* were if the pod asked for nothing as a whole; empty if it does not.
    """

    cpu: int = 0
    memory: int = 0
    storage: int = 0
    others: tuple[tuple[str, int], ...] = ()
    scored_cpu: int = 0
    scored_memory: int = 0
    ports: tuple[Port, ...] = ()
    delegated: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    apart: tuple[int, ...] = ()


def demand_of(pod: Any) -> Demand:
    """Give what *pod* takes: containers and sidecars together or the hungriest init container, and the overhead."""
    spec = pod.spec
    containers = spec.containers
    if len(containers) == 1 and not (spec.init_containers or spec.overhead or spec.resources):
        container = containers[0]
        return _of_one(container, _ports(spec) if container.ports else ())
    asked, scored = _requests(spec, unsaid=False), _requests(spec, unsaid=True)
    return Demand(
        asked.pop("cpu", 0),
        asked.pop("memory", 0),
        asked.pop("ephemeral-storage", 0),
        tuple(sorted([(name, amount) for name, amount in asked.items() if amount])),
        scored.get("cpu", 0),
        scored.get("memory", 0),
        _ports(spec),
        apart=_apart(spec) if spec.resources is not None and spec.resources.requests else (),
    )


def by_containers(demand: Demand) -> Demand:
    """
    Give the demand by which NodeResourcesFit scores nodes for a pod: what its containers ask for.

    Upstream's scorer is not told that pods may ask as a whole; all else there is.
    """
    if not demand.apart:
        return demand
    cpu, memory = demand.apart
    return demand._replace(scored_cpu=cpu, scored_memory=memory)


def demand_held(pod: Any) -> Demand:
    """
    Give what a pod on a node takes there: while it is resized the larger of what it asks for and what it has.

    A resize that cannot be is left out.
    """
    status, spec = pod.status, pod.spec
    if pod.metadata.generation == 1 or status is None:
        return demand_of(pod)  # what it asks for has never changed
    has = {each.name: each for each in (*(status.container_statuses or ()), *(status.init_container_statuses or ()))}
    impossible = any(
        each.type == "PodResizePending" and each.reason == "Infeasible" for each in status.conditions or ()
    )
    changes: dict[str, Any] = {"containers": tuple([_held(each, has, impossible) for each in spec.containers])}
    if spec.init_containers:
        changes["init_containers"] = tuple(
            [_held(each, has, impossible) if each.restart_policy == "Always" else each for each in spec.init_containers]
        )
    if spec.resources is not None and status.resources is not None:
        actual = status.resources.requests
        changes["resources"] = _larger(spec.resources, actual, status.allocated_resources, impossible)
    return demand_of(attrs.evolve(pod, spec=attrs.evolve(spec, **changes)))


def _held(container: Any, has: dict[str, Any], impossible: bool) -> Any:  # noqa: FBT001
    status = has.get(container.name)
    if status is None or status.resources is None:
        return container
    resources = container.resources or core_v1.ResourceRequirements()
    held = _larger(resources, status.resources.requests, status.allocated_resources, impossible)
    return attrs.evolve(container, resources=held)


def _larger(resources: Any, actual: Any, allocated: Any, impossible: bool) -> Any:  # noqa: FBT001
    found: dict[str, Any] = {}
    for amounts in (None if impossible else resources.requests, actual, allocated):
        for name, quantity in (amounts or {}).items():
            found[name] = max(found.get(name, quantity), quantity)
    return attrs.evolve(resources, requests=Map.of(found) if found else None)


def amount(name: str, quantity: Any) -> int:
    """Give a quantity of a resource in the unit that is counted: thousandths of a core for cpu, ones for all else."""
    found: int = quantity.milli if name == "cpu" else quantity.whole
    return found


def overlaps(port: Port, other: Port) -> bool:
    """Tell whether two host ports cannot be had at once: an address of its own collides with itself and with all."""
    if port[1] != other[1] or port[0] != other[0]:
        return False
    return port[2] == other[2] or ANY_ADDRESS in {port[2], other[2]}


def _of_one(container: Any, ports: tuple[Port, ...]) -> Demand:
    resources = container.resources
    requests = resources.requests if resources is not None else None
    if not requests:
        return Demand(scored_cpu=UNSAID_CPU, scored_memory=UNSAID_MEMORY, ports=ports)
    cpu = memory = storage = 0
    scored_cpu, scored_memory = UNSAID_CPU, UNSAID_MEMORY
    others: list[tuple[str, int]] = []
    for name, quantity in requests.items():
        if name == "cpu":
            cpu = scored_cpu = quantity.milli
        elif name == "memory":
            memory = scored_memory = quantity.whole
        elif name == "ephemeral-storage":
            storage = quantity.whole
        elif quantity:
            others.append((name, quantity.whole))
    return Demand(cpu, memory, storage, tuple(others), scored_cpu, scored_memory, ports)


def _requests(spec: Any, *, unsaid: bool) -> dict[str, int]:
    total: dict[str, int] = {}
    for container in spec.containers:
        _add(total, _container(container, unsaid=unsaid))
    sidecars: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in spec.init_containers or ():
        asked = _container(container, unsaid=unsaid)
        if container.restart_policy == "Always":
            # A sidecar starts before what follows it and runs on beside it.
            _add(total, asked)
            _add(sidecars, asked)
            asked = dict(sidecars)
        else:
            _add(asked, sidecars)
        _raise(peak, asked)
    _raise(total, peak)
    pod_level = spec.resources.requests if spec.resources is not None else None
    for name, quantity in (pod_level or {}).items():
        if name in {"cpu", "memory"} or name.startswith("hugepages-"):
            total[name] = amount(name, quantity)
    _add(total, {name: amount(name, quantity) for name, quantity in (spec.overhead or {}).items()})
    return total


def _apart(spec: Any) -> tuple[int, ...]:
    found = _requests(attrs.evolve(spec, resources=None), unsaid=True)
    return found.get("cpu", 0), found.get("memory", 0)


def _container(container: Any, *, unsaid: bool) -> dict[str, int]:
    requests = (container.resources.requests if container.resources is not None else None) or {}
    asked = {name: amount(name, quantity) for name, quantity in requests.items()}
    if unsaid:
        asked.setdefault("cpu", UNSAID_CPU)
        asked.setdefault("memory", UNSAID_MEMORY)
    return asked


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for name, each in more.items():
        total[name] = total.get(name, 0) + each


def _raise(total: dict[str, int], least: dict[str, int]) -> None:
    for name, each in least.items():
        total[name] = max(total.get(name, 0), each)


def _ports(spec: Any) -> tuple[Port, ...]:
    sidecars = [container for container in spec.init_containers or () if container.restart_policy == "Always"]
    return tuple(
        sorted(
            [
                (port.protocol or "TCP", port.host_port, port.host_ip or ANY_ADDRESS)
                for container in (*spec.containers, *sidecars)
                for port in container.ports or ()
                if port.host_port
            ]
        )
    )
