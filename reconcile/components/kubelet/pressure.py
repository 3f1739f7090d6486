"""
Pressure: what a kubelet does when its host runs short of memory, disk or processes: it says so, removes images that
nobody needs, and evicts pods, one after the other.

It looks when something uses more than before, and as long as something is short every ten seconds; where nothing
says how much is used it never does.

Takes:    HostStrained, ContainerStarted and ImagePulled that say how much is used, the timers `pressure` and `images`.
Gives:    Record, SetTimer, RemoveImage, and the end of pods.
Source:   the kubelet's eviction package; images/image_gc_manager;
          https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.api.quantity import NANO, Quantity
from reconcile.components.kubelet import ending, nodes
from reconcile.components.kubelet.admission import is_critical, requests_of
from reconcile.components.kubelet.state import ALIVE, LocalPod, State, Trouble, with_seldom
from reconcile.effects import Effect, Record, RemoveImage, SetTimer
from reconcile.lib.instant import MINUTE, SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.kubelets import Settings, Threshold, settings_of

LOOK_EVERY: Final = 10 * SECOND
COLLECT_EVERY: Final = 5 * MINUTE
_RESOURCES: Final = {
    "memory.available": "memory",
    "nodefs.available": "ephemeral-storage",
    "imagefs.available": "ephemeral-storage",
    "nodefs.inodesFree": "inodes",
    "imagefs.inodesFree": "inodes",
    "pid.available": "pids",
}
_CONDITIONS: Final = {
    "memory": "MemoryPressure",
    "ephemeral-storage": "DiskPressure",
    "inodes": "DiskPressure",
    "pids": "PIDPressure",
}
_USUAL: Final = {"inodes": 6_553_600, "pids": 32_768}
_BY_CONDITION: Final = ("MemoryPressure", "DiskPressure", "PIDPressure")
_HUNDRED: Final = 100
_CALM: Final = Trouble()


def strained(state: State, signal: str, available: int, now: Instant, out: list[Effect]) -> State:
    """Take in how much the host has left of what *signal* measures; less than none: all that there is."""
    strain = state.seldom.strain
    if available >= 0:
        strain = strain.set(signal, available)
    elif signal in strain:
        strain = strain.remove(signal)
    return look(collect_later(with_seldom(state, strain=strain), now, out), now, out)


def look(state: State, now: Instant, out: list[Effect]) -> State:
    """See what is short, say so, and evict a pod if that has to be."""
    settings = settings_of(state.host.kubelet)
    known = state.seldom.trouble or _CALM
    seen = observed(state)
    met = [row for row in settings.thresholds if _is_met(row, seen)]
    first = {_key(row): known.first.get(_key(row), now) for row in met}
    last = {name: at for name, at in known.last.items() if now - at < settings.transition}
    last.update({_CONDITIONS[_RESOURCES[row.signal]]: now for row in met})
    conditions = tuple([name for name in _BY_CONDITION if name in last])
    if not met and not last and state.seldom.trouble is None:
        return state
    trouble = replace(known, first=Map(first), last=Map(last), conditions=conditions)
    state = with_seldom(state, trouble=trouble)
    if conditions != known.conditions:
        state = nodes.changed(state, now, out)
    due = sorted([row for row in met if now - first[_key(row)] >= row.grace], key=_rank)
    may_evict = False
    if due:
        state, may_evict = _reclaim(state, settings, due[0], now, out)
    _look_again(state, met, now, out, may_evict=may_evict, settings=settings)
    return state


def matters(state: State) -> bool:
    """Tell whether images may fill the disk: they take a quarter of it, or something else takes of it."""
    disk = Quantity.parse(state.host.capacity.get("ephemeral-storage", "0")).whole
    return bool(state.seldom.strain) or 4 * sum(state.images.values()) > disk


def _look_again(
    state: State, met: list[Threshold], now: Instant, out: list[Effect], *, may_evict: bool, settings: Settings
) -> None:
    trouble = state.seldom.trouble or _CALM
    if may_evict:
        out.append(SetTimer(("pressure",), now + LOOK_EVERY))
        return
    waiting = [trouble.first[_key(row)] + row.grace for row in met if trouble.first[_key(row)] + row.grace > now]
    if not met and trouble.last:
        waiting = [at + settings.transition for at in trouble.last.values()]
    if waiting:
        out.append(SetTimer(("pressure",), min(waiting)))
    elif met:
        out.append(SetTimer(("pressure",), now + LOOK_EVERY, periodic=True))  # nobody is there to be evicted


def observed(state: State) -> dict[str, tuple[int, int]]:
    """Give what each signal measures: what is available, of how much."""
    capacity, strain = state.host.capacity, state.seldom.strain
    memory = Quantity.parse(capacity.get("memory", "0")).whole
    disk = Quantity.parse(capacity.get("ephemeral-storage", "0")).whole
    used = sum([_used(pod, "memory") for pod in state.pods.values()])
    filled = sum([_used(pod, "ephemeral-storage") for pod in state.pods.values()]) + sum(state.images.values())
    found: dict[str, tuple[int, int]] = {}
    if memory:
        found["memory.available"] = strain.get("memory.available", memory) - used, memory
    if disk:
        left = strain.get("nodefs.available", disk)
        found["nodefs.available"] = left - filled, disk
        found["imagefs.available"] = strain.get("imagefs.available", left) - filled, disk
    for signal in ("nodefs.inodesFree", "imagefs.inodesFree", "pid.available"):
        if signal in strain:
            found[signal] = strain[signal], _USUAL[_RESOURCES[signal]]
    return found


def _used(pod: LocalPod, resource: str) -> int:
    total = 0
    for container in pod.containers:
        if container.aside is not None and container.stage in ALIVE:
            total += container.aside.memory if resource == "memory" else container.aside.disk
    return total


def _quantity(row: Threshold, capacity: int) -> int:
    return capacity * row.percent // (_HUNDRED * _HUNDRED) if row.percent else row.amount


def _is_met(row: Threshold, seen: dict[str, tuple[int, int]]) -> bool:
    found = seen.get(row.signal)
    return found is not None and found[0] < _quantity(row, found[1])


def _key(row: Threshold) -> str:
    return f"{row.signal}/{'hard' if row.hard else 'soft'}"


def _rank(row: Threshold) -> bool:
    return row.signal != "memory.available"  # memory before all else; otherwise in their order


# Eviction -------------------------------------------------------------------------------------------------------------


def _reclaim(state: State, settings: Settings, row: Threshold, now: Instant, out: list[Effect]) -> tuple[State, bool]:
    """Free something of what is short; tell whether there is more to be done."""
    trouble = state.seldom.trouble or _CALM
    evicting = state.pods.get(trouble.evicting, None)
    if evicting is not None and evicting.life == "ending":
        return state, True
    resource = _RESOURCES[row.signal]
    out.append(Record(nodes.about(state), "Warning", "EvictionThresholdMet", f"Attempting to reclaim {resource}"))
    if resource == "ephemeral-storage":
        state, freed = _removed(state, 0, now, out)
        if freed and not _is_met(row, observed(state)):
            return state, True
    for pod in sorted(_running(state), key=lambda pod: _order(pod, resource)):
        if is_critical(pod):
            continue
        said = _said(state, pod, row, resource)
        out.append(Record(pod.pod, "Warning", "Evicted", said))
        spec: Any = pod.pod.spec
        grace = 0
        if not row.hard:
            own = spec.termination_grace_period_seconds
            grace = settings.longest_grace if own is None else min(settings.longest_grace, int(own) * SECOND)
        state = with_seldom(state, trouble=replace(trouble, evicting=pod.uid))
        return ending.kill(state, pod, ("Evicted", said, said), now, out, grace=grace), True
    return state, False


def _running(state: State) -> Iterator[LocalPod]:
    return (pod for pod in state.pods.values() if pod.life == "running")


def _order(pod: LocalPod, resource: str) -> tuple[Any, ...]:
    """Rank a pod: one that uses more than it asks for goes first, then low priority, then who uses most beyond that."""
    spec: Any = pod.pod.spec
    if resource in {"inodes", "pids"}:
        return False, spec.priority or 0, 0, pod.key
    beyond = _used(pod, resource) - requests_of(spec).get(resource, 0) // NANO
    return beyond <= 0, spec.priority or 0, -beyond, pod.key


def _said(state: State, pod: LocalPod, row: Threshold, resource: str) -> str:
    available, capacity = observed(state)[row.signal]
    said = f"The node was low on resource: {resource}. "
    said += f"Threshold quantity: {_text(_quantity(row, capacity))}, available: {_text(available)}. "
    for container in pod.containers:
        aside = container.aside
        used = 0 if aside is None else aside.memory if resource == "memory" else aside.disk
        if resource not in {"memory", "ephemeral-storage"} or not used:
            continue
        resources = container.spec.resources
        asked = (resources.requests if resources is not None else None) or Map()
        wanted = asked.get(resource)
        if wanted is None or used > wanted.whole:
            said += (
                f"Container {container.name} was using {_text(used)}, request is {wanted or 0}, "
                f"has larger consumption of {resource}. "
            )
    return said


def _text(amount: int) -> str:
    return str(Quantity.of(nanos=amount * NANO, form="BinarySI"))


# Images ---------------------------------------------------------------------------------------------------------------


def collect_later(state: State, now: Instant, out: list[Effect]) -> State:
    """Have images removed at the next round if they fill the disk."""
    if _overfull(state) > 0:
        out.append(SetTimer(("images",), (now // COLLECT_EVERY + 1) * COLLECT_EVERY))
    return state


def collect(state: State, now: Instant, out: list[Effect]) -> State:
    """Remove images that no container needs until the disk is as free as it should be."""
    wanted = _overfull(state)
    if wanted <= 0:
        return state
    available, capacity = observed(state)["imagefs.available"]
    state, freed = _removed(state, wanted, now, out)
    if freed < wanted:
        used = _HUNDRED - max(available, 0) * _HUNDRED // capacity
        said = (
            f"Insufficient free disk space on the node's image filesystem ({used}% of {_size(capacity)} used). "
            f"Failed to free sufficient space by deleting unused images (freed {freed} bytes). "
            "Investigate disk usage, as it could be used by active images, logs, volumes, or other data."
        )
        out.append(Record(nodes.about(state), "Warning", "FreeDiskSpaceFailed", said))
    return state


def _overfull(state: State) -> int:
    """Give how many bytes of images are to be removed; 0 if the disk is not too full."""
    found = observed(state).get("imagefs.available")
    if found is None:
        return 0
    settings = settings_of(state.host.kubelet)
    available, capacity = max(found[0], 0), found[1]
    if _HUNDRED - available * _HUNDRED // capacity < settings.images_high:
        return 0
    return capacity * (_HUNDRED - settings.images_low) // _HUNDRED - available


def _removed(state: State, wanted: int, now: Instant, out: list[Effect]) -> tuple[State, int]:
    """Remove images that no container needs, until *wanted* bytes are free, or all of them if that is 0."""
    needed = {container.spec.image for pod in state.pods.values() for container in pod.containers}
    freed, images = 0, state.images
    for name, size in sorted(state.images.items()):
        if name in needed or (wanted and freed >= wanted):
            continue
        out.append(RemoveImage(name))
        images = images.remove(name)
        freed += size
    if not freed:
        return state, 0
    return nodes.changed(replace(state, images=images), now, out), freed


def _size(amount: int) -> str:
    for unit, power in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if amount >= 1 << power:
            tenths = (amount * 10 + (1 << power - 1)) >> power
            return f"{tenths // 10}.{tenths % 10} {unit}"
    return f"{amount} B"
