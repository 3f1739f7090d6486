"""
The status of a pod, made of what its kubelet knows.

Source:   the kubelet's generateAPIPodStatus and getPhase, and its status package.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter, is_
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.components.kubelet.pod.choosing import restarts
from reconcile.components.kubelet.state import ALIVE, Container, LocalPod, Resize
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.hosts import Host

OWNED: Final = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")

_BESIDE: Final = ("sidecar", "ephemeral")
_BEFORE: Final = ("init", "ephemeral")

_are_ours: Final = frozenset(OWNED).issuperset
_type_of: Final = attrgetter("type")
_CREATING: Final = core_v1.ContainerState(waiting=core_v1.ContainerStateWaiting(reason="ContainerCreating"))
_INITIALIZING: Final = core_v1.ContainerState(waiting=core_v1.ContainerStateWaiting(reason="PodInitializing"))
_NO_STATE: Final = core_v1.ContainerState()
_UNLIMITED: Final = core_v1.ResourceRequirements()
_LOST: Final = core_v1.ContainerState(
    terminated=core_v1.ContainerStateTerminated(
        exit_code=137,
        reason="ContainerStatusUnknown",
        message="The container could not be located when the pod was terminated",
    )
)


def status_of(pod: LocalPod, host: Host, now: Instant) -> core_v1.PodStatus:
    """Give the status that the API server should have of *pod*."""
    shown: Any = pod.api or pod.pod
    old = shown.status or core_v1.PodStatus()
    phase = phase_of(pod)
    prior = old if pod.status is None else pod.status
    reason = message = None
    if pod.verdict is not None and phase == "Failed":
        reason, message = pod.verdict[:2]
    if (prior.phase in _FINISHED or old.phase in _FINISHED) and not pod.static:
        # What has finished has finished, also if somebody else says that it has.
        said = prior if prior.phase in _FINISHED else old
        phase, reason, message = said.phase or phase, said.reason, said.message
    containers = pod.containers
    statuses = tuple([container_status(pod, container) for container in containers])
    ephemerals = None
    if containers and containers[-1].kind == "ephemeral":
        count = len([container for container in containers if container.kind != "ephemeral"])
        statuses, ephemerals = statuses[:count], statuses[count:]
    inits = 0
    if containers and containers[0].kind != "main":
        inits = len([container for container in containers if container.kind in {"init", "sidecar"}])
    ip = pod.ip or (host.ip if shown.spec.host_network else None)
    given = pod.allotted
    if given.devices:
        statuses = tuple([_with_devices(row, given.devices.get(row.name)) for row in statuses])
    made = core_v1.PodStatus(
        allocated_resources=given.requests,
        conditions=_conditions(pod, old, phase, statuses, now),
        container_statuses=statuses[inits:],
        ephemeral_container_statuses=ephemerals,
        extended_resource_claim_status=old.extended_resource_claim_status,
        init_container_statuses=statuses[:inits] if inits else None,
        host_ip=host.ip,
        host_ips=_host_ips(host.ip),
        message=message,
        node_allocatable_resource_claim_statuses=old.node_allocatable_resource_claim_statuses,
        nominated_node_name=old.nominated_node_name,
        observed_generation=shown.metadata.generation,
        phase=phase,
        pod_ip=ip,
        pod_ips=_pod_ips(ip) if ip else None,
        qos_class=old.qos_class or quality_of(shown.spec),
        reason=reason,
        resource_claim_statuses=old.resource_claim_statuses,
        resources=given.given if old.phase == "Running" else given.planned,
        start_time=pod.started_at,
    )
    return made if containers else replace(made, **_UNSEEN)


_UNSEEN: Final[dict[str, Any]] = dict.fromkeys(
    ("allocated_resources", "container_statuses", "host_ip", "host_ips", "pod_ip", "pod_ips", "resources")
)


def _with_devices(
    status: core_v1.ContainerStatus, devices: tuple[core_v1.ResourceStatus, ...] | None
) -> core_v1.ContainerStatus:
    return replace(status, allocated_resources_status=devices) if devices else status


def phase_of(pod: LocalPod) -> str:
    """Give the pod's phase."""
    if pod.verdict is not None and not any(container.stage in ALIVE for container in pod.containers):
        return "Failed"
    if pod.life == "ended" and not pod.static:
        well = all(kept.kind in _BESIDE or (kept.stage == "exited" and kept.code == 0) for kept in pod.containers)
        return "Succeeded" if well else "Failed"
    running = stopped = succeeded = 0
    for container in pod.containers:
        stage = container.stage
        if container.kind != "main":
            if container.kind == "sidecar":
                running += stage in ALIVE
            elif container.kind == "ephemeral":
                continue
            elif not pod.initialised and stage == "exited" and container.code and not restarts(pod, container):
                return "Failed"
            elif not pod.initialised and (stage != "exited" or container.code) and not _is_reset(container):
                return "Pending"
        elif stage in {"running", "stopping"}:
            running += 1
        elif container.state is None and not _is_reset(container):
            return "Pending"
        else:
            stopped += 1
            if container.state is not None and not restarts(pod, container):
                succeeded += container.code == 0
            else:
                running += 1  # it is about to
    if running or (stopped and pod.life == "restarting"):
        return "Running"
    if stopped:
        return "Succeeded" if succeeded == stopped else "Failed"
    return "Pending"


