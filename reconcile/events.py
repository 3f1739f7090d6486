"""
Events: what a component hears, and what a cluster is stepped by, as plain frozen values.

Two vocabularies. A component hears `Started`, `Watched`, `Answered`, `TimerFired`, `Turned`, `Reported`, `Ordered`;
each carries `now`, since a component has no clock. A cluster is stepped by what happens to it: a client's request, a
choice of what is next, a fault.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.api import core_v1
from reconcile.effects import RuntimeOrder
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model.hosts import Host
from reconcile.model.requests import Request, Response, User
from reconcile.store import Change

# What a component hears
# ------------------------------------------------------------------------------------------------


ADMIN: Final = User(name="kubernetes-admin", groups=("system:masters", "system:authenticated"))
"""Who a client is that does not say: the admin of kubeadm's kubeconfig."""


@quick
@attrs.frozen(weakref_slot=False)
class Started:
    """The process has started, with the state that its specification gives; nothing of an earlier life is left."""

    now: Instant


@quick
@attrs.frozen(weakref_slot=False)
class Watched:
    """
    A watch brought changes.

    Args:
        now: the instant of delivery.
        watch: the name under which the component declared it.
        changes: in the order of their revisions. The first delivery gives every object as created (old is None). After
            a relist they are the differences between what was known and what is, so a deletion that was missed is among
            them.
        view: the resource's table as of the last of these changes: the informer's cache.
        revision: the store's, as of which the view is, where there are no changes to say so: after a relist that
            found nothing new.
    """

    now: Instant
    watch: str
    changes: tuple[Change, ...]
    view: Table[str, Any]
    revision: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Answered:
    """The API server's answer to the call that had this tag."""

    now: Instant
    tag: tuple[Any, ...]
    response: Response


@quick
@attrs.frozen(weakref_slot=False)
class TimerFired:
    """The timer of this key is due (now may be later than it was set to)."""

    now: Instant
    key: tuple[Any, ...]


@quick
@attrs.frozen(weakref_slot=False)
class Turned:
    """A `Wake` of this queue has come to its turn: do one item of work."""

    now: Instant
    queue: str


@quick
@attrs.frozen(weakref_slot=False)
class SandboxReady:
    """The pod has its network namespace, and in it this IP."""

    uid: str
    ip: str


@quick
@attrs.frozen(weakref_slot=False)
class SandboxRemoved:
    """The pod's sandbox is gone."""

    uid: str


@quick
@attrs.frozen(weakref_slot=False)
class SandboxFailed:
    """The pod's sandbox could not be made."""

    uid: str
    message: str


@quick
@attrs.frozen(weakref_slot=False)
class SandboxLost:
    """The pod's sandbox is not ready any more, though nobody asked for that; what runs in it may run on."""

    uid: str


@quick
@attrs.frozen(weakref_slot=False)
class ImagePulled:
    """
    The image is on the host.

    Args:
        uid, container: for which it was pulled.
        image: its name.
        present: no pull brought it.
        took: how long this pull was.
        size: of the image, in bytes.
        login: which of the order's logins the registry took, from 1 on; 0 for none.
    """

    uid: str
    container: str
    image: str
    present: bool
    took: Duration
    size: int
    login: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class ImagePullFailed:
    """The image could not be had."""

    uid: str
    container: str
    image: str
    message: str


@quick
@attrs.frozen(weakref_slot=False)
class ContainerStarted:
    """The container runs; *memory* and *disk* are what it uses, in bytes."""

    uid: str
    container: str
    container_id: str
    image_id: str
    memory: int = 0
    disk: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class ContainerExited:
    """
    The container has ended, of itself or stopped.

    Args:
        uid: the pod's.
        container: its name in the pod.
        container_id: as the runtime calls it.
        code: its exit code.
        reason: Completed, Error, OOMKilled, StartError.
        message: what it wrote to its termination message path; of a StartError, why.
        tail: the last of its log.
    """

    uid: str
    container: str
    container_id: str
    code: int
    reason: str
    message: str = ""
    tail: str = ""


@quick
@attrs.frozen(weakref_slot=False)
class Probed:
    """A probe's outcome; *late* says that no answer came in time."""

    uid: str
    container: str
    kind: Literal["startup", "liveness", "readiness"]
    success: bool
    message: str = ""
    late: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class Hooked:
    """A lifecycle hook has ended."""

    uid: str
    container: str
    kind: Literal["postStart", "preStop"]
    success: bool


