"""
Checkpoints: what a kubelet has on its host's disk, and what of it the next one goes by.

Nothing is written at each step: what is on the disk follows at any time from what the kubelet knows, as upstream writes
it before it acts upon it. So it is read off when the kubelet ends, and costs no pod anything.

Takes:    what a kubelet knows when it ends; what its host has kept when the next one starts.
Gives:    Checkpoints; what the next one knows at first.
Source:   the kubelet's allocation/state, cm/cpumanager/state, cm/memorymanager/state, images/pullmanager, cm/dra/state.
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.kubelet.disk import Allocation, Checkpoints
from reconcile.components.kubelet.state import LocalPod, Seldom, State, with_seldom
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

_BLANK: Final = Checkpoints()
_NOTHING: Final = core_v1.ResourceRequirements()


def kept(state: State) -> Checkpoints | None:
    """Give what is on the disk of a kubelet's host; None if that is nothing."""
    seldom = state.seldom
    allocations = dict(seldom.recalled)
    for pod in state.pods.values():
        if pod.containers and not pod.static and pod.life != "ended":
            found = _allocation(pod)
            if found is not None:
                allocations[pod.uid] = found
    made = Checkpoints(allocations=Map(allocations), aligned=seldom.aligned, pulled=seldom.pulled, claims=seldom.claims)
    return None if made == _BLANK else made


def _allocation(pod: LocalPod) -> Allocation | None:
    """Give what a pod has; None of one that has nothing, and so can never be resized."""
    spec: Any = pod.pod.spec
    rows = [row for row in (*(spec.init_containers or ()), *spec.containers) if row.resources not in (None, _NOTHING)]
    if not rows and spec.resources is None:
        return None
    actuated = [
        (kept.name, kept.aside.resources)
        for kept in pod.containers
        if kept.aside is not None and kept.aside.resources is not None
    ]
    return Allocation(
        containers=Map([(row.name, row.resources) for row in rows]),
        whole=spec.resources,
        actuated=Map(actuated),
        had=None if pod.resize is None else pod.resize.whole,
    )


def read(seldom: Seldom, found: Checkpoints | None, images: Map[int]) -> Seldom:
    """Give what a kubelet knows that starts on a host that has kept this; that devices are prepared is not kept."""
    if found is None:
        return seldom
    pulled = {image: marks for image, marks in found.pulled.items() if image in images}
    for image, marks in seldom.pulled.items():
        # What its runtime noted while no kubelet did counts, too; whoever is here may use what somebody could.
        before = pulled.get(image, marks)
        pulled[image] = tuple(dict.fromkeys((*before, *marks))) if before and marks else ()
    return replace(
        seldom,
        recalled=found.allocations,
        aligned=found.aligned,
        pulled=Map(pulled),
        claims=Map([(uid, replace(claim, prepared=False)) for uid, claim in found.claims.items()]),
    )


def allocated(state: State, pod: Any) -> Any:
    """Give a pod of the API with what an earlier life allocated to it, in place of what it asks for by now."""
    known = state.seldom.recalled.get(pod.metadata.uid)
    return pod if known is None else with_resources(pod, known.containers, known.whole)


def with_resources(pod: Any, containers: Map[Any] | dict[str, Any], whole: Any) -> Any:
    """Give a pod whose containers have these resources, and the pod itself those; the very one if it has them."""
    spec = pod.spec
    made: dict[str, Any] = {} if spec.resources == whole else {"resources": whole}
    for part, rows in (("init_containers", spec.init_containers), ("containers", spec.containers)):
        given = [containers.get(row.name, row.resources) for row in rows or ()]
        if any(new != row.resources for row, new in zip(rows or (), given, strict=True)):
            made[part] = tuple([replace(row, resources=new) for row, new in zip(rows, given, strict=True)])
    return replace(pod, spec=replace(spec, **made)) if made else pod


def synced(state: State) -> State:
    """Forget what was kept of pods that are not there any more, now that all that are have shown themselves."""
    seldom = state.seldom
    if not (seldom.recalled or seldom.aligned or seldom.claims):
        return state
    waiting = (*seldom.doubted, *(() if seldom.trouble is None else seldom.trouble.critical))
    there = {uid for uid, pod in state.pods.items() if pod.life != "ended"}.union(waiting)
    claims = [(uid, replace(claim, users=_among(claim.users, there))) for uid, claim in seldom.claims.items()]
    return with_seldom(
        state,
        recalled=Map([(uid, found) for uid, found in seldom.recalled.items() if uid in waiting]),
        aligned=Map([(uid, found) for uid, found in seldom.aligned.items() if uid in there]),
        claims=Map([(uid, claim) for uid, claim in claims if claim.users]),
    )


def _among(uids: tuple[str, ...], there: set[str]) -> tuple[str, ...]:
    return tuple([uid for uid in uids if uid in there])
