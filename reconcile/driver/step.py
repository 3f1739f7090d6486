"""
step: one event in, the next cluster and its effects out.

Every event names the one thing that happens; `step` refuses, with a ReconcileError that shows why, an event that cannot
happen now.
"""

from __future__ import annotations

from typing import Any, Final, Never

import attrs

from reconcile.api.given import whole
from reconcile.api.scalars import freeze
from reconcile.cluster.cluster import Cluster, Process
from reconcile.cluster.components import COMPONENTS, host_processes
from reconcile.cluster.links import LINKS
from reconcile.cluster.pending import Decided, Message, Parcel, Posted, Replied, Sent, Starting, Syncing, Turning
from reconcile.components import world
from reconcile.driver.machine import (
    Machine,
    begin,
    carry,
    cut,
    decided,
    deliver,
    end,
    exit_process,
    fire,
    freeze_process,
    happen,
    hear_webhook,
    hold,
    hold_back,
    kill_container,
    lapse,
    launch,
    lose,
    lose_sandbox,
    reach_changed,
    release,
    report,
    rouse_members,
    set_timers,
    skip,
    synced,
    thaw_process,
    turn,
    unpark,
)
from reconcile.driver.machine.hosts.clocks import turn_clock
from reconcile.driver.machine.hosts.hosts import befall
from reconcile.driver.machine.network.links import change_link
from reconcile.driver.machine.network.reach import server_for, shows_nothing
from reconcile.driver.machine.watching.caches import pauses
from reconcile.driver.operating import connections
from reconcile.driver.operating.members import operate
from reconcile.driver.wire.bodies import body_from_json
from reconcile.effects import OutsideEffect
from reconcile.events import (
    AddHost,
    Advance,
    Begin,
    Carry,
    ChangeMember,
    Choice,
    ClusterEvent,
    Compact,
    CutLink,
    CutWatch,
    Defragment,
    DelayCall,
    Deliver,
    Disarm,
    Disconnect,
    DriftClock,
    DropCall,
    DropMessage,
    DropOrder,
    Execute,
    FillDisk,
    Fire,
    ForceNewCluster,
    Freeze,
    HoldCache,
    HoldWatch,
    KillContainer,
    KillSandbox,
    LoseDisk,
    MendLink,
    MoveLeader,
    Reconnect,
    ReleaseCache,
    ReleaseWatch,
    RemoveManifest,
    RepeatCall,
    ReportIn,
    ResetCall,
    RestoreSnapshot,
    Return,
    SaveSnapshot,
    SetBackends,
    SetClock,
    ShutDown,
    SkipChanges,
    SlowDisk,
    SlowLink,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
    Strain,
    Submit,
    Thaw,
    WebhookAnswered,
    Work,
    WriteManifest,
)
from reconcile.lib.errors import ReconcileError
from reconcile.lib.given import as_tuple
from reconcile.lib.instant import rfc3339
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request, User


def step(cluster: Cluster, event: ClusterEvent) -> tuple[Cluster, tuple[OutsideEffect, ...]]:
    """
    Let *event* happen.

    Returns:
        The next cluster, and what the outside world must carry out: answers to clients, orders for external hosts.

    Raises:
        ReconcileError: the event cannot happen now (no such call, host, process, watch or timer); it shows which.
    """
    machine = Machine(cluster)
    apply_event(machine, event)
    return machine.closed(), tuple(machine.outbox)


