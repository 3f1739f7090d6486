"""
Growing: a file system is grown on the node when its volume has become larger, while a pod has it mounted.

The claim says that the node is waited for. It is looked at when the pod's volumes are mounted, and then once a minute,
for pods with a volume of a driver that grows file systems on nodes alone.

Takes:    answers to its calls, the timer `grow`.
Gives:    Call, SetTimer, Record.
Source:   the kubelet's checkVolumeFSResize; operationexecutor: NodeExpander.
Left out: see docs/limits.md, "Volumes".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.components.kubelet.state import LocalPod, State, with_seldom
from reconcile.effects import Call, CancelTimer, Effect, Record, SetTimer
from reconcile.lib.instant import MINUTE, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.drivers import FINAL, INFEASIBLE, Driver, DriverFault
from reconcile.model.patches.ofstatus import StatusPatch
from reconcile.model.pods.volumes import CLAIMS, OF_SIZE, VOLUMES, claims_of, mode_of
from reconcile.model.requests import Request, Response

EVERY: Final[Duration] = MINUTE
"""How often the volumes of a pod that runs are looked at."""
_PENDING: Final = ("NodeResizePending", "NodeResizeInProgress")


def begin(state: State, pod: LocalPod, answers: Mapping[str, Response], now: Instant, out: list[Effect]) -> State:
    """Look at the claims of a pod whose volumes have just been mounted, and from now on again and again."""
    grown: dict[str, str] = {}
    for name in claims_of(pod.pod) if any(driver.file_systems for driver in state.seldom.drivers) else ():
        claim: Any = answers[f"{CLAIMS}/{name}"].body
        volume: Any = answers[f"{VOLUMES}/{claim.spec.volume_name}"].body
        csi = volume.spec.csi
        if csi is not None and mode_of(volume) != "Block":
            grown[name] = csi.driver
    if not grown:
        return state
    out.append(SetTimer(("grow", pod.uid), now + EVERY, periodic=True))
    state = with_seldom(state, grown=state.seldom.grown.set(pod.uid, Map(grown)))
    for name in grown:
        _looked(state, pod, answers[f"{CLAIMS}/{name}"].body, out)
    return state


def due(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> None:
    """Look at the claims of a pod that runs."""
    if pod.life != "running":
        return
    out.append(SetTimer(("grow", pod.uid), now + EVERY, periodic=True))
    namespace = pod.key.partition("/")[0]
    for name in state.seldom.grown.get(pod.uid, Map()):
        request = Request(verb="get", resource=CLAIMS, namespace=namespace, name=name)
        out.append(Call(request, ("grow", pod.uid, "look")))


def released(state: State, pod: LocalPod, out: list[Effect]) -> State:
    """Look at the claims of a pod no more: it ends."""
    if pod.uid not in state.seldom.grown:
        return state
    out.append(CancelTimer(("grow", pod.uid)))
    return with_seldom(state, grown=state.seldom.grown.remove(pod.uid))


def answered(state: State, pod: LocalPod, step: str, response: Response, out: list[Effect], *, now: Instant) -> State:
    """Go on with a claim: it is said that the node begins, then its driver does it, or fails."""
    if not response.ok or pod.life != "running":
        return state  # the next look tries again
    claim: Any = response.body
    if step == "look":
        _looked(state, pod, claim, out)
    elif step == "begin":
        return _tried(state, pod, claim, now, out)
    return state


def _looked(state: State, pod: LocalPod, claim: Any, out: list[Effect]) -> None:
    if _driver_of(state, pod, claim) is not None and _status_of(claim) in _PENDING:
        begun = replace(claim.status, allocated_resource_statuses=Map.of({"storage": "NodeResizeInProgress"}))
        _write(pod, claim, begun, "begin", out)


def _tried(state: State, pod: LocalPod, claim: Any, now: Instant, out: list[Effect]) -> State:
    driver = _driver_of(state, pod, claim)
    if driver is None or _status_of(claim) not in _PENDING:
        return state
    volume, uid = claim.spec.volume_name, claim.metadata.uid
    failures = state.seldom.ungrown.get(uid, 0)
    fault = driver.fault("grow", failures)
    if fault is not None:
        link = "volume " if fault.code in INFEASIBLE else "volume : "
        words = f"Expander.NodeExpand failed to expand the {link}{fault.words}"
        said = f'NodeExpandVolume.NodeExpandVolume failed for volume "{volume}" : {words}'
        out.append(Record(pod.pod, "Warning", "VolumeResizeFailed", said))
        if fault.code in FINAL:
            _write(pod, claim, _failed(claim, fault, words, now), "end", out)
        return with_seldom(state, ungrown=state.seldom.ungrown.set(uid, failures + 1))
    said = f'MountVolume.NodeExpandVolume succeeded for volume "{volume}" {state.host.name}'
    out += [Record(about, "Normal", "FileSystemResizeSuccessful", said) for about in (pod.pod, claim)]
    size = claim.status.allocated_resources["storage"]
    done = replace(
        claim.status,
        capacity=(claim.status.capacity or Map()).set("storage", size),
        allocated_resource_statuses=None,
        conditions=tuple([row for row in claim.status.conditions or () if row.type not in OF_SIZE]) or None,
    )
    _write(pod, claim, done, "end", out)
    return with_seldom(state, ungrown=state.seldom.ungrown.remove(uid)) if failures else state


def _failed(claim: Any, fault: DriverFault, words: str, now: Instant) -> Any:
    row = core_v1.PersistentVolumeClaimCondition(
        type="NodeResizeError",
        status="True",
        last_transition_time=Time.at(now),
        message=f"failed to expand pvc with {words}",
    )
    others = [each for each in claim.status.conditions or () if each.type != row.type]
    status = replace(claim.status, conditions=(*others, row))
    if fault.code in INFEASIBLE:
        return replace(status, allocated_resource_statuses=Map.of({"storage": "NodeResizeInfeasible"}))
    return status


def _driver_of(state: State, pod: LocalPod, claim: Any) -> Driver | None:
    name = state.seldom.grown.get(pod.uid, Map()).get(claim.metadata.name)
    found = [driver for driver in state.seldom.drivers if driver.name == name and driver.file_systems]
    return found[0] if found else None


def _status_of(claim: Any) -> str:
    statuses = claim.status.allocated_resource_statuses if claim.status is not None else None
    return str((statuses or {}).get("storage", ""))


def _write(pod: LocalPod, claim: Any, status: Any, step: str, out: list[Effect]) -> None:
    request = Request(
        verb="patch",
        resource=CLAIMS,
        namespace=claim.metadata.namespace,
        name=claim.metadata.name,
        subresource="status",
        body=StatusPatch(claim.metadata.uid, claim.status, status),
        patch_type="strategic",
    )
    out.append(Call(request, ("grow", pod.uid, step)))