def _is_reset(container: Container) -> bool:
    """Tell whether a container was removed to begin anew, and does not run yet."""
    return container.aside is not None and container.aside.reset


def container_status(pod: LocalPod, container: Container) -> core_v1.ContainerStatus:
    """Give one container's status."""
    spec, stage = container.spec, container.stage
    alive = stage in {"running", "stopping"}
    state, last = container.state, container.last
    if not alive:
        if container.waiting is not None and pod.life in {"running", "restarting"}:
            if state is not None:
                last = state
            state = core_v1.ContainerState(waiting=container.waiting)
        elif state is None:
            lost = pod.life == "ended" and pod.initialised
            state = _LOST if lost else _CREATING if _plain(pod) else _INITIALIZING
    resources = allocated = None
    if container.id:
        resources = spec.resources or _UNLIMITED
        allocated = resources.requests
    if container.aside is not None:
        if container.aside.resources is not None:
            resources = container.aside.resources
        if container.aside.reset and stage != "starting":
            container = replace(container, runs=container.runs + 1)  # it counts as started again once it is removed
    return core_v1.ContainerStatus(
        name=spec.name,
        image=spec.image or "",
        image_id=container.image_id,
        container_id=container.id or None,
        ready=is_ready(container),
        started=alive and container.started,
        restart_count=container.runs - 1 if container.runs else 0,
        state=state,
        last_state=last or _NO_STATE,
        user=_user(pod.pod, spec) if container.id else None,
        volume_mounts=_mounts(spec.volume_mounts) if spec.volume_mounts else None,
        resources=resources,
        allocated_resources=allocated,
    )


def _user(pod: Any, spec: Any) -> core_v1.ContainerUser:
    """Give who a container runs as: root, unless something else is said; what an image says is not known."""
    own, whole = spec.security_context, pod.spec.security_context
    if own is None and whole is None:
        return _ROOT
    user = next((each.run_as_user for each in (own, whole) if each is not None and each.run_as_user is not None), 0)
    group = next((each.run_as_group for each in (own, whole) if each is not None and each.run_as_group is not None), 0)
    groups = [group]
    if whole is not None:
        groups += [*((whole.fs_group,) if whole.fs_group is not None else ()), *(whole.supplemental_groups or ())]
    return _user_of(user, group, tuple(sorted(set(groups))))


@lru_cache(maxsize=1024)
def _user_of(user: int, group: int, groups: tuple[int, ...]) -> core_v1.ContainerUser:
    return core_v1.ContainerUser(linux=core_v1.LinuxContainerUser(uid=user, gid=group, supplemental_groups=groups))


_ROOT: Final = _user_of(0, 0, (0,))


@lru_cache(maxsize=1024)
def _mounts(mounts: tuple[Any, ...]) -> tuple[core_v1.VolumeMountStatus, ...]:
    return tuple(
        [
            core_v1.VolumeMountStatus(
                name=mount.name,
                mount_path=mount.mount_path,
                read_only=mount.read_only or None,
                recursive_read_only=_recursively(mount) if mount.read_only else None,
            )
            for mount in mounts
        ]
    )


