"""
Containers: how one is started, with which image, what becomes of it, and when it is started again.

Source:   the kubelet's kuberuntime (startContainer, doBackOff) and images packages.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.scalars import Time
from reconcile.components.kubelet.container import credentials, environment, probes, stopping
from reconcile.components.kubelet.container.actions import action_of
from reconcile.components.kubelet.pod.allotting import allotted
from reconcile.components.kubelet.state import (
    Aside,
    Container,
    LocalPod,
    Pull,
    State,
    field_path,
    restart_policy,
    with_container,
)
from reconcile.effects import Call, CancelTimer, Effect, PullImage, Record, RunHook, SetTimer, StartContainer
from reconcile.events import ContainerExited, ContainerStarted, ImagePulled, ImagePullFailed
from reconcile.lib.instant import MILLISECOND, SECOND, Duration, Instant, duration_text
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import copier, replace
from reconcile.model.kubelets import settings_of
from reconcile.model.owners import controller_of
from reconcile.model.pods.images import name_fault
from reconcile.model.pods.limits import limits_of, within
from reconcile.model.pods.running import RunningContainer
from reconcile.model.programs import PROGRAMS, program_of

FIRST_DELAY: Final = 10 * SECOND
LAST_DELAY: Final = 300 * SECOND
FORGIVEN_AFTER: Final = 2 * LAST_DELAY
"""A container that ran for so long starts without the back-off that it had."""
LOOK_AGAIN: Final = SECOND
"""How long after a failed pull the kubelet looks at the pod again, and says that it is backing off."""
SYNC_AGAIN: Final = 10 * SECOND
"""How long after a container could not be made the kubelet tries it again."""


def respecified(pod: LocalPod, grace: Duration, now: Instant, out: list[Effect]) -> LocalPod:
    """Give the pod with its containers as its spec has them now: with another image one starts anew, at once."""
    spec: Any = pod.pod.spec
    wanted = {row.name: row for row in (*(spec.init_containers or ()), *spec.containers)}
    if pod.allotted.given is not None:
        pod = replace(pod, allotted=replace(allotted(spec), devices=pod.allotted.devices))
    for container in pod.containers:
        new = wanted.get(container.name, container.spec)
        if new is container.spec:
            continue
        renewed, other = replace(container, spec=new), new.image != container.spec.image
        if other:
            if container.due:
                out.append(CancelTimer(("due", pod.uid, container.name)))
            renewed = replace(renewed, waiting=None, due=0, delay=0, delayed_at=0, pull_delay=0, pull_at=0)
        pod = with_container(pod, renewed)
        if (
            new.image != container.spec.image
            and container.kind != "init"
            and container.stage in {"starting", "running"}
        ):
            said = f"Container {container.name} definition changed, will be restarted"
            pod = stopping.stop(pod, renewed, grace, now, out, why=said)
    known = len([container for container in pod.containers if container.kind == "ephemeral"])
    new_ones = [Container(row, "ephemeral") for row in (spec.ephemeral_containers or ())[known:]]
    return replace(pod, containers=(*pod.containers, *new_ones)) if new_ones else pod


def launch(
    state: State, pod: LocalPod, container: Container, now: Instant, out: list[Effect]
) -> tuple[LocalPod, Pull | None]:
    """Start *container*, or give the pull of its image, unless it must wait; then say why it waits."""
    if container.due > now:
        return pod, None
    if container.pull_at > now:
        return _backing_off_pull(pod, container, out), None
    if container.stage == "exited":
        free_at = container.finished_at + _delay(container)
        if free_at > now and container.delay:
            return _backing_off_start(pod, container, free_at, out), None
    return _fetch(state, pod, container, now, out)


# Images ---------------------------------------------------------------------------------------------------------------


def _fetch(
    state: State, pod: LocalPod, container: Container, now: Instant, out: list[Effect]
) -> tuple[LocalPod, Pull | None]:
    image = container.spec.image or ""
    fault = name_fault(image)
    if fault:
        return _misnamed(pod, container, fault, now, out), None
    policy = container.spec.image_pull_policy or _usual_policy(image)
    there = image in state.images
    if there and (state.seldom.pulled or state.host.kubelet):
        there = credentials.may_use(state, pod, image)
    if policy != "Always" and there:
        said = f'Container image "{image}" already present on machine and can be accessed by the pod'
        out.append(Record(pod.pod, "Normal", "Pulled", said, field_path(container)))
        return _begun(state, pod, container, now, out), None
    if policy == "Never":
        said = f'Container image "{image}" is not present with pull policy of Never'
        path = field_path(container)
        out += (
            Record(pod.pod, "Warning", "ErrImageNeverPull", said, path),
            Record(pod.pod, "Warning", "Failed", "Error: ErrImageNeverPull", path),
        )
        return _waiting(pod, container, ("ErrImageNeverPull", said), now + FIRST_DELAY, out), None
    out.append(Record(pod.pod, "Normal", "Pulling", f'Pulling image "{image}"', field_path(container)))
    if len(state.pulls) < state.seldom.parallel:
        order = PullImage(pod.uid, container.spec.name, image)
        out.append(credentials.with_logins(state, pod, order) if state.seldom.secrets else order)
    pulling = with_container(pod, copier(Container, "stage")(container, "pulling"))
    return pulling, Pull(pod.uid, container.spec.name, image, now)


def _misnamed(pod: LocalPod, container: Container, fault: str, now: Instant, out: list[Effect]) -> LocalPod:
    image, path = container.spec.image, field_path(container)
    said = f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {fault}'
    out += (
        Record(pod.pod, "Warning", "InspectFailed", said, path),
        Record(pod.pod, "Warning", "Failed", "Error: InvalidImageName", path),
    )
    return _waiting(pod, container, ("InvalidImageName", said), now + SYNC_AGAIN, out)


def pulled(
    state: State,
    pod: LocalPod,
    container: Container,
    report: ImagePulled,
    out: list[Effect],
    *,
    waited: Duration,
    now: Instant,
) -> LocalPod:
    """Start the container whose image is there now."""
    if report.present and report.image not in state.seldom.pulled and container.spec.image_pull_policy != "Always":
        said = f'Container image "{report.image}" already present on machine and can be accessed by the pod'
    else:
        said = (
            f'Successfully pulled image "{report.image}" in {_took(report.took)} ({_took(waited)} including waiting). '
            f"Image size: {report.size} bytes."
        )
    out.append(Record(pod.pod, "Normal", "Pulled", said, field_path(container)))
    return _begun(state, pod, container, now, out)


@lru_cache(maxsize=256)
def _took(duration: Duration) -> str:
    return duration_text(duration // MILLISECOND * MILLISECOND)


def pull_failed(
    pod: LocalPod, container: Container, report: ImagePullFailed, now: Instant, out: list[Effect]
) -> LocalPod:
    """Note that the image cannot be had for now."""
    path = field_path(container)
    out += (
        Record(pod.pod, "Warning", "Failed", f'Failed to pull image "{report.image}": {report.message}', path),
        Record(pod.pod, "Warning", "Failed", "Error: ErrImagePull", path),
    )
    delay = min(container.pull_delay * 2, LAST_DELAY) or FIRST_DELAY
    container = replace(container, stage=_idle(container), pull_delay=delay, pull_at=now + delay)
    return _waiting(pod, container, ("ErrImagePull", report.message), now + LOOK_AGAIN, out)


def _backing_off_pull(pod: LocalPod, container: Container, out: list[Effect]) -> LocalPod:
    path = field_path(container)
    said = f'Back-off pulling image "{container.spec.image}"'
    out += (
        Record(pod.pod, "Normal", "BackOff", said, path),
        Record(pod.pod, "Warning", "Failed", "Error: ImagePullBackOff", path),
    )
    why = container.waiting.message if container.waiting is not None else None
    if why and not why.startswith(said):
        said = f"{said}: ErrImagePull: {why}"
    return _waiting(pod, container, ("ImagePullBackOff", said), container.pull_at, out)


def _idle(container: Container) -> Any:
    return "exited" if container.state is not None else "new"


def pulled_in_vain(pod: LocalPod, container: Container) -> LocalPod:
    """Note that another image came than the one that the container is to run by now."""
    return with_container(pod, replace(container, stage=_idle(container)))


def _usual_policy(image: str) -> str:
    tail = image.partition("@")[0].rpartition("/")[2]
    if "@" in image:
        return "IfNotPresent"
    return "Always" if ":" not in tail or tail.endswith(":latest") else "IfNotPresent"


# Starts and ends ------------------------------------------------------------------------------------------------------


def _begun(state: State, pod: LocalPod, container: Container, now: Instant, out: list[Effect]) -> LocalPod:
    """Start the container, once it is known what its variables are."""
    spec = container.spec
    said = spec.env or spec.env_from or environment.has_expressions(spec)
    if not said and not ((spec.command or spec.args) and environment.wants_links(spec)):
        return _started(state, pod, container, environment.NONE, now, out)
    named = environment.named_by(spec)
    if not named:
        return configured(state, pod, container, {}, out, now=now)
    namespace = pod.key.partition("/")[0]
    out += [Call(environment.request_of(key, namespace), ("configure", pod.uid, spec.name, key)) for key in named]
    return with_container(pod, copier(Container, "stage")(container, "configuring"))


def configured(
    state: State,
    pod: LocalPod,
    container: Container,
    answers: environment.Answers,
    out: list[Effect],
    *,
    now: Instant,
) -> LocalPod:
    """Start the container if all that its variables come from is there; else say what is not, and try again."""
    known, why = environment.of(state, pod, container.spec, answers)
    if not why:
        return _started(state, pod, container, known, now, out)
    out.append(Record(pod.pod, "Warning", "Failed", f"Error: {why}", field_path(container)))
    container = replace(container, stage=_idle(container))
    return _waiting(pod, container, ("CreateContainerConfigError", why), now + SYNC_AGAIN, out)


def _started(  # noqa: PLR0917 -- on every start: keywords cost
    state: State, pod: LocalPod, container: Container, known: Map[str], now: Instant, out: list[Effect]
) -> LocalPod:
    spec = container.spec
    of_pod: Any = pod.pod.spec
    out.append(
        StartContainer(
            pod.uid,
            spec.name,
            spec.image or "",
            container.runs,
            pod.key,
            _expanded(spec.command, known) if spec.command else (),
            _process(pod, spec),
            known,
            _expanded(spec.args, known) if spec.args else (),
            *_purpose(pod, container),
            *limits_of(spec.resources if of_pod.resources is None else within(spec.resources, of_pod.resources)),
        )
    )
    delay, delayed_at = container.delay, container.delayed_at
    if container.stage == "exited" or container.state is not None:
        settings = settings_of(state.host.kubelet)
        delay, delayed_at = min(_delay(container) * 2, settings.last_restart) or settings.first_restart, now
    starting = _ordered(
        container,
        stage="starting",
        runs=container.runs + 1,
        waiting=None,
        due=0,
        delay=delay,
        delayed_at=delayed_at,
        pull_delay=0,
        pull_at=0,
    )
    return with_container(pod, starting)


_ordered: Final[Callable[..., Container]] = copier(
    Container, "stage", "runs", "waiting", "due", "delay", "delayed_at", "pull_delay", "pull_at"
)


def _expanded(words: tuple[str, ...], known: Map[str]) -> tuple[str, ...]:
    return tuple([environment.expanded(word, known) if "$" in word else word for word in words])


def _purpose(pod: LocalPod, container: Container) -> tuple[bool, bool]:
    """Tell whether a container is there to end, as far as its pod says so, and whether that is waited for."""
    if container.kind != "main":
        return _FIRST if container.kind == "init" else _SERVICE
    spec = container.spec
    if (spec.restart_policy or restart_policy(pod.pod)) == "Always":
        return _SERVICE
    owner = controller_of(pod.pod)
    if owner is not None and owner.kind == "Job":
        return _FIRST
    return bool(spec.command or spec.args), False


_FIRST: Final = (True, True)
_SERVICE: Final = (False, False)


def _process(pod: LocalPod, spec: core_v1.Container) -> str:
    name = spec.name
    if name not in PROGRAMS or not (pod.static or name == "kube-proxy") or not pod.key.startswith("kube-system/"):
        return ""
    if spec.command and program_of(spec.command) != name:
        return ""
    image = (spec.image or "").partition("@")[0].rpartition("/")[2].partition(":")[0]
    return name if image == name else ""


def runs(pod: LocalPod, container: Container, report: ContainerStarted, now: Instant, out: list[Effect]) -> LocalPod:
    """Note that the container runs, and begin to probe it; if it has a postStart hook, that comes first."""
    path = field_path(container)
    out += (
        Record(pod.pod, "Normal", "Created", "Container created", path),
        Record(pod.pod, "Normal", "Started", "Container started", path),
    )
    lifecycle = container.spec.lifecycle
    if lifecycle is not None and lifecycle.post_start is not None:
        handler = lifecycle.post_start
        command = handler.exec.command or () if handler.exec is not None else ()
        action = action_of(handler, container.spec.ports)
        out.append(RunHook(pod.uid, container.name, "postStart", action, command))
        reset = container.aside is not None and container.aside.reset
        aside = Aside(hook="postStart", since=now, report=report, memory=report.memory, disk=report.disk, reset=reset)
        return with_container(pod, replace(container, aside=aside))
    return _serving(pod, _run(container, report, now, started=container.spec.startup_probe is None), now, out)


def serves(pod: LocalPod, container: Container, now: Instant, out: list[Effect]) -> LocalPod:
    """Note that a container runs whose postStart hook has done well."""
    aside = container.aside
    assert aside is not None, "its hook was under way"
    assert aside.report is not None, "it has started"
    started = container.spec.startup_probe is None
    return _serving(pod, _run(container, aside.report, aside.since, started=started), now, out)


def _serving(pod: LocalPod, running: Container, now: Instant, out: list[Effect]) -> LocalPod:
    spec = running.spec
    if spec.startup_probe is not None or spec.readiness_probe is not None or spec.liveness_probe is not None:
        running = probes.begin(pod, running, now, out)
    return with_container(pod, running)


def unserving(container: Container) -> Container:
    """Give a container that has started, but whose postStart hook failed: it is not probed."""
    aside = container.aside
    assert aside is not None, "its hook was under way"
    assert aside.report is not None, "it has started"
    return _run(container, aside.report, aside.since, started=False)


def _run(container: Container, report: ContainerStarted, since: Instant, *, started: bool) -> Container:
    running = _running(
        container,
        stage="running",
        id=report.container_id,
        image_id=report.image_id,
        state=_running_since(since),
        last=container.state if container.state is not None else container.last,
        code=0,
        started=started,
    )
    if report.memory or report.disk or container.aside is not None:
        used = Aside(memory=report.memory, disk=report.disk) if report.memory or report.disk else None
        return replace(running, aside=used)
    return running


_running: Final[Callable[..., Container]] = copier(
    Container, "stage", "id", "image_id", "state", "last", "code", "started"
)


@lru_cache(maxsize=256)
def _running_since(now: Instant) -> core_v1.ContainerState:
    return core_v1.ContainerState(running=core_v1.ContainerStateRunning(started_at=Time.at(now)))


def exits(
    pod: LocalPod, container: Container, report: ContainerExited, finished_at: Instant, out: list[Effect]
) -> LocalPod:
    """Note how the container ended."""
    out += stopping.unprobed(pod, container)
    aside = container.aside
    if aside is not None and (aside.hook or aside.waits):
        out.append(CancelTimer(("grace", pod.uid, container.name)))
    running = container.state.running if container.state is not None else None
    fresh = container.stage == "starting"
    since = aside.since if fresh and aside is not None and aside.hook == "postStart" else finished_at
    if report.reason == "StartError":
        path = field_path(container)
        out += (
            Record(pod.pod, "Normal", "Created", "Container created", path),
            Record(pod.pod, "Warning", "Failed", f"Error: {report.message}", path),
        )
    terminated = core_v1.ContainerStateTerminated(
        container_id=report.container_id or container.id or None,
        exit_code=report.code,
        reason=report.reason or None,
        message=last_words(container.spec, report) or None,
        started_at=running.started_at if running is not None and not fresh else Time.at(since),
        finished_at=Time.at(finished_at),
    )
    exited = replace(
        container,
        stage="exited",
        id=report.container_id or container.id,
        state=core_v1.ContainerState(terminated=terminated),
        last=container.state if fresh and container.state is not None else container.last,
        code=report.code,
        finished_at=finished_at,
        started=False,
        gauges=(),
        aside=None,
    )
    return with_container(pod, exited)


def last_words(spec: Any, report: ContainerExited | RunningContainer) -> str:
    """Give the termination message: what the container wrote for it, or the end of its log, if that is wanted."""
    if report.message or not report.tail or report.code == 0:
        return report.message
    return report.tail if spec.termination_message_policy == "FallbackToLogsOnError" else ""


def _delay(container: Container) -> Duration:
    """Give the restart back-off that still counts: none if the last run was long enough."""
    return 0 if container.finished_at - container.delayed_at > FORGIVEN_AFTER else container.delay


def _backing_off_start(pod: LocalPod, container: Container, free_at: Instant, out: list[Effect]) -> LocalPod:
    metadata = pod.pod.metadata
    assert metadata is not None, "a pod has metadata"
    name, namespace, uid = metadata.name, metadata.namespace, metadata.uid
    full = f"{name}_{namespace}({uid})"
    said = f"Back-off restarting failed container {container.name} in pod {full}"
    out.append(Record(pod.pod, "Warning", "BackOff", said, field_path(container)))
    why = f"back-off {duration_text(container.delay)} restarting failed container={container.name} pod={full}"
    return _waiting(pod, container, ("CrashLoopBackOff", why), free_at, out)


def _waiting(pod: LocalPod, container: Container, why: tuple[str, str], due: Instant, out: list[Effect]) -> LocalPod:
    out.append(SetTimer(("due", pod.uid, container.name), due))
    waiting = core_v1.ContainerStateWaiting(reason=why[0], message=why[1])
    return with_container(pod, replace(container, waiting=waiting, due=due))
