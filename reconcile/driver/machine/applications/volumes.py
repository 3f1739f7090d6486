"""
Volumes: what is on those that containers with applications have, who reads it, and what is written there.

What a volume shows of ConfigMaps, Secrets and its pod its kubelet writes, and writes again when that changes. A mount
of a part of such a volume (`subPath`) stays as it was when its container began; a file that is mounted by itself has
the empty name.

Takes:    an open machine; Keep and Read of an application, WriteVolume of a kubelet, DiscardVolumes of a runtime.
Gives:    what is on volumes; what applications hear of it.
Source:   https://kubernetes.io/docs/concepts/storage/volumes/.
Left out: see docs/limits.md, "Applications".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import attrs

from reconcile.cluster.cluster import Process
from reconcile.components import applications, kubelet, world
from reconcile.components.applications import Found
from reconcile.driver.machine.machine import Machine
from reconcile.effects import DiscardVolumes, WriteVolume
from reconcile.lib.mapping import Map

READ_ONLY: Final = ("config_map", "secret", "projected", "downward_api", "image")
"""The sources of volumes that nobody can write to."""
_CLAIMS: Final = "persistentvolumeclaims"
_SHOWN: Final = "shown"  # what the names of volumes begin with that kubelets write
_EMPTY: Final[Map[Any]] = Map()


def pod_of(machine: Machine, host: str, uid: str) -> Any:
    """Give a pod as its kubelet has it; None if it has none, or there is no kubelet."""
    state = machine.states.get(f"kubelet/{host}")
    kept = getattr(state, "state", state)  # of a kubelet that is frozen
    return None if kept is None else kubelet.pod_of(kept, uid)


def mounts_of(machine: Machine, host: str, pod: Any, container: str) -> dict[str, tuple[str, str]]:
    """Give the mounts of a container by their paths: the volume's name, and the part of it that is mounted."""
    if pod is None:
        return {}
    spec = pod.spec
    every = (*(spec.init_containers or ()), *spec.containers)
    mounts = next((each.volume_mounts or () for each in every if each.name == container), ())
    sources = {volume.name: volume for volume in spec.volumes or ()}
    found: dict[str, tuple[str, str]] = {}
    for mount in mounts:
        volume = sources.get(mount.name)
        if volume is not None:
            found[mount.mount_path] = volume_of(machine, host, pod, volume), mount.sub_path or ""
    return found


def volume_of(machine: Machine, host: str, pod: Any, volume: Any) -> str:
    """
    Give the name under which it is known what is on a volume of a pod: what a claim is bound to, what is the pod's own,
    what is its host's.
    """
    namespace, name, uid = pod.metadata.namespace or "default", pod.metadata.name, pod.metadata.uid
    claim = volume.persistent_volume_claim
    if claim is not None or volume.ephemeral is not None:
        claimed = claim.claim_name if claim is not None else f"{name}-{volume.name}"
        bound = machine.store.get(_CLAIMS, f"{namespace}/{claimed}")
        volume_name = bound.spec.volume_name if bound is not None and bound.spec is not None else None
        return f"volume/{volume_name}" if volume_name else f"claim/{namespace}/{claimed}"
    if volume.host_path is not None:
        return f"host/{host}{volume.host_path.path}"
    if any(getattr(volume, kind) is not None for kind in READ_ONLY):
        return f"{_SHOWN}/{uid}/{volume.name}"
    return f"pod/{uid}/{volume.name}"


def contents(machine: Machine, mounts: dict[str, tuple[str, str]]) -> Map[Map[Any]]:
    """Give what is on the volumes of a container that begins, by the paths of its mounts."""
    return Map([(path, _content(machine, *mount)) for path, mount in mounts.items()])


def content(machine: Machine, mount: tuple[str, str], begun: Map[Any]) -> Map[Any]:
    """Give what is on a mount now; *begun* is what was there when its container began."""
    name, part = mount
    return begun if part and name.startswith(_SHOWN) else _content(machine, name, part)


def _content(machine: Machine, name: str, part: str) -> Map[Any]:
    known = machine.programs.volumes
    if not part:
        return known.get(name, _EMPTY)
    if not name.startswith(_SHOWN):
        return known.get(f"{name}/{part}", _EMPTY)
    files = known.get(name, _EMPTY)
    if part in files:
        return Map([("", files[part])])
    return Map([(path.removeprefix(f"{part}/"), text) for path, text in files.items() if path.startswith(f"{part}/")])


def keep(machine: Machine, mount: tuple[str, str] | None, path: str, key: str, value: Any) -> str:
    """Write to a volume; say why not, if that cannot be."""
    name, part = mount or ("", "")
    if not name or name.startswith(_SHOWN):
        return f"open {path}/{key}: {'read-only file system' if name else 'no such file or directory'}"
    name = f"{name}/{part}" if part else name
    volumes = machine.programs.volumes
    content = volumes.get(name, _EMPTY)
    content = content.remove(key) if value is None else content.set(key, value)
    machine.programs = attrs.evolve(machine.programs, volumes=volumes.set(name, content))
    return ""


def write_volume(machine: Machine, host: str, effect: WriteVolume) -> Iterator[tuple[Process, Found]]:
    """Let a kubelet write what a volume shows; give the applications that follow it, and what each hears."""
    name = f"{_SHOWN}/{effect.uid}/{effect.volume}"
    known = machine.programs.volumes
    if known.get(name) == effect.files:
        return
    machine.programs = attrs.evolve(machine.programs, volumes=known.set(name, effect.files))
    for own in world.applications_in(machine.states.get(f"runtime/{host}"), effect.uid):
        process = machine.processes.get(f"{own}/{host}")
        place = None if process is None else applications.follower(machine.states.get(process.name))
        if process is None or place is None:
            continue
        pod = pod_of(machine, host, effect.uid)
        for path, (volume, part) in mounts_of(machine, host, pod, place.container).items():
            if volume == name and not part:
                yield process, Found(machine.now + process.skew, path, effect.files)


def discard_volumes(machine: Machine, effect: DiscardVolumes) -> None:
    """Let what is on a pod's own volumes, and in its log, go with it."""
    volumes, logs, filled = machine.programs.volumes, machine.programs.logs, machine.programs.filled
    for kind in ("pod", _SHOWN):
        for key, _ in volumes.between(f"{kind}/{effect.uid}/", f"{kind}/{effect.uid}0"):
            volumes = volumes.remove(key)
    for key, _ in logs.between(f"{effect.uid}/", f"{effect.uid}0"):
        logs = logs.remove(key)
    for key, _ in filled.between(f"pod/{effect.uid}/", f"pod/{effect.uid}0"):
        filled = filled.remove(key)
    machine.programs = attrs.evolve(machine.programs, volumes=volumes, logs=logs, filled=filled)