@quick
@attrs.frozen(weakref_slot=False)
class ContainerResized:
    """The container has the resources that it was to get."""

    uid: str
    container: str


@quick
@attrs.frozen(weakref_slot=False)
class ContainerUses:
    """The container that runs uses so much by now, in bytes; so much is on its pod's *volumes* that it writes to."""

    uid: str
    container: str
    memory: int
    disk: int
    volumes: Map[int] = Map()


@quick
@attrs.frozen(weakref_slot=False)
class HostStrained:
    """
    So much is available on the host beside what its pods' containers use.

    Args:
        signal: what is measured, such as `memory.available`.
        available: in bytes, inodes or processes; less than none says that nothing else uses any.
    """

    signal: str
    available: int


@quick
@attrs.frozen(weakref_slot=False)
class HostShutsDown:
    """The host is about to shut down, or, if *cancelled*, is not any more."""

    cancelled: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class ManifestsChanged:
    """The manifests of static pods on the host's disk are these now."""

    manifests: tuple[core_v1.Pod, ...]


RuntimeReport: TypeAlias = (
    SandboxReady
    | SandboxRemoved
    | SandboxFailed
    | SandboxLost
    | ImagePulled
    | ImagePullFailed
    | ContainerStarted
    | ContainerExited
    | Probed
    | Hooked
    | ContainerResized
    | ContainerUses
    | HostStrained
    | HostShutsDown
    | ManifestsChanged
)
"""What a container runtime tells its host's kubelet."""


@quick
@attrs.frozen(weakref_slot=False)
class Reported:
    """The host's container runtime reports; only a kubelet hears this."""

    now: Instant
    report: RuntimeReport


@quick
@attrs.frozen(weakref_slot=False)
class Ordered:
    """
    The host's kubelet orders; only the world's container runtime hears this.

    *missing* are the services that a probed container may need and that do not answer now; *answer* is what
    the application in it says to the probe, None if there is none.
    """

    now: Instant
    order: RuntimeOrder
    missing: tuple[str, ...] = ()
    answer: bool | None = None


@quick
@attrs.frozen(weakref_slot=False)
class Surrounded:
    """
    What there is around a container that looks; only the world's container runtime hears this.

    Args:
        uid: the pod's.
        container: its name in the pod.
        requests: how many requests a second come to its pod, in billionths.
        missing: the services without which it ends and that did not answer.
        layer: what it has written where no volume is mounted, in bytes.
        volumes: how much is on those of its pod's own volumes that it writes to, by name, in bytes.
        full: the paths that it writes to at which there is no room for more.
        work: what it gets of a queue: an item; or none as long as others have some; or there is none any more.
    """

    now: Instant
    uid: str
    container: str
    requests: int = 0
    missing: tuple[str, ...] = ()
    layer: int = 0
    volumes: Map[int] = Map()
    full: tuple[str, ...] = ()
    work: Literal["", "item", "wait", "empty"] = ""


Hears: TypeAlias = Started | Watched | Answered | TimerFired | Turned | Reported | Ordered | Surrounded
"""Everything that a component can hear; each module narrows it to what it does hear."""

# What a cluster is stepped by: choices
# ---------------------------------------------------------------------------------


@quick
@attrs.frozen(weakref_slot=False)
class Begin:
    """Let a process that was launched start: it hears `Started`."""

    process: str


@quick
@attrs.frozen(weakref_slot=False)
class Deliver:
    """Deliver the next *count* pending changes of a process's watch; 0 is all of them."""

    process: str
    watch: str
    count: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class Work:
    """Let a process do one item of work of this queue."""

    process: str
    queue: str


@quick
@attrs.frozen(weakref_slot=False)
class Execute:
    """Let the API server carry out the call with this number."""

    call: int


@quick
@attrs.frozen(weakref_slot=False)
class Return:
    """Hand the answer of the call with this number back to who asked."""

    call: int


@quick
@attrs.frozen(weakref_slot=False)
class Carry:
    """Hand over the message with this number between a kubelet and its container runtime."""

    message: int


@quick
@attrs.frozen(weakref_slot=False)
class Fire:
    """Fire a timer that is due."""

    process: str
    key: tuple[Any, ...]


@quick
@attrs.frozen(weakref_slot=False)
class Advance:
    """Move time on to *to*, at most to the instant at which the next timer is due."""

    to: Instant


Choice: TypeAlias = Begin | Deliver | Work | Execute | Return | Carry | Fire | Advance
"""What a cluster offers to do next."""

