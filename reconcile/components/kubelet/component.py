"""
Kubelet: owns the life of the containers on its host.

It registers its Node and keeps its heartbeat; it runs the pods that are bound to its Node and those of the manifests on
its host's disk, restarts their containers, probes them, reports their status, and ends them when they are deleted.

Takes:    Started, Watched, Answered, TimerFired, Reported.
Gives:    Call, SetTimer, CancelTimer, Record, and the orders to the container runtime.
Source:   the kubelet of Kubernetes 1.36: pod workers, kuberuntime, images, prober, status manager, node status, lease.
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias, assert_never

from reconcile.api.scalars import Quantity
from reconcile.components.kubelet.container import configuring, containers, credentials, probes, pulling, stopping
from reconcile.components.kubelet.disk import Checkpoints
from reconcile.components.kubelet.node import checkpoints, imaging, nodes, pressure, registering, shutdown
from reconcile.components.kubelet.pod import choosing, pods, recreating, reporting, resizing, statics
from reconcile.components.kubelet.state import ALIVE, LocalPod, Seldom, State, container_of, with_seldom
from reconcile.components.kubelet.volume import following, growing, holding, mounting, preparing
from reconcile.effects import Effect, StopPodSandbox
from reconcile.events import (
    Answered,
    ContainerExited,
    ContainerResized,
    ContainerStarted,
    ContainerUses,
    Hooked,
    HostShutsDown,
    HostStrained,
    ImagePulled,
    ImagePullFailed,
    ManifestsChanged,
    Probed,
    Reported,
    SandboxFailed,
    SandboxLost,
    SandboxReady,
    SandboxRemoved,
    Started,
    TimerFired,
    Watched,
)
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import copier, replace
from reconcile.model.devices import DeviceDriver
from reconcile.model.drivers import Driver
from reconcile.model.hosts import Host
from reconcile.model.kubelets import settings_of
from reconcile.model.pods.running import Running, RunningContainer, RunningPod
from reconcile.model.watches import Watch
from reconcile.store import Change

__all__ = ["State", "begin", "step", "watches"]

Hears: TypeAlias = Started | Watched | Answered | TimerFired | Reported
Stepped: TypeAlias = tuple[State, tuple[Effect, ...]]

_NOTHING: Final = Running()
_OF_IMAGES: Final = (ImagePulled, ImagePullFailed)
_OF_HOSTS: Final = (HostStrained, HostShutsDown, ManifestsChanged)


def begin(
    host: Host,
    dice: Dice,
    running: Running = _NOTHING,
    *,
    heartbeats: bool = True,
    drivers: tuple[Driver, ...] = (),
    device_drivers: tuple[DeviceDriver, ...] = (),
    wholes: bool = True,
    kept: Checkpoints | None = None,
) -> State:
    """
    Give a kubelet that is about to start.

    Args:
        host: the machine that it is on.
        dice: its stream.
        running: what the host's container runtime has already (`world.containers`): pods that an earlier life of this
            kubelet started go on running and are taken over, others are stopped.
        heartbeats: whether it renews its Lease and reports its Node again and again.
        drivers: the CSI drivers that are registered on it.
        device_drivers: the drivers of devices that are.
        wholes: whether its pods' statuses say what each has as a whole.
        kept: what an earlier life left on the host's disk.
    """
    allocatable = Map([(name, amount.nanos) for name, amount in nodes.allocatable_of(host).items()])
    found = Map([(pod.uid, pod) for pod in running.pods])
    strain = Map([(signal, Quantity.parse(text).whole) for signal, text in host.strain.items()])
    seldom = Seldom(
        dice=dice,
        allocatable=allocatable,
        parallel=settings_of(host.kubelet).parallel,
        boots=running.boots,
        found=found,
        heartbeats=heartbeats,
        drivers=drivers,
        device_drivers=device_drivers,
        wholes=wholes,
        careful=bool(device_drivers) or not host.pod_cidr,
        strain=strain,
        pulled=running.pulled,
    )
    return State(host=host, seldom=checkpoints.read(seldom, kept, running.images), images=running.images)


def with_readers(state: State) -> State:
    """Let a kubelet keep the files up to date that show ConfigMaps, Secrets and pods: somebody can read them."""
    return with_seldom(state, follows=True)


def watches(state: State) -> tuple[Watch, ...]:
    """Give what it watches: the pods of its Node, and its Node."""
    name = state.host.name
    return Watch("pods", "pods", name), Watch("nodes", "nodes", name)


def pod_of(state: State, uid: str) -> Any:
    """Give the pod that this kubelet runs under *uid*; None if it runs none."""
    pod = state.pods.get(uid, None)
    return None if pod is None else pod.pod


def step(state: State, event: Hears) -> Stepped:
    """Take *event* in."""
    out: list[Effect] = []
    now = event.now
    match event:
        case Watched():
            state = _on_watched(state, event, now, out)
        case Reported():
            state = _on_reported(state, event, now, out)
        case Answered():
            state = _on_answered(state, event, now, out)
        case TimerFired():
            state = _on_timer_fired(state, event, now, out)
        case Started():
            if state.seldom.strain:
                state = pressure.look(imaging.collect_later(state, now, out), now, out)
            state = imaging.start(state, now, out)
            state = statics.start(nodes.start(state, now, out), now, out)
        case _:
            assert_never(event)
    return state, tuple(out)


def _on_watched(state: State, event: Watched, now: Instant, out: list[Effect]) -> State:
    if event.watch == "nodes":
        for change in event.changes:
            state = nodes.seen(state, change.new, now, out)
        if not state.host.pod_cidr:
            state = pods.networked(state, now, out)
        return state if state.seldom.aware else _aware(state, now, out)
    if event.watch != "pods":
        return following.watched(state, event, now, out)
    if not state.seldom.aware:
        # As upstream's source of the API's pods waits for the node informer: a pod is judged by the Node's labels.
        return with_seldom(state, held=(*(state.seldom.held or ()), *event.changes))
    return _on_pods(state, event.changes, now, out)


def _aware(state: State, now: Instant, out: list[Effect]) -> State:
    held = state.seldom.held
    state = with_seldom(state, aware=True, held=None)
    return state if held is None else _on_pods(state, held, now, out)


def _on_pods(state: State, changes: tuple[Change, ...], now: Instant, out: list[Effect]) -> State:
    if not state.seldom.synced:
        changes = tuple(sorted(changes, key=_age))
    for change in changes:
        old, new = change.old, change.new
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            if statics.is_mirror(old):
                state = statics.mirror_gone(state, old, out)
            else:
                state = pods.removed(state, old.metadata.uid, now, out)
        if new is not None:
            if statics.is_mirror(new):
                state = statics.mirror_seen(state, new, now, out)
            else:
                state = pods.seen(state, new, now, out)
    return state if state.seldom.synced else _synced(state, now, out)


def _age(change: Change) -> Instant:
    """Give when the pod of a change was made: the oldest are admitted first."""
    metadata = (change.new or change.old).metadata
    made = metadata.creation_timestamp
    return 0 if made is None else int(made.instant)


def _synced(state: State, now: Instant, out: list[Effect]) -> State:
    """Stop what runs here and that no pod has claimed, and ask for the mirrors that are missing."""
    out += [StopPodSandbox(uid) for uid in state.seldom.found]
    state = checkpoints.synced(with_seldom(state, synced=True, found=Map()))
    if holding.says_too_much(state):
        state = nodes.changed(state, now, out)
    return statics.mirror_all(state, out)


def _on_answered(state: State, event: Answered, now: Instant, out: list[Effect]) -> State:
    what, *rest = event.tag
    response = event.response
    match what:
        case "status" | "delete":
            pod = state.pods.get(rest[0], None)
            return state if pod is None or pod.calling != what else pods.answered(state, pod, response, now, out)
        case "doubted":
            return pods.judged(state, rest[0], response, now, out)
        case "rejudged":
            return pods.rejudged(state, rest[0], response, now, out)
        case "mount" | "secret" | "follow":
            return _on_mounted(state, event.tag, response, now, out)
        case "claim":
            return _on_claimed(state, rest, response, now, out)
        case "configure":
            return _on_configured(state, rest, response, now, out)
        case "lease":
            return nodes.renew_answered(state, response, now, out)
        case "leased":
            return nodes.lease_found(state, response, now, out)
        case "node":
            return nodes.report_answered(state, response, now, out)
        case "register":
            state = nodes.register_answered(state, response, now, out)
        case "registered":
            state = nodes.found_answered(state, response, now, out)
        case "mirror":
            return statics.mirror_answered(state, rest[0], response, now, out)
        case "grow":
            pod = state.pods.get(rest[0], None)
            return state if pod is None else growing.answered(state, pod, rest[1], response, out, now=now)
        case "drivers":
            registering.answered(state, rest[0], response, now, out)
            return state
        case _:
            return state
    return statics.mirror_all(state, out) if state.node.registered and state.seldom.static else state


def _on_mounted(state: State, tag: tuple[Any, ...], response: Any, now: Instant, out: list[Effect]) -> State:
    what, uid, key = tag
    pod = state.pods.get(uid, None)
    if pod is None:
        return state
    if what == "secret":
        return credentials.answered(state, pod, {key: response}, now, out)
    if what == "follow":
        return following.answered(state, pod, {key: response}, now, out)
    state, done = mounting.answered(state, pod, {key: response}, now, out)
    return pods.sync(state, pod, now, out) if done else state


def _on_claimed(state: State, tag: list[Any], response: Any, now: Instant, out: list[Effect]) -> State:
    uid, key = tag
    pod = state.pods.get(uid, None)
    if pod is None:
        return state
    state, done = preparing.answered(state, pod, {key: response}, now, out)
    return pods.sync(state, preparing.shown(state, pod), now, out) if done else state


def _on_configured(state: State, tag: list[Any], response: Any, now: Instant, out: list[Effect]) -> State:
    uid, name, key = tag
    pod = state.pods.get(uid, None)
    container = None if pod is None else container_of(pod, name)
    state, answers = configuring.answered(state, f"{uid}/{name}", container, {key: response})
    if pod is None or container is None or answers is None or pod.life not in {"running", "restarting"}:
        return state
    return pods.sync(state, containers.configured(state, pod, container, answers, out, now=now), now, out)


def _on_timer_fired(state: State, event: TimerFired, now: Instant, out: list[Effect]) -> State:
    what, *rest = event.key
    if what == "lease":
        return nodes.renew(state, now, out)
    if what == "node":
        return nodes.report(state, now, out)
    if what == "register":
        return nodes.register(state, now, out)
    if not rest:
        return _on_host_timer(state, what, now, out)
    if what == "static":
        return statics.begun(state, rest[0], now, out)
    pod = state.pods.get(rest[0], None)
    if pod is None:
        return state
    match what:
        case "due":
            return pods.sync(state, pod, now, out) if pod.life == "running" else state
        case "grace":
            container = container_of(pod, rest[1])
            return state if container is None else reporting.keep(state, stopping.expired(pod, container, now, out))
        case "probe":
            container = container_of(pod, rest[1])
            if container is None:
                return state
            probed = probes.due(pod, container, rest[2], now, out)
            return state if probed is pod else reporting.keep(state, probed)
        case "mount" | "prepare" | "unprepare" | "grow" | "resize" | "secrets" | "follow":
            return _on_awaited(state, pod, what, now, out)
        case "retry":
            return pods.retry(state, pod, now, out)
        case "deadline":
            return pods.expired(state, pod, now, out)
        case "mirror":
            return statics.mirror(state, pod, out)
        case _:
            raise AssertionError(f"no timer is called {what}")


def _on_awaited(state: State, pod: LocalPod, what: str, now: Instant, out: list[Effect]) -> State:
    """Look again at what a pod waits for: what its volumes are made of, its devices, that they grow, its resources."""
    done = True
    if what == "secrets":
        return credentials.ask(state, pod, out)
    if what == "follow":
        return following.due(state, pod, now, out)
    if what == "grow":
        growing.due(state, pod, now, out)
        return state
    if what == "mount":
        state, done = mounting.again(state, pod, now, out)
    elif what == "prepare":
        state, done = preparing.due(state, pod, now, out)
        pod = preparing.shown(state, pod) if done else pod
    elif what == "resize":
        pod = resizing.again(pod, now, out)
    return pods.sync(state, pod, now, out) if done else state


def _on_host_timer(state: State, what: str, now: Instant, out: list[Effect]) -> State:
    match what:
        case "drivers":
            registering.begin(state, out)
            return state
        case "pressure":
            return pressure.look(state, now, out)
        case "images":
            return imaging.collect(state, now, out)
        case "shutdown":
            return shutdown.due(state, now, out)
        case "resizes":
            return pods.resized(state, now, out)
        case "ended":
            return pods.roomier(shutdown.due(state, now, out), now, out)
        case _:
            raise AssertionError(f"no timer is called {what}")


def _on_reported(state: State, event: Reported, now: Instant, out: list[Effect]) -> State:
    report = event.report
    if isinstance(report, _OF_IMAGES):
        return pulling.reported(state, report, now, out)
    if isinstance(report, _OF_HOSTS):
        return _on_host(state, report, now, out)
    pod = state.pods.get(report.uid, None)
    if pod is None:
        return _on_stranger(state, report, now, out)
    match report:
        case SandboxReady():
            if pod.sandbox != "asked":
                if pod.sandbox != "ready":
                    out.append(StopPodSandbox(pod.uid))  # it may have been made after it was to be removed
                return state
            pod = copier(LocalPod, "sandbox", "ip")(pod, "ready", report.ip)
            if state.host.kubelet and settings_of(state.host.kubelet).tells_sandboxes:
                pod = reporting.report(state, pod, now, out)
            return pods.sync(state, pod, now, out)
        case ContainerStarted():
            return _on_container_started(state, pod, report, now, out)
        case ContainerExited():
            return _on_container_exited(state, pod, report, now, out)
        case SandboxRemoved() | SandboxLost() | SandboxFailed():
            return _on_sandbox(state, pod, report, now, out)
        case ContainerResized():
            return pods.container_resized(state, pod, report.container, now, out)
        case ContainerUses():
            return pressure.used(state, pod, report, now, out)
        case Hooked():
            return pods.hooked(state, pod, report, now, out)
        case Probed():
            return _on_probed(state, pod, report, now, out)
        case _:
            assert_never(report)


def _on_sandbox(
    state: State, pod: LocalPod, report: SandboxRemoved | SandboxLost | SandboxFailed, now: Instant, out: list[Effect]
) -> State:
    if pod.life == "ending" and isinstance(report, SandboxRemoved):
        return pods.sync(state, copier(LocalPod, "sandbox")(pod, "none"), now, out)
    if isinstance(report, SandboxFailed):
        return pods.unboxed(state, pod, report.message, now, out)
    if pod.sandbox != "ready" or pod.life not in {"running", "restarting"}:
        return state
    state, pod = recreating.begun(state, pod, out)
    return pods.sync(state, reporting.report(state, pod, now, out), now, out)


def _on_host(
    state: State, report: HostStrained | HostShutsDown | ManifestsChanged, now: Instant, out: list[Effect]
) -> State:
    match report:
        case HostStrained(signal, available):
            return pressure.strained(state, signal, available, now, out)
        case HostShutsDown(cancelled):
            return (shutdown.cancelled if cancelled else shutdown.begin)(state, now, out)
        case ManifestsChanged(manifests):
            return statics.changed(state, manifests, now, out)
        case _:
            assert_never(report)


def _on_probed(state: State, pod: LocalPod, report: Probed, now: Instant, out: list[Effect]) -> State:
    container = container_of(pod, report.container)
    if container is None or pod.life == "ended":
        return state
    probed, news = probes.answered(pod, container, report, now, out)
    if probed is pod:
        return state
    if not news:
        return reporting.keep(state, probed)
    if pod.life == "running":
        return pods.sync(state, probed, now, out)
    if pod.life == "restarting":
        return reporting.keep(state, probed)  # told with the rest, once all are to begin anew
    return reporting.keep(state, reporting.report(state, probed, now, out))


def _on_container_started(
    state: State, pod: LocalPod, report: ContainerStarted, now: Instant, out: list[Effect]
) -> State:
    container = container_of(pod, report.container)
    if container is None or container.stage != "starting":
        return state
    state = pods.sync(state, containers.runs(pod, container, report, now, out), now, out)
    return pressure.look(state, now, out) if report.memory or report.disk else state


def _on_container_exited(
    state: State, pod: LocalPod, report: ContainerExited, now: Instant, out: list[Effect]
) -> State:
    container = container_of(pod, report.container)
    if container is None or container.stage not in ALIVE:
        return state
    if report.container_id and container.id and container.stage != "starting" and report.container_id != container.id:
        return state  # the end of an earlier run
    if state.seldom.following:
        state = following.looked(state, pod, now, out)
    pod = containers.exits(pod, container, report, now, out)
    if pod.resize is not None:
        pod = resizing.settled(pod, out)
    if pod.life == "running" and pod.sandbox != "lost":
        if pod.restartable and choosing.calls_for_all(pod):
            return pods.restart_all(state, pod, now, out)
        pod = reporting.report(state, pod, now, out)
    return pods.sync(state, pod, now, out)


def _on_stranger(state: State, report: Any, now: Instant, out: list[Effect]) -> State:
    """Take in what an earlier life of this kubelet ordered: it is stopped, unless its pod may yet show itself."""
    if isinstance(report, SandboxRemoved | SandboxFailed | ContainerExited | Probed):
        return state
    if state.seldom.synced:
        out.append(StopPodSandbox(report.uid))
        return state
    known = state.seldom.found.get(report.uid) or RunningPod(uid=report.uid, ip="")
    if isinstance(report, SandboxReady):
        known = replace(known, ip=report.ip)
    elif isinstance(report, SandboxLost):
        known = replace(known, lost=True)
    elif isinstance(report, ContainerStarted):
        rows = [row for row in known.containers if row.container != report.container]
        old = next((row for row in known.containers if row.container == report.container), None)
        row = RunningContainer(
            container=report.container,
            container_id=report.container_id,
            image="",
            image_id=report.image_id,
            attempt=0 if old is None else old.attempt,
            started_at=now,
        )
        known = replace(known, containers=(*rows, row))
    return with_seldom(state, found=state.seldom.found.set(report.uid, known))