def apply_event(machine: Machine, event: ClusterEvent) -> None:
    """Let *event* happen in an open machine."""
    if event.__class__ in _BY_HAND:
        event = given(event)
    match event:
        case Submit():
            _submit(machine, event)
        case Begin() | Deliver() | Work() | Execute() | Return() | Carry() | Fire() | Advance():
            _choose(machine, event)
        case StopHost() | StartHost() | StopProcess() | StartProcess() | Disconnect() | Reconnect() | Freeze() | Thaw():
            _power(machine, event)
        case SetClock() | DriftClock():
            turn_clock(machine, event)
        case CutLink() | MendLink() | SlowLink():
            change_link(machine, event)
        case HoldWatch(process, watch) | ReleaseWatch(process, watch):
            change = hold_back if isinstance(event, HoldWatch) else release
            change(machine, _running(machine, process), _watched(_running(machine, process), watch))
        case HoldCache() | ReleaseCache() | ResetCall() | DelayCall():
            connections.befall(machine, event)
        case CutWatch() | SkipChanges() | DropCall() | RepeatCall() | DropOrder():
            _lose(machine, event)
        case (
            Compact()
            | Defragment()
            | Disarm()
            | DropMessage()
            | SlowDisk()
            | FillDisk()
            | LoseDisk()
            | MoveLeader()
            | ChangeMember()
            | SaveSnapshot()
            | RestoreSnapshot()
            | ForceNewCluster()
        ):
            operate(machine, event)
        case KillContainer() | KillSandbox():
            _kill(machine, event)
        case AddHost() | SetBackends() | Strain() | ShutDown() | WriteManifest() | RemoveManifest():
            befall(machine, event)
        case ReportIn():
            report(machine, _known_host(machine, event.host), event.report)
        case WebhookAnswered():
            hear_webhook(machine, event)
        case _:
            _refuse(event)
    machine.stepped()


def _refuse(event: Never) -> Never:
    raise ReconcileError(f"{event!r} is no event that a cluster is stepped by; a request goes into a Submit")


def given(event: ClusterEvent) -> ClusterEvent:
    """
    Give an event that was made by hand, with lists and dicts in it read as what they stand for.

    Raises:
        InvalidObject: an object that is sent is none.
    """
    match event:
        case Submit(request=Request() as request, user=User() as user):
            body, groups = whole(request.body), as_tuple(user.groups)
            if body.__class__ is dict:
                body = body_from_json(body, request.verb, request.resource, request.subresource, "request.body")
            if body is request.body and groups is user.groups:
                return event
            return replace(event, request=replace(request, body=body), user=replace(user, groups=groups))
        case Fire(process, key):
            found: Any = key if key.__class__ is tuple else freeze(key)
            return event if found is key else Fire(process, found)
        case WebhookAnswered(body=given_body):
            made: Any = freeze(given_body)
            return event if made is given_body else replace(event, body=made)
        case _:
            return event


_BY_HAND: Final = (Submit, Fire, WebhookAnswered)  # what has free JSON in it


def _submit(machine: Machine, event: Submit) -> None:
    tag = event.tag or f"{event.client}-{machine.serial}"
    machine.push(Sent("", 0, "", event.user, event.request, (event.client, tag), machine.now))


def _choose(machine: Machine, event: Choice) -> None:
    match event:
        case Execute(call):
            happen(machine, _taken(machine, call, Sent))
        case Return(call):
            happen(machine, _taken(machine, call, Replied))
        case Carry(message):
            _carry(machine, message)
        case Begin(process):
            begin(machine, _starting(machine, process))
        case Work(process, queue):
            turn(machine, _waiting(machine, process, queue))
        case Deliver(process, watch, count):
            running = _running(machine, process)
            deliver(machine, running, _lagging(machine, running, watch, count), count)
        case Fire(process, key):
            _fire(machine, process, key)
        case Advance(to):
            _advance(machine, to)


def _carry(machine: Machine, serial: int) -> None:
    match machine.settle_pending().get(serial):
        case Posted():
            happen(machine, _taken(machine, serial, Posted))
        case Syncing():
            synced(machine, _taken(machine, serial, Syncing))
        case Parcel():
            happen(machine, _taken(machine, serial, Parcel))
        case Decided():
            decided(machine, _taken(machine, serial, Decided))
        case _:
            carry(machine, _heard(machine, serial))


def _fire(machine: Machine, process: str, key: tuple[Any, ...]) -> None:
    full = (process, 0 if process == LINKS else _running(machine, process).life, key)
    timer = machine.timers.get(full)
    if timer is None:
        raise ReconcileError(f"{process} has no timer {key!r}")
    if timer.at > machine.now:
        raise ReconcileError(f"timer {key!r} of {process} is due at {rfc3339(timer.at)}, not at {rfc3339(machine.now)}")
    fire(machine, full)


def _advance(machine: Machine, to: int) -> None:
    if to < machine.now:
        raise ReconcileError(f"time cannot go back from {machine.now} to {to}")
    _, timer = machine.timers.closed().due(machine.now)
    if timer is not None and to > timer.at:
        raise ReconcileError(f"time cannot pass {timer.at}, when {timer.key!r} is due, to {to}")
    machine.now = to


