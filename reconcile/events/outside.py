"""What a cluster is stepped by from outside: requests of clients, reports, answers of webhooks, faults."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import attrs

from reconcile.events.choices import Choice
from reconcile.events.faults import (
    AddHost,
    CutLink,
    CutWatch,
    DelayCall,
    Disconnect,
    DriftClock,
    DropCall,
    DropOrder,
    Freeze,
    HoldCache,
    HoldWatch,
    KillContainer,
    KillSandbox,
    MendLink,
    Reconnect,
    ReleaseCache,
    ReleaseWatch,
    RemoveManifest,
    RepeatCall,
    ResetCall,
    SetBackends,
    SetClock,
    ShutDown,
    SkipChanges,
    SlowLink,
    StartHost,
    StartProcess,
    StopHost,
    StopProcess,
    Strain,
    Thaw,
    WriteManifest,
)
from reconcile.events.hearing import RuntimeReport
from reconcile.events.keeping import (
    ChangeMember,
    Compact,
    Defragment,
    Disarm,
    DropMessage,
    FillDisk,
    ForceNewCluster,
    LoseDisk,
    MoveLeader,
    RestoreSnapshot,
    SaveSnapshot,
    SlowDisk,
)
from reconcile.lib.quick import quick
from reconcile.model.requests import Request, User

ADMIN: Final = User(name="kubernetes-admin", groups=("system:masters", "system:authenticated"))
"""Who a client is that does not say: the admin of kubeadm's kubeconfig."""


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
