"""Processes: how they begin and end, what they hear, and what becomes of their effects."""

from __future__ import annotations

from typing import Any, Final, TypeAlias, get_args

import attrs

from reconcile.cluster.cluster import Cursor, Process
from reconcile.cluster.components import COMPONENTS, FROZEN, Setting, scheduling
from reconcile.cluster.pending import Message, Replied, Sent, Starting, Suspended, Turning
from reconcile.components import apiserver, applications, election, etcd, frozen, recorder, world
from reconcile.components.applications import Read
from reconcile.components.scheduler.configuration import DEFAULTS
from reconcile.driver.machine.applications.metering import surroundings
from reconcile.driver.machine.applications.programs import (
    APPLICATION,
    launch_application,
    read,
    setting_of,
    take_up_of_program,
    unlisten,
)
from reconcile.driver.machine.applications.volumes import discard_volumes, write_volume
from reconcile.driver.machine.candidates import candidacy
from reconcile.driver.machine.hosts.clocks import due_at
from reconcile.driver.machine.hosts.disks import keep_disk
from reconcile.driver.machine.hosts.heartbeats import lapse
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.members.leases import end_lease, renew_leases
from reconcile.driver.machine.members.members import (
    forget_asked,
    is_full,
    member_ended,
    rouse,
    set_timers,
    take_up_of_member,
)
from reconcile.driver.machine.network.lines import break_off, ending
from reconcile.driver.machine.network.reach import connected, unpark
from reconcile.driver.machine.network.surveying import fall_due, forget, survey
from reconcile.driver.machine.requests.audits import audit_end
from reconcile.driver.machine.requests.webhooks import asked_by, forgotten, told
from reconcile.driver.machine.watching.channels import close_watch, open_watch
from reconcile.effects import (
    Call,
    CallWebhook,
    CancelTimer,
    CloseWatch,
    DiscardVolumes,
    EndProcess,
    Exit,
    Explain,
    Install,
    LaunchApplication,
    LaunchProcess,
    LookAround,
    Notice,
    OpenWatch,
    Order,
    Record,
    Report,
    RuntimeOrder,
    SetTimer,
    SignalProcess,
    Wake,
    WriteVolume,
)
from reconcile.events import Started
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.model import statuses
from reconcile.model.programs import ELECTOR, NONE, PROGRAMS, Options
from reconcile.model.requests import Response
from reconcile.store import channel, compact

_TIMEOUT: Final = 504
_PANIC: Final = 2  # the exit code of a Go program that panics
_TERMINATED: Final = 143  # 128 + SIGTERM
_OF_APPLICATIONS: Final = (APPLICATION, FROZEN)
_REACHED: Final = ("etcd", "kube-apiserver")  # what everyone else has to reach


def launch(machine: Machine, kind: str, host: str) -> None:
    """Make a process of this kind on *host*; it is about to begin."""
    process = Process.of(kind, machine.host(host), machine.serial)
    machine.processes.set(process.name, process)
    machine.push(Starting(process.name, process.life))


def begin(machine: Machine, item: Starting) -> bool:
    """Let a launched process begin: make its state, tell it that it has started, open its watches."""
    process = machine.alive(item.process, item.life)
    if process is None:
        return False
    name, kind = process.name, process.kind
    if kind == APPLICATION:
        return _begin_application(machine, process)
    if kind == "etcd" and machine.plural and machine.members.get(process.host) is None:
        exit_process(machine, process, 1)  # "member count is unequal": nobody has added it
        return True
    topology = machine.cluster.topology
    dice = machine.dice(name).named(str(process.life))
    setting = _setting(machine, process, dice)
    machine.states.set(name, COMPONENTS[kind].begin(setting))
    machine.recorders.set(name, recorder.begin(kind, process.host, dice.named("recorder")))
    if kind == "kube-apiserver":
        machine.servers = (*machine.servers, name)
        reach_changed(machine)
        asked = apiserver.bootstrap(machine.states.get(name), machine.now + process.skew)
        first = [Sent(name, process.life, process.host, process.user, ask, None, machine.now) for ask in asked]
        # What a server asks of itself comes before what waited for it.
        machine.old_parked = (*first, *machine.parked)
        if apiserver.elects(machine.states.get(name)):
            launch(machine, ELECTOR, process.host)
    elif kind == "etcd" and not machine.plural:
        machine.etcd = process.host
        reach_changed(machine)
        renew_leases(machine, process)
    if kind in _REACHED and (machine.etcd or machine.plural) and machine.servers:
        unpark(machine)
    if process.leading:
        _work(machine, process)
        if kind == "etcd" and machine.plural:
            set_timers(machine)
        return True
    config = candidacy(kind, topology.lock, setting.scheduler.election, setting.options, setting.gates())
    if config is None:
        _work(machine, attrs.evolve(process, leading=True))
    else:
        identity = f"{process.host}_{dice.named('identity').uuid()[0]}"
        machine.elections.set(name, election.begin(config, identity, dice.named("election")))
        if config.candidacy is not None:
            process = attrs.evolve(process, watches=(election.WATCH,))
            machine.processes.set(name, process)
            cursor = Cursor(election.CANDIDATES, identity, channel(election.CANDIDATES, identity))
            open_watch(machine, process, election.WATCH, cursor)
        hear_election(machine, process, Started(machine.now + process.skew))
    return True


