"""
Resizing: a pod that runs and asks for other resources gets them in place, if there is room; else it waits for that.

What its kubelet has allocated to a pod is `LocalPod.pod`; what is asked for stands in `LocalPod.api`.

Takes:    a pod's new specification, ContainerResized, the timer `ended`.
Gives:    ResizeContainer, SetTimer, Record, and the end of containers that have to be restarted for it.
Source:   the kubelet's allocation package; kuberuntime's computePodResizeAction; events/resize;
          https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from reconcile.api import convert, core_v1
from reconcile.components.kubelet.admission import admission, preemption
from reconcile.components.kubelet.container import stopping
from reconcile.components.kubelet.disk import Allocation
from reconcile.components.kubelet.node.checkpoints import with_resources
from reconcile.components.kubelet.pod.allotting import allotted
from reconcile.components.kubelet.pod.ending import grace_of
from reconcile.components.kubelet.state import (
    Aside,
    Container,
    LocalPod,
    Resize,
    State,
    Trouble,
    container_of,
    with_container,
    with_seldom,
)
from reconcile.effects import CancelTimer, Effect, Record, ResizeContainer, SetTimer
from reconcile.lib.instant import MINUTE, SECOND, Duration, Instant
from reconcile.lib.replacing import replace
from reconcile.model.kubelets import settings_of
from reconcile.model.pods.limits import limits_of, within
from reconcile.model.pods.qos import qos_class

TRY_AGAIN: Final = 10 * SECOND
"""How long after containers could not be given what they are to have that is tried again."""
LOOK_AGAIN: Final = 3 * MINUTE
"""How long after resizes that wait were last looked at they are again, if nothing has happened."""
FIRST_LOOK: Final = 30 * SECOND
"""How long after it has started a kubelet looks at resizes that wait."""
_NOTHING: Final = core_v1.ResourceRequirements()


def as_allocated(pod: LocalPod, api: Any) -> Any:
    """Give a pod of the API with the resources that it has, in place of those that it asks for."""
    has: Any = pod.pod.spec
    return with_resources(api, {row.name: row.resources for row in _rows(has)}, has.resources)


def considered(state: State, pod: LocalPod, grace: Duration, now: Instant, out: list[Effect]) -> tuple[State, LocalPod]:
    """Give the pod what it asks for, or say why it has to wait."""
    api: Any = pod.api
    if not _changed(pod.pod.spec, api.spec):
        known = pod.resize
        if known is None:
            return state, replace(pod, pod=api)
        return state, replace(pod, pod=api, resize=replace(known, pending=None) if known.begun else None)
    without = with_seldom(admission.released(state, pod), aligned=state.seldom.aligned)
    asked = admission.requests_of(api.spec)
    refused = _infeasible(state, pod, api) or admission.refusal(without, api, asked)
    if refused is not None and refused[0].startswith("OutOf") and admission.critical(api):
        victims, refused = preemption.chosen(without, api, asked)
        if refused is None:
            return _makes_room(without, pod, victims, now, out)
    if refused is not None:
        return _waits(state, pod, refused, now, out)
    generation = api.metadata.generation or 0
    out.append(Record(api, "Normal", "ResizeStarted", f"Pod resize started: {_summary(api, '')}"))
    state = admission.admitted(without, replace(pod, pod=api), asked)
    pod = _actuated(replace(pod, resize=Resize(begun=now, generation=generation, whole=_had(pod))), grace, now, out)
    trouble = state.seldom.trouble
    if trouble is not None and trouble.deferred:
        out.append(SetTimer(("ended",), now))  # what this one gave back may be enough for another
    return state, replace(pod, pod=api)


def _makes_room(
    state: State, pod: LocalPod, victims: list[LocalPod], now: Instant, out: list[Effect]
) -> tuple[State, LocalPod]:
    """Let a critical pod wait until others have ended for it."""
    waits = replace(pod, pod=as_allocated(pod, pod.api), resize=pod.resize or Resize())
    state = preemption.preempted(_deferred(state, pod.uid), victims, now, out)
    return admission.admitted(state, waits, admission.requests_of(waits.pod.spec)), waits


def _had(pod: LocalPod) -> core_v1.ResourceRequirements:
    """Give what the pod itself has before it is resized."""
    spec: Any = pod.pod.spec
    known = None if pod.resize is None else pod.resize.whole
    return known or spec.resources or _NOTHING


def resized(pod: LocalPod, name: str) -> LocalPod:
    """Note that a container has what it was to get."""
    container = container_of(pod, name)
    if container is None or container.aside is None:
        return pod
    return with_container(pod, replace(container, aside=replace(container.aside, resources=None)))


def settled(pod: LocalPod, out: list[Effect]) -> LocalPod:
    """Say that a resize is over once every container has what it was to get."""
    known = pod.resize
    if known is None or not known.begun:
        return pod
    if any(kept.aside is not None and kept.aside.resources is not None for kept in pod.containers):
        return pod
    out.append(Record(pod.pod, "Normal", "ResizeCompleted", f"Pod resize completed: {_summary(pod.pod, '')}"))
    return replace(pod, resize=None if known.pending is None else replace(known, begun=0))


def again(pod: LocalPod, now: Instant, out: list[Effect]) -> LocalPod:
    """Try to give containers what they could not be given before."""
    known = pod.resize
    if known is None or not known.error or pod.life != "running":
        return pod
    held = [kept for kept in pod.containers if kept.stage == "running" and kept.aside and kept.aside.resources]
    return _given(pod, held, pod.pod, now, out)


# A kubelet that starts ------------------------------------------------------------------------------------------------


def resumed(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> tuple[State, LocalPod]:
    """Go on with the resize of a pod that is taken on again: what was allocated is given, what was not is tried."""
    known = state.seldom.recalled.get(pod.uid)
    if known is None:
        return state, pod
    state = with_seldom(state, recalled=state.seldom.recalled.remove(pod.uid))
    pod = _recalled(pod, known, now)
    if pod.resize is None:
        return state, pod
    if pod.api is not None and _changed(pod.pod.spec, pod.api.spec):
        state = _deferred(state, pod.uid)
        # Until all pods have shown themselves there is no room for any; then a ticker is waited for.
        out.append(SetTimer(("resizes",), now + FIRST_LOOK))
    elif pod.resize.pending is not None:
        pod = replace(pod, resize=replace(pod.resize, pending=None) if pod.resize.begun else None)
    return state, settled(_continued(pod, now, out), out)


def _recalled(pod: LocalPod, known: Allocation, now: Instant) -> LocalPod:
    """Give a pod that an earlier life of this kubelet had with how far its resize is: as its status says it."""
    status = pod.written
    rows = {row.type: row for row in (status.conditions if status is not None else None) or ()}
    pending, begun = rows.get("PodResizePending"), rows.get("PodResizeInProgress")
    given = [
        replace(kept, aside=replace(kept.aside or Aside(), resources=known.actuated[kept.name]))
        if kept.name in known.actuated and kept.stage == "running"
        else kept
        for kept in pod.containers
    ]
    under_way = known.actuated or known.had is not None
    if pending is None and begun is None and not under_way and pod.pod is pod.api:
        return pod
    resize = Resize(
        pending=None if pending is None else (pending.reason or "", pending.message or ""),
        since=0 if pending is None else now,
        asked=0 if pending is None else pending.observed_generation or 0,
        begun=now if begun is not None or under_way else 0,
        generation=0 if begun is None else begun.observed_generation or 0,
        error="" if begun is None else begun.message or "",
        whole=known.had,
    )
    return replace(pod, containers=tuple(given), resize=resize)


def _continued(pod: LocalPod, now: Instant, out: list[Effect]) -> LocalPod:
    spec: Any = pod.pod.spec
    held: list[Container] = []
    for container in pod.containers:
        has = None if container.aside is None else container.aside.resources
        if has is None or container.stage != "running":
            continue
        if _restarts(container, within(has, _had(pod)), within(container.spec.resources, spec.resources)):
            why = f"Container {container.name} resize requires restart"
            pod = stopping.stop(pod, container, grace_of(pod.pod), now, out, why=why)
        else:
            held.append(container)
    return _given(pod, held, pod.pod, now, out) if held else pod


# ----------------------------------------------------------------------------------------------------------------------


def waiting(state: State) -> tuple[str, ...]:
    """Give the uids of pods whose resize was deferred, in the order in which they are tried again."""
    trouble = state.seldom.trouble
    if trouble is None or not trouble.deferred:
        return ()
    pods = [state.pods[uid] for uid in trouble.deferred if uid in state.pods]
    return tuple([pod.uid for pod in sorted(pods, key=_rank)])


def _rank(pod: LocalPod) -> tuple[bool, int, bool, Instant]:
    api: Any = pod.api
    grows = admission.requests_of(api.spec) != _least(api.spec, pod.pod.spec)
    since = 0 if pod.resize is None else pod.resize.since
    return grows, -(api.spec.priority or 0), qos_class(api.spec) != "Guaranteed", since


def _least(wanted: Any, has: Any) -> dict[str, int]:
    before = admission.requests_of(has)
    return {name: min(amount, before.get(name, 0)) for name, amount in admission.requests_of(wanted).items()}


def _infeasible(state: State, pod: LocalPod, api: Any) -> tuple[str, str] | None:
    """Say why the pod can never be resized here; upstream leaves what does not fit the node deferred, too."""
    settings = settings_of(state.host.kubelet)
    if qos_class(api.spec) != "Guaranteed":
        return None
    for resource, policy, who in (("cpu", settings.cpu_policy, "CPU"), ("memory", settings.memory_policy, "Memory")):
        if policy.lower() == "static" and _differs(pod.pod.spec, api.spec, resource):
            return "Infeasible", f'Resize is infeasible for Guaranteed Pods alongside {who} Manager policy "{policy}"'
    return None


def _waits(
    state: State, pod: LocalPod, refused: tuple[str, str], now: Instant, out: list[Effect]
) -> tuple[State, LocalPod]:
    api: Any = pod.api
    reason, message = "Infeasible" if refused[0] == "Infeasible" else "Deferred", refused[1]
    generation = api.metadata.generation or 0
    known = pod.resize or Resize()
    if known.pending is None or known.pending[0] != reason or known.asked != generation:
        said = f"Pod resize {reason}: {_summary(api, message)}"
        out.append(Record(api, "Warning", f"Resize{reason}", said))
    since = known.since if known.pending is not None and known.pending[0] == reason else now
    resize = replace(known, pending=(reason, message), since=since, asked=generation)
    trouble = state.seldom.trouble or Trouble()
    if reason == "Deferred":
        state = _deferred(state, pod.uid)
        out.append(SetTimer(("resizes",), now + LOOK_AGAIN, periodic=True))
    else:
        state = with_seldom(state, trouble=replace(trouble, deferred=_without(trouble, pod.uid)))
    return state, replace(pod, pod=as_allocated(pod, api), resize=resize)


def _deferred(state: State, uid: str) -> State:
    trouble = state.seldom.trouble or Trouble()
    return with_seldom(state, trouble=replace(trouble, deferred=(*_without(trouble, uid), uid)))


def _without(trouble: Trouble, uid: str) -> tuple[str, ...]:
    return tuple([kept for kept in trouble.deferred if kept != uid])


def _actuated(pod: LocalPod, grace: Duration, now: Instant, out: list[Effect]) -> LocalPod:
    api: Any = pod.api
    wanted = {row.name: row.resources or _NOTHING for row in _rows(api.spec)}
    had, whole = _had(pod), api.spec.resources
    held_back: list[Container] = []
    for container in pod.containers:
        own, new = container.spec.resources or _NOTHING, wanted.get(container.name)
        if new is None or container.stage != "running" or within(own, had) == within(new, whole):
            continue
        aside = container.aside or Aside()
        held = replace(container, aside=replace(aside, resources=aside.resources or own))
        if _restarts(container, within(own, had), within(new, whole)):
            if container.due:
                out.append(CancelTimer(("due", pod.uid, container.name)))
            held = replace(held, waiting=None, due=0, delay=0, delayed_at=0)
            why = f"Container {container.name} resize requires restart"
            pod = stopping.stop(with_container(pod, held), held, grace, now, out, why=why)
        else:
            pod = with_container(pod, held)
            held_back.append(replace(held, spec=replace(held.spec, resources=new)))
    return _given(pod, held_back, api, now, out)


def _given(pod: LocalPod, containers: list[Container], given: Any, now: Instant, out: list[Effect]) -> LocalPod:
    """Have *containers* given what they are to have by now, unless that is less memory than one of them uses."""
    below = _below_use(pod, containers, given)
    known, whole = pod.resize, given.spec.resources
    assert known is not None, "a resize has begun"
    if not below:
        out += [ResizeContainer(pod.uid, kept.name, within(kept.spec.resources, whole)) for kept in containers]
        return replace(pod, resize=replace(known, error="", whole=None))
    every = below[0] if len(below) == 1 else f"[{', '.join(below)}]"
    error = f"cannot decrease memory limits: {every}"
    out.append(SetTimer(("resize", pod.uid), now + TRY_AGAIN))
    if error != known.error:
        api: Any = pod.api or pod.pod
        out.append(Record(api, "Warning", "ResizeError", f"Pod resize error: {_summary(api, error)}"))
    return replace(pod, resize=replace(known, error=error))


def _below_use(pod: LocalPod, containers: list[Container], given: Any) -> list[str]:
    """Say of what is to have less memory than it uses; upstream shows what its pod uses, so this does."""
    had, whole = _had(pod), given.spec.resources
    used = sum(kept.aside.memory for kept in pod.containers if kept.aside is not None)
    found: list[str] = []
    for container in containers:
        aside = container.aside
        assert aside is not None, "it keeps what it had"
        limit = _lowered(limits_of(within(aside.resources, had)), limits_of(within(container.spec.resources, whole)))
        if limit and aside.memory >= limit:
            found.append(
                f'attempting to set container "{container.name}" memory limit ({limit}) below current usage ({used})'
            )
    if any(
        kept.aside and _memory(kept.aside.resources, had) != _memory(kept.spec.resources, whole) for kept in containers
    ):
        before = with_resources(given, {kept.name: kept.aside.resources for kept in containers if kept.aside}, had)
        limit = _lowered(*[limits_of(allotted(each.spec).given) for each in (before, given)])
        if limit and used >= limit:
            found.insert(0, f"attempting to set pod memory limit ({limit}) below current usage ({used})")
    return found


def _lowered(had: tuple[int, int], wanted: tuple[int, int]) -> int:
    """Give the limit of memory that is to be, if it is new, or less than it was; else 0."""
    return wanted[0] if not had[0] or wanted[0] < had[0] else 0


def _memory(resources: Any, whole: Any) -> tuple[Any, Any]:
    return _of(within(resources, whole), "memory")


def _restarts(container: Container, old: Any, new: Any) -> bool:
    policies = {row.resource_name: row.restart_policy for row in container.spec.resize_policy or ()}
    return any(
        policies.get(name) == "RestartContainer" and _of(old, name) != _of(new, name) for name in ("cpu", "memory")
    )


def _of(resources: Any, name: str) -> tuple[Any, Any]:
    requests, limits = resources.requests or {}, resources.limits or {}
    return requests.get(name), limits.get(name)


def _changed(has: Any, wanted: Any) -> bool:
    if has is wanted:
        return False
    if (has.resources or _NOTHING) != (wanted.resources or _NOTHING):
        return True
    before = {row.name: row.resources or _NOTHING for row in _rows(has)}
    return any(before.get(row.name, row.resources) != (row.resources or _NOTHING) for row in _rows(wanted))


def _differs(has: Any, wanted: Any, resource: str) -> bool:
    before = {row.name: row.resources or _NOTHING for row in _rows(has)}
    return any(
        _of(before.get(row.name, _NOTHING), resource) != _of(row.resources or _NOTHING, resource)
        for row in _rows(wanted)
    )


def _rows(spec: Any) -> Iterator[Any]:
    yield from spec.init_containers or ()
    yield from spec.containers


def _summary(pod: Any, error: str) -> str:
    """Give the resources of a pod as events about its resizing have them: JSON, as Go writes it."""
    said: dict[str, Any] = {}
    for part, rows in (("initContainers", pod.spec.init_containers), ("containers", pod.spec.containers)):
        if rows:
            said[part] = [
                {"name": row.name, "resources": {} if row.resources is None else _plain(row.resources)} for row in rows
            ]
    said["generation"] = pod.metadata.generation or 0
    if error:
        said["error"] = error
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False)


def _plain(resources: core_v1.ResourceRequirements) -> dict[str, Any]:
    plain = convert.dump(resources)
    return {part: dict(sorted(plain[part].items())) for part in ("limits", "requests") if plain.get(part)}
