"""
Effects: what a component orders, as plain frozen values.

An effect leaves a component's `step` and is carried out later, by the engine or by an adapter; until then it can be
late, lost or repeated like anything else that is on its way.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

from reconcile.api import core_v1
from reconcile.lib.instant import Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.model.requests import Request, Response, User


@quick
@attrs.frozen(weakref_slot=False)
class Call:
    """
    Send *request* to the API server.

    Args:
        request: what to ask.
        tag: comes back in the `Answered` event; None asks for no answer.
        user: as whom, if not as the process's own user.
    """

    request: Request
    tag: tuple[Any, ...] | None = None
    user: User | None = None


@quick
@attrs.frozen(weakref_slot=False)
class SetTimer:
    """
    Let `TimerFired(key)` come at the instant *at*, in place of what the key was set to.

    A periodic timer is one that comes again and again while nothing happens (a heartbeat, a resync); it does not keep a
    cluster from being settled.
    """

    key: tuple[Any, ...]
    at: Instant
    periodic: bool = False


@quick
@attrs.frozen(weakref_slot=False)
class CancelTimer:
    """Unset the timer of this key."""

    key: tuple[Any, ...]


@quick
@attrs.frozen(weakref_slot=False)
class Wake:
    """Ask for one `Turned(queue)`: there is an item of work to do."""

    queue: str


@quick
@attrs.frozen(weakref_slot=False)
class OpenWatch:
    """Watch one resource more, from now on, under its own key: what was defined, or is needed, meanwhile."""

    resource: str


@quick
@attrs.frozen(weakref_slot=False)
class Record:
    """
    Record an event about an object (the Kubernetes kind Event); the process's recorder aggregates and sends it.

    Args:
        about: the object; its kind, name, namespace and uid are used.
        type: Normal or Warning.
        reason: CamelCase, for programs.
        message: for people.
        field_path: the part of the object, such as `spec.containers{web}`; empty for all of it.
        component: who says so, if that is but a part of the process, such as one of its controllers.
    """

    about: Any
    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    field_path: str = ""
    component: str = ""


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


@quick
@attrs.frozen(weakref_slot=False)
class Install:
    """Make *rules* the host's packet filter rules, whole."""

    rules: Any


@quick
@attrs.frozen(weakref_slot=False)
class Exit:
    """End this process, as `os.Exit` would; the kubelet restarts its container."""

    code: int
    message: str = ""


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


@quick
@attrs.frozen(weakref_slot=False)
class CallWebhook:
    """
    To the outside: an API server calls a webhook, or a scheduler an extender, by POST with *review* as the body.

    It is answered by `WebhookAnswered`. Who is asked is named by *url*, or by *service* with *port* and *path*. No
    answer within *timeout* is one too: nobody waits longer.

    Args:
        call: what the answer names; the uid of a review.
        review: the AdmissionReview or ConversionReview, or what an extender is asked, as JSON.
        timeout: how long is waited.
        url: where the webhook is; empty if a service is.
        service: `namespace/name`; empty if there is a URL.
        port: of the service.
        path: at the service.
        ca_bundle: the certificates by which the server is known, PEM in base64; empty for those of the machine.
        who: what is asked. An extender may be at an `http:` URL, and is not told how long it is waited for.
    """

    call: str
    review: Map[Any]
    timeout: Duration
    url: str = ""
    service: str = ""
    port: int = 443
    path: str = ""
    ca_bundle: str = ""
    who: Literal["webhook", "extender"] = "webhook"


@quick
@attrs.frozen(weakref_slot=False)
class Explain:
    """
    To the outside, and into the log: why a scheduler decided as it did, where `Topology(explanations=("log",))` asks.

    Args:
        pod: whose turn it was, as namespace/name.
        explanation: what was found, as JSON: what each plugin said of each node, and what came of it.
    """

    pod: str
    explanation: Map[Any]


Effect: TypeAlias = (
    Call
    | SetTimer
    | CancelTimer
    | Wake
    | OpenWatch
    | Record
    | RuntimeOrder
    | Install
    | Exit
    | Report
    | LaunchProcess
    | EndProcess
    | LaunchApplication
    | SignalProcess
    | LookAround
    | DiscardVolumes
    | CallWebhook
    | Explain
)
"""Everything that a component can order."""


@quick
@attrs.frozen(weakref_slot=False)
class Answer:
    """To the outside: the answer to a request that a client submitted."""

    client: str
    tag: str
    response: Response
    took: Duration = 0


@quick
@attrs.frozen(weakref_slot=False)
class Order:
    """To the outside: an external host's kubelet orders this from its real container runtime or packet filter."""

    host: str
    order: RuntimeOrder | Install


@quick
@attrs.frozen(weakref_slot=False)
class Notice:
    """
    To the outside: what a client's watch saw.

    Args:
        client: whose watch it is.
        tag: that of the request that began it.
        type: what became of the object, as far as the watch's selectors let it be seen; BOOKMARK if the object only
            says how far the watch is; ERROR if it is the Status with which the watch ends.
        object: as it is; as it was last, if DELETED.
    """

    client: str
    tag: str
    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    object: Any


@quick
@attrs.frozen(weakref_slot=False)
class Audit:
    """
    To the outside: an API server writes this down of a request.

    Args:
        event: an Event of audit.k8s.io/v1, as JSON.
        client: who asked, of a client outside.
        tag: that of the request.
    """

    event: Map[Any]
    client: str = ""
    tag: str = ""


OutsideEffect: TypeAlias = Answer | Notice | Order | CallWebhook | Audit | Explain
"""What leaves the cluster's own `step` for the outside world."""