def _setting(machine: Machine, process: Process, dice: Dice) -> Setting:
    """Give what a process begins with."""
    topology, kind, status = machine.cluster.topology, process.kind, machine.host(process.host)
    return Setting(
        status.host,
        dice,
        topology.behaviours,
        machine.cluster.controllers,
        _disk(machine, process.host),
        status.kept,
        status,
        heartbeats=topology.heartbeats,
        managed_fields=topology.managed_fields,
        service_cidr=topology.service_cidr,
        masters=topology.controls() if kind == "kube-apiserver" and topology.managed_fields else (),
        without=topology.without,
        feature_gates=topology.feature_gates,
        webhooks=topology.webhooks,
        drivers=topology.drivers,
        device_drivers=topology.device_drivers,
        cluster_cidr=topology.cluster_cidr,
        node_cidr_mask_size=topology.node_cidr_mask_size,
        cloud=topology.cloud,
        stages=topology.stages,
        keeping=_keeping(machine, process) if machine.plural else None,
        scheduler=scheduling(topology, machine.cluster.controllers) if kind == "kube-scheduler" else DEFAULTS,
        options=_options(machine, process) if kind in PROGRAMS or kind == ELECTOR else NONE,
    )


def _options(machine: Machine, process: Process) -> Options:
    """Give what the flags of a process's container say."""
    runtime = machine.states.get(f"runtime/{process.host}")
    program = "kube-apiserver" if process.kind == ELECTOR else process.kind
    return NONE if runtime is None else world.options(runtime, program)


def _begin_application(machine: Machine, process: Process) -> bool:
    dice = machine.dice(process.name).named(str(process.life))
    found = setting_of(machine, process, dice)
    if found is None:
        end(machine, process.name)
        return False
    application, place = found
    machine.states.set(process.name, applications.begin(application, place))
    machine.recorders.set(process.name, recorder.begin(application.name, process.host, dice.named("recorder")))
    _work(machine, process)
    return True


def _keeping(machine: Machine, process: Process) -> Any:
    """Give the disk with which a member begins; None of what is no member."""
    if process.kind != "etcd":
        return None
    rouse(machine, tell)
    keeping = machine.members.get(process.host)
    return etcd.raft.Disk() if keeping is None else keeping.disk


def end(machine: Machine, name: str) -> None:
    """Let a process be gone, with all that it knew."""
    process = ending(machine, name)
    if process is None:
        return
    if machine.plural and process.kind in _REACHED:
        _leave_members(machine, process)
    machine.processes.remove(name)
    keep_disk(machine, process)
    if process.kind == "kubelet" and not machine.cluster.topology.heartbeats and connected(machine, process.host):
        lapse(machine, process)
    if machine.fronted:
        forget(machine, name)
    watching = machine.states.get(name)
    for table in (machine.states, machine.elections, machine.recorders):
        table.remove(name)
    for watch in process.watches:
        close_watch(machine, name, watch)
    if process.kind in _REACHED:
        end(machine, f"{ELECTOR}/{process.host}")
        machine.servers = tuple([server for server in machine.servers if server != name])
        if process.kind == "etcd" and machine.etcd == process.host:
            machine.etcd = ""
        reach_changed(machine)
        if machine.plural:
            set_timers(machine)
        for waiting in forgotten(machine, name):
            if isinstance(waiting, Suspended):
                _leave(machine, waiting.sent)
    elif process.kind == "watch" and machine.audits is not None and watching is not None:
        audit_end(machine, process, watching)
    if process.kind in _OF_APPLICATIONS:
        unlisten(machine, process, watching)
    if process.kind not in _REACHED and machine.suspended:
        forgotten(machine, name)


def _leave_members(machine: Machine, process: Process) -> None:
    """Let what an API server or a member of etcd was asked be lost, before it is gone."""
    rouse(machine, tell)
    for item in forget_asked(machine, process.name):
        (_leave if process.kind == "kube-apiserver" else lose)(machine, item)
    if process.kind == "etcd":
        member_ended(machine, process.host)


def _leave(machine: Machine, item: Sent) -> None:
    """Let a call be lost with the API server that was about to answer it."""
    if machine.fronted:
        break_off(machine, item, "reset")
    else:
        lose(machine, item)


