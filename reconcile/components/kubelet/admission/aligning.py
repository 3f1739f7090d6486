"""
Aligning: on which NUMA nodes a pod's exclusive cpus and its memory lie, and whether that will do.

The CPU manager (`static`) gives whole cpus to containers of guaranteed pods, the memory manager (`Static`) memory to
all containers of such pods. Each says on which sets of NUMA nodes there is room; the topology manager takes the
narrowest set that suits both, and refuses a pod whose set its policy does not like.

Takes:    a pod that is to be admitted.
Gives:    why it may not run, or what it takes of each NUMA node.
Source:   the kubelet's cm/topologymanager, cm/cpumanager and cm/memorymanager;
          https://kubernetes.io/docs/tasks/administer-cluster/topology-manager/
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from itertools import combinations, product
from typing import Any, Final

from reconcile.components.kubelet.state import State, with_seldom
from reconcile.model.kubelets import Settings, settings_of
from reconcile.model.pods.qos import qos_class

_NANO: Final = 1_000_000_000
_AFFINITY: Final = ("TopologyAffinityError", "Resources cannot be allocated with Topology locality")

Share = tuple[str, int, int]
"""How much of a resource is taken of which NUMA node: (resource, node, billionths)."""
_Hint = tuple[frozenset[int], bool]
"""A set of NUMA nodes on which there is room, and whether it is as narrow as can be."""


def aligned(state: State, uid: str, spec: Any) -> tuple[State, tuple[str, str] | None]:
    """Give a pod that is guaranteed what it has for itself; or say why it may not run: (reason, message)."""
    settings = settings_of(state.host.kubelet)
    exclusive = _exclusive(settings)
    if not exclusive or qos_class(spec) != "Guaranteed" or uid in state.seldom.aligned:
        return state, None  # what it had before this kubelet started it has still
    taken = dict(state.seldom.aligned)
    shares: list[Share] = []
    for needs in _needs(spec, exclusive, settings):
        free = _free(state, settings, [*[row for rows in taken.values() for row in rows], *shares])
        found, why = _placed(state, settings, needs, free)
        if why is not None:
            return state, why
        shares += found
    return (with_seldom(state, aligned=state.seldom.aligned.set(uid, tuple(shares))) if shares else state), None


def judged(state: State, uid: str, spec: Any, refused: tuple[str, str] | None) -> tuple[State, tuple[str, str] | None]:
    """Align a pod that nothing else speaks against; what does is said after that it cannot be aligned."""
    if refused is not None and refused[0] in _BEFORE:
        return state, refused
    after, why = aligned(state, uid, spec)
    return (state, why or refused) if why is not None or refused is not None else (after, None)


_BEFORE: Final = ("Evicted", "NodeShutdown", "PodOSSelectorNodeLabelDoesNotMatch", "PodOSNotSupported")


def _exclusive(settings: Settings) -> tuple[str, ...]:
    managed = (("cpu", settings.cpu_policy), ("memory", settings.memory_policy))
    return tuple([name for name, policy in managed if policy.lower() == "static"])


def _needs(spec: Any, exclusive: tuple[str, ...], settings: Settings) -> list[dict[str, int]]:
    """Say what is wanted at once: by each container, or by the whole pod; what init containers want is used again."""
    rows = [_asked(container, exclusive) for container in spec.containers]
    rows += [_asked(row, exclusive) for row in spec.init_containers or () if row.restart_policy == "Always"]
    if settings.by_pod:
        whole: dict[str, int] = {}
        for row in rows:
            for name, amount in row.items():
                whole[name] = whole.get(name, 0) + amount
        rows = [whole]
    return [row for row in rows if row]


def _asked(container: Any, exclusive: tuple[str, ...]) -> dict[str, int]:
    requests = (container.resources.requests if container.resources is not None else None) or {}
    found = {name: requests[name].nanos for name in exclusive if name in requests}
    if found.get("cpu", 0) % _NANO:
        del found["cpu"]  # of a part of a cpu nobody has a whole one
    return found


def _free(state: State, settings: Settings, taken: list[Share]) -> dict[str, list[int]]:
    """Give what is left of each NUMA node: what is reserved is taken from the first ones."""
    found = _totals(state, settings)
    for name, rows in found.items():
        kept = -(-settings.reserved.get(name, 0) // _NANO) * _NANO  # whole cpus, whole bytes
        for node, there in enumerate(rows):
            part = min(kept, there)
            rows[node], kept = there - part, kept - part
    for name, node, amount in taken:
        found[name][node] -= amount
    return found


def _totals(state: State, settings: Settings) -> dict[str, list[int]]:
    """Give what each NUMA node has: whole cpus, and bytes."""
    found: dict[str, list[int]] = {}
    for name in ("cpu", "memory"):
        whole = (state.seldom.allocatable.get(name, 0) + settings.reserved.get(name, 0)) // _NANO
        part, more = divmod(whole, state.host.numa)
        found[name] = [(part + (node < more)) * _NANO for node in range(state.host.numa)]
    return found


def _placed(
    state: State, settings: Settings, needs: dict[str, int], free: dict[str, list[int]]
) -> tuple[list[Share], tuple[str, str] | None]:
    nodes, preferred = _merged(state, settings, needs, free)
    if not preferred and settings.topology_policy in {"restricted", "single-numa-node"}:
        return [], _AFFINITY
    for name, amount in needs.items():
        if sum(free[name]) < amount:
            return [], _short(name, amount, sum(free[name]))
    return [share for name, amount in needs.items() for share in _taken(name, amount, free[name], nodes)], None


def _short(name: str, amount: int, left: int) -> tuple[str, str]:
    if name == "cpu":
        few = f"requested={amount // _NANO}, available={left // _NANO}"
        why = f"not enough cpus available to satisfy request: {few}"
    else:
        why = "[memorymanager] failed to get the default NUMA affinity, no NUMA nodes with enough memory is available"
    return "UnexpectedAdmissionError", f"Allocate failed due to {why}, which is unexpected"


def _merged(
    state: State, settings: Settings, needs: dict[str, int], free: dict[str, list[int]]
) -> tuple[frozenset[int], bool]:
    """Give the set of NUMA nodes that suits all that is needed best, and whether it is one that is liked."""
    everywhere = frozenset(range(state.host.numa))
    if settings.topology_policy == "none":
        return everywhere, True
    totals = _totals(state, settings)
    hints = [_hints(amount, free[name], totals[name]) for name, amount in needs.items()]
    if settings.topology_policy == "single-numa-node":
        hints = [[row for row in rows if len(row[0]) == 1 and row[1]] for rows in hints]
    found: list[_Hint] = []
    for each in product(*hints):
        nodes = frozenset.intersection(everywhere, *[row[0] for row in each])
        if nodes:
            found.append((nodes, all(row[1] for row in each) and len({row[0] for row in each}) == 1))
    if not found:
        return everywhere, False
    return min(found, key=lambda row: (not row[1], len(row[0]), sorted(row[0])))


def _hints(amount: int, free: list[int], totals: list[int]) -> list[_Hint]:
    """Give the sets of NUMA nodes on which there is room for so much; as narrow as can be of a host that is empty."""
    size = len(free)
    sets = [frozenset(each) for count in range(1, size + 1) for each in combinations(range(size), count)]
    fitting = [each for each in sets if sum([free[node] for node in each]) >= amount]
    narrowest = next((len(each) for each in sets if sum([totals[node] for node in each]) >= amount), size)
    return [(each, len(each) == narrowest) for each in fitting]


def _taken(name: str, amount: int, free: list[int], nodes: frozenset[int]) -> list[Share]:
    """Take so much: of the NUMA nodes that were chosen first."""
    found: list[Share] = []
    for node in sorted(range(len(free)), key=lambda node: (node not in nodes, node)):
        part = min(free[node], amount)
        if part > 0:
            found.append((name, node, part))
            amount -= part
    return found
