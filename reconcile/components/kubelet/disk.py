"""
What a kubelet keeps on its host's disk, and reads when it starts: it outlives the kubelet, and a power cycle.

Upstream's are files in `/var/lib/kubelet`: allocated_pods_state and actuated_pods_state, cpu_manager_state and
memory_manager_state, image_manager, dra_manager_state.

Source:   the kubelet's allocation/state, cm/cpumanager/state, cm/memorymanager/state, images/pullmanager, cm/dra/state.
"""

from __future__ import annotations

import attrs

from reconcile.api import core_v1
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Allocation:
    """
    What a pod was given, whatever it asks for by now.

    Args:
        containers: the resources that are allocated to each container, by name.
        whole: those that are to the pod itself, if any are.
        actuated: what those containers have, by name, that were not given yet what is allocated to them.
        had: what the pod itself has, if that is not yet what is allocated to it.
    """

    containers: Map[core_v1.ResourceRequirements] = Map()
    whole: core_v1.ResourceRequirements | None = None
    actuated: Map[core_v1.ResourceRequirements] = Map()
    had: core_v1.ResourceRequirements | None = None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Claimed:
    """
    A ResourceClaim on this node.

    Args:
        key: namespace/name.
        drivers: whose devices it has; *devices*: which, each with what asked for it: (request, driver, pool, device).
        users: uids of the pods that have it.
        prepared: its devices are.
        failures: how often that has failed.
    """

    key: str
    drivers: tuple[str, ...] = ()
    devices: tuple[tuple[str, str, str, str], ...] = ()
    users: tuple[str, ...] = ()
    prepared: bool = False
    failures: int = 0


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Checkpoints:
    """
    All that is kept.

    Args:
        allocations: what pods with resources were given, by uid.
        aligned: what guaranteed pods have for themselves of each NUMA node, by uid: (resource, node, billionths).
        pulled: how images were pulled, of which that counts -> digests of logins and uids of Secrets.
        claims: ResourceClaims that pods of this node have, by uid.
    """

    allocations: Map[Allocation] = Map()
    aligned: Map[tuple[tuple[str, int, int], ...]] = Map()
    pulled: Map[tuple[str, ...]] = Map()
    claims: Map[Claimed] = Map()
