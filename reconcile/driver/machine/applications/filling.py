"""
Filling: how full the volumes are that containers write to, and which of them have no room for more.

What a container writes to a volume stays there when it is restarted, and, of a claim, when its pod goes: the most that
it ever had there counts. A claim has the room of its volume, an emptyDir of memory that of its limit.

Takes:    an open machine; what there is around a container that looks.
Gives:    the same with how full its volumes are.
Source:   https://kubernetes.io/docs/concepts/storage/volumes/.
Left out: see docs/limits.md, "World".
"""

from __future__ import annotations

from typing import Any

import attrs

from reconcile.api.quantity import NANO
from reconcile.components import kubelet, world
from reconcile.driver.machine.applications.volumes import READ_ONLY, volume_of
from reconcile.driver.machine.machine import Machine
from reconcile.events import Surrounded
from reconcile.lib.mapping import Map


def filled(machine: Machine, host: str, seen: Surrounded) -> Surrounded:
    """Let a container that looks have written what it has by now, and say how full its volumes are."""
    doing = world.doing(machine.states.get(f"runtime/{host}"), seen.uid, seen.container)
    state = machine.states.get(f"kubelet/{host}")
    pod = None if state is None or doing is None else kubelet.pod_of(getattr(state, "state", state), seen.uid)
    if doing is None or pod is None or not doing[1].fills:
        return seen
    since, behaviour = doing
    layer, volumes, full = 0, dict[str, int](), []
    for fill in behaviour.fills:
        wants = fill.amount.at(machine.now, since, seen.requests) // NANO
        volume = _mounted(pod, seen.container, fill.path)
        if volume is None:
            layer += wants
            continue
        if any(getattr(volume, kind) is not None for kind in READ_ONLY):
            continue
        key, room = volume_of(machine, host, pod, volume), _room(machine, pod, volume)
        total = _wrote(machine, key, seen.container, wants, room)
        if volume.empty_dir is not None:
            volumes[volume.name] = total
        if room is not None and total >= room:
            full.append(fill.path)
    return attrs.evolve(seen, layer=layer, volumes=Map(volumes), full=tuple(full))


def _wrote(machine: Machine, key: str, writer: str, wants: int, room: int | None) -> int:
    """Note how much of a volume is one writer's, as far as there is room; give how much is on it then."""
    table = machine.programs.filled
    by = table.get(key, Map())
    others = sum([size for name, size in by.items() if name != writer])
    has = max(by.get(writer, 0), wants)
    if room is not None:
        has = max(min(has, room - others), 0)
    if by.get(writer, -1) != has:
        machine.programs = attrs.evolve(machine.programs, filled=table.set(key, by.set(writer, has)))
    return others + has


def _mounted(pod: Any, container: str, path: str) -> Any:
    """Give the volume that a path lies on, in a container; None if it is the container's own layer."""
    every = (*(pod.spec.init_containers or ()), *pod.spec.containers)
    mounts = next((each.volume_mounts or () for each in every if each.name == container), ())
    around = [mount for mount in mounts if f"{path}/".startswith(f"{mount.mount_path.rstrip('/')}/")]
    if not around:
        return None
    name = max(around, key=lambda mount: len(mount.mount_path)).name
    return next((volume for volume in pod.spec.volumes or () if volume.name == name), None)


def _room(machine: Machine, pod: Any, volume: Any) -> int | None:
    """Give how many bytes a volume takes; None if nothing is said of that."""
    if volume.empty_dir is not None:
        limit = volume.empty_dir.size_limit if volume.empty_dir.medium == "Memory" else None
        return None if limit is None or not limit.nanos else int(limit.whole)
    claim = volume.persistent_volume_claim
    if claim is None and volume.ephemeral is None:
        return None
    name = claim.claim_name if claim is not None else f"{pod.metadata.name}-{volume.name}"
    bound = machine.store.get("persistentvolumeclaims", f"{pod.metadata.namespace}/{name}")
    behind = bound.spec.volume_name if bound is not None and bound.spec is not None else None
    found = machine.store.get("persistentvolumes", behind) if behind else None
    capacity = None if found is None or found.spec is None else (found.spec.capacity or {}).get("storage")
    return None if capacity is None else int(capacity.whole)