def reach_changed(machine: Machine) -> None:
    """Take in that it has changed who runs, or who reaches whom."""
    machine.reach.clear()
    machine.heard.clear()
    if machine.fronted:
        for name in survey(machine):
            end(machine, name)


def lose(machine: Machine, item: Sent | Replied) -> None:
    """Let a call or its answer be lost: who waits for it is told that it took too long."""
    if item.tag is not None:
        status = statuses.server_timeout(item.request.resource, item.request.verb, 0)
        lost = Response(status.code or _TIMEOUT, status)
        machine.push(Replied(item.process, item.life, item.host, item.request, item.tag, lost, item.at))


def exit_process(
    machine: Machine, process: Process, code: int, message: str = "", *, wrote: tuple[str, ...] = ()
) -> None:
    """Let a process end with *code*; its host's container runtime sees its container exit, whose log ends so."""
    end(machine, process.name)
    if process.name.startswith(ELECTOR):  # it is no container's: its API server lets it stand again
        launch(machine, ELECTOR, process.host)
        return
    runtime = machine.processes.get(f"runtime/{process.host}")
    own = process.name.removesuffix(f"/{process.host}")
    if runtime is not None and own != "kubelet":
        state, effects = world.ended(machine.states.get(runtime.name), own, code, machine.now, message, wrote=wrote)
        machine.states.set(runtime.name, state)
        take_up(machine, runtime, effects)


def _take_up_of_world(machine: Machine, host: str, effect: _OfWorld) -> None:
    match effect:
        case LaunchProcess(process):
            launch(machine, process, host)
        case EndProcess(process):
            end(machine, f"{process}/{host}")
        case LaunchApplication(process):
            launch_application(machine, host, process)
        case SignalProcess(process):
            _ask_to_end(machine, f"{process}/{host}")
        case DiscardVolumes():
            discard_volumes(machine, effect)
        case WriteVolume():
            for process_of_it, found in write_volume(machine, host, effect):
                tell(machine, process_of_it, found)


def _ask_to_end(machine: Machine, name: str) -> None:
    """Send SIGTERM to a process; one that is frozen hears nothing."""
    process = machine.processes.get(name)
    if process is None:
        return
    if machine.fronted and process.kind == "kube-apiserver":
        reach_changed(machine)  # it says that it is not ready from now on
    elected = machine.elections.get(name)
    if elected is not None and process.kind != FROZEN and elected.config.release_on_cancel:
        after, effects = election.release(elected, machine.now + process.skew)
        machine.elections.set(name, after)
        take_up(machine, process, effects)
    state = machine.states.get(name)
    kept = state.state if process.kind == FROZEN else state
    if not isinstance(kept, applications.State):
        return  # it ends when its behaviour says
    said = applications.terminated(kept, machine.now + process.skew)
    if said is not None:
        tell(machine, process, said)
    else:
        exit_process(machine, process, _TERMINATED)


def tell(machine: Machine, process: Process, event: Any) -> None:
    """Let a process hear *event*, and take its effects up."""
    name = process.name
    state = machine.states.get(name)
    after, effects = COMPONENTS[process.kind].step(state, event)
    if after is not state:
        machine.states.set(name, after)
    if effects:
        take_up(machine, process, effects)


def hear_election(machine: Machine, process: Process, event: Any) -> None:
    """Let a process's election hear *event*; it begins its work when it wins."""
    name = process.name
    if process.kind == FROZEN:
        machine.states.set(name, frozen.kept(machine.states.get(name), "election", event))
        return
    led = process.leading
    state, effects = election.step(machine.elections.get(name), event)
    machine.elections.set(name, state)
    take_up(machine, process, effects)
    if not led and election.leads(state) and machine.processes.get(name) is not None:
        _work(machine, attrs.evolve(process, leading=True))


def take_up(machine: Machine, process: Process, effects: tuple[Any, ...]) -> None:
    """Put what a process orders on its way."""
    name, life = process.name, process.life
    for effect in effects:
        kind = type(effect)
        if kind is Call:
            user = effect.user or process.user
            machine.push(Sent(name, life, process.host, user, effect.request, effect.tag, machine.now))
        elif kind is Record:
            if not machine.records:
                continue
            state, calls = recorder.record(machine.recorders.get(name), effect, machine.now + process.skew)
            machine.recorders.set(name, state)
            for call in calls:
                machine.push(Sent(name, life, process.host, process.user, call.request, call.tag, machine.now))
        elif kind is SetTimer:
            at = due_at(machine, process, effect.at) if process.drift else effect.at - process.skew
            machine.timers.set((name, life, effect.key), at, periodic=effect.periodic)
        elif kind is Wake:
            machine.push_turn(Turning(name, life, effect.queue))
        elif kind is CancelTimer:
            machine.timers.cancel((name, life, effect.key))
        elif kind is Report:
            report(machine, process.host, effect.report)
        elif kind in _ORDERS:
            _order(machine, process.host, effect)
        else:
            _take_up_rare(machine, process, effect)


