"""
Programs: how an application's process begins in its container, and what becomes of what it orders.

Its pod says as whom it calls and what its volumes are; names are looked up as the cluster's DNS would answer, and
services are reached through the packet filter rules of its host.

Takes:    an open machine; a process of kind application; effects of an application.
Gives:    processes, parcels, what is in logs; what it finds on volumes.
Source:   https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/, .../concepts/storage/volumes/.
Left out: see docs/limits.md, "Applications".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.cluster.cluster import Process
from reconcile.cluster.components import applications_among
from reconcile.cluster.pending import Parcel, Starting
from reconcile.components import applications, kubelet, kubeproxy, world
from reconcile.components.applications import Found, Keep, Listen, Log, Place, Reply, Send
from reconcile.driver.machine.applications.names import resolved
from reconcile.driver.machine.applications.volumes import content, contents, keep, mounts_of, pod_of
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.network.reach import store_seen_from
from reconcile.lib.mapping import Map
from reconcile.lib.sequence import Sequence
from reconcile.model.pods.hostnames import hostname_of
from reconcile.model.pods.resolving import Resolver, dns_in, hosts_of, resolver_of
from reconcile.model.requests import User

APPLICATION: Final = "application"
_LOOPBACK: Final = "127.0.0.1"
_EMPTY: Final[Map[Any]] = Map()
_KEPT: Final = 10_000  # about so many lines of a container's log: it is rotated, as a kubelet does
_STATIC: Final = "kubernetes.io/config.hash"


def launch_application(machine: Machine, host: str, process: str) -> None:
    """Make the process of a container that runs an application; it is about to begin."""
    clock = Process.of("kubelet", machine.host(host), 0)  # a host's processes all go by its clock
    user = _user(_pod(machine, host, process))
    made = Process(f"{process}/{host}", APPLICATION, host, user, machine.serial, skew=clock.skew, drift=clock.drift)
    machine.processes.set(made.name, made)
    machine.push(Starting(made.name, made.life))


def setting_of(machine: Machine, process: Process, dice: Any) -> tuple[applications.Application, Place] | None:
    """Give the application that a container runs, and where; None if its container is gone."""
    runtime = machine.states.get(f"runtime/{process.host}")
    known = None if runtime is None else world.found(runtime, within(process))
    if known is None:
        return None
    sandbox, container = known
    assert container.order is not None, "a container that runs an application knows how it was ordered"
    pod, order = _pod(machine, process.host, within(process)), container.order
    name = world.component_of(runtime, within(process))
    application = next(each for each in applications_among(machine.cluster.controllers) if each.name == name)
    mounts = mounts_of(machine, process.host, pod, container.name)
    place = Place(
        pod=order.pod,
        uid=sandbox.uid,
        container=container.name,
        host=process.host,
        ip=sandbox.ip,
        labels=Map.of(pod.metadata.labels or ()) if pod is not None else _EMPTY,
        hostname=_hostname(pod, process.host),
        hosts="" if pod is None else hosts_of(pod, sandbox.ip),
        resolver=Resolver() if pod is None else resolver_of(pod, dns_in(machine.cluster.topology.service_cidr)),
        environment=_linked(machine, process.host, pod, order.environment),
        args=(*order.command, *order.args),
        attempt=order.attempt,
        volumes=contents(machine, mounts),
        dice=dice,
        now=machine.now + process.skew,
    )
    return application, place


def _hostname(pod: Any, host: str) -> str:
    return host if pod is None or pod.spec.host_network else hostname_of(pod)


def _linked(machine: Machine, host: str, pod: Any, environment: Map[str]) -> Map[str]:
    """Give an application's variables, with those of the services that its host's API server has when it begins."""
    if pod is None:
        return environment
    namespace, store = pod.metadata.namespace, store_seen_from(machine, host)
    services = [*store.table("services").under("namespace", namespace), store.get("services", "default/kubernetes")]
    linked = pod.spec.enable_service_links
    links = kubelet.variables_of([each for each in services if each is not None], namespace, linked=linked)
    return Map({"HOSTNAME": _hostname(pod, host), **links, **environment})


def within(process: Process) -> str:
    """Give the name of an application's process on its host."""
    return process.name.removesuffix(f"/{process.host}")


def _pod(machine: Machine, host: str, process: str) -> Any:
    """Give the pod whose container a process is, as its kubelet has it, else as it is stored; None if it is neither."""
    known = world.found(machine.states.get(f"runtime/{host}"), process)
    if known is None:
        return None
    uid, order = known[0].uid, known[1].order
    pod = pod_of(machine, host, uid)
    if pod is not None or order is None:
        return pod
    stored = machine.store.get("pods", order.pod)
    if stored is None or uid not in (stored.metadata.uid, (stored.metadata.annotations or {}).get(_STATIC)):
        return None
    return stored