def _recursively(mount: Any) -> str:
    return "Enabled" if mount.recursive_read_only in {"Enabled", "IfPossible"} else "Disabled"


def is_ready(container: Container) -> bool:
    """Tell whether a container counts as ready: an init container when it has done well, any other while it serves."""
    if container.kind in _BEFORE:
        return container.kind == "init" and container.stage == "exited" and container.code == 0
    if container.stage not in {"running", "stopping"} or not container.started:
        return False
    for gauge in container.gauges:
        if gauge.kind == "readiness":
            return gauge.result
    return True


def _plain(pod: LocalPod) -> bool:
    return not pod.containers or pod.containers[0].kind == "main"


def _conditions(
    pod: LocalPod, old: core_v1.PodStatus, phase: str, statuses: tuple[core_v1.ContainerStatus, ...], now: Instant
) -> tuple[core_v1.PodCondition, ...]:
    """Give the pod's conditions: the very tuple that is known if they are as they were."""
    shown: Any = pod.api or pod.pod
    theirs = old.conditions or ()
    known = theirs if pod.status is None else pod.status.conditions or ()
    before = dict(zip(map(_type_of, known), known, strict=True))
    made: list[core_v1.PodCondition] = []
    if not _are_ours(map(_type_of, theirs)):
        made = [kept for kept in theirs if kept.type not in _REMADE]
    if pod.resize is not None and phase not in _FINISHED:
        made += _resizes(pod.resize, before)
    if pod.verdict is not None and len(pod.verdict) > _DISRUPTED and phase == "Failed":
        made = [*[kept for kept in made if kept.type != "DisruptionTarget"], _disrupted(pod, before, now)]
    if not pod.containers:
        kept = before.get("PodScheduled")
        return tuple(made) if kept is None else (*made, kept)
    sandbox: _Said = ("True", None, None) if pod.sandbox == "ready" else ("False", None, None)
    serving = _containers_ready(pod, phase, statuses)
    ready = serving
    if serving[0] == "True" and shown.spec.readiness_gates:
        ready = _gated(shown.spec.readiness_gates, made)
    generation = shown.metadata.generation
    for type, said in zip(OWNED, (sandbox, _initialized(pod, phase, before), ready, serving, _SCHEDULED), strict=True):
        kept = before.get(type)
        if kept is None or kept.status != said[0]:
            made.append(_condition(type, said, generation, now))
        elif kept.reason == said[1] and kept.message == said[2] and kept.observed_generation == generation:
            made.append(kept)
        else:
            since = kept.last_transition_time
            made.append(_condition(type, said, generation, now if since is None else since.instant))
    if pod.restartable:
        made.append(_restarting(pod, phase, before, now))
    return known if len(made) == len(known) and all(map(is_, made, known)) else tuple(made)


def _restarting(
    pod: LocalPod, phase: str, before: dict[str, core_v1.PodCondition], now: Instant
) -> core_v1.PodCondition:
    """Give the condition that says whether all containers are being removed to begin anew."""
    said: _Said = ("False", _ENDED.get(phase), None)
    if pod.life == "restarting" and phase not in _FINISHED:
        said = ("True", "RestartAllContainersStarted", "container exited with restart policy rule")
    kept = before.get("AllContainersRestarting")
    since = kept.last_transition_time if kept is not None and kept.status == said[0] else None
    made = _condition("AllContainersRestarting", said, None, now if since is None else since.instant)
    return kept if kept is not None and kept == made else made


_ENDED: Final = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}


def _resizes(resize: Resize, before: dict[str, core_v1.PodCondition]) -> list[core_v1.PodCondition]:
    """Give the conditions that say how far a resize is."""
    made: list[core_v1.PodCondition] = []
    if resize.pending is not None:
        said = ("True", *resize.pending)
        made.append(_condition("PodResizePending", said, resize.asked or None, resize.since))
    if resize.begun:
        begun: _Said = ("True", "Error", resize.error) if resize.error else _SCHEDULED
        made.append(_condition("PodResizeInProgress", begun, resize.generation or None, resize.begun))
    return [before[row.type] if before.get(row.type) == row else row for row in made]