# What a cluster is stepped by: the outside and its faults
# --------------------------------------------------------------


@quick
@attrs.frozen(weakref_slot=False)
class Submit:
    """
    A client sends a request.

    Args:
        request: what it asks.
        tag: comes back in the `Answer`; empty to have one made of the request's number.
        client: its name, for the log.
        user: as whom it authenticates; kubectl's admin by default.
    """

    request: Request
    tag: str = ""
    client: str = "kubectl"
    user: User = ADMIN


@quick
@attrs.frozen(weakref_slot=False)
class ReportIn:
    """An external host's real container runtime reports."""

    host: str
    report: RuntimeReport


@quick
@attrs.frozen(weakref_slot=False)
class StopHost:
    """Power off a host: its kubelet, its containers and every process in them are gone at once."""

    host: str


@quick
@attrs.frozen(weakref_slot=False)
class StartHost:
    """Power on a host that is off: its kubelet starts with what is on its disk."""

    host: str


@quick
@attrs.frozen(weakref_slot=False)
class AddHost:
    """
    Power on a machine that was not there: its kubelet starts, and registers its Node.

    What the topology says of every host (kubelet's settings, kube-proxy, a cloud's taint) goes for it too, and a
    `cluster_cidr` gives it the addresses of its pods.
    """

    host: Host


@quick
@attrs.frozen(weakref_slot=False)
class SetBackends:
    """Let the balancer send new connections to the API servers on these hosts, in this order, and to no others."""

    hosts: tuple[str, ...]


@quick
@attrs.frozen(weakref_slot=False)
class StopProcess:
    """Kill a process; if it is a container, the kubelet restarts it. A kubelet stays down until `StartProcess`."""

    process: str


@quick
@attrs.frozen(weakref_slot=False)
class StartProcess:
    """Start a host process (a kubelet) that was stopped."""

    process: str


@quick
@attrs.frozen(weakref_slot=False)
class KillContainer:
    """
    Kill a container that runs, as `kill -9` on its host does; the kubelet sees it exit with 137.

    Args:
        pod: the pod's key, namespace/name.
        container: its name in the pod.
    """

    pod: str
    container: str


@quick
@attrs.frozen(weakref_slot=False)
class KillSandbox:
    """
    Let a pod's sandbox go away by itself, as when its pause process is killed; the kubelet makes it anew.

    What runs in it runs on until the kubelet ends it.

    Args:
        pod: the pod's key, namespace/name.
    """

    pod: str


@quick
@attrs.frozen(weakref_slot=False)
class Freeze:
    """
    Pause a process, as SIGSTOP does: it does nothing, and what comes for it waits, until it is thawed or ended.

    A member of etcd neither ticks nor answers meanwhile; connections to an API server fall silent. Not a container
    runtime, which is no process of its own.
    """

    process: str


@quick
@attrs.frozen(weakref_slot=False)
class Thaw:
    """Undo `Freeze`: the process hears what has come for it, and it is later than it thinks."""

    process: str


@quick
@attrs.frozen(weakref_slot=False)
class Strain:
    """
    Let something that is no pod use up what a host has.

    Args:
        host: its name.
        signal: of the kubelet's eviction signals memory.available, nodefs.available, imagefs.available,
            nodefs.inodesFree or pid.available.
        available: what is left of it beside what pods use, such as `80Mi`; empty: all of it, as at first.
    """

    host: str
    signal: str
    available: str = ""


@quick
@attrs.frozen(weakref_slot=False)
class ShutDown:
    """Tell a host's kubelet that the host is about to shut down, as systemd does; *cancelled*: that it does not."""

    host: str
    cancelled: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class WriteManifest:
    """Write a static pod's manifest to a host's disk, in place of the one of the same name and namespace."""

    host: str
    manifest: core_v1.Pod


@quick
@attrs.frozen(weakref_slot=False)
class RemoveManifest:
    """Remove a static pod's manifest from a host's disk; *pod* is its namespace/name as the manifest says it."""

    host: str
    pod: str


@quick
@attrs.frozen(weakref_slot=False)
class CutWatch:
    """Break a watch's connection; its cache is relisted when it is next delivered to."""

    process: str
    watch: str


@quick
@attrs.frozen(weakref_slot=False)
class SkipChanges:
    """Lose the next *count* pending changes of a watch without a trace: what Sieve calls a missed event."""

    process: str
    watch: str
    count: int


@quick
@attrs.frozen(weakref_slot=False)
class HoldWatch:
    """Hold back all that a watch is to be told: it lags, until `ReleaseWatch` or a new life of its process."""

    process: str
    watch: str


