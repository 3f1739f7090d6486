"""
World: the container runtime of one host that is simulated; what its images and containers do is data.

Every order is answered, also one that is repeated: a kubelet that was restarted may order again what the one before it
did.

Takes:    Started, Ordered, TimerFired, Surrounded.
Gives:    Report, LookAround, LaunchProcess, EndProcess, SetTimer, CancelTimer.
Source:   the Container Runtime Interface, as containerd serves it; host-local IPAM for the addresses of pods.
Left out: see docs/limits.md, "World".
"""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never

from reconcile.components.world import asking, controlplane, living, programs, pulling, sandboxes, working
from reconcile.components.world.state import (
    Container,
    Sandbox,
    State,
    behaviour_of,
    container_id,
    drawn,
    image_id,
    placed,
    timers_of,
    with_sandbox,
)
from reconcile.effects import (
    CancelTimer,
    Effect,
    EndProcess,
    LaunchProcess,
    LookAround,
    ProbeContainer,
    PullImage,
    RemoveImage,
    Report,
    ResizeContainer,
    RunHook,
    RunPodSandbox,
    SetTimer,
    SignalProcess,
    StartContainer,
    StopContainer,
    StopPodSandbox,
)
from reconcile.events import (
    ContainerExited,
    ContainerResized,
    ContainerStarted,
    Ordered,
    SandboxReady,
    Started,
    Surrounded,
    TimerFired,
)
from reconcile.lib.dice import Dice
from reconcile.lib.instant import MINUTE, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import copier, replace
from reconcile.model.behaviours import KILLED, Behaviour, Behaviours, Ending, Span, last_words
from reconcile.model.behaviours.curves import NANO
from reconcile.model.commands import outcome
from reconcile.model.hosts import Host
from reconcile.model.pods.limits import limits_of
from reconcile.model.pods.running import Running, RunningContainer, RunningPod

__all__ = [
    "State",
    "begin",
    "containers",
    "doing",
    "ended",
    "images",
    "killed",
    "process_of",
    "rebooted",
    "running",
    "step",
    "wrote",
]

Hears: TypeAlias = Started | Ordered | TimerFired | Surrounded
Stepped: TypeAlias = tuple[State, tuple[Effect, ...]]

START_ERROR: Final = 128
_NOW: Final = Span(0, 0)
_NO_LABELS: Final[Map[str]] = Map()
_LASTING: Final = 10 * MINUTE  # for so long a container runs whose back-off the kubelet forgets
_STAGES: Final = {"start": "starting", "exit": "running", "stop": "stopping", "look": "running", "work": "running"}


def begin(host: Host, behaviours: Behaviours, dice: Dice) -> State:
    """Give a host's runtime as it is at first: nothing runs; of the images, those are there that are preloaded."""
    named = [
        container.image
        for manifest in host.manifests
        for container in (*(manifest.spec.init_containers or ()), *manifest.spec.containers)
        if container.image
    ]
    plain = [pattern for pattern in behaviours.images if "*" not in pattern and "?" not in pattern and ":" in pattern]
    there = {image: behaviours.of(image).size for image in [*plain, *named] if behaviours.of(image).preloaded}
    return State(host=host, behaviours=behaviours, dice=dice, images=Map(there))


def rebooted(state: State) -> State:
    """Give the runtime after its host was off: the images are still there, and nothing else."""
    return State(
        host=state.host,
        behaviours=state.behaviours,
        dice=state.dice,
        boots=state.boots + 1,
        images=state.images,
        traffic=pulling.Traffic(pulled=state.traffic.pulled) if state.traffic and state.traffic.pulled else None,
    )


def step(state: State, event: Hears) -> Stepped:
    """Take *event* in: an order of the kubelet's, or something that was to happen now."""
    match event:
        case Ordered():
            return _on_ordered(state, event)
        case TimerFired():
            return _on_timer_fired(state, event)
        case Surrounded():
            return _on_surrounded(state, event)
        case Started():
            return state, ()
        case _:
            assert_never(event)