def report(machine: Machine, host: str, report: Any) -> None:
    """Send a container runtime's report to its host's kubelet."""
    kubelet = machine.processes.get(f"kubelet/{host}")
    if kubelet is not None:
        machine.push(Message(kubelet.name, kubelet.life, report))


def _work(machine: Machine, process: Process) -> None:
    component = COMPONENTS[process.kind]
    tell(machine, process, Started(machine.now + process.skew))
    state = machine.states.get(process.name)
    if state is None:
        return
    watches = component.watches(state)
    names = tuple([watch.name for watch in watches])
    machine.processes.set(
        process.name, attrs.evolve(process, leading=True, watches=names + process.watches if process.watches else names)
    )
    for watch in watches:
        stream = channel(watch.resource, watch.partition or None)
        open_watch(machine, process, watch.name, Cursor(watch.resource, watch.partition, stream))


def _take_up_rare(machine: Machine, process: Process, effect: Any) -> None:
    match effect:
        case Install():
            host = machine.host(process.host)
            machine.hosts.set(process.host, attrs.evolve(host, rules=effect.rules))
            if host.host.external:
                machine.outbox.append(Order(process.host, effect))
        case OpenWatch() | CloseWatch():
            _watch_otherwise(machine, process, effect)
        case _ if isinstance(effect, _ON_HOSTS):
            _take_up_of_world(machine, process.host, effect)
        case LookAround():
            tell(machine, process, surroundings(machine, process, effect))
        case Exit():
            message = effect.message if process.kind == APPLICATION else ""
            exit_process(machine, process, effect.code, message, wrote=effect.wrote)
        case Notice():
            if machine.processes.get(process.name) is not None and not told(machine, process, effect):
                end(machine, process.name)
        case etcd.CompactTo():
            if machine.marked > machine.store.compacted:
                machine.store.reopen(compact(machine.store.closed(), machine.marked))
            machine.marked = machine.store.revision
        case etcd.EndLease():
            end_lease(machine, effect.lease)
        case etcd.Sync() if machine.plural and is_full(machine, process.host):
            exit_process(machine, process, _PANIC)
        case _ if _take_up_apart(machine, process, effect):
            pass
        case _:
            raise ReconcileError(f"{process.name} gave {effect!r}, which is no effect")


def _watch_otherwise(machine: Machine, process: Process, effect: OpenWatch | CloseWatch) -> None:
    """Let a process watch something more, or no more."""
    current, watch = machine.processes.get(process.name), effect.watch
    if current is None:
        return
    others = tuple([each for each in current.watches if each != watch])
    if isinstance(effect, CloseWatch):
        machine.processes.set(process.name, attrs.evolve(current, watches=others))
        close_watch(machine, process.name, watch)
        return
    machine.processes.set(process.name, attrs.evolve(current, watches=(*others, watch)))
    stream = channel(effect.resource, effect.partition or None)
    open_watch(machine, current, watch, Cursor(effect.resource, effect.partition, stream))


def _take_up_apart(machine: Machine, process: Process, effect: Any) -> bool:
    """Carry out what only a member of etcd or an application orders, or is due in the network; false if it is none."""
    if effect.__class__ is CallWebhook:
        unreached = asked_by(machine, process, effect)
        if unreached is not None:
            tell(machine, process, unreached)
        return True
    if effect.__class__ is Explain:
        machine.explain(effect)
        return True
    if process.kind == "network":
        for name in fall_due(machine, effect):
            end(machine, name)
        return True
    if effect.__class__ is Read:
        found = read(machine, process, effect.path)
        if found is not None:
            tell(machine, process, found)
        return True
    if process.kind == APPLICATION:
        return take_up_of_program(machine, process, effect)
    return process.kind == "etcd" and take_up_of_member(machine, process, effect)


def _order(machine: Machine, host: str, order: Any) -> None:
    if machine.host(host).host.external:
        machine.outbox.append(Order(host, order))
        return
    runtime = machine.processes.get(f"runtime/{host}")
    if runtime is not None:
        machine.push(Message(runtime.name, runtime.life, order))


def _disk(machine: Machine, host: str) -> Any:
    runtime = machine.states.get(f"runtime/{host}")
    return machine.host(host).disk if runtime is None else runtime


_OfWorld: TypeAlias = LaunchProcess | EndProcess | LaunchApplication | SignalProcess | DiscardVolumes | WriteVolume
_ON_HOSTS: Final = get_args(_OfWorld)
_ORDERS: Final = frozenset(get_args(RuntimeOrder))
