"""
Holding: the Node says which attachable volumes its pods use, before one is mounted and until the pod is torn down.

A volume is mounted only once that is written and it is attached; it is detached only once it is not said any more.

Takes:    pods whose volumes are known; pods that end.
Gives:    the Node's volumesInUse.
Source:   the kubelet's volume manager: GetVolumesInUse, MarkVolumesAsReportedInUse; nodestatus: VolumesInUse.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any

from reconcile.components.kubelet.state import LocalPod, State, with_seldom
from reconcile.model.pods.volumes import claims_of


def held(state: State, pod: LocalPod, names: tuple[str, ...]) -> tuple[State, bool]:
    """Note what a pod is about to use; tell whether the Node has to say more than it did."""
    holds = state.seldom.holds
    if holds.get(pod.uid) == names or not (names or claims_of(pod.pod)):
        return state, False
    known = {name for row in holds.values() for name in row}
    return with_seldom(state, holds=holds.set(pod.uid, names)), not known.issuperset(names)


def released(state: State, pod: LocalPod) -> tuple[State, bool]:
    """Note that nothing of a pod is mounted any more; tell whether the Node may have to say less."""
    holds = state.seldom.holds
    names = holds.get(pod.uid)
    if names is None:
        return state, bool(_said(state)) and bool(claims_of(pod.pod))
    return with_seldom(state, holds=holds.remove(pod.uid)), bool(names)


def in_use(state: State) -> tuple[str, ...] | None:
    """Give what the Node says of volumes in use."""
    said = _said(state)
    if not state.seldom.synced:
        return said or None
    holds = state.seldom.holds
    names = {name for uid, row in holds.items() if uid in state.pods for name in row}
    # What an earlier life of this kubelet has mounted is found on the disk; here the Node itself remembers it.
    if said and any(_is_older(pod) and pod.uid not in holds for pod in state.pods.values()):
        names.update(said)
    return tuple(sorted(names)) or None


def says_too_much(state: State) -> bool:
    """Tell whether the Node says that volumes are in use which no pod has: those of pods that went meanwhile."""
    said = _said(state)
    return bool(said) and in_use(state) != said


def is_said(state: State, name: str) -> bool:
    """Tell whether the Node says already that a volume is in use."""
    return name in _said(state)


def _is_older(pod: LocalPod) -> bool:
    return pod.life != "ended" and pod.sandbox != "none" and bool(claims_of(pod.pod))


def _said(state: State) -> tuple[str, ...]:
    node: Any = state.node.seen
    return () if node is None or node.status is None else node.status.volumes_in_use or ()
