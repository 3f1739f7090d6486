"""What the container runtime of one host has: its sandboxes with their containers, its images, its pods' addresses."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from ipaddress import ip_network
from typing import Final, Literal, TypeAlias

import attrs

from reconcile.components.world.pulling import Traffic
from reconcile.effects import RunPodSandbox, StartContainer
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier
from reconcile.lib.table import Table
from reconcile.model.behaviours import Behaviour, Behaviours, Described, Ending, Span
from reconcile.model.hosts import Host
from reconcile.model.pods.images import repository_of

Stage: TypeAlias = Literal["starting", "running", "stopping", "exited"]


@quick
@attrs.frozen(weakref_slot=False)
class Container:
    """
    One container that was started.

    Args:
        name: in its pod.
        id: as the kubelet reports it.
        image: as it was ordered.
        attempt: how often it had been started before.
        stage: where it is in its life.
        process: the control plane process that it is, or empty.
        command: what it was ordered to run in place of the image's entry point.
        args: its arguments, in place of the image's.
        task: whether it is there to end.
        awaited: whether something waits for that.
        ready_at: from then on readiness and startup probes succeed, until *unready_at*, if that is ever.
        dead_at: from then on liveness probes fail, if ever.
        doom: how it will end by itself, or, while it stops, how it will end.
        stops_at: while it stops, when it will have ended.
        memory: how many bytes it may use; 0 for as many as there are.
        cpu: how much of processors it may use, in billionths; 0 for as much as there is.
        order: how it was ordered, if it runs an application.
        refused: what a program of the control plane writes that ends because of its flags, or of what it has learned.
    """

    name: str
    id: str
    image: str
    attempt: int
    stage: Stage = "starting"
    process: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    task: bool = False
    awaited: bool = False
    started_at: Instant | None = None
    ready_at: Instant = 0
    unready_at: Instant | None = None
    dead_at: Instant | None = None
    doom: Ending | None = None
    stops_at: Instant | None = None
    code: int | None = None
    reason: str = ""
    finished_at: Instant | None = None
    memory: int = 0
    cpu: int = 0
    order: StartContainer | None = None
    refused: tuple[str, ...] = ()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Felt:
    """
    What a container saw when it last looked around.

    Args:
        requests: how many requests a second came to its pod, in billionths.
        memory: how many bytes it used; *disk*: likewise.
        volumes: how many bytes were on the volumes that it writes to, by name.
        working: it has an item of work.
    """

    requests: int = 0
    memory: int = 0
    disk: int = 0
    volumes: Map[int] = Map()
    working: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class Sandbox:
    """
    A pod's network namespace and its containers.

    Args:
        uid: the pod's.
        ip: its address.
        place: that of the address in the host's range, 0 for the host's own.
        containers: those that were ever started.
        ready: whether it is made; None if it was, and went away by itself: what ran in it runs on.
        labels: the pod's, if behaviours ask for them.
    """

    uid: str
    ip: str
    place: int
    containers: tuple[Container, ...] = ()
    ready: bool | None = True
    labels: Map[str] = Map()

    def container(self, name: str) -> Container | None:
        """Give the container of this name, if it was ever started."""
        for container in self.containers:
            if container.name == name:
                return container
        return None


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class State:
    """
    The container runtime of one host.

    Args:
        host: where it is.
        behaviours: what images do.
        dice: the stream of which each container draws what it does, by its own name.
        boots: how often the host was powered on again.
        images: what is there, name -> bytes.
        sandboxes: by the pod's uid.
        network: the range of which pods have their addresses, if that is not the host's own.
        taken: which addresses of that range are in use: bit n for the nth place in it.
        last: the place of the address that was given last.
        processes: the control plane processes and applications that run: name -> (uid, container).
        felt: what containers saw that look around, `UID/NAME` ->.
        traffic: what comes from registries of which anything is said; None before anything was asked of one.
    """

    host: Host
    behaviours: Behaviours
    dice: Dice
    boots: int = 0
    images: Map[int] = Map()
    sandboxes: Table[str, Sandbox] = attrs.field(factory=Table)
    network: str = ""
    taken: int = 0
    last: int = 1
    processes: Map[tuple[str, str]] = Map()
    felt: Map[Felt] = Map()
    traffic: Traffic | None = None


def behaviour_of(state: State, sandbox: Sandbox, container: Container) -> Behaviour:
    """Give what a container does: as its description says, else as its image."""
    if not state.behaviours.containers:
        return state.behaviours.of(container.image)
    command = " ".join((*container.command, *container.args))
    return state.behaviours.doing(
        Described(image=container.image, name=container.name, command=command, labels=sandbox.labels)
    )


def given(state: State, *, host_network: bool) -> tuple[str, int]:
    """
    Choose a pod's IP: the host's own, or the next free one of its range, round and round as host-local IPAM does.

    Network address, gateway (the first) and broadcast address are never given; an empty IP says that none is free.
    """
    if host_network:
        return state.host.ip, 0
    cidr = state.network or state.host.pod_cidr
    first, size = _range(cidr)
    places = size - 3  # from 2 on, without the last
    for step in range(places):
        place = 2 + (state.last - 1 + step) % places
        if not state.taken >> place & 1:
            return _text(first + place, cidr), place
    return "", 0


def exhausted(state: State, order: RunPodSandbox, now: Instant) -> str:
    """Give what a runtime says whose network plugin, host-local, has no address left for a pod."""
    first, size = _range(state.network or state.host.pod_cidr)
    cidr = state.network or state.host.pod_cidr
    dice = state.dice.named(f"{order.uid}/{state.boots}/{now}/sandbox")
    made = container_id(dice).removeprefix("containerd://")
    return (
        f'rpc error: code = Unknown desc = failed to setup network for sandbox "{made}": plugin type="ptp" failed '
        f"(add): failed to allocate for range 0: no IP addresses available in range set: "
        f"{_text(first + 1, cidr)}-{_text(first + size - 2, cidr)}"
    )


def in_network(state: State, network: str) -> State:
    """Give the runtime whose further pods get addresses of another range: who has one keeps it, and frees none."""
    sandboxes = state.sandboxes
    for uid, sandbox in sandboxes.items():
        sandboxes = sandboxes.set(uid, attrs.evolve(sandbox, place=0))
    return attrs.evolve(state, network=network, sandboxes=sandboxes, taken=0, last=1)


@lru_cache(maxsize=8192)
def _range(cidr: str) -> tuple[int, int]:
    if not cidr:
        return 0, 0
    network = ip_network(cidr)
    return int(network.network_address), network.num_addresses


def _text(address: int, cidr: str) -> str:
    if ":" in cidr:
        return str(ip_network((address, 128)).network_address)
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def container_id(dice: Dice) -> str:
    """Give a container's ID, the same for the same stream of dice."""
    return f"containerd://{blake2b(f'{dice.seed}/{dice.stream}'.encode(), digest_size=32).hexdigest()}"