@quick
@attrs.frozen(weakref_slot=False)
class ReleaseWatch:
    """Undo `HoldWatch`: the watch catches up."""

    process: str
    watch: str


@quick
@attrs.frozen(weakref_slot=False)
class DropCall:
    """Lose a call that is on its way (the API server never sees it) or its answer; the caller sees a timeout."""

    call: int


@quick
@attrs.frozen(weakref_slot=False)
class RepeatCall:
    """Let a call that is on its way be carried out twice, as a client that retries does."""

    call: int


@quick
@attrs.frozen(weakref_slot=False)
class DropOrder:
    """Lose an order to a container runtime whose kubelet is down, as if it had stopped before it gave it."""

    message: int


@quick
@attrs.frozen(weakref_slot=False)
class Disconnect:
    """Cut a host off from the API server: nothing of it is delivered, carried out or answered until `Reconnect`."""

    host: str


@quick
@attrs.frozen(weakref_slot=False)
class Reconnect:
    """Undo `Disconnect`."""

    host: str


@quick
@attrs.frozen(weakref_slot=False)
class CutLink:
    """
    Cut two hosts off from each other: no connection between them holds, those to others do, until `MendLink`.

    Args:
        one, other: the hosts.
        one_way: whether only what goes from *one* to *other* is lost: requests arrive, and their answers do not.
    """

    one: str
    other: str
    one_way: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class MendLink:
    """Undo `CutLink`: both ways, or, if *one_way*, only from *one* to *other*."""

    one: str
    other: str
    one_way: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class SlowLink:
    """
    Let what goes between two hosts take its time from now on; with no number, let it be as fast as others again.

    Args:
        one, other: the hosts.
        delay: how long it takes, one way.
        jitter: by how much longer it takes at most.
        loss: how many packets of a million are lost, and sent again by TCP: what they carry is late.
        one_way: whether only what goes from *one* to *other* is concerned.
    """

    one: str
    other: str
    delay: Duration = 0
    jitter: Duration = 0
    loss: int = 0
    one_way: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class SetClock:
    """
    Let a host's clock jump: from now on it is *ahead* of the cluster's time (negative: behind), for all its processes.

    Timers that are set come when they would have: they go by a clock that never jumps, as Go's do.
    """

    host: str
    ahead: Duration


@quick
@attrs.frozen(weakref_slot=False)
class DriftClock:
    """
    Let a host's clock go wrong from now on, or be slewed back.

    Args:
        host: whose.
        rate: how many parts of a million it goes faster (negative: slower); 0 for as fast as the cluster's time.
        until: how many nanoseconds it is ahead when it stops to drift; None for never. That is how NTP brings a clock
            back that it does not want to let jump, at 500 parts of a million.
    """

    host: str
    rate: int
    until: Duration | None = None


@quick
@attrs.frozen(weakref_slot=False)
class Compact:
    """Compact the store's history up to *revision*: watches that lag behind it must relist."""

    revision: int


@quick
@attrs.frozen(weakref_slot=False)
class Defragment:
    """What `etcdctl defrag --cluster` does: the files of etcd become as large as what is used of them."""


@quick
@attrs.frozen(weakref_slot=False)
class Disarm:
    """What `etcdctl alarm disarm` does: etcd takes writes again, until it has no room for one."""


# A balancer in front of API servers: what can happen to their caches, and to what is under way between them and others.


@quick
@attrs.frozen(weakref_slot=False)
class HoldCache:
    """
    Let the watch cache of an API server stay as it is, or fall behind, until `ReleaseCache`.

    Args:
        server: its process, such as `kube-apiserver/node-2`.
        behind: by how long what is stored comes to the cache later; 0: it does not come at all.
    """

    server: str
    behind: Duration = 0


@quick
@attrs.frozen(weakref_slot=False)
class ReleaseCache:
    """Undo `HoldCache`: the cache has what is stored again."""

    server: str


@quick
@attrs.frozen(weakref_slot=False)
class ResetCall:
    """Reset the stream of a call that is on its way, so that it is not carried out, or of its answer, after it was."""

    call: int


@quick
@attrs.frozen(weakref_slot=False)
class DelayCall:
    """Let a call that is on its way, or its answer, arrive so much later."""

    call: int
    time: Duration


LineFault: TypeAlias = HoldCache | ReleaseCache | ResetCall | DelayCall
"""What happens between API servers and those who call them."""


