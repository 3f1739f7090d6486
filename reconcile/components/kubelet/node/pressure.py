"""
Pressure: what a kubelet does when its host runs short of memory, disk or processes: it says so, removes images that
nobody needs, and evicts pods, one after the other.

It looks when something uses more than before, and as long as something is short every ten seconds; where nothing
says how much is used it never does.

Takes:    HostStrained, ContainerStarted, ContainerUses and ImagePulled that say how much is used, the timer `pressure`.
Gives:    Record, SetTimer, and the end of pods.
Source:   the kubelet's eviction package;
          https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.api.quantity import NANO, Quantity
from reconcile.components.kubelet.admission.admission import is_critical, requests_of
from reconcile.components.kubelet.node import exceeding, imaging, measuring, nodes
from reconcile.components.kubelet.pod import ending
from reconcile.components.kubelet.state import (
    ALIVE,
    Aside,
    LocalPod,
    State,
    Trouble,
    container_of,
    with_container,
    with_seldom,
)
from reconcile.effects import Effect, Record, SetTimer
from reconcile.events import ContainerUses
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.kubelets import Settings, Threshold, quantity_of, reclaim_of, settings_of

LOOK_EVERY: Final = 10 * SECOND
_CONDITIONS: Final = {
    "memory": "MemoryPressure",
    "ephemeral-storage": "DiskPressure",
    "inodes": "DiskPressure",
    "pids": "PIDPressure",
}
_BY_CONDITION: Final = ("MemoryPressure", "DiskPressure", "PIDPressure")
_CALM: Final = Trouble()
_NOTHING: Final = Aside()


def strained(state: State, signal: str, available: int, now: Instant, out: list[Effect]) -> State:
    """Take in how much the host has left of what *signal* measures; less than none: all that there is."""
    strain = state.seldom.strain
    if available >= 0:
        strain = strain.set(signal, available)
    elif signal in strain:
        strain = strain.remove(signal)
    return look(imaging.collect_later(with_seldom(state, strain=strain), now, out), now, out)


def used(state: State, pod: LocalPod, report: ContainerUses, now: Instant, out: list[Effect]) -> State:
    """Take in how much a container uses by now."""
    container = container_of(pod, report.container)
    if container is None or container.stage not in ALIVE:
        return state
    aside = replace(container.aside or _NOTHING, memory=report.memory, disk=report.disk)
    pod = with_container(pod, replace(container, aside=aside))
    state = replace(state, pods=state.pods.set(pod.uid, pod))
    if report.volumes:
        filled = state.seldom.filled
        on = {**filled.get(pod.uid, Map()), **report.volumes}
        state = with_seldom(state, filled=filled.set(pod.uid, Map(on)))
    return look(state, now, out)


def look(state: State, now: Instant, out: list[Effect]) -> State:
    """See what is short, say so, and evict pods if that has to be: those that use more than they may before others."""
    state, limited = exceeding.evicted(state, now, out)
    settings = settings_of(state.host.kubelet)
    known = state.seldom.trouble or _CALM
    seen = measuring.observed(state)
    met = [row for row in settings.thresholds if _is_met(row, seen, known)]
    first = {_key(row): known.first.get(_key(row), now) for row in met}
    last = {name: at for name, at in known.last.items() if now - at < settings.transition}
    last.update({_CONDITIONS[measuring.RESOURCES[row.signal]]: now for row in met})
    conditions = tuple([name for name in _BY_CONDITION if name in last])
    if not met and not last and state.seldom.trouble is None:
        return state
    trouble = replace(known, first=Map(first), last=Map(last), conditions=conditions)
    state = with_seldom(state, trouble=trouble)
    if conditions != known.conditions:
        state = nodes.changed(state, now, out)
    due = sorted([row for row in met if now - first[_key(row)] >= row.grace], key=_rank)
    may_evict = False
    if due and not limited:
        state, may_evict = _reclaim(state, settings, due[0], now, out)
    _look_again(state, met, now, out, may_evict=may_evict or (limited and bool(due)), settings=settings)
    return state


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


def _is_met(row: Threshold, seen: dict[str, tuple[int, int]], known: Trouble = _CALM) -> bool:
    """Tell whether there is too little; once there was, until so much more is free as is to be reclaimed."""
    found = seen.get(row.signal)
    if found is None:
        return False
    more = reclaim_of(row, found[1]) if _key(row) in known.first else 0
    return found[0] < quantity_of(row, found[1]) + more


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
    resource = measuring.RESOURCES[row.signal]
    out.append(Record(nodes.about(state), "Warning", "EvictionThresholdMet", f"Attempting to reclaim {resource}"))
    if resource == "ephemeral-storage":
        state, freed = imaging.removed(state, 0, now, out)
        if freed and not _is_met(row, measuring.observed(state)):
            return state, True
    for pod in sorted(_running(state), key=lambda pod: _order(state, pod, resource)):
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
    return (pod for pod in state.pods.values() if pod.life in {"running", "restarting"})


def _order(state: State, pod: LocalPod, resource: str) -> tuple[Any, ...]:
    """Rank a pod: one that uses more than it asks for goes first, then low priority, then who uses most beyond that."""
    spec: Any = pod.pod.spec
    if resource in {"inodes", "pids"}:
        return False, spec.priority or 0, 0, pod.key
    beyond = measuring.use_of(state, pod, resource) - requests_of(spec).get(resource, 0) // NANO
    return beyond <= 0, spec.priority or 0, -beyond, pod.key


def _said(state: State, pod: LocalPod, row: Threshold, resource: str) -> str:
    available, capacity = measuring.observed(state)[row.signal]
    said = f"The node was low on resource: {resource}. "
    said += f"Threshold quantity: {_text(quantity_of(row, capacity))}, available: {_text(available)}. "
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