def ended(
    state: State, process: str, code: int, now: Instant, message: str = "", *, wrote: tuple[str, ...] = ()
) -> Stepped:
    """Let the container of a control plane process or an application end, because the process did: so it *wrote*."""
    uid, name = state.processes.get(process, ("", ""))
    sandbox = state.sandboxes.get(uid, None)
    container = None if sandbox is None else sandbox.container(name)
    if sandbox is None or container is None or container.stage == "exited":
        return state, ()
    cancelled = [CancelTimer(key) for key in timers_of(uid, container)]
    if wrote:
        container = replace(container, refused=wrote)
    state, effects = _exit(state, sandbox, container, Ending(code=code, after=_NOW), now, why=("", message))
    return state, (*cancelled, *[effect for effect in effects if type(effect) is not EndProcess])


def killed(state: State, uid: str, name: str, now: Instant) -> Stepped:
    """Let a container that runs end by SIGKILL."""
    sandbox = state.sandboxes.get(uid, None)
    container = None if sandbox is None else sandbox.container(name)
    if sandbox is None or container is None or container.stage not in {"running", "stopping"}:
        return state, ()
    cancelled = [CancelTimer(key) for key in timers_of(uid, container)]
    state, effects = _exit(state, sandbox, container, Ending(code=KILLED, after=_NOW), now)
    return state, (*cancelled, *effects)


def running(state: State, uid: str) -> tuple[str, ...]:
    """Give the names of a pod's containers that run."""
    sandbox = state.sandboxes.get(uid, None)
    kept = () if sandbox is None else sandbox.containers
    return tuple([container.name for container in kept if container.stage in {"running", "stopping"}])


def process_of(state: State, uid: str, name: str) -> str:
    """Give the control plane process that a container is; empty if it is none."""
    sandbox = state.sandboxes.get(uid, None)
    container = None if sandbox is None else sandbox.container(name)
    return "" if container is None else container.process


def images(state: State) -> Map[int]:
    """Give the images that the host has, name -> bytes."""
    return state.images


def containers(state: State) -> Running:
    """Give every sandbox with its containers, the images, and the boots: what a kubelet finds that starts now."""
    pods = [
        RunningPod(uid=sandbox.uid, ip=sandbox.ip, containers=_shown(state, sandbox), lost=sandbox.ready is None)
        for sandbox in state.sandboxes.values()
        if sandbox.ready is not False
    ]
    pulled = state.traffic.pulled if state.traffic is not None else Map()
    return Running(pods=tuple(pods), images=state.images, boots=state.boots, pulled=pulled)


def _shown(state: State, sandbox: Sandbox) -> tuple[RunningContainer, ...]:
    return tuple([living.shown(state, sandbox, container) for container in sandbox.containers])


def wrote(state: State, uid: str, container: str) -> tuple[Container, Behaviour] | None:
    """Give the container that has run last by this name, with what it does; None if it never ran."""
    sandbox = state.sandboxes.get(uid, None)
    found = None if sandbox is None else sandbox.container(container)
    if sandbox is None or found is None or found.started_at is None:
        return None
    return found, controlplane.doing(found, behaviour_of(state, sandbox, found))


def doing(state: State, uid: str, container: str) -> tuple[Instant, Behaviour] | None:
    """Give since when a container runs and what it does; None if it does not run."""
    sandbox = state.sandboxes.get(uid, None)
    found = None if sandbox is None else sandbox.container(container)
    if sandbox is None or found is None or found.stage not in {"running", "stopping"} or found.started_at is None:
        return None
    return found.started_at, behaviour_of(state, sandbox, found)


def _on_ordered(state: State, event: Ordered) -> Stepped:
    match event.order:
        case RunPodSandbox() as order:
            return sandboxes.run(state, order, event.now)
        case StopPodSandbox() as order:
            return sandboxes.stop(state, order)
        case PullImage() as order:
            return pulling.pull(state, order, event.now)
        case StartContainer() as order:
            return _start(state, order, event.now)
        case StopContainer() as order:
            return _stop(state, order, event.now)
        case ProbeContainer() as order:
            return asking.probe(state, order, event.now, event.missing, answer=event.answer)
        case RunHook() as order:
            return asking.hook(state, order, event.now)
        case ResizeContainer() as order:
            return _resize(state, order, event.now)
        case RemoveImage(image):
            return pulling.removed(state, image), ()
        case _:
            assert_never(event.order)


