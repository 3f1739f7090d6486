"""What a kubelet remembers: its Node, and each of its pods with its containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.api import core_v1
from reconcile.components.kubelet.awaited import Claiming, Following, Mounting, Secrets
from reconcile.components.kubelet.disk import Allocation, Claimed
from reconcile.components.kubelet.pod.allotting import NOTHING, Allotted
from reconcile.events import ContainerStarted
from reconcile.lib.dice import Dice
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import copier, replace
from reconcile.lib.table import Table
from reconcile.model.devices import DeviceDriver
from reconcile.model.drivers import Driver
from reconcile.model.hosts import Host
from reconcile.model.pods.running import RunningPod
from reconcile.model.requests import Response
from reconcile.store import Change

MIRROR: Final = "kubernetes.io/config.mirror"
"""The annotation that makes a pod of the API a mirror: the hash of the static pod that it shows."""

Kind: TypeAlias = Literal["init", "sidecar", "main", "ephemeral"]
Stage: TypeAlias = Literal["new", "pulling", "configuring", "starting", "running", "stopping", "exited"]
ProbeKind: TypeAlias = Literal["startup", "liveness", "readiness"]

UNDER_WAY: Final = ("pulling", "configuring", "starting")
UNLABELLED: Final[Map[str]] = Map()
ALIVE: Final = ("starting", "running", "stopping")


@quick
@attrs.frozen(weakref_slot=False)
class Gauge:
    """
    One probe of a container that runs.

    Args:
        kind: what it is for.
        spec: as the container says it.
        result: what counts: changed when *last* came *run* times in a row and that is the threshold.
        waits: of one that may take as long as its period, how often it was due since it was asked that is under way: 1
            for that itself, 2 if it is to be asked again at once when that is answered.
    """

    kind: ProbeKind
    spec: Any
    result: bool
    last: bool | None = None
    run: int = 0
    waits: int = 0


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Aside:
    """
    What is to be remembered of a container that most have not.

    Args:
        hook: the lifecycle hook that is under way.
        waits: a sidecar that ends when those that it serves have ended.
        since: when the hook or the wait began; *until*: when the grace is over.
        report: how it started, while its postStart hook is under way.
        memory: what it uses, in bytes; *disk* likewise.
        resources: what it has, if that is not what its pod says by now.
        reset: it was removed, so that all containers of its pod begin anew, and has not been started since.
    """

    hook: Literal["", "postStart", "preStop"] = ""
    waits: bool = False
    since: Instant = 0
    until: Instant = 0
    report: ContainerStarted | None = None
    memory: int = 0
    disk: int = 0
    resources: core_v1.ResourceRequirements | None = None
    reset: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class Container:
    """
    One container of a pod.

    Args:
        spec: as the pod says it.
        kind: init containers run one after the other before all others; a sidecar is one that stays; an ephemeral
            one is added to a pod that runs, and started once.
        stage: where it is in its life.
        runs: how often it was ordered to start; restartCount is one less.
        id: the container ID of its last start.
        image_id: what it ran then.
        state: running or terminated, as its status shows it; None if it never ran.
        last: how its run before that ended.
        code: its exit code, once it has exited.
        finished_at: when that was.
        waiting: why it is not started, as its status shows it: a back-off, an image that cannot be had.
        due: when to look at it again.
        delay: its present restart back-off; *delayed_at* is when that was last raised.
        pull_delay: its present image pull back-off, which ends at *pull_at*.
        started: its startup probe has succeeded, or it has none.
        gauges: its probes, while it runs.
        aside: what else there is to it, of most nothing.
    """

    spec: Any
    kind: Kind = "main"
    stage: Stage = "new"
    runs: int = 0
    id: str = ""
    image_id: str = ""
    state: core_v1.ContainerState | None = None
    last: core_v1.ContainerState | None = None
    code: int = 0
    finished_at: Instant = 0
    waiting: core_v1.ContainerStateWaiting | None = None
    due: Instant = 0
    delay: Duration = 0
    delayed_at: Instant = 0
    pull_delay: Duration = 0
    pull_at: Instant = 0
    started: bool = False
    gauges: tuple[Gauge, ...] = ()
    aside: Aside | None = None

    @property
    def name(self) -> str:
        """Its name in the pod."""
        return str(self.spec.name)


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Resize:
    """
    A change of a pod's resources that is not over.

    Args:
        pending: why what is asked for is not allocated: (Deferred or Infeasible, message).
        since: from when on it has been pending for that reason; *asked* is the generation that asks for it.
        begun: when what is allocated began to be given to the containers; 0 if they have it.
        generation: that which asked for it.
        error: why they cannot be given it for now.
        whole: what the pod itself has, until it is given what is allocated to it; None: it has that.
    """

    pending: tuple[str, str] | None = None
    since: Instant = 0
    asked: int = 0
    begun: Instant = 0
    generation: int = 0
    error: str = ""
    whole: core_v1.ResourceRequirements | None = None


@quick
@attrs.frozen(weakref_slot=False)
class LocalPod:
    """
    One pod as this kubelet knows it.

    Args:
        uid: by which the container runtime knows it; of a static pod the hash of its manifest.
        key: namespace/name.
        pod: what is to run, with the resources that are allocated to it.
        api: as the API shows it: the pod itself, or a static pod's mirror; None if it is not there.
        containers: init containers and sidecars, then the others, each in the pod's order.
        started_at: when this kubelet first saw it, as its status says it.
        life: running; restarting: its containers are told to end, and then all begin anew; ending: what it has is being
            torn down; ended: nothing is left of it on the host.
        sandbox: how far its sandbox is; lost: it is not ready any more, and what is in it is told to end.
        ip: its own.
        initialised: init containers are done.
        grace: how long its containers may take to end, once it is ending.
        verdict: why it failed, if it was not its containers: (reason, message), and, of what the kubelet ends for its
            own reasons, the message of the condition DisruptionTarget.
        status: the newest that is to be known; *written* is what the API server has, or is just being told.
        version: the resourceVersion that its last status write made; -1: others have written since it was sent.
        calling: the call that is under way: status or delete; after a delete there is none.
        resize: a change of its resources that is not over.
        allotted: what it as a whole has.
        restartable: it has a restart rule by which all of its containers are started again.
    """

    uid: str
    key: str
    pod: core_v1.Pod
    api: core_v1.Pod | None
    containers: tuple[Container, ...]
    started_at: Any
    static: bool = False
    life: Literal["running", "restarting", "ending", "ended"] = "running"
    sandbox: Literal["none", "asked", "ready", "lost", "stopping"] = "none"
    ip: str = ""
    initialised: bool = True
    grace: Duration = 0
    verdict: tuple[str, str] | tuple[str, str, str] | None = None
    status: core_v1.PodStatus | None = None
    written: core_v1.PodStatus | None = None
    version: int = 0
    calling: Literal["", "status", "delete"] = ""
    resize: Resize | None = None
    allotted: Allotted = NOTHING
    restartable: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class OwnNode:
    """
    The kubelet's own Node.

    Args:
        seen: as the API last showed it.
        registered: it was created, or found and brought up to date, in this life.
        reported_at: when its status was last written; *dirty*: it has changed since; *reporting*: a write is under way.
        lease: the heartbeat's Lease as the API server last answered it.
        asked_at: when a heartbeat was sent that is not answered yet; 0 if there is none.
        tries: how often registering has failed, or the Lease could not be made.
    """

    seen: core_v1.Node | None = None
    registered: bool = False
    reported_at: Instant = 0
    dirty: bool = False
    reporting: bool = False
    lease: Any = None
    asked_at: Instant = 0
    tries: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Pull:
    """A pull that waits its turn, or, as one of the first of the queue, is under way."""

    uid: str
    container: str
    image: str
    since: Instant


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Trouble:
    """
    What a kubelet has to do with a host that runs short of something, or shuts down, or has no room for a critical pod.

    Args:
        first: when each threshold that is met was first met, by `SIGNAL/hard` or `SIGNAL/soft`.
        last: when each condition of pressure was last observed.
        conditions: those that hold.
        evicting: the uid of the pod that was evicted last.
        shuts_down: the host is about to; *stays_up*: not any more, but what was begun is not over.
        groups: (priority, grace) of the groups of pods that are still to be ended.
        group: uids of those that are being ended; *until* then they are waited for.
        critical: pods that wait for others to make room, by uid.
        deferred: uids of pods that wait for room to be resized.
    """

    first: Map[Instant] = Map()
    last: Map[Instant] = Map()
    conditions: tuple[str, ...] = ()
    evicting: str = ""
    shuts_down: bool = False
    stays_up: bool = False
    groups: tuple[tuple[int, Duration], ...] = ()
    group: tuple[str, ...] = ()
    until: Instant = 0
    critical: Map[core_v1.Pod] = Map()
    deferred: tuple[str, ...] = ()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Seldom:
    """
    What seldom changes: apart, since the rest changes at every step.

    Args:
        dice: its own stream.
        allocatable: what pods may use of the host, in billionths.
        parallel: how many images are pulled at a time.
        boots: how often the host was powered on again.
        static: key -> uid of the pods of the host's manifests.
        found: what ran when this kubelet started and that no pod has claimed yet.
        synced: it has seen the API's pods.
        aware: it has seen its Node, or that there is none; *held* is what it heard of pods before.
        doubted: pods that do not want a Node like this one, until that is known for certain; by uid.
        heartbeats: whether it renews its Lease and reports its Node again and again, or they hold by rule.
        rejections: when the bucket of requests is full again by which it says that pods were rejected.
        mounting: what pods wait for, by uid.
        follows: whether it keeps the files up to date that show ConfigMaps, Secrets and pods: somebody can read them.
        following: what the files of pods show, by uid.
        shown: each ConfigMap and Secret of them, by `RESOURCE/NAMESPACE/NAME`, as it was last heard of; None: it is not
            there.
        secrets: of pods that name pull secrets, by uid.
        pulled: how images were pulled, of which that counts -> digests of logins and uids of Secrets; none if whoever
            is here may use it.
        holds: names of the attachable volumes that pods with claims use, by uid.
        grown: claims of pods whose file systems are grown on this node -> the driver, by the pod's uid.
        ungrown: how often that has failed, by the claim's uid.
        configuring: what was answered about what a container's variables come from, by `UID/NAME`, while not all is.
        drivers: the CSI drivers that are registered.
        device_drivers: the drivers of devices that are.
        wholes: whether its pods' statuses say what each has as a whole.
        careful: a pod may have to wait for more than it says itself: devices, or the node's part of the pods' network.
        claiming: what pods wait for of their devices, by uid.
        claims: ResourceClaims that pods of this node have, by uid.
        aligned: what guaranteed pods have for themselves of each NUMA node, by uid: (resource, node, billionths).
        ages: of images, where that matters: when one was first detected, and when it was last needed.
        strain: what the host has left of what signals measure, beside what pods use.
        filled: how many bytes are on the volumes that pods have for themselves, by uid and name.
        trouble: what there is to do about that, or about a shutdown; None as long as there never was any.
        recalled: what an earlier life had allocated to pods that have not shown themselves yet, by uid.
    """

    dice: Dice
    allocatable: Map[int]
    parallel: int = 1
    boots: int = 0
    static: Map[str] = Map()
    found: Map[RunningPod] = Map()
    synced: bool = False
    aware: bool = False
    held: tuple[Change, ...] | None = None
    doubted: Map[core_v1.Pod] = Map()
    heartbeats: bool = True
    rejections: Instant = 0
    mounting: Map[Mounting] = Map()
    follows: bool = False
    following: Map[Following] = Map()
    shown: Map[Any] = Map()
    secrets: Map[Secrets] = Map()
    pulled: Map[tuple[str, ...]] = Map()
    holds: Map[tuple[str, ...]] = Map()
    grown: Map[Map[str]] = Map()
    ungrown: Map[int] = Map()
    configuring: Map[Map[Response]] = Map()
    drivers: tuple[Driver, ...] = ()
    device_drivers: tuple[DeviceDriver, ...] = ()
    wholes: bool = True
    careful: bool = False
    claiming: Map[Claiming] = Map()
    claims: Map[Claimed] = Map()
    aligned: Map[tuple[tuple[str, int, int], ...]] = Map()
    ages: Map[tuple[Instant, Instant]] = Map()
    strain: Map[int] = Map()
    filled: Map[Map[int]] = Map()
    trouble: Trouble | None = None
    recalled: Map[Allocation] = Map()


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class State:
    """
    One kubelet.

    Args:
        host: the machine it is on.
        seldom: what seldom changes.
        node: its Node.
        pods: every pod that it has anything to do with, by the uid that the runtime knows.
        pulls: image pulls; as many as may be pulled at a time are under way, the first ones.
        images: what the host has, name -> bytes.
        used: what its pods ask for, in billionths; `pods` is their number.
        ports: host ports in use: (port, protocol, host IP, uid).
    """

    host: Host
    seldom: Seldom
    node: OwnNode = OwnNode()
    pods: Table[str, LocalPod] = attrs.field(factory=Table)
    pulls: tuple[Pull, ...] = ()
    images: Map[int] = Map()
    used: Map[int] = Map()
    ports: tuple[tuple[int, str, str, str], ...] = ()


def with_seldom(state: State, **changes: Any) -> State:
    """Give the state with *changes* of what seldom changes."""
    return replace(state, seldom=replace(state.seldom, **changes))


def with_container(pod: LocalPod, container: Container) -> LocalPod:
    """Give the pod with this container in place of the one of its name."""
    new: tuple[Container, ...] = (container,)
    if len(pod.containers) > 1:
        name = container.spec.name
        new = tuple([container if kept.spec.name == name else kept for kept in pod.containers])
    return _with_containers(pod, new)


_with_containers: Final[Callable[[LocalPod, tuple[Container, ...]], LocalPod]] = copier(LocalPod, "containers")


def container_of(pod: LocalPod, name: str) -> Container | None:
    """Give the pod's container of this name."""
    for container in pod.containers:
        if container.spec.name == name:
            return container
    return None


def field_path(container: Container) -> str:
    """Give the part of the pod that an event about this container is about."""
    return f"spec.{_PARTS[container.kind]}{{{container.spec.name}}}"


_PARTS: Final = {
    "init": "initContainers",
    "sidecar": "initContainers",
    "main": "containers",
    "ephemeral": "ephemeralContainers",
}


def restart_policy(pod: core_v1.Pod) -> str:
    """Give the pod's restart policy."""
    assert pod.spec is not None, "a pod has a spec"
    return pod.spec.restart_policy or "Always"