def _user(pod: Any) -> User:
    """Give the identity of a pod's ServiceAccount."""
    if pod is None:
        return User(name="system:anonymous", groups=("system:unauthenticated",))
    namespace = pod.metadata.namespace or "default"
    name = pod.spec.service_account_name or "default"
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(name=f"system:serviceaccount:{namespace}:{name}", groups=groups)


# What it orders -------------------------------------------------------------------------------------------------------


def take_up_of_program(machine: Machine, process: Process, effect: Any) -> bool:
    """Take up what only an application orders; false if it is none of it."""
    match effect:
        case Send():
            machine.push(_sent(machine, process, effect))
        case Reply(connection, body):
            name, life, tag = connection
            source = machine.states.get(process.name).place.ip
            parcel = Parcel(process.name, process.life, process.host, source, name, life, body, tag, back=True)
            machine.push(parcel)
        case Listen(port):
            _listen(machine, process, port)
        case Keep(path, key, value):
            problem = keep(machine, _mount(machine, process, path), path, key, value)
            if problem:
                log(machine, process, problem)
        case Log(line):
            log(machine, process, line)
        case _:
            return False
    return True


def log(machine: Machine, process: Process, line: str) -> None:
    """Write a line to a container's log."""
    place = machine.states.get(process.name).place
    key = f"{place.uid}/{place.container}"
    logs = machine.programs.logs
    lines = logs.get(key, Sequence()).append((machine.now, line), keep=_KEPT)
    machine.programs = attrs.evolve(machine.programs, logs=logs.set(key, lines))


def _mount(machine: Machine, process: Process, path: str) -> tuple[str, str] | None:
    container = machine.states.get(process.name).place.container
    return mounts_of(machine, process.host, _pod(machine, process.host, within(process)), container).get(path)


def read(machine: Machine, process: Process, path: str) -> Found | None:
    """Give what an application finds on a volume that it reads; None, and a line in its log, if it has no such."""
    place, mount = machine.states.get(process.name).place, _mount(machine, process, path)
    if mount is None:
        log(machine, process, f"open {path}: no such file or directory")
        return None
    return Found(machine.now + process.skew, path, content(machine, mount, place.volumes.get(path, _EMPTY)))


def _listen(machine: Machine, process: Process, port: int) -> None:
    address = f"{machine.states.get(process.name).place.ip}:{port}"
    known = machine.programs.listeners
    if address not in known or known[address] == process.name:
        machine.programs = attrs.evolve(machine.programs, listeners=known.set(address, process.name))
    else:
        log(machine, process, f"listen tcp :{port}: bind: address already in use")


def unlisten(machine: Machine, process: Process, state: Any) -> None:
    """Let nobody listen any more where a process did that has ended."""
    inner = getattr(state, "state", state)
    if not isinstance(inner, applications.State):
        return
    listeners = machine.programs.listeners
    for address, name in listeners.between(f"{inner.place.ip}:", f"{inner.place.ip};"):
        if name == process.name:
            listeners = listeners.remove(address)
    machine.programs = attrs.evolve(machine.programs, listeners=listeners)


# Who is sent to -------------------------------------------------------------------------------------------------------


def _sent(machine: Machine, process: Process, effect: Send) -> Parcel:
    place = machine.states.get(process.name).place
    address, port, problem = effect.to, effect.port, ""
    if not _is_address(address):
        found, why = resolved(machine, process.host, place.hosts, place.resolver, address)
        dice = machine.dice(f"lookup/{machine.serial}")
        address = found[dice.below(len(found))[0]] if found else ""
        problem = f"dial tcp: {why}" if why else ""
    if address == _LOOPBACK:
        address = place.ip
    rules = machine.host(process.host).rules
    if not problem and rules is not None:
        packet = kubeproxy.Packet(source=place.ip, destination=address, port=port, at=machine.now)
        verdict, _ = kubeproxy.route(rules, packet, machine.dice(f"packet/{machine.serial}"))
        address, port = verdict.destination, verdict.port
        if verdict.action != "ACCEPT":
            problem = f"dial tcp {effect.to}:{effect.port}: connect: connection refused"
    return Parcel(
        process.name, process.life, process.host, place.ip, address, port, effect.body, effect.tag, problem=problem
    )


def _is_address(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()