def _on_timer_fired(state: State, event: TimerFired) -> Stepped:
    what, uid, *rest = event.key
    if what == "pull":
        name, image, took = rest
        return pulling.pulled(state, PullImage(uid, name, image), took)
    if what in pulling.TIMERS:
        return pulling.due(state, event.key, event.now)
    sandbox = state.sandboxes.get(uid, None)
    if sandbox is None:
        return state, ()
    if what == "sandbox":
        ready = replace(sandbox, ready=True)
        return with_sandbox(state, ready), (Report(SandboxReady(uid, ready.ip)),)
    if what in asking.TIMERS:
        return asking.due(state, sandbox, event.key)
    container = sandbox.container(rest[0])
    if container is None or container.stage != _STAGES[what]:
        return state, ()
    if what == "look":
        return state, (LookAround(uid, container.name),)
    if what == "work":
        return working.asks(state, sandbox, container)
    if what == "start":
        return _run(state, sandbox, container, event.now)
    doom = container.doom
    assert doom is not None, "a container that ends knows how"
    return _exit(state, sandbox, container, doom, event.now)


# Containers -----------------------------------------------------------------------------------------------------------


def _start(state: State, order: StartContainer, now: Instant) -> Stepped:
    sandbox = state.sandboxes.get(order.uid, None)
    if sandbox is None:
        exited = ContainerExited(order.uid, order.container, "", START_ERROR, "StartError", "sandbox not found")
        return state, (Report(exited),)
    known = sandbox.container(order.container)
    if known is not None and known.stage != "exited":
        # Ordered twice: it starts or runs already.
        return state, () if known.stage == "starting" else (
            Report(_started(order.uid, known, behaviour_of(state, sandbox, known))),
        )
    dice = state.dice.named(f"{order.uid}/{order.container}/{order.attempt}/{state.boots}")
    container = Container(
        order.container, container_id(dice), order.image, order.attempt, "starting", order.process,
        order.command, order.args, order.task, order.awaited, memory=order.memory, cpu=order.cpu,
    )  # fmt: skip
    behaviour = behaviour_of(state, sandbox, container)
    if behaviour.component and not order.process:
        container = replace(container, order=order)
    sandbox = placed(sandbox, container)
    took, _ = behaviour.start.draw(dice)
    if took:
        return with_sandbox(state, sandbox), (SetTimer(("start", order.uid, order.container), now + took),)
    return _run(state, sandbox, container, now)


def _run(state: State, sandbox: Sandbox, container: Container, now: Instant) -> Stepped:
    behaviour = behaviour_of(state, sandbox, container)
    if behaviour.start_fails:
        message = f'failed to create containerd task: exec: "{container.name}": executable file not found in $PATH'
        failed = Ending(code=START_ERROR, after=_NOW)
        return _exit(state, sandbox, container, failed, now, why=("StartError", message))
    if container.order is not None:
        state, running, launch = programs.launched(state, sandbox, container, now)
        return state, (Report(_started(sandbox.uid, running, behaviour)), launch)
    refusal = controlplane.refusal(state, container) if container.process else None
    if refusal is not None:
        began = replace(container, stage="running", started_at=now, ready_at=now, refused=refusal.lines, process="")
        ending = Ending(code=refusal.code, after=_NOW)
        state, done = _exit(state, placed(sandbox, began), began, ending, now)
        return state, (Report(_started(sandbox.uid, began, behaviour)), *done)
    dice = state.dice.named(f"{sandbox.uid}/{container.name}/{container.attempt}/{state.boots}/run")
    ready, dice = behaviour.ready_after.draw(dice)
    unready = dead = None
    if behaviour.readiness_fails_after is not None:
        after, dice = behaviour.readiness_fails_after.draw(dice)
        unready = now + after
    if behaviour.liveness_fails_after is not None:
        after, dice = behaviour.liveness_fails_after.draw(dice)
        dead = now + after
    doom, dice = (None, dice) if container.process else behaviour.ending(dice)
    lasts = False
    if doom is None and (container.command or container.args or container.task):
        doom, lasts = _own_end(container, behaviour)
    running = Container(
        container.name, container.id, container.image, container.attempt, "running", container.process,
        container.command, container.args, container.task, container.awaited, now, now + ready, unready, dead, doom,
        memory=container.memory, cpu=container.cpu,
    )  # fmt: skip
    effects: list[Effect] = [Report(_started(sandbox.uid, running, behaviour))]
    state = with_sandbox(state, placed(sandbox, running))
    if container.process:
        state = replace(state, processes=state.processes.set(container.process, (sandbox.uid, container.name)))
        effects.append(LaunchProcess(container.process))
    end = None if doom is None else now + doom.after.draw(dice)[0]
    exhausted = _exhausted(behaviour, container, now)
    if exhausted is not None and (end is None or exhausted < end):
        end, lasts = exhausted, False
        running = replace(running, doom=living.OUT_OF_MEMORY)
        state = with_sandbox(state, placed(sandbox, running))
    if behaviour.hazards and not container.process:
        drawn = living.by_chance(behaviour, dice.named("a day"))
        if drawn is not None and (end is None or now + drawn[0] < end):
            end, lasts = now + drawn[0], True
            state = with_sandbox(state, placed(sandbox, replace(running, doom=drawn[1])))
    if behaviour.looks and not container.process:
        effects.append(living.next_look(sandbox.uid, container.name, now + living.FIRST))
    if behaviour.work is not None and not container.process:
        effects.append(working.turn(sandbox.uid, container.name, running.ready_at))
    if end is not None:
        effects.append(SetTimer(("exit", sandbox.uid, container.name), end, lasts))
    return state, tuple(effects)


