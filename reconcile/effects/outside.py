"""What leaves a cluster's step for the outside world."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

from reconcile.effects.hosts import (
    DiscardVolumes,
    EndProcess,
    Install,
    LaunchApplication,
    LaunchProcess,
    LookAround,
    Report,
    RuntimeOrder,
    SignalProcess,
    WriteVolume,
)
from reconcile.effects.ordinary import Call, CancelTimer, CloseWatch, Exit, OpenWatch, Record, SetTimer, Wake
from reconcile.lib.instant import Duration
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.model.requests import Response


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
        server_name: the name by which the server is asked for and known; empty for that of the URL.
        certificate: the caller's own, PEM in base64; empty if it shows none.
        key: that certificate's, likewise.
        insecure: whether the server's certificate is not looked at.
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
    server_name: str = ""
    certificate: str = ""
    key: str = ""
    insecure: bool = False


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


Effect: TypeAlias = (
    Call
    | SetTimer
    | CancelTimer
    | Wake
    | OpenWatch
    | CloseWatch
    | Record
    | RuntimeOrder
    | Install
    | WriteVolume
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
