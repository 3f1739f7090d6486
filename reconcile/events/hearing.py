"""What a component hears: each event carries `now`, since a component has no clock."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

from reconcile.api import core_v1
from reconcile.effects import RuntimeOrder
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.table import Table
from reconcile.model.requests import Response
from reconcile.store import Change


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