def _exhausted(
    behaviour: Behaviour, container: Container, began: Instant, since: Instant | None = None
) -> Instant | None:
    """Give when a container that *began* then will use more memory than it may, from *since* on, if ever."""
    if behaviour.memory is None or not container.memory or container.process:
        return None
    return behaviour.memory.base.reaches(container.memory * NANO, began, since)


def _own_end(container: Container, behaviour: Behaviour) -> tuple[Ending | None, bool]:
    """
    Give how a container ends by what its command says, and whether that is as good as never: it runs for so long that
    it is one that works, also if it is started again and again, and nothing waits for its end.
    """
    if container.process or behaviour.runs or behaviour.work is not None:
        return None, False
    if behaviour.serves and not container.command and not container.args:
        return None, False  # the image's own program, of which it is said that it runs
    found = outcome(container.command, container.args, task=container.task)
    if found is None or found.code is None:
        return None, False
    ending = Ending(code=found.code, after=Span(found.after, found.after))
    return ending, not container.awaited and found.after >= _LASTING


def _is_deaf(container: Container, behaviour: Behaviour) -> bool:
    """Tell whether a container's command ignores SIGTERM."""
    if container.process or behaviour.runs or not (container.command or container.args):
        return False
    found = outcome(container.command, container.args, task=container.task)
    return found is not None and found.deaf


def _on_surrounded(state: State, event: Surrounded) -> Stepped:
    sandbox = state.sandboxes.get(event.uid, None)
    container = None if sandbox is None else sandbox.container(event.container)
    if sandbox is None or container is None or container.stage != "running":
        return state, ()
    hears = working.gets if event.work else living.seen
    state, effects, doom = hears(state, sandbox, container, event)
    if doom is None:
        return state, effects
    cancelled = [CancelTimer(key) for key in timers_of(event.uid, container)]
    state, ends = _exit(state, sandbox, container, doom, event.now)
    return state, (*effects, *cancelled, *ends)


def _stop(state: State, order: StopContainer, now: Instant) -> Stepped:
    sandbox = state.sandboxes.get(order.uid, None)
    container = None if sandbox is None else sandbox.container(order.container)
    if sandbox is None or container is None:
        # What was lost with an earlier life of the host has ended for certain.
        return state, (Report(ContainerExited(order.uid, order.container, "", KILLED, "Error")),)
    if container.stage == "exited":
        return state, (Report(_exited(order.uid, container, "", behaviour_of(state, sandbox, container))),)
    if container.order is not None and container.stage != "starting" and order.grace:
        return programs.stopped(state, sandbox, container, order.grace, now)
    behaviour = behaviour_of(state, sandbox, container)
    wanted = drawn(state, behaviour.stop, f"{order.uid}/{order.container}/{container.attempt}/{state.boots}/stop")
    if container.process:
        wanted = max(wanted, controlplane.lingers(container))
    if container.stage == "starting":
        took, code = 0, KILLED
    elif behaviour.ignores_sigterm or wanted > order.grace or _is_deaf(container, behaviour):
        took, code = order.grace, KILLED
    else:
        took, code = wanted, behaviour.stop_code
    if container.stops_at is not None and container.stops_at <= now + took:
        return state, ()  # it is ending sooner already
    cancelled = [CancelTimer(key) for key in timers_of(order.uid, container)]
    doom = Ending(code=code, after=_NOW)
    if not took:
        state, effects = _exit(state, sandbox, container, doom, now)
        return state, (*cancelled, *effects)
    stopping = copier(Container, "stage", "doom", "stops_at")(container, "stopping", doom, now + took)
    stop = SetTimer(("stop", order.uid, order.container), now + took)
    signal = (SignalProcess(container.process),) if container.process and container.stage == "running" else ()
    return with_sandbox(state, placed(sandbox, stopping)), (*cancelled, stop, *signal)