# Several members of etcd: what is done to them, and what can happen to them.


@quick
@attrs.frozen(weakref_slot=False)
class DropMessage:
    """Lose a message between two members of etcd, or between applications, that is on its way."""

    message: int


@quick
@attrs.frozen(weakref_slot=False)
class SlowDisk:
    """Let each write of the member on *host* take so long from now on; 0: no time, as before."""

    host: str
    delay: Duration


@quick
@attrs.frozen(weakref_slot=False)
class FillDisk:
    """
    Let the disk of the member on *host* be full, or, with *full* false, have room again.

    A member that cannot write its log ends; its kubelet starts it again, and it ends again with its next write.
    """

    host: str
    full: bool = True


@quick
@attrs.frozen(weakref_slot=False)
class LoseDisk:
    """Let the disk of a member that does not run lose its last *entries* of the log; 0: all that is on it."""

    host: str
    entries: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class MoveLeader:
    """What `etcdctl move-leader` does: the member that leads hands over to that on *host*."""

    host: str


@quick
@attrs.frozen(weakref_slot=False)
class ChangeMember:
    """
    What `etcdctl member add`, `add --learner`, `promote` and `remove` do, with the member on *host*.

    Who is added begins with nothing, once its host runs etcd (`WriteManifest`).

    Args:
        kind: the change; a learner gets the log and has no vote.
        host: any; that of the only member may get others, which makes a cluster of one a cluster of several.
    """

    kind: Literal["add", "learner", "promote", "remove"]
    host: str


@quick
@attrs.frozen(weakref_slot=False)
class SaveSnapshot:
    """What `etcdctl snapshot save` does: keep, under *name*, what the member on *host* has applied."""

    name: str
    host: str


@quick
@attrs.frozen(weakref_slot=False)
class RestoreSnapshot:
    """
    What `etcdutl snapshot restore` does on each of *hosts*: they begin a new cluster with the snapshot of this name.

    None of the members may run. Hosts that carried none have one from then on, once they run etcd; the hosts of the
    others are left with empty disks.

    Args:
        name: as which it was saved.
        hosts: those of the new cluster's members.
        bump: as of `--bump-revision` with `--mark-compacted`: revisions go on so much further, and all before is
            compacted, so that whoever has seen more than the snapshot lists again; 0: it waits until that is reached.
    """

    name: str
    hosts: tuple[str, ...]
    bump: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class ForceNewCluster:
    """What `--force-new-cluster` does: the member on *host*, which does not run, begins alone, with its data."""

    host: str


Upkeep: TypeAlias = Compact | Defragment | Disarm
"""What an operator asks of etcd's store as a whole."""

MemberFault: TypeAlias = (
    DropMessage
    | SlowDisk
    | FillDisk
    | LoseDisk
    | MoveLeader
    | ChangeMember
    | SaveSnapshot
    | RestoreSnapshot
    | ForceNewCluster
)
"""What is done to members of etcd, and what can happen to them."""

Fault: TypeAlias = (
    StopHost
    | StartHost
    | AddHost
    | SetBackends
    | StopProcess
    | StartProcess
    | KillContainer
    | KillSandbox
    | Freeze
    | Thaw
    | Strain
    | ShutDown
    | WriteManifest
    | RemoveManifest
    | CutWatch
    | SkipChanges
    | HoldWatch
    | ReleaseWatch
    | DropCall
    | RepeatCall
    | DropOrder
    | Disconnect
    | Reconnect
    | CutLink
    | MendLink
    | SlowLink
    | SetClock
    | DriftClock
    | Compact
    | Defragment
    | Disarm
    | HoldCache
    | ReleaseCache
    | ResetCall
    | DelayCall
    | DropMessage
    | SlowDisk
    | FillDisk
    | LoseDisk
    | MoveLeader
    | ChangeMember
    | SaveSnapshot
    | RestoreSnapshot
    | ForceNewCluster
)
"""What can go wrong, and right again."""


@quick
@attrs.frozen(weakref_slot=False)
class WebhookAnswered:
    """
    What came of a `CallWebhook`.

    Args:
        call: which one.
        body: what the webhook answered with, as JSON; the text if it is none.
        code: the HTTP status code.
        error: why there is no answer, as Go says it: `dial tcp 127.0.0.1:9443: connect: connection refused`.
    """

    call: str
    body: Any = None
    code: int = 200
    error: str = ""


ClusterEvent: TypeAlias = Submit | ReportIn | WebhookAnswered | Choice | Fault
"""Everything that `step` takes."""
