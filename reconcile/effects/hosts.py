"""What a kubelet and kube-proxy order of their host, and what its container runtime does."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

from reconcile.api import core_v1
from reconcile.lib.instant import Duration
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick


@quick
@attrs.frozen(weakref_slot=False)
class RunPodSandbox:
    """
    Make the pod's sandbox (its network namespace and IP), also in place of one that was lost; answered by
    `SandboxReady` or `SandboxFailed`.

    Args:
        pod: the pod's key.
        uid: the pod's.
        host_network: whether it has its host's network.
        labels: the pod's labels.
        network: of which addresses it gets one, where its node was given them; empty: of its host's own.
    """

    pod: str
    uid: str
    host_network: bool = False
    labels: Map[str] = attrs.field(factory=Map)
    network: str = ""


@quick
@attrs.frozen(weakref_slot=False)
class StopPodSandbox:
    """Tear the sandbox down once its containers are gone; answered by `SandboxRemoved`."""

    uid: str


@quick
@attrs.frozen(weakref_slot=False)
class PullImage:
    """
    Fetch an image for a pod's container; answered by `ImagePulled` or `ImagePullFailed`.

    Args:
        uid, container: for which.
        image: its name.
        logins: (user, password) of the pod's pull secrets for its registry, in the order in which they are to be tried.
    """

    uid: str
    container: str
    image: str
    logins: tuple[tuple[str, str], ...] = ()


@quick
@attrs.frozen(weakref_slot=False)
class StartContainer:
    """
    Create and start a container; answered by `ContainerStarted` or `ContainerExited`.

    Args:
        uid: the pod's.
        container: its name in the pod.
        image: what to run; the host's behaviours say what it does.
        attempt: 0 for the first start, then how often it was restarted.
        pod: the pod's key.
        command: what to run in place of the image's entry point; empty: that.
        process: the control plane process that this container is, such as `kube-scheduler`; empty for all others.
        environment: name -> value.
        args: the arguments, in place of the image's.
        task: whether it is there to end: an init container, or one of a pod that is not always restarted and that is a
            Job's or has a command of its own.
        awaited: whether something waits for its end: the rest of its pod, or a Job.
        memory: how many bytes it may use, by its limit; 0 for as many as there are.
        cpu: how much of processors it may use, by its limit, in billionths; 0 for as much as there is.
    """

    uid: str
    container: str
    image: str
    attempt: int
    pod: str
    command: tuple[str, ...] = ()
    process: str = ""
    environment: Map[str] = attrs.field(factory=Map)
    args: tuple[str, ...] = ()
    task: bool = False
    awaited: bool = False
    memory: int = 0
    cpu: int = 0


@quick
@attrs.frozen(weakref_slot=False)
class StopContainer:
    """Send SIGTERM, and SIGKILL after *grace*; answered by `ContainerExited`."""

    uid: str
    container: str
    grace: Duration


@quick
@attrs.frozen(weakref_slot=False)
class ProbeContainer:
    """
    Run a probe once; answered by `Probed`.

    Args:
        uid: the pod's.
        container: its name in the pod.
        kind: what the answer is for.
        action: what is asked: `GET :8080/healthz`, `tcp :5432`, `grpc :9000/SERVICE`, `exec cat /tmp/healthy`.
        timeout: how long the answer may take.
    """

    uid: str
    container: str
    kind: Literal["startup", "liveness", "readiness"]
    action: str = ""
    timeout: Duration = 0


@quick
@attrs.frozen(weakref_slot=False)
class RunHook:
    """
    Run a lifecycle hook; answered by `Hooked`, unless the container ends first.

    Args:
        uid: the pod's.
        container: its name in the pod.
        kind: when it is run.
        action: what is asked, as of a probe; `sleep SECONDS` is there beside.
        command: what is run in the container, if that is how.
    """

    uid: str
    container: str
    kind: Literal["postStart", "preStop"]
    action: str
    command: tuple[str, ...] = ()


@quick
@attrs.frozen(weakref_slot=False)
class ResizeContainer:
    """Give a container that runs other resources; answered by `ContainerResized`."""

    uid: str
    container: str
    resources: core_v1.ResourceRequirements


@quick
@attrs.frozen(weakref_slot=False)
class RemoveImage:
    """Remove an image that no container needs; there is no answer."""

    image: str


@quick
@attrs.frozen(weakref_slot=False)
class Install:
    """Make *rules* the host's packet filter rules, whole."""

    rules: Any


@quick
@attrs.frozen(weakref_slot=False)
class WriteVolume:
    """
    Make *files* all that is on a volume of a pod: what it shows of ConfigMaps, Secrets, the pod itself, its token.

    Args:
        uid: the pod's.
        volume: its name in the pod.
        files: path below the volume -> content.
    """

    uid: str
    volume: str
    files: Map[str]


@quick
@attrs.frozen(weakref_slot=False)
class Report:
    """The runtime tells its host's kubelet *report*; only the world gives this effect."""

    report: Any


@quick
@attrs.frozen(weakref_slot=False)
class LaunchProcess:
    """The runtime started the container of a control plane process; only the world gives this effect."""

    process: str


@quick
@attrs.frozen(weakref_slot=False)
class EndProcess:
    """The container of a control plane process ended; only the world gives this effect."""

    process: str


@quick
@attrs.frozen(weakref_slot=False)
class LaunchApplication:
    """The runtime started a container that runs an application; only the world gives this effect."""

    process: str


@quick
@attrs.frozen(weakref_slot=False)
class SignalProcess:
    """The runtime sent SIGTERM to a container that is a process; only the world gives this effect."""

    process: str


@quick
@attrs.frozen(weakref_slot=False)
class LookAround:
    """
    A container looks at what is around it, and hears `Surrounded` at once; only the world gives this effect.

    Args:
        uid: the pod's.
        container: its name in the pod.
        queue: it does not look around, but turns to this queue of work.
        work: to take an item; or it is done with one, and takes the next, or none.
    """

    uid: str
    container: str
    queue: str = ""
    work: Literal["", "take", "next", "done"] = ""


@quick
@attrs.frozen(weakref_slot=False)
class DiscardVolumes:
    """The runtime tore a pod down: what is on its own volumes goes with it; only the world gives this effect."""

    uid: str


RuntimeOrder: TypeAlias = (
    RunPodSandbox
    | StopPodSandbox
    | PullImage
    | StartContainer
    | StopContainer
    | ProbeContainer
    | RunHook
    | ResizeContainer
    | RemoveImage
)
"""What a kubelet orders from its host's container runtime."""
