"""
Recalling: what a kubelet that starts knows of containers that were there before it, from the runtime and the API.

Source:   the kubelet's runtime cache and pod workers after a restart.
"""

from __future__ import annotations

from typing import Any

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.components.kubelet.container import containers, probes
from reconcile.components.kubelet.pod import choosing, restarting
from reconcile.components.kubelet.state import Aside, Container, LocalPod, State, with_seldom
from reconcile.effects import Effect
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.pods.running import RunningPod


def containers_of(spec: Any, old: Any, found: RunningPod | None, now: Instant) -> tuple[Container, ...]:
    """Give a pod's containers, as the runtime has them, or else as the API remembers them."""
    made = [
        Container(container, "sidecar" if container.restart_policy == "Always" else "init")
        for container in spec.init_containers or ()
    ]
    made += [Container(container) for container in spec.containers]
    if spec.ephemeral_containers:
        made += [Container(container, "ephemeral") for container in spec.ephemeral_containers]
    if old is not None and (old.container_statuses or old.init_container_statuses):
        made = [remembered(container, old, now, lost=found is None) for container in made]
    if found is not None:
        made = [_found(container, found, now) for container in made]
    return tuple(made)


def claimed(state: State, found: RunningPod) -> State:
    """Take it that a pod was found; how much is on its own volumes is known from its containers that looked."""
    on = Map({name: size for row in found.containers for name, size in row.volumes.items()})
    filled = state.seldom.filled.set(found.uid, on) if on else state.seldom.filled
    return with_seldom(state, found=state.seldom.found.remove(found.uid), filled=filled)


def remembered(container: Container, old: Any, now: Instant, *, lost: bool) -> Container:
    """Give a new container with what its status says of earlier lives; what ran has ended if it is *lost*."""
    rows = (
        *(old.init_container_statuses or ()),
        *(old.container_statuses or ()),
        *(old.ephemeral_container_statuses or ()),
    )
    row = next((row for row in rows if row.name == container.name), None)
    if row is None or not row.container_id:
        return container
    state = row.state or core_v1.ContainerState()
    kept = replace(container, runs=row.restart_count + 1, id=row.container_id, image_id=row.image_id)
    terminated = state.terminated or (row.last_state.terminated if row.last_state is not None else None)
    if not lost:
        last = row.last_state if row.last_state is not None and row.last_state.terminated is not None else None
        return replace(kept, last=last)
    if state.running is not None:
        terminated = core_v1.ContainerStateTerminated(
            container_id=row.container_id,
            exit_code=255,
            reason="Unknown",
            started_at=state.running.started_at,
            finished_at=Time.at(now),
        )
    if terminated is None:
        return container
    ended = core_v1.ContainerState(terminated=terminated)
    if container.kind == "init":
        return replace(kept, last=ended)  # in a new sandbox, initialisation begins anew
    return replace(kept, stage="exited", state=ended, code=terminated.exit_code, finished_at=now)


def _found(container: Container, found: RunningPod, now: Instant) -> Container:
    """Give the container as the runtime has it."""
    row = next((row for row in found.containers if row.container == container.name), None)
    if row is None:
        return container
    kept = replace(container, runs=row.attempt + 1, id=row.container_id, image_id=row.image_id)
    if row.code is not None:
        terminated = core_v1.ContainerStateTerminated(
            container_id=row.container_id,
            exit_code=row.code,
            reason=row.reason or None,
            message=containers.last_words(container.spec, row) or None,
            started_at=Time.at(row.started_at if row.started_at is not None else now),
            finished_at=Time.at(row.finished_at if row.finished_at is not None else now),
        )
        state = core_v1.ContainerState(terminated=terminated)
        finished_at = row.finished_at if row.finished_at is not None else now
        return replace(kept, stage="exited", state=state, code=row.code, finished_at=finished_at)
    if row.started_at is None:
        return replace(kept, stage="starting")
    running = core_v1.ContainerStateRunning(started_at=Time.at(row.started_at))
    return replace(
        kept,
        stage="running",
        state=core_v1.ContainerState(running=running),
        started=container.spec.startup_probe is None,
        aside=Aside(memory=row.memory, disk=row.disk) if row.memory or row.disk else None,
    )


def resumed(pod: LocalPod, old: Any, now: Instant, out: list[Effect]) -> LocalPod:
    """Give a pod whose sandbox is there as it goes on: probed again, and restarted as a whole if that is due."""
    pod = replace(pod, containers=probed_again(pod, old, now, out))
    if not pod.restartable:
        return pod
    # Of a container that was removed to begin anew, the runtime knows but the run before.
    rows = () if old is None else (*(old.init_container_statuses or ()), *(old.container_statuses or ()))
    counts = {row.name: row.restart_count or 0 for row in rows}
    made = [
        replace(restarting.removed(kept), waiting=None)
        if kept.stage == "exited" and counts.get(kept.name, 0) >= kept.runs
        else kept
        for kept in pod.containers
    ]
    pod = replace(pod, containers=tuple(made), initialised=pod.initialised and not _is_to_begin(pod, made))
    return replace(pod, life="restarting") if choosing.calls_for_all(pod) else pod


def _is_to_begin(pod: LocalPod, containers: list[Container]) -> bool:
    """Tell whether a pod with init containers has not got to its main ones since it began anew."""
    spec: Any = pod.pod.spec
    return bool(spec.init_containers) and all(kept.stage == "new" for kept in containers if kept.kind == "main")


def probed_again(pod: LocalPod, old: Any, now: Instant, out: list[Effect]) -> tuple[Container, ...]:
    """Give the containers with their probes set up; what was ready stays so until a probe says otherwise."""
    rows = () if old is None else (*(old.init_container_statuses or ()), *(old.container_statuses or ()))
    made: list[Container] = []
    for container in pod.containers:
        if container.stage == "running":
            row = next((row for row in rows if row.container_id == container.id), None)
            kept = replace(container, started=container.started or bool(row is not None and row.started))
            made.append(probes.begin(pod, kept, now, out, ready=bool(row is not None and row.ready)))
        else:
            made.append(container)
    return tuple(made)