def _power(
    machine: Machine,
    event: StopHost | StartHost | StopProcess | StartProcess | Disconnect | Reconnect | Freeze | Thaw,
) -> None:
    match event:
        case StopHost(host):
            _stop_host(machine, _known_host(machine, host))
        case StartHost(host):
            _start_host(machine, _known_host(machine, host))
        case StopProcess(name):
            exit_process(machine, _mortal(machine, name), _KILLED)
        case StartProcess(name):
            kind, _, host = name.partition("/")
            if kind != "kubelet":
                raise ReconcileError(f"{name!r} is not a host process: a kubelet starts all others")
            if machine.processes.get(name) is not None:
                raise ReconcileError(f"{name} is running already")
            if not machine.host(host).up:
                raise ReconcileError(f"host {host} is off: its kubelet starts with it")
            launch(machine, kind, host)
        case Disconnect(host):
            _connect(machine, host, connected=False)
        case Reconnect(host):
            _connect(machine, host, connected=True)
        case Freeze(name):
            freeze_process(machine, _running(machine, name))
        case Thaw(name):
            thaw_process(machine, _running(machine, name))


def _mortal(machine: Machine, name: str) -> Process:
    process = _running(machine, name)
    if process.kind == "network":
        raise ReconcileError(f"{name} is what is between hosts: cut one off instead")
    if process.kind == "runtime":
        raise ReconcileError(f"{name} is what a host's containers are made of: stop the host instead")
    return process


def _placed(machine: Machine, key: str) -> tuple[Process | None, str]:
    """Give the container runtime on which a pod runs, if there is one, and the uid by which it knows it."""
    pod = machine.store.get("pods", key)
    if pod is None:
        raise ReconcileError(f"there is no pod {key!r}")
    runtime = machine.processes.get(f"runtime/{pod.spec.node_name}")
    return runtime, (pod.metadata.annotations or {}).get(_STATIC_UID, pod.metadata.uid)


def _kill(machine: Machine, event: KillContainer | KillSandbox) -> None:
    key = event.pod
    runtime, uid = _placed(machine, key)
    if isinstance(event, KillSandbox):
        if runtime is None or not lose_sandbox(machine, runtime, uid):
            raise ReconcileError(f"pod {key} has no sandbox that is ready")
        return
    name = event.container
    state = None if runtime is None else machine.states.get(runtime.name)
    running = () if state is None else world.running(state, uid)
    if runtime is None or state is None or name not in running:
        found = f"there run {', '.join(running)}" if running else "none runs"
        raise ReconcileError(f"pod {key} has no container {name!r} that runs; {found}")
    process = world.process_of(state, uid, name)
    if process:
        exit_process(machine, _running(machine, f"{process}/{runtime.host}"), _KILLED)
        return
    kill_container(machine, runtime, uid, name)


_STATIC_UID: Final = "kubernetes.io/config.hash"  # by which a kubelet knows a static pod; its mirror's uid is another
_KILLED: Final = 137  # 128 + SIGKILL


def _stop_host(machine: Machine, host: str) -> None:
    status = machine.hosts.get(host)
    assert status is not None
    if not status.up:
        raise ReconcileError(f"host {host} is off already")
    disk = machine.states.get(f"runtime/{host}") or status.disk  # a runtime that has not begun has changed nothing
    machine.hosts.set(host, attrs.evolve(status, up=False, disk=disk, rules=None))
    for kind in (*sorted(COMPONENTS), *world.applications(disk)):
        end(machine, f"{kind}/{host}")
    if machine.fronted:
        reach_changed(machine)


def _start_host(machine: Machine, host: str) -> None:
    status = machine.hosts.get(host)
    assert status is not None
    if status.up:
        raise ReconcileError(f"host {host} is on already")
    machine.hosts.set(host, attrs.evolve(status, up=True, disk=world.rebooted(status.disk)))
    if machine.fronted:
        reach_changed(machine)
    for kind in host_processes(status.host):
        launch(machine, kind, host)


def _connect(machine: Machine, name: str, *, connected: bool) -> None:
    status = machine.hosts.get(_known_host(machine, name))
    assert status is not None
    rouse_members(machine)
    machine.hosts.set(name, attrs.evolve(status, connected=connected))
    reach_changed(machine)
    set_timers(machine)
    kubelet = machine.processes.get(f"kubelet/{name}")
    if connected:
        unpark(machine)
    if kubelet is not None and connected != status.connected and not machine.cluster.topology.heartbeats:
        (hold if connected else lapse)(machine, kubelet)