def _resize(state: State, order: ResizeContainer, now: Instant) -> Stepped:
    """Give a container other limits: from now on they say how slow it is, and when it runs out of memory."""
    sandbox = state.sandboxes.get(order.uid, None)
    container = None if sandbox is None else sandbox.container(order.container)
    done = Report(ContainerResized(order.uid, order.container))
    if sandbox is None or container is None or container.stage == "exited":
        return state, (done,)
    memory, cpu = limits_of(order.resources)
    resized = replace(container, memory=memory, cpu=cpu)
    if memory == container.memory or container.stage != "running" or container.process or container.order is not None:
        return with_sandbox(state, placed(sandbox, resized)), (done,)
    cancelled = [CancelTimer(key) for key in timers_of(order.uid, container)]
    # How else it ends is drawn by its name: as when it was started.
    began = container.started_at or 0
    state, effects = _run(state, sandbox, replace(resized, memory=0, doom=None), began)
    ends = [effect for effect in effects if isinstance(effect, SetTimer) and effect.key[0] == "exit"]
    again = state.sandboxes[order.uid].container(order.container)
    assert again is not None, "it runs"
    again = replace(again, memory=memory)
    exhausted = _exhausted(behaviour_of(state, sandbox, again), again, began, now)
    if exhausted is not None and not any(end.at <= exhausted for end in ends):
        again = replace(again, doom=living.OUT_OF_MEMORY)
        ends = [SetTimer(("exit", order.uid, order.container), exhausted)]
    return with_sandbox(state, placed(sandbox, again)), (done, *cancelled, *ends)


def _exit(
    state: State, sandbox: Sandbox, container: Container, doom: Ending, now: Instant, *, why: tuple[str, str] = ("", "")
) -> Stepped:
    reason, message = why
    behaviour = behaviour_of(state, sandbox, container)
    if container.refused:
        behaviour = controlplane.doing(container, behaviour)
    reason = reason or ("OOMKilled" if doom.oom else "Error" if doom.code else "Completed")
    exited = replace(
        container, stage="exited", code=doom.code, reason=reason, finished_at=now, doom=None, stops_at=None
    )
    effects: list[Effect] = [Report(_exited(sandbox.uid, exited, message, behaviour))]
    state = with_sandbox(state, placed(sandbox, exited))
    if state.felt:
        state, cancelled = living.forgotten(state, sandbox.uid, container.name)
        effects += cancelled
    if container.process and container.process in state.processes:
        state = replace(state, processes=state.processes.remove(container.process))
        effects.append(EndProcess(container.process))
    return state, tuple(effects)


def _started(uid: str, container: Container, behaviour: Behaviour) -> ContainerStarted:
    if behaviour.memory or behaviour.disk:
        used = living.at_start(behaviour, container.started_at or 0)
        return ContainerStarted(uid, container.name, container.id, image_id(container.image), *used)
    return ContainerStarted(uid, container.name, container.id, image_id(container.image))


def _exited(uid: str, container: Container, message: str, behaviour: Behaviour) -> ContainerExited:
    assert container.code is not None, "what has exited has a code"
    code, reason = container.code, container.reason
    if container.started_at is None or not (behaviour.message or behaviour.logs or behaviour.writes):
        return ContainerExited(uid, container.name, container.id, code, reason, message)
    said, tail = last_words(behaviour, container.started_at, container.finished_at or container.started_at)
    return ContainerExited(uid, container.name, container.id, code, reason, message or said, tail)