@lru_cache(maxsize=1024)
def image_id(image: str) -> str:
    """Give what a container runtime calls the image *image*: its repository and a digest."""
    return f"{repository_of(image)}@sha256:{blake2b(image.encode(), digest_size=32).hexdigest()}"


def drawn(state: State, span: Span, name: str) -> Duration:
    """Give how long something takes; *name* is that of its dice."""
    return span.low if span.low == span.high else span.draw(state.dice.named(name))[0]


def timers_of(uid: str, container: Container) -> tuple[tuple[str, str, str], ...]:
    """Give the timers of a container that are set."""
    match container.stage:
        case "starting":
            return (("start", uid, container.name),)
        case "stopping":
            return (("stop", uid, container.name),)
        case "running":
            return () if container.doom is None else (("exit", uid, container.name),)
        case _:
            return ()


def placed(sandbox: Sandbox, container: Container) -> Sandbox:
    """Give the sandbox with the container as it is now."""
    old = sandbox.containers
    if not old or (len(old) == 1 and old[0].name == container.name):
        new: tuple[Container, ...] = (container,)
    elif sandbox.container(container.name) is None:
        new = (*old, container)
    else:
        new = tuple([container if kept.name == container.name else kept for kept in old])
    return Sandbox(sandbox.uid, sandbox.ip, sandbox.place, new, sandbox.ready, sandbox.labels)


def with_sandbox(state: State, sandbox: Sandbox) -> State:
    """Give the state with the sandbox as it is now."""
    return _WITH(state, state.sandboxes.set(sandbox.uid, sandbox))


_WITH: Final[Callable[[State, Table[str, Sandbox]], State]] = copier(State, "sandboxes")