def _lose(machine: Machine, event: CutWatch | SkipChanges | DropCall | RepeatCall | DropOrder) -> None:
    match event:
        case CutWatch(process, watch):
            cut(machine, _running(machine, process), _watched(_running(machine, process), watch))
        case SkipChanges(process, watch, count):
            skip(machine, _running(machine, process), _watched(_running(machine, process), watch), count)
        case DropCall(call):
            item = machine.settle_pending().get(call)
            if not isinstance(item, Sent | Replied):
                raise ReconcileError(f"{call} is not the number of a call")
            machine.taken(call)
            lose(machine, item)
        case RepeatCall(call):
            sent = machine.settle_pending().get(call)
            if not isinstance(sent, Sent):
                raise ReconcileError(f"{call} is not the number of a call that is on its way")
            machine.push(attrs.evolve(sent, tag=None))
        case DropOrder(message):
            _drop_order(machine, message)


def _drop_order(machine: Machine, serial: int) -> None:
    item = machine.settle_pending().get(serial)
    kind, _, host = item.process.partition("/") if isinstance(item, Message) else ("", "", "")
    if kind != "runtime":
        raise ReconcileError(f"{serial} is not the number of an order to a container runtime")
    if machine.processes.get(f"kubelet/{host}") is not None:
        raise ReconcileError(f"kubelet/{host} is running: its orders are lost only with it")
    machine.taken(serial)


def _taken(machine: Machine, serial: int, kind: type[Any]) -> Any:
    item = machine.settle_pending().get(serial)
    if not isinstance(item, kind):
        raise ReconcileError(f"{serial} is not the number of a pending {kind.__name__}, but of {item!r}")
    return machine.taken(serial)


def _heard(machine: Machine, serial: int) -> Message:
    item = machine.settle_pending().get(serial)
    if (
        isinstance(item, Message)
        and machine.alive(item.process, item.life)
        and machine.states.get(item.process) is None
    ):
        raise ReconcileError(f"{item.process} has not begun, so message {serial} cannot be handed over")
    message: Message = _taken(machine, serial, Message)
    return message


def _starting(machine: Machine, process: str) -> Starting:
    for serial, item in machine.settle_pending().items():
        if isinstance(item, Starting) and item.process == process and machine.alive(process, item.life):
            machine.taken(serial)
            return item
    raise ReconcileError(f"{process} is not about to begin")


def _waiting(machine: Machine, process: str, queue: str) -> Turning:
    for serial, item in machine.settle_turns().items():
        if (item.process, item.queue) == (process, queue) and machine.alive(process, item.life):
            machine.old_turns = machine.old_turns.remove(serial)
            return item
    raise ReconcileError(f"{process} does not wait for a turn of {queue!r}")


def _running(machine: Machine, name: str) -> Process:
    process = machine.processes.get(name)
    if process is None:
        raise ReconcileError(f"there is no process {name!r} running")
    return process


def _lagging(machine: Machine, process: Process, watch: str, count: int) -> str:
    cursor = machine.cursors.get((process.name, _watched(process, watch)))
    assert cursor is not None
    if count < 0:
        raise ReconcileError(f"cannot deliver {count} changes")
    if cursor.position == machine.store.history(cursor.channel).end:
        raise ReconcileError(f"{process.name} has seen all of {watch}")
    if cursor.held:
        raise ReconcileError(f"{watch} of {process.name} is held back: release it first")
    if (pauses if machine.fronted else _reaches_none)(machine, process):
        raise ReconcileError(f"{process.name} reaches no API server")
    return watch


def _reaches_none(machine: Machine, process: Process) -> bool:
    return server_for(machine, process.host) is None or shows_nothing(machine, process.host)


def _watched(process: Process, watch: str) -> str:
    if watch not in process.watches:
        raise ReconcileError(f"{process.name} has no watch {watch!r}; it has {', '.join(process.watches)}")
    return watch


def _known_host(machine: Machine, name: str) -> str:
    if machine.hosts.get(name) is None:
        raise ReconcileError(f"there is no host {name!r}; there are {', '.join(machine.cluster.hosts.keys()[:10])}")
    return name