_REMADE: Final = frozenset((*OWNED, "PodResizePending", "PodResizeInProgress", "AllContainersRestarting"))
_FINISHED: Final = frozenset({"Succeeded", "Failed"})
_DISRUPTED: Final = 2


def _disrupted(pod: LocalPod, before: dict[str, core_v1.PodCondition], now: Instant) -> core_v1.PodCondition:
    """Give the condition that says that the kubelet ended the pod for reasons of its own."""
    assert pod.verdict is not None, "it was ended"
    shown: Any = pod.api or pod.pod
    kept = before.get("DisruptionTarget")
    since = kept.last_transition_time if kept is not None and kept.status == "True" else None
    said = ("True", "TerminationByKubelet", pod.verdict[-1])
    return _condition("DisruptionTarget", said, shown.metadata.generation, now if since is None else since.instant)


_Said = tuple[str, str | None, str | None]
_SCHEDULED: Final[_Said] = ("True", None, None)


@lru_cache(maxsize=1024)
def _condition(type: str, said: _Said, generation: int | None, since: Instant) -> core_v1.PodCondition:
    status, reason, message = said
    return core_v1.PodCondition(
        type=type,
        status=status,
        reason=reason,
        message=message,
        observed_generation=generation,
        last_transition_time=Time.at(since),
    )


def _containers_ready(pod: LocalPod, phase: str, statuses: tuple[core_v1.ContainerStatus, ...]) -> _Said:
    if phase == "Succeeded":
        return ("False", "PodCompleted", None)
    if phase == "Failed":
        return ("False", "PodFailed", None)
    unready = [
        status.name
        for status, container in zip(statuses, pod.containers, strict=False)  # ephemeral ones do not count
        if container.kind != "init" and not status.ready
    ]
    if unready:
        return ("False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    return ("True", None, None)


def _initialized(pod: LocalPod, phase: str, before: dict[str, core_v1.PodCondition]) -> _Said:
    if phase == "Succeeded":
        return ("True", "PodCompleted", None)
    if pod.initialised:
        return ("True", None, None)
    undone = [
        container.name
        for container in pod.containers
        if (container.kind == "init" and not is_ready(container))
        or (container.kind == "sidecar" and not (container.started and container.stage == "running"))
    ]
    if undone:
        if "Initialized" in before and before["Initialized"].status == "True":
            return ("True", None, None)  # what was initialised once stays so, also while it begins anew
        return ("False", "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(undone)}]")
    return ("True", None, None)


def _gated(gates: tuple[Any, ...], conditions: list[core_v1.PodCondition]) -> _Said:
    there = {condition.type: condition.status for condition in conditions}
    messages: list[str] = []
    for gate in gates:
        wanted = gate.condition_type
        if wanted not in there:
            messages.append(f'corresponding condition of pod readiness gate "{wanted}" does not exist.')
        elif there[wanted] != "True":
            messages.append(f'the status of pod readiness gate "{wanted}" is not "True", but {there[wanted]}')
    return ("False", "ReadinessGatesNotReady", ", ".join(messages)) if messages else ("True", None, None)


@lru_cache(maxsize=8192)
def _host_ips(ip: str) -> tuple[core_v1.HostIP, ...]:
    return (core_v1.HostIP(ip=ip),)


@lru_cache(maxsize=8192)
def _pod_ips(ip: str) -> tuple[core_v1.PodIP, ...]:
    return (core_v1.PodIP(ip=ip),)


def quality_of(spec: core_v1.PodSpec) -> str:
    """Give the quality of service class that cpu and memory of a pod's containers put it in."""
    asked = False
    guaranteed = True
    for container in (*(spec.init_containers or ()), *spec.containers):
        resources = container.resources
        requests: Map[Any] = (resources.requests if resources else None) or Map()
        limits: Map[Any] = (resources.limits if resources else None) or Map()
        for name in ("cpu", "memory"):
            asked = asked or bool(requests.get(name)) or bool(limits.get(name))
            wanted = requests.get(name, limits.get(name))
            if not limits.get(name) or wanted != limits.get(name):
                guaranteed = False
    if not asked:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"
