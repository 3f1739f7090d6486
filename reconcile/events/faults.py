"""Faults: what befalls hosts, processes, watches, calls, the network, clocks, and the caches of API servers."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from reconcile.api import core_v1
from reconcile.lib.instant import Duration
from reconcile.lib.quick import quick
from reconcile.model.hosts import Host


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
